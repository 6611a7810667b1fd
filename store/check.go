package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// Check reads the whole store and gives everything that is not as it must be: the pages of the file, every envelope, one
// state for every job, indexes that say neither more nor less, counters that add up, a receipt for what is settled, a
// file for what is spooled. It holds a read transaction all the while: not for a busy store.
func (s *Store) Check() error {
	return s.view(func(tx *bbolt.Tx) error {
		c := checker{Store: s, tx: tx}
		if err := look(filepath.Join(s.cfg.Dir, fileName), structure); err != nil {
			c.fault("pages: %w", err)
		}
		c.envelopes()
		c.jobs()
		c.indexes()
		return errors.Join(c.faults...)
	})
}

type checker struct {
	*Store
	tx                       *bbolt.Tx
	faults                   []error
	ready, attention, groups int // entries that must be there
}

func (c *checker) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf(format, args...))
}

func (c *checker) envelopes() {
	for _, b := range append(allBuckets(), recordBuckets()...) {
		if b.code == 0 {
			continue
		}
		cursor := b.in(c.tx).Cursor()
		for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
			if _, _, err := c.get(c.tx, b, key); err != nil && !errors.Is(err, agent.ErrKeyMissing) {
				c.fault("%s %x: %v", b.name, key, err)
			}
		}
	}
}

func (c *checker) jobs() {
	m := c.meta.Load()
	var counts [16][8]uint64
	for seq := range m.numbers() {
		h, _, err := envelope.Peek(bucketState.in(c.tx).Get(seqKey(seq)))
		if err != nil {
			c.fault("job %d has no state: %v", seq, err)
			continue
		}
		kind, state := untag(h.Tag)
		counts[kind.Code()][state.Code()]++
		if err := c.one(seq, kind, state); err != nil {
			c.fault("job %d: %v", seq, err)
		}
	}
	for kind := range counts {
		for state := range counts[kind] {
			counts[kind][state] += m.Gone[kind][state]
		}
	}
	if counts != m.Counts {
		c.fault("counters say %v, jobs are %v", m.Counts, counts)
	}
	if key, _ := bucketState.in(c.tx).Cursor().Last(); key != nil && seqOf(key) >= m.NextSeq {
		c.fault("job %d is beyond the sequence %d", seqOf(key), m.NextSeq)
	}
}

func (c *checker) one(seq uint64, kind agent.Kind, state agent.State) error {
	job, spooled, err := c.job(c.tx, seq)
	if errors.Is(err, agent.ErrKeyMissing) {
		if state == agent.Pending {
			return errors.New("is pending and cannot be read")
		}
		if state == agent.Held || state == agent.Dead {
			c.attention++
		}
		return nil
	}
	if err != nil {
		return err
	}
	if job.Kind != kind || job.Status.State != state {
		return fmt.Errorf("says %s %s inside and %s %s outside", job.Kind, job.Status.State, kind, state)
	}
	if spooled != nil && !state.Final() {
		if _, err := os.Stat(filepath.Join(c.cfg.Dir, spoolName, spooled.Name)); err != nil {
			return err
		}
	}
	return c.related(job)
}

func (c *checker) related(job agent.Job) error {
	switch job.Status.State {
	case agent.Pending:
		c.ready++
		if bucketReady.in(c.tx).Get(readyKey(job.Status.NotBefore, job.Seq)) == nil {
			return errors.New("is pending and not in ready")
		}
	case agent.Held, agent.Dead:
		c.attention++
		if bucketAttention.in(c.tx).Get(attentionKey(job.Status.State, job.Seq)) == nil {
			return errors.New("waits for a person and is not in attention")
		}
	}
	if job.Status.State.Settled() {
		_, payload, err := c.get(c.tx, bucketReceipt, seqKey(job.Seq))
		if err != nil {
			return fmt.Errorf("has no receipt: %w", err)
		}
		var receipt storedReceipt
		if err := json.Unmarshal(payload, &receipt); err != nil || receipt.State != job.Status.State {
			return fmt.Errorf("receipt says %q", receipt.State)
		}
	}
	if err := c.unique(job); err != nil {
		return err
	}
	for _, group := range job.Groups() {
		if bucketGroup.in(c.tx).Get(groupKey(c.ring.Hash("group", group), job.Seq)) != nil {
			c.groups++
		} else if _, data, err := c.get(c.tx, bucketJob, seqKey(job.Seq)); err == nil && len(data) > 0 && c.sealedByCurrent(job.Seq) {
			return errors.New("is not in its group")
		}
	}
	return nil
}

func (c *checker) unique(job agent.Job) error {
	if job.Unique == "" || !c.sealedByCurrent(job.Seq) {
		return nil
	}
	value := bucketGroup.in(c.tx).Get(uniqueKey(c.ring.Hash("group", job.Unique), job.Kind))
	if value == nil || seqOf(value) != job.Seq {
		return errors.New("does not hold its natural key")
	}
	c.groups++
	return nil
}

// sealedByCurrent tells whether the job was written under the current key: names are hashed with it.
func (c *checker) sealedByCurrent(seq uint64) bool {
	h, _, err := envelope.Peek(bucketJob.in(c.tx).Get(seqKey(seq)))
	return err == nil && h.KeyID == c.ring.Current.ID
}

func (c *checker) indexes() {
	if n := bucketReady.in(c.tx).Stats().KeyN; n != c.ready {
		c.fault("ready has %d entries, %d jobs are pending", n, c.ready)
	}
	if n := bucketAttention.in(c.tx).Stats().KeyN; n != c.attention {
		c.fault("attention has %d entries, %d jobs are held or dead", n, c.attention)
	}
	if n := bucketGroup.in(c.tx).Stats().KeyN; n < c.groups {
		c.fault("group has %d entries, jobs have %d groups", n, c.groups)
	}
}
