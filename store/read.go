package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// Job gives a job with its body. A settled job whose body is gone has none.
func (s *Store) Job(seq uint64) (agent.Job, error) {
	var job agent.Job
	var spooled *spooledBody
	err := s.view(func(tx *bbolt.Tx) error {
		var err error
		job, spooled, err = s.job(tx, seq)
		return err
	})
	if err == nil && spooled != nil && !job.Status.State.Final() {
		job.Body, err = s.spool.read(*spooled) // outside the transaction: none may span a file
	}
	return job, err
}

func (s *Store) job(tx *bbolt.Tx, seq uint64) (agent.Job, *spooledBody, error) {
	_, payload, err := s.get(tx, bucketJob, seqKey(seq))
	if err != nil {
		return agent.Job{}, nil, fmt.Errorf("job %d: %w", seq, err)
	}
	job, spooled, err := decodeJob(seq, payload)
	if err != nil {
		return job, nil, err
	}
	job.Status, err = s.status(tx, seq)
	return job, spooled, err
}

// head is a job without its body; one whose key is missing shows what its envelope shows.
func (s *Store) head(tx *bbolt.Tx, seq uint64) (agent.Job, error) {
	job, _, err := s.job(tx, seq)
	if errors.Is(err, agent.ErrKeyMissing) {
		h, _, peekErr := envelope.Peek(bucketState.in(tx).Get(seqKey(seq)))
		if peekErr != nil {
			return job, err
		}
		job = agent.Job{Seq: seq}
		job.Kind, job.Status.State = untag(h.Tag)
		if status, statusErr := s.status(tx, seq); statusErr == nil {
			job.Status = status
		}
		job.Status.Version = h.Version
		err = nil
	}
	job.Body = nil
	return job, err
}

// Head gives a job without its body. One whose key is missing shows its kind and state only.
func (s *Store) Head(seq uint64) (agent.Job, error) {
	var job agent.Job
	err := s.view(func(tx *bbolt.Tx) error {
		var err error
		job, err = s.head(tx, seq)
		return err
	})
	return job, err
}

// Wire gives the bytes written for the cloud under that revision, or [agent.ErrNotFound].
func (s *Store) Wire(seq uint64, revision int) ([]byte, error) {
	var body []byte
	err := s.view(func(tx *bbolt.Tx) error {
		var err error
		_, body, err = s.get(tx, bucketWire, wireKey(seq, revision))
		return err
	})
	return body, err
}

// Unique gives the job that holds a natural key, without its body, or [agent.ErrNotFound].
func (s *Store) Unique(kind agent.Kind, group string) (agent.Job, error) {
	var job agent.Job
	key := uniqueKey(s.ring.Hash("group", group), kind)
	err := s.view(func(tx *bbolt.Tx) error {
		value := bucketGroup.in(tx).Get(key)
		if value == nil {
			return agent.ErrNotFound
		}
		var err error
		if job, err = s.head(tx, seqOf(value)); err == nil && job.Unique != group {
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
	err := s.view(func(tx *bbolt.Tx) error {
		cursor := bucketGroup.in(tx).Cursor()
		for key, _ := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = cursor.Next() {
			if len(key) != len(prefix)+8 {
				continue // a natural key
			}
			job, err := s.head(tx, seqOf(key[len(prefix):]))
			if err != nil {
				s.unreadable(seqOf(key[len(prefix):]), err)
				continue
			}
			jobs = append(jobs, job)
		}
		return nil
	})
	return jobs, err
}

// Record gives a domain's value and its version, or [agent.ErrNotFound].
func (s *Store) Record(bucketName, key string) ([]byte, uint64, error) {
	b, err := recordBucket(bucketName)
	if err != nil {
		return nil, 0, err
	}
	var value []byte
	var h envelope.Header
	err = s.view(func(tx *bbolt.Tx) error {
		h, value, err = s.get(tx, b, s.ring.Hash(b.name, key))
		return err
	})
	return value, h.Version, err
}

// Records gives up to limit values of a bucket in no particular order, with the cursor for the next call: nil at first,
// and nil when there are no more. Values that cannot be read are left out.
func (s *Store) Records(bucketName string, after []byte, limit int) (values []agent.Value, next []byte, err error) {
	b, err := recordBucket(bucketName)
	if err != nil {
		return nil, nil, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		cursor := b.in(tx).Cursor()
		key, _ := cursor.Seek(after)
		if after != nil && bytes.Equal(key, after) {
			key, _ = cursor.Next()
		}
		for n := 0; key != nil && n < limit; n++ {
			if h, data, err := s.get(tx, b, key); err == nil {
				values = append(values, agent.Value{Ref: bytes.Clone(key), Version: h.Version, Data: data})
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

// Due gives up to limit pending jobs whose time has come, without bodies, the never tried ones first and each kind of
// them in their order; and when the next one will be due (zero: none is waiting for its time). Jobs that skip names are
// left out, and never tried ones up to seq after.
func (s *Store) Due(now time.Time, after uint64, limit int, skip func(uint64, agent.Kind) bool) ([]agent.Job, time.Time, error) {
	var jobs []agent.Job
	var next time.Time
	horizon := uint64(now.UnixMilli())
	err := s.view(func(tx *bbolt.Tx) error {
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
			job, err := s.head(tx, seq)
			if err != nil {
				s.unreadable(seq, err)
				continue
			}
			jobs = append(jobs, job)
		}
		return nil
	})
	return jobs, next, err
}

// unreadable says once that a job cannot be read; it keeps its place and stops nobody.
func (s *Store) unreadable(seq uint64, err error) {
	if _, said := s.damaged.LoadOrStore(seq, true); !said {
		s.cfg.Log.Error("job_unreadable", "seq", seq, "error", err)
	}
}

// Retried gives up to limit pending jobs that were tried and wait for a time after now, soonest first.
func (s *Store) Retried(now time.Time, limit int) ([]agent.Job, error) {
	var jobs []agent.Job
	err := s.view(func(tx *bbolt.Tx) error {
		cursor := bucketReady.in(tx).Cursor()
		for key, _ := cursor.Seek(readyKey(now, 0)); key != nil && len(jobs) < limit; key, _ = cursor.Next() {
			job, err := s.head(tx, seqOf(key[8:]))
			if err != nil {
				return err
			}
			jobs = append(jobs, job)
		}
		return nil
	})
	return jobs, err
}

// List gives up to limit jobs after seq, in their order, without bodies. An empty state or kind takes all.
func (s *Store) List(state agent.State, kind agent.Kind, after uint64, limit int) ([]agent.Job, error) {
	var jobs []agent.Job
	err := s.view(func(tx *bbolt.Tx) error {
		return s.scan(tx, state, after, func(seq uint64, tag byte) (bool, error) {
			k, st := untag(tag)
			if (kind != "" && k != kind) || (state != "" && st != state) {
				return true, nil
			}
			job, err := s.head(tx, seq)
			if err != nil {
				return false, err
			}
			jobs = append(jobs, job)
			return len(jobs) < limit, nil
		})
	})
	return jobs, err
}

// scan goes over the jobs after seq: over the short index of those that wait for a person, or over all states, whose
// tags are read without any key.
func (s *Store) scan(tx *bbolt.Tx, state agent.State, after uint64, each func(uint64, byte) (bool, error)) error {
	if state == agent.Held || state == agent.Dead {
		cursor := bucketAttention.in(tx).Cursor()
		for key, _ := cursor.Seek(attentionKey(state, after+1)); key != nil && key[0] == state.Code(); key, _ = cursor.Next() {
			seq := seqOf(key[1:])
			h, _, err := envelope.Peek(bucketState.in(tx).Get(seqKey(seq)))
			if err != nil {
				return err
			}
			if more, err := each(seq, h.Tag); err != nil || !more {
				return err
			}
		}
		return nil
	}
	cursor := bucketState.in(tx).Cursor()
	for key, data := cursor.Seek(seqKey(after + 1)); key != nil; key, data = cursor.Next() {
		h, _, err := envelope.Peek(data)
		if err != nil {
			return fmt.Errorf("%w: state of job %d", agent.ErrDamaged, seqOf(key))
		}
		if more, err := each(seqOf(key), h.Tag); err != nil || !more {
			return err
		}
	}
	return nil
}

// OldestPending gives when the oldest job still to send was accepted; zero when there is none.
func (s *Store) OldestPending() (time.Time, error) {
	var at time.Time
	err := s.view(func(tx *bbolt.Tx) error {
		oldest := uint64(0)
		cursor := bucketReady.in(tx).Cursor()
		for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
			seq := seqOf(key[8:])
			if oldest == 0 || seq < oldest {
				oldest = seq
			}
			if binary.BigEndian.Uint64(key) == 0 { // the never tried ones are in order: jump over the rest of them
				key, _ = cursor.Seek(readyKey(time.UnixMilli(1), 0))
				if key == nil {
					break
				}
				oldest = min(oldest, seqOf(key[8:]))
			}
		}
		if oldest == 0 {
			return nil
		}
		job, err := s.head(tx, oldest)
		at = job.CreatedAt
		return err
	})
	return at, err
}

// spooled tells whether a job refers to the file.
func (s *Store) spooled(name string) bool {
	found := false
	_ = s.db.View(func(tx *bbolt.Tx) error { // it cannot fail: the file is open
		found = bucketSpool.in(tx).Get(s.spooledKey(name)) != nil
		return nil
	})
	return found
}
