package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
)

// scrubBatch bounds the values that one read transaction reads: none may last.
const scrubBatch = 256

// Scrub reads every value of the open store, a few at a time, and finds what a disk has changed: damaged values, jobs
// without a state, states older than their receipt. After a fault the store is salvaged and stays open. It gives the
// number of entries that it read.
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
		return values, s.repairFault(fault)
	}
	return values, fault // an error of reading is no damage
}

// scrubPages checks the tree. The read transaction around it keeps the pages of the newest commit where they are while
// others commit. It lasts some tenths of a second for a large file.
func (s *Store) scrubPages() error {
	return s.look(func(transaction) error { return inspect(filepath.Join(s.cfg.Dir, fileName), checkTree) })
}

// scrubBucket checks every entry of a bucket and gives their number.
func (s *Store) scrubBucket(ctx context.Context, b bucket) (int, error) {
	values := 0
	var after []byte
	for ctx.Err() == nil {
		n := 0
		err := s.look(func(tx transaction) error {
			cursor := b.in(tx).Cursor()
			key, value := cursor.Seek(after)
			if after != nil && bytes.Equal(key, after) {
				key, value = cursor.Next()
			}
			for ; key != nil && n < scrubBatch; key, value = cursor.Next() {
				if err := tx.checkEntry(b, key, value); err != nil {
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

// checkEntry checks a value by its envelope, and the entry of an index by the job that it leads to.
func (tx transaction) checkEntry(b bucket, key, value []byte) error {
	switch b {
	case bucketReady:
		return tx.leadsToJob(key, 8, func(status agent.Status) []byte { return readyKey(status.NotBefore, seqOf(key[8:])) })
	case bucketAttention:
		return tx.leadsToJob(key, 1, func(status agent.Status) []byte { return attentionKey(status.State, seqOf(key[1:])) })
	case bucketGroup:
		if len(key) == keyring.HashLen+8 {
			value = key[keyring.HashLen:]
		}
		if len(value) != 8 || bucketJob.in(tx).Get(value) == nil {
			return fmt.Errorf("%w: it leads to no job", agent.ErrDamaged)
		}
		return nil
	}
	return intact(tx.ring, b.code, key, value)
}

// leadsToJob checks an index entry against the job whose number stands at a place of its key.
func (tx transaction) leadsToJob(key []byte, place int, want func(agent.Status) []byte) error {
	if len(key) != place+8 {
		return fmt.Errorf("%w: a key of %d bytes", agent.ErrDamaged, len(key))
	}
	h, _, err := envelope.Peek(bucketState.in(tx).Get(key[place:]))
	if err != nil {
		return fmt.Errorf("%w: it leads to no job", agent.ErrDamaged)
	}
	_, state := untag(h.Tag)
	status, err := tx.status(seqOf(key[place:]))
	if errors.Is(err, agent.ErrKeyMissing) {
		status, err = agent.Status{State: state}, nil
	}
	if err == nil && !bytes.Equal(want(status), key) {
		err = fmt.Errorf("%w: its job is %s", agent.ErrDamaged, state)
	}
	return err
}

// scrubNumbers checks that every number has its job, its state and its index entries, and no receipt that is newer than the
// state.
func (s *Store) scrubNumbers(ctx context.Context) error {
	batch := make([]uint64, 0, scrubBatch)
	check := func() error {
		err := s.look(func(tx transaction) error {
			c := s.checker(tx)
			for _, seq := range batch {
				if err := c.checkNumber(seq); err != nil {
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
		if err := check(); err != nil || ctx.Err() != nil {
			return err
		}
	}
	return check()
}

// checkNumber gives the first broken invariant of a job.
func (c *checker) checkNumber(seq uint64) error {
	h, _, err := envelope.Peek(bucketState.in(c.transaction).Get(seqKey(seq)))
	if err != nil {
		return errors.New("has no state")
	}
	if receipt, _, err := envelope.Peek(bucketReceipt.in(c.transaction).Get(seqKey(seq))); err == nil && receipt.Version > h.Version {
		return errors.New("has a receipt of a later time than its state")
	}
	kind, state := untag(h.Tag)
	return c.checkJob(seq, kind, state)
}
