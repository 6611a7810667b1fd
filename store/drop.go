package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

const (
	// dropLook is how many jobs one look for those to drop goes through: no read transaction may last.
	dropLook = 4096
	// mostDropped bounds the rows of numbers that were dropped: the store's own record has them, and each commit writes that.
	mostDropped = 64
)

// Drop removes the heads of jobs that ended before a time and have lost their bodies, with everything that leads to them:
// their keys and fingerprints are not needed any more (till-api.md: 400 days). What waits for a person stays, however old. It
// tells how many it removed.
func (s *Store) Drop(ctx context.Context, before time.Time) (int, error) {
	from := uint64(1)
	return s.little(ctx, func() (seqs []uint64, err error) {
		for more := true; more && len(seqs) == 0 && err == nil && ctx.Err() == nil; {
			seqs, from, more, err = s.longEnded(from, before)
		}
		return seqs, err
	}, func(seqs []uint64) agent.Change { return agent.Change{Drops: seqs} })
}

// longEnded finds such jobs from a number on, and where the next search goes on; more is false when it has seen all.
func (s *Store) longEnded(from uint64, before time.Time) (seqs []uint64, next uint64, more bool, err error) {
	next = from
	err = s.view(func(tx *bbolt.Tx) error {
		after := *s.meta.Load()
		seen := 0
		cursor := bucketJob.in(tx).Cursor()
		for key, value := cursor.Seek(seqKey(from)); key != nil; key, value = cursor.Next() {
			seq := seqOf(key)
			if seen++; seen > dropLook || len(seqs) == forgetBatch {
				more = true
				return nil
			}
			job, ended, err := s.ended(tx, seq)
			if err == nil && job.CreatedAt.After(before) { // so is every later one
				return nil
			}
			if err == nil && !ended.IsZero() && ended.Before(before) && s.headOnly(value) {
				if after.drop(seq); after.rows() > mostDropped {
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

// headOnly tells whether a job has lost its body, under the current key: the names that lead to it are hashed with that.
func (s *Store) headOnly(value []byte) bool {
	h, _, err := envelope.Peek(value)
	return err == nil && h.Version > wholeVersion && h.KeyID == s.ring.Current.ID
}

// rows is how many rows of dropped numbers there are.
func (m *meta) rows() int {
	n := 0
	for _, gap := range m.Gaps {
		if gap.Dropped {
			n++
		}
	}
	return n
}

// checkDrop refuses to drop a job that is not over, or is known by more than its head.
func (s *Store) checkDrop(tx *bbolt.Tx, seq uint64) error {
	if err := s.checkForget(tx, seq); err != nil {
		return err
	}
	if !s.headOnly(bucketJob.in(tx).Get(seqKey(seq))) {
		return fmt.Errorf("%w: job %d still has its body", agent.ErrBadMove, seq)
	}
	return nil
}

// dropJob takes a job out of every bucket that knows of it.
func (w *writer) dropJob(seq uint64) error {
	job, _, err := w.Store.job(w.tx, seq)
	if err != nil {
		return err
	}
	groups, key := bucketGroup.in(w.tx), seqKey(seq)
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
		err = errors.Join(err, b.in(w.tx).Delete(key))
	}
	w.meta.Gone[job.Kind.Code()][job.Status.State.Code()]++
	w.meta.drop(seq)
	return err
}
