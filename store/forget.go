package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// forgetBatch bounds the jobs that lose their bodies in one commit: sales wait for it.
const forgetBatch = 128

// bodyVersion is the version of a job's value with its body. Without the body it has the next one.
const bodyVersion = 1

// Forget deletes the bodies of jobs that became final before a time: what the till sent, what went up, what the cloud
// answered (SEC-15). Their heads stay, with the fingerprint by which a repeated sale is known. It gives the number of
// these jobs. While the clock is suspect it deletes nothing.
func (s *Store) Forget(ctx context.Context, before time.Time) (int, error) {
	return s.inBatches(ctx,
		func() ([]uint64, error) { return s.bodiesBefore(before) },
		func(seqs []uint64) agent.Change { return agent.Change{Forgets: seqs} })
}

// inBatches commits a change for a few jobs at a time, so that sales go between, until find gives no more. While the clock
// is suspect it does nothing.
func (s *Store) inBatches(ctx context.Context, find func() ([]uint64, error), change func(seqs []uint64) agent.Change) (int, error) {
	done := 0
	if s.Clock().Suspect {
		return 0, nil
	}
	batch := forgetBatch
	for ctx.Err() == nil {
		seqs, err := find()
		if err != nil || len(seqs) == 0 {
			return done, err
		}
		seqs = seqs[:min(batch, len(seqs))]
		_, err = s.Commit(ctx, change(seqs))
		if errors.Is(err, agent.ErrStoreFull) && batch > 1 { // a commit writes new pages before it frees old ones
			batch /= 2
			continue
		}
		if err != nil {
			return done, err
		}
		done += len(seqs)
	}
	return done, ctx.Err()
}

// bodiesBefore finds the oldest jobs that became final before a time and still have a body. It notes where the next search
// begins.
func (s *Store) bodiesBefore(before time.Time) ([]uint64, error) {
	var seqs []uint64
	err := s.view(func(tx transaction) error {
		from := max(s.bodiesFrom.Load(), s.meta.Load().BodiesFrom)
		gapless := true // no job up to here has a body
		cursor := bucketJob.in(tx).Cursor()
		for key, value := cursor.Seek(seqKey(from)); key != nil && len(seqs) < forgetBatch; key, value = cursor.Next() {
			seq := seqOf(key)
			if h, _, err := envelope.Peek(value); err == nil && h.Version > bodyVersion {
				if gapless {
					from = seq + 1
				}
				continue
			}
			gapless = false
			job, at, err := tx.finalJob(seq)
			if errors.Is(err, agent.ErrKeyMissing) { // nobody can read its body
				continue
			}
			if err != nil {
				s.logUnreadable(seq, err)
				s.noteDamage(err)
				continue
			}
			if !at.IsZero() && at.Before(before) {
				seqs = append(seqs, seq)
			} else if job.CreatedAt.After(before) { // so is every later one
				break
			}
		}
		if len(seqs) == 0 {
			s.bodiesFrom.Store(from)
		}
		return nil
	})
	return seqs, err
}

// admitForget refuses to delete the body of a job that is not final or cannot be read.
func (tx transaction) admitForget(seq uint64) error {
	job, _, err := tx.job(seq)
	if err != nil {
		return err
	}
	if !job.Status.State.Final() {
		return fmt.Errorf("%w: job %d is %s and keeps its body", agent.ErrBadMove, seq, job.Status.State)
	}
	return nil
}

// forget leaves the head of a job, under the key that sealed it: its groups are hashed with that key.
func (w *writer) forget(seq uint64) error {
	h, payload, err := w.get(bucketJob, seqKey(seq))
	if err != nil {
		return err
	}
	job, _, err := decodeJob(seq, payload)
	if err != nil {
		return err
	}
	job.Body = nil
	if payload, err = encodeJob(job, nil); err != nil {
		return err
	}
	sealed, err := envelope.Seal(w.ring.Key(h.KeyID), envelope.Header{
		Bucket: bucketJob.code, Key: seqKey(seq), Sequence: seq, Version: bodyVersion + 1,
	}, payload)
	if err != nil {
		return err
	}
	if err := bucketJob.in(w.transaction).Put(seqKey(seq), sealed); err != nil {
		return err
	}
	if err := w.forgetWires(seq); err != nil {
		return err
	}
	return w.forgetAnswer(seq)
}

func (w *writer) forgetWires(seq uint64) error {
	var keys [][]byte
	cursor := bucketWire.in(w.transaction).Cursor()
	for key, _ := cursor.Seek(seqKey(seq)); bytes.HasPrefix(key, seqKey(seq)); key, _ = cursor.Next() {
		keys = append(keys, bytes.Clone(key))
	}
	for _, key := range keys {
		if err := bucketWire.in(w.transaction).Delete(key); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) forgetAnswer(seq uint64) error {
	status, err := w.status(seq)
	if err != nil || status.Answer == nil || status.Answer.Body == nil {
		return err
	}
	answer := *status.Answer
	answer.Body = nil
	status.Answer = &answer
	h, _, err := envelope.Peek(bucketState.in(w.transaction).Get(seqKey(seq)))
	if err != nil {
		return err
	}
	kind, _ := untag(h.Tag)
	return w.putStatus(kind, seq, status)
}
