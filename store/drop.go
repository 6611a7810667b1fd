package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

const (
	// dropScan bounds the jobs that one read transaction goes through: none may last.
	dropScan = 4096
	// maxDroppedGaps bounds the gaps of dropped numbers: they stand in the store's own record, which every commit writes.
	maxDroppedGaps = 64
)

// Drop deletes the heads of jobs that became final before a time and have lost their bodies, with all their index entries:
// their keys and fingerprints are not needed any more (till-api.md: 400 days). A job that waits for a person stays, however
// old. It gives the number of deleted jobs. While the clock is suspect it deletes nothing.
func (s *Store) Drop(ctx context.Context, before time.Time) (int, error) {
	from := uint64(1)
	find := func() (seqs []uint64, err error) {
		for more := true; more && len(seqs) == 0 && err == nil && ctx.Err() == nil; {
			seqs, from, more, err = s.droppable(from, before)
		}
		return seqs, err
	}
	return s.inBatches(ctx, find, func(seqs []uint64) agent.Change { return agent.Change{Drops: seqs} })
}

// droppable finds jobs to drop from a number on, and where the next search goes on; more is false after the last job.
func (s *Store) droppable(from uint64, before time.Time) (seqs []uint64, next uint64, more bool, err error) {
	next = from
	err = s.view(func(tx transaction) error {
		after := *s.meta.Load()
		seen := 0
		cursor := bucketJob.in(tx).Cursor()
		for key, value := cursor.Seek(seqKey(from)); key != nil; key, value = cursor.Next() {
			seq := seqOf(key)
			if seen++; seen > dropScan || len(seqs) == forgetBatch {
				more = true
				return nil
			}
			job, at, err := tx.finalJob(seq)
			s.noteDamage(err)
			if err == nil && job.CreatedAt.After(before) { // so is every later one
				return nil
			}
			if err == nil && !at.IsZero() && at.Before(before) && tx.headOnly(value) {
				if after.drop(seq); after.droppedGaps() > maxDroppedGaps {
					return nil
				}
				seqs = append(seqs, seq)
			}
			if len(seqs) == 0 {
				next = seq + 1
			}
		}
		return nil
	})
	return seqs, next, more, err
}

// headOnly tells whether a job has lost its body and is sealed with the current key: its groups are hashed with that key.
func (tx transaction) headOnly(value []byte) bool {
	h, _, err := envelope.Peek(value)
	return err == nil && h.Version > bodyVersion && h.KeyID == tx.ring.Current.ID
}

// droppedGaps counts the gaps of dropped numbers.
func (m *meta) droppedGaps() int {
	n := 0
	for _, gap := range m.Gaps {
		if gap.Dropped {
			n++
		}
	}
	return n
}

// admitDrop refuses to drop a job that is not final or still has its body.
func (tx transaction) admitDrop(seq uint64) error {
	if err := tx.admitForget(seq); err != nil {
		return err
	}
	if !tx.headOnly(bucketJob.in(tx).Get(seqKey(seq))) {
		return fmt.Errorf("%w: job %d still has its body", agent.ErrBadMove, seq)
	}
	return nil
}

// dropJob deletes a job from every bucket.
func (w *writer) dropJob(seq uint64) error {
	job, _, err := w.job(seq)
	if err != nil {
		return err
	}
	groups, key := bucketGroup.in(w.transaction), seqKey(seq)
	for _, group := range job.Groups() {
		err = errors.Join(err, groups.Delete(groupKey(w.ring.Hash("group", group), seq)))
	}
	if job.Unique != "" {
		unique := uniqueKey(w.ring.Hash("group", job.Unique), job.Kind)
		if string(groups.Get(unique)) == string(key) {
			err = errors.Join(err, groups.Delete(unique))
		}
	}
	for _, b := range []bucket{bucketJob, bucketState, bucketReceipt} {
		err = errors.Join(err, b.in(w.transaction).Delete(key))
	}
	w.meta.Gone[job.Kind.Code()][job.Status.State.Code()]++
	w.meta.drop(seq)
	return err
}
