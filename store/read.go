package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// Job gives a job with its body. A final job may have lost its body.
func (s *Store) Job(seq uint64) (agent.Job, error) {
	var job agent.Job
	var spooled *spooledBody
	err := s.view(func(tx transaction) error {
		var err error
		job, spooled, err = tx.job(seq)
		return err
	})
	if err == nil && spooled != nil && !job.Status.State.Final() {
		if job.Body, err = s.spool.read(*spooled); err != nil { // outside of the transaction, which must not wait for a file
			err = fmt.Errorf("job %d: %w", seq, err)
			s.noteDamage(err)
		}
	}
	return job, err
}

// Head gives a job without its body; of one whose key is missing, its kind and state only.
func (s *Store) Head(seq uint64) (agent.Job, error) {
	var job agent.Job
	err := s.view(func(tx transaction) error {
		var err error
		job, err = tx.head(seq)
		return err
	})
	return job, err
}

// Wire gives the bytes for the cloud that were written under a revision, or [agent.ErrNotFound].
func (s *Store) Wire(seq uint64, revision int) ([]byte, error) {
	var body []byte
	err := s.view(func(tx transaction) error {
		var err error
		_, body, err = tx.get(bucketWire, wireKey(seq, revision))
		return err
	})
	return body, err
}

// Unique gives the job that holds a natural key, without its body, or [agent.ErrNotFound].
func (s *Store) Unique(kind agent.Kind, group string) (agent.Job, error) {
	var job agent.Job
	key := uniqueKey(s.ring.Hash("group", group), kind)
	err := s.view(func(tx transaction) error {
		value := bucketGroup.in(tx).Get(key)
		if value == nil {
			return agent.ErrNotFound
		}
		var err error
		if job, err = s.indexed(tx, seqOf(value)); err == nil && job.Unique != group {
			err = fmt.Errorf("%w: natural key of job %d", agent.ErrDamaged, job.Seq)
		}
		return err
	})
	return job, err
}

// Group gives the jobs of a group in their order, without bodies.
func (s *Store) Group(name string) ([]agent.Job, error) {
	var jobs []agent.Job
	prefix := s.ring.Hash("group", name)
	err := s.view(func(tx transaction) error {
		cursor := bucketGroup.in(tx).Cursor()
		for key, _ := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = cursor.Next() {
			if len(key) != len(prefix)+8 {
				continue // a natural key
			}
			if job := s.row(tx, seqOf(key[len(prefix):])); job.Status.State != agent.Damaged { // it is not known what it is to the others
				jobs = append(jobs, job)
			}
		}
		return nil
	})
	return jobs, err
}

// Record gives the value of a record and its version, or [agent.ErrNotFound].
func (s *Store) Record(bucketName, key string) ([]byte, uint64, error) {
	b, err := recordBucket(bucketName)
	if err != nil {
		return nil, 0, err
	}
	var value []byte
	var h envelope.Header
	err = s.view(func(tx transaction) error {
		h, value, err = tx.get(b, s.ring.Hash(b.name, key))
		return err
	})
	return value, h.Version, err
}

// Records gives up to limit records of a bucket, in no particular order, and the cursor for the next call: nil before the
// first call and after the last. Values that cannot be read are left out.
func (s *Store) Records(bucketName string, after []byte, limit int) (values []agent.Value, next []byte, err error) {
	b, err := recordBucket(bucketName)
	if err != nil {
		return nil, nil, err
	}
	err = s.view(func(tx transaction) error {
		cursor := b.in(tx).Cursor()
		key, _ := cursor.Seek(after)
		if after != nil && bytes.Equal(key, after) {
			key, _ = cursor.Next()
		}
		for n := 0; key != nil && n < limit; n++ {
			if h, data, err := tx.get(b, key); err == nil {
				values = append(values, agent.Value{Ref: bytes.Clone(key), Version: h.Version, Data: data})
			} else {
				s.noteDamage(err)
			}
			next = bytes.Clone(key)
			key, _ = cursor.Next()
		}
		if key == nil {
			next = nil
		}
		return nil
	})
	return values, next, err
}

// Due gives up to limit pending jobs that are due, without bodies: first those that were never tried, by number, then the
// others, by time. It gives also when the next one is due; the zero time when none waits for a time. It leaves out the jobs
// that skip names, and up to number after those that were never tried.
func (s *Store) Due(now time.Time, after uint64, limit int, skip func(uint64, agent.Kind) bool) ([]agent.Job, time.Time, error) {
	var jobs []agent.Job
	var next time.Time
	horizon := uint64(now.UnixMilli())
	err := s.view(func(tx transaction) error {
		cursor := bucketReady.in(tx).Cursor()
		start := binary.BigEndian.AppendUint64(make([]byte, 8), after+1)
		for key, value := cursor.Seek(start); key != nil; key, value = cursor.Next() {
			due, seq := binary.BigEndian.Uint64(key), seqOf(key[8:])
			if due > horizon {
				next = time.UnixMilli(int64(due))
				return nil
			}
			if len(jobs) >= limit {
				return nil
			}
			if skip != nil && skip(seq, agent.KindOf(value[0])) {
				continue
			}
			if job := s.row(tx, seq); job.Status.State != agent.Damaged {
				jobs = append(jobs, job)
			}
		}
		return nil
	})
	return jobs, next, err
}

// logUnreadable logs once per job that it cannot be read. The job keeps its place and no other waits for it.
func (s *Store) logUnreadable(seq uint64, err error) {
	if _, logged := s.unreadable.LoadOrStore(seq, true); !logged {
		s.cfg.Log.Error("job_unreadable", "seq", seq, "error", err)
	}
}

// Retried gives up to limit pending jobs that wait for a time after now, soonest first, without bodies.
func (s *Store) Retried(now time.Time, limit int) ([]agent.Job, error) {
	var jobs []agent.Job
	err := s.view(func(tx transaction) error {
		cursor := bucketReady.in(tx).Cursor()
		for key, _ := cursor.Seek(readyKey(now, 0)); key != nil && len(jobs) < limit; key, _ = cursor.Next() {
			if job := s.row(tx, seqOf(key[8:])); job.Status.State != agent.Damaged {
				jobs = append(jobs, job)
			}
		}
		return nil
	})
	return jobs, err
}

// List gives up to limit jobs after a number, by number, without bodies. An empty state or kind stands for all. A damaged
// job is listed as [agent.Damaged], also where nobody can tell any more of which state or kind it was.
func (s *Store) List(state agent.State, kind agent.Kind, after uint64, limit int) ([]agent.Job, error) {
	var jobs []agent.Job
	err := s.view(func(tx transaction) error {
		for seq := range tx.listed(state, after) {
			tag, readable := tx.peekTag(seq)
			if k, st := untag(tag); readable && ((kind != "" && k != kind) || (state != "" && st != state)) {
				continue
			}
			if jobs = append(jobs, s.row(tx, seq)); len(jobs) >= limit {
				break
			}
		}
		return nil
	})
	return jobs, err
}

// listed gives the numbers of jobs after a number: those that wait for a person from their index, else all.
func (tx transaction) listed(state agent.State, after uint64) iter.Seq[uint64] {
	b, start, numberAt := bucketState, seqKey(after+1), 0
	if state == agent.Held || state == agent.Dead {
		b, start, numberAt = bucketAttention, attentionKey(state, after+1), 1
	}
	return func(yield func(uint64) bool) {
		cursor := b.in(tx).Cursor()
		for key, _ := cursor.Seek(start); len(key) == numberAt+8; key, _ = cursor.Next() {
			if numberAt > 0 && key[0] != state.Code() || !yield(seqOf(key[numberAt:])) {
				return
			}
		}
	}
}

// OldestPending gives when the oldest pending job that can be read was accepted; the zero time when there is none.
func (s *Store) OldestPending() (time.Time, error) {
	var oldest agent.Job
	tried := readyKey(time.UnixMilli(1), 0) // before it stand those that were never tried, in order
	err := s.view(func(tx transaction) error {
		cursor := bucketReady.in(tx).Cursor()
		for key, _ := cursor.First(); key != nil && bytes.Compare(key, tried) < 0 && oldest.Seq == 0; key, _ = cursor.Next() {
			if job := s.row(tx, seqOf(key[8:])); job.Status.State != agent.Damaged {
				oldest = job
			}
		}
		for key, _ := cursor.Seek(tried); key != nil; key, _ = cursor.Next() {
			if seq := seqOf(key[8:]); oldest.Seq == 0 || seq < oldest.Seq {
				if job := s.row(tx, seq); job.Status.State != agent.Damaged {
					oldest = job
				}
			}
		}
		return nil
	})
	return oldest.CreatedAt, err
}

// hasSpooled tells whether a job refers to the spool file.
func (s *Store) hasSpooled(name string) bool {
	found := false
	_ = s.rawView(func(tx transaction) error { // it cannot fail: the file is open
		found = bucketSpool.in(tx).Get(tx.spooledKey(name)) != nil
		return nil
	})
	return found
}
