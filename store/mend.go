package store

import (
	"errors"
	"fmt"
	"time"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

const (
	// maxMends is how often the same fault is mended by one process: what comes back after that needs a person.
	maxMends = 2
	// mendPause is the time after a mend that failed, as on a full disk, in which no read tries another.
	mendPause = time.Minute
)

// mends remembers what was mended because a read found it. Only the goroutine that mends uses it.
type mends struct {
	of     map[string]int // by the fault's text
	failed time.Time      // when the last one failed
}

// noteDamage is the one place to which every read and every commit reports damage that it found: the alarm is raised and
// the mend begins, in a goroutine, because the caller may hold the lock that a mend needs. Other errors are ignored.
func (s *Store) noteDamage(fault error) {
	if !errors.Is(fault, agent.ErrDamaged) {
		return
	}
	s.cfg.Damaged(fault)
	s.repairLater(func() error { return s.mend(fault) })
}

// mend salvages the store for a fault that a read found. A torn page may be one of the memory alone: the first time the
// file is judged anew.
func (s *Store) mend(fault error) error {
	text := firstLine(fault)
	if s.mends.of[text] >= maxMends || time.Since(s.mends.failed) < mendPause {
		return nil // the alarm stays
	}
	if s.mends.of == nil {
		s.mends.of = make(map[string]int)
	}
	mend := s.repairFault
	if s.mends.of[text] == 0 && errors.Is(fault, errTornPage) {
		mend = s.repair
	}
	if err := mend(fault); err != nil {
		s.mends.failed = time.Now()
		return err
	}
	s.mends.of[text]++
	s.cfg.Damaged(nil)
	s.changed.notify() // jobs may have come back
	return nil
}

// repairLater repairs in a goroutine: the caller holds the lock that a repair needs.
func (s *Store) repairLater(repair func() error) {
	select {
	case s.repairs <- struct{}{}:
	default: // another one runs, or the store is closed
		return
	}
	go func() {
		defer func() { <-s.repairs }()
		if err := repair(); err != nil && !errors.Is(err, agent.ErrStoreClosed) {
			s.cfg.Log.Error("store_not_mended", "error", err)
		}
	}()
}

// row gives a job for a list, without its body. A damaged one gets a row of its own, with what its envelopes still show,
// and is reported: a list goes on around it.
func (s *Store) row(tx transaction, seq uint64) agent.Job {
	job, err := s.indexed(tx, seq)
	if err == nil {
		return job
	}
	return s.damagedRow(tx, seq, err)
}

// damagedRow is the row of a job that cannot be read, with what its envelopes still show.
func (s *Store) damagedRow(tx transaction, seq uint64, fault error) agent.Job {
	s.logUnreadable(seq, fault)
	s.noteDamage(fault)
	job := agent.Job{Seq: seq, Status: agent.Status{State: agent.Damaged}}
	if h, _, err := envelope.Peek(bucketState.in(tx).Get(seqKey(seq))); err == nil {
		job.Kind, _ = untag(h.Tag)
	} else if h, _, err := envelope.Peek(bucketJob.in(tx).Get(seqKey(seq))); err == nil {
		job.Kind, _ = untag(h.Tag)
	}
	return job
}

// indexed gives the job that an index entry leads to, without its body. An entry that leads nowhere is damage.
func (s *Store) indexed(tx transaction, seq uint64) (agent.Job, error) {
	job, err := tx.head(seq)
	if errors.Is(err, agent.ErrNotFound) {
		err = fmt.Errorf("%w: an entry leads to no job: %w", agent.ErrDamaged, err)
	}
	return job, err
}

// peekTag gives the tag of a job's state, and whether it can be read.
func (tx transaction) peekTag(seq uint64) (byte, bool) {
	h, _, err := envelope.Peek(bucketState.in(tx).Get(seqKey(seq)))
	return h.Tag, err == nil
}
