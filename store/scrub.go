package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
)

// scrubBatch is how many values one read transaction looks at: none may last.
const scrubBatch = 256

// Scrub reads every value of the open store, a few at a time, and finds what a disk has changed: values that are not what
// was put there, jobs without a state, states that an earlier time left behind. What it finds is salvaged at once, and
// the agent goes on. It tells how many entries it read.
func (s *Store) Scrub(ctx context.Context) (int, error) {
	values, fault := 0, s.scrubPages()
	for _, b := range append(allBuckets(), recordBuckets()...) {
		if fault != nil || ctx.Err() != nil {
			break
		}
		var n int
		n, fault = s.scrubBucket(ctx, b)
		values += n
	}
	if fault == nil && ctx.Err() == nil {
		fault = s.scrubNumbers(ctx)
	}
	switch {
	case ctx.Err() != nil:
		return values, ctx.Err()
	case errors.Is(fault, agent.ErrDamaged):
		return values, s.mendFault(fault)
	}
	return values, fault // it could not be read just now: that is no reason to write it anew
}

// scrubPages looks at the structure. The read transaction around it keeps the pages of the newest commit in their places
// while others commit: it is the one that lasts, some tenths of a second for a large file.
func (s *Store) scrubPages() error {
	return s.view(func(*bbolt.Tx) error { return look(filepath.Join(s.cfg.Dir, fileName), structure) })
}

// scrubBucket looks at every entry of a bucket.
func (s *Store) scrubBucket(ctx context.Context, b bucket) (int, error) {
	values := 0
	var after []byte
	for ctx.Err() == nil {
		n := 0
		err := s.view(func(tx *bbolt.Tx) error {
			cursor := b.in(tx).Cursor()
			key, value := cursor.Seek(after)
			if after != nil && bytes.Equal(key, after) {
				key, value = cursor.Next()
			}
			for ; key != nil && n < scrubBatch; key, value = cursor.Next() {
				if err := s.scrubEntry(tx, b, key, value); err != nil {
					return fmt.Errorf("%s %x: %w", b.name, key, err)
				}
				after = bytes.Clone(key)
				n++
			}
			return nil
		})
		values += n
		if err != nil || n < scrubBatch {
			return values, err
		}
	}
	return values, nil
}

// scrubEntry looks at one entry: a value by its envelope, the entry of an index by the job it leads to.
func (s *Store) scrubEntry(tx *bbolt.Tx, b bucket, key, value []byte) error {
	switch b {
	case bucketReady:
		return s.leads(tx, key, 8, func(status agent.Status) []byte { return readyKey(status.NotBefore, seqOf(key[8:])) })
	case bucketAttention:
		return s.leads(tx, key, 1, func(status agent.Status) []byte { return attentionKey(status.State, seqOf(key[1:])) })
	case bucketGroup:
		if len(key) == keyring.HashLen+8 {
			value = key[keyring.HashLen:]
		}
		if len(value) != 8 || bucketJob.in(tx).Get(value) == nil {
			return fmt.Errorf("%w: it leads to no job", agent.ErrDamaged)
		}
		return nil
	}
	return s.sound(b.code, key, value)
}

// leads tells whether the entry of an index, whose job's number stands at a place of its key, is the one that the job has.
func (s *Store) leads(tx *bbolt.Tx, key []byte, place int, want func(agent.Status) []byte) error {
	if len(key) != place+8 {
		return fmt.Errorf("%w: a key of %d bytes", agent.ErrDamaged, len(key))
	}
	h, _, err := envelope.Peek(bucketState.in(tx).Get(key[place:]))
	if err != nil {
		return fmt.Errorf("%w: it leads to no job", agent.ErrDamaged)
	}
	_, state := untag(h.Tag)
	status, err := s.status(tx, seqOf(key[place:]))
	if errors.Is(err, agent.ErrKeyMissing) {
		status, err = agent.Status{State: state}, nil
	}
	if err == nil && !bytes.Equal(want(status), key) {
		err = fmt.Errorf("%w: its job is %s", agent.ErrDamaged, state)
	}
	return err
}

// scrubNumbers looks whether every number has its job, its state and the entries that lead to it, and no receipt is of a
// later time than the state.
func (s *Store) scrubNumbers(ctx context.Context) error {
	batch := make([]uint64, 0, scrubBatch)
	look := func() error {
		err := s.view(func(tx *bbolt.Tx) error {
			for _, seq := range batch {
				if err := s.unbroken(tx, seq); err != nil {
					return fmt.Errorf("%w: job %d: %w", agent.ErrDamaged, seq, err)
				}
			}
			return nil
		})
		batch = batch[:0]
		return err
	}
	for seq := range s.meta.Load().numbers() {
		if batch = append(batch, seq); len(batch) < scrubBatch {
			continue
		}
		if err := look(); err != nil || ctx.Err() != nil {
			return err
		}
	}
	return look()
}

// unbroken tells what a job lacks.
func (s *Store) unbroken(tx *bbolt.Tx, seq uint64) error {
	h, _, err := envelope.Peek(bucketState.in(tx).Get(seqKey(seq)))
	if err != nil {
		return errors.New("has no state")
	}
	if receipt, _, err := envelope.Peek(bucketReceipt.in(tx).Get(seqKey(seq))); err == nil && receipt.Version > h.Version {
		return errors.New("has a receipt of a later time than its state")
	}
	kind, state := untag(h.Tag)
	c := checker{Store: s, tx: tx}
	return c.one(seq, kind, state)
}
