package store

import (
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent/osfile"
)

// quiet is how long nothing is committed before the mapped pages are given back: longer than a till that sells takes from one
// sale to the next.
const quiet = time.Minute

// rest gives the mapped pages of an open file back to the system when the file rests: a till of 2 GB has better use for them.
// The system keeps what it has room for, and the next read maps it again without the disk.
type rest struct {
	waiting atomic.Bool // the timer runs
	mu      sync.Mutex
	timer   *time.Timer

	turn sync.Mutex // of the timer's goroutine; holds what follows
	seen uint64     // the last group of commits when the timer was set
	told uint64     // the last group when Config.Rested was called
}

// begin sets the timer for the first time. Until then used does nothing.
func (r *rest) begin(resting func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = time.AfterFunc(quiet, resting)
}

// used notes that pages may be mapped that nobody needs for long.
func (r *rest) used() {
	if r.waiting.CompareAndSwap(false, true) {
		r.again()
	}
}

func (r *rest) again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer.Reset(quiet)
}

func (r *rest) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer.Stop()
}

// resting gives the pages back, unless something was committed since the timer was set.
func (s *Store) resting() {
	s.rest.turn.Lock()
	defer s.rest.turn.Unlock()
	if group := s.meta.Load().Group; group != s.rest.seen {
		s.rest.seen = group
		s.rest.again()
		return
	}
	s.rest.waiting.Store(false)
	if err := s.giveBack(); err != nil {
		s.cfg.Log.Warn("pages_not_given_back", "error", err)
	}
	if s.rest.told != s.rest.seen {
		s.rest.told = s.rest.seen
		s.cfg.Rested()
	}
}

func (s *Store) giveBack() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil
	}
	return guarded(func() error { return s.db.View(giveBack) })
}

// giveBack gives the mapped pages of a file back to the system. The transaction keeps the mapping where it is.
func giveBack(tx *bbolt.Tx) error { return osfile.GiveBack(tx.DB().Info().Data, uintptr(tx.Size())) }
