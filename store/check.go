package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// Check reads the whole store and gives every broken invariant: the pages of the file, every envelope, one state per job,
// indexes without a missing or a superfluous entry, the counters, a receipt per settled job, a file per spooled body. One
// read transaction lasts all the time: it is not for a store that is in use.
func (s *Store) Check() error {
	return s.look(func(tx transaction) error {
		c := s.checker(tx)
		if err := inspect(filepath.Join(s.cfg.Dir, fileName), checkTree); err != nil {
			c.fault("pages: %w", err)
		}
		c.envelopes()
		c.jobs()
		c.indexes()
		return errors.Join(c.faults...)
	})
}

// checker compares what the buckets say about each job, and counts the index entries that there must be.
type checker struct {
	transaction
	meta                     *meta
	spool                    string // folder
	faults                   []error
	ready, attention, groups int // entries that there must be
}

func (s *Store) checker(tx transaction) checker {
	return checker{transaction: tx, meta: s.meta.Load(), spool: filepath.Join(s.cfg.Dir, spoolName)}
}

func (c *checker) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf(format, args...))
}

func (c *checker) envelopes() {
	for _, b := range append(allBuckets(), recordBuckets()...) {
		if b.code == 0 {
			continue
		}
		cursor := b.in(c.transaction).Cursor()
		for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
			if _, _, err := c.get(b, key); err != nil && !errors.Is(err, agent.ErrKeyMissing) {
				c.fault("%s %x: %v", b.name, key, err)
			}
		}
	}
}

func (c *checker) jobs() {
	m := c.meta
	var counts [16][8]uint64
	for seq := range m.numbers() {
		h, _, err := envelope.Peek(bucketState.in(c.transaction).Get(seqKey(seq)))
		if err != nil {
			c.fault("job %d has no state: %v", seq, err)
			continue
		}
		kind, state := untag(h.Tag)
		counts[kind.Code()][state.Code()]++
		if err := c.checkJob(seq, kind, state); err != nil {
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
	if key, _ := bucketState.in(c.transaction).Cursor().Last(); key != nil && seqOf(key) >= m.NextSeq {
		c.fault("job %d is beyond the sequence %d", seqOf(key), m.NextSeq)
	}
}

// checkJob gives the first broken invariant of a job.
func (c *checker) checkJob(seq uint64, kind agent.Kind, state agent.State) error {
	job, spooled, err := c.job(seq)
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
		if _, err := os.Stat(filepath.Join(c.spool, spooled.Name)); err != nil {
			return err
		}
	}
	return c.checkEntries(job)
}

// checkEntries compares a job with its receipt and its index entries.
func (c *checker) checkEntries(job agent.Job) error {
	switch job.Status.State {
	case agent.Pending:
		c.ready++
		if bucketReady.in(c.transaction).Get(readyKey(job.Status.NotBefore, job.Seq)) == nil {
			return errors.New("is pending and not in ready")
		}
	case agent.Held, agent.Dead:
		c.attention++
		if bucketAttention.in(c.transaction).Get(attentionKey(job.Status.State, job.Seq)) == nil {
			return errors.New("waits for a person and is not in attention")
		}
	}
	if job.Status.State.Settled() {
		_, payload, err := c.get(bucketReceipt, seqKey(job.Seq))
		if err != nil {
			return fmt.Errorf("has no receipt: %w", err)
		}
		var receipt storedReceipt
		if err := json.Unmarshal(payload, &receipt); err != nil || receipt.State != job.Status.State {
			return fmt.Errorf("receipt says %q", receipt.State)
		}
	}
	if err := c.checkUnique(job); err != nil {
		return err
	}
	for _, group := range job.Groups() {
		if bucketGroup.in(c.transaction).Get(groupKey(c.ring.Hash("group", group), job.Seq)) != nil {
			c.groups++
		} else if _, data, err := c.get(bucketJob, seqKey(job.Seq)); err == nil && len(data) > 0 && c.sealedByCurrent(job.Seq) {
			return errors.New("is not in its group")
		}
	}
	return nil
}

func (c *checker) checkUnique(job agent.Job) error {
	if job.Unique == "" || !c.sealedByCurrent(job.Seq) {
		return nil
	}
	value := bucketGroup.in(c.transaction).Get(uniqueKey(c.ring.Hash("group", job.Unique), job.Kind))
	if value == nil || seqOf(value) != job.Seq {
		return errors.New("does not hold its natural key")
	}
	c.groups++
	return nil
}

// sealedByCurrent tells whether the job was written under the current key, which its groups are hashed with.
func (c *checker) sealedByCurrent(seq uint64) bool {
	h, _, err := envelope.Peek(bucketJob.in(c.transaction).Get(seqKey(seq)))
	return err == nil && h.KeyID == c.ring.Current.ID
}

func (c *checker) indexes() {
	if n := bucketReady.in(c.transaction).Stats().KeyN; n != c.ready {
		c.fault("ready has %d entries, %d jobs are pending", n, c.ready)
	}
	if n := bucketAttention.in(c.transaction).Stats().KeyN; n != c.attention {
		c.fault("attention has %d entries, %d jobs are held or dead", n, c.attention)
	}
	if n := bucketGroup.in(c.transaction).Stats().KeyN; n < c.groups {
		c.fault("group has %d entries, jobs have %d groups", n, c.groups)
	}
}
