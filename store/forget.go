package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// forgetBatch is how many jobs lose their bodies with one commit: short, because sales wait meanwhile.
const forgetBatch = 128

// wholeVersion is the version of a job's value as the till sent it; without its body it has the next one.
const wholeVersion = 1

// Forget drops the bodies of jobs that ended before that time: what the till sent, what went up, what the cloud answered
// (SEC-15). Their heads stay, with the fingerprint by which a repeated sale is known. It tells how many lost theirs. While
// the clock is suspect nothing is dropped.
func (s *Store) Forget(ctx context.Context, before time.Time) (int, error) {
	return s.little(ctx, func() ([]uint64, error) { return s.endedBefore(before) }, func(seqs []uint64) agent.Change { return agent.Change{Forgets: seqs} })
}

// little makes a change, a few jobs at a time, to the jobs that find gives, until that gives none: sales go between. While the clock is
// suspect it does nothing.
func (s *Store) little(ctx context.Context, find func() ([]uint64, error), change func(seqs []uint64) agent.Change) (int, error) {
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
		if errors.Is(err, agent.ErrStoreFull) && batch > 1 { // a commit writes pages before it frees others
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

// endedBefore finds the oldest such jobs that still have a body, and remembers where the next search begins.
func (s *Store) endedBefore(before time.Time) ([]uint64, error) {
	var seqs []uint64
	err := s.view(func(tx *bbolt.Tx) error {
		whole := max(s.whole.Load(), s.meta.Load().Whole)
		gapless := true // everything up to here has no body any more
		cursor := bucketJob.in(tx).Cursor()
		for key, value := cursor.Seek(seqKey(whole)); key != nil && len(seqs) < forgetBatch; key, value = cursor.Next() {
			seq := seqOf(key)
			if h, _, err := envelope.Peek(value); err == nil && h.Version > wholeVersion {
				if gapless {
					whole = seq + 1
				}
				continue
			}
			gapless = false
			job, ended, err := s.ended(tx, seq)
			if errors.Is(err, agent.ErrKeyMissing) { // nobody reads it any more
				continue
			}
			if err != nil {
				s.unreadable(seq, err) // salvage's matter
				continue
			}
			if !ended.IsZero() && ended.Before(before) {
				seqs = append(seqs, seq)
			} else if job.CreatedAt.After(before) { // so is every later one
				break
			}
		}
		if len(seqs) == 0 {
			s.whole.Store(whole)
		}
		return nil
	})
	return seqs, err
}

// ended gives a job, and when it came to its end; the zero time for one that has not.
func (s *Store) ended(tx *bbolt.Tx, seq uint64) (agent.Job, time.Time, error) {
	job, _, err := s.job(tx, seq)
	if err != nil || !job.Status.State.Final() {
		return job, time.Time{}, err
	}
	_, payload, err := s.get(tx, bucketReceipt, seqKey(seq))
	if err != nil {
		return job, time.Time{}, fmt.Errorf("receipt of job %d: %w", seq, err)
	}
	var receipt storedReceipt
	err = json.Unmarshal(payload, &receipt)
	return job, receipt.At, err
}

// checkForget refuses to take a body from a job that may still need it, or that cannot be read.
func (s *Store) checkForget(tx *bbolt.Tx, seq uint64) error {
	job, _, err := s.job(tx, seq)
	if err != nil {
		return err
	}
	if !job.Status.State.Final() {
		return fmt.Errorf("%w: job %d is %s and keeps its body", agent.ErrBadMove, seq, job.Status.State)
	}
	return nil
}

// forget leaves the head of a job, under the key that sealed it: its names are hashed with that one.
func (w *writer) forget(seq uint64) error {
	h, payload, err := w.get(w.tx, bucketJob, seqKey(seq))
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
		Bucket: bucketJob.code, Key: seqKey(seq), Sequence: seq, Version: wholeVersion + 1,
	}, payload)
	if err != nil {
		return err
	}
	if err := bucketJob.in(w.tx).Put(seqKey(seq), sealed); err != nil {
		return err
	}
	if err := w.forgetWires(seq); err != nil {
		return err
	}
	return w.forgetAnswer(seq)
}

func (w *writer) forgetWires(seq uint64) error {
	var keys [][]byte
	cursor := bucketWire.in(w.tx).Cursor()
	for key, _ := cursor.Seek(seqKey(seq)); bytes.HasPrefix(key, seqKey(seq)); key, _ = cursor.Next() {
		keys = append(keys, bytes.Clone(key))
	}
	for _, key := range keys {
		if err := bucketWire.in(w.tx).Delete(key); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) forgetAnswer(seq uint64) error {
	status, err := w.Store.status(w.tx, seq)
	if err != nil || status.Answer == nil || status.Answer.Body == nil {
		return err
	}
	answer := *status.Answer
	answer.Body = nil
	status.Answer = &answer
	h, _, err := envelope.Peek(bucketState.in(w.tx).Get(seqKey(seq)))
	if err != nil {
		return err
	}
	kind, _ := untag(h.Tag)
	return w.putStatus(w.tx, kind, seq, status)
}
