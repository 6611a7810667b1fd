package store

import (
	"sync"
	"time"

	"pdvagent/agent"
)

const (
	backAllowed  = 5 * time.Minute
	aheadAllowed = 10 * time.Minute
)

// clock compares the wall clock with the latest one of a commit, and its steps with the time that passed (store.md 10).
type clock struct {
	mu        sync.Mutex
	reference time.Time // a reading that could be right, with the monotonic clock in it; zero while there is none
	state     agent.Clock

	passed func(from, to time.Time) time.Duration // by the monotonic clock; default to.Sub(from)
}

// look judges a reading. highest is the latest wall clock that is on disk.
func (c *clock) look(now, highest time.Time) agent.Clock {
	c.mu.Lock()
	defer c.mu.Unlock()
	off := c.off(now, highest)
	switch {
	case off == 0:
		c.state = agent.Clock{}
	case !c.state.Suspect:
		c.state = agent.Clock{Suspect: true, Since: now, Off: off}
	default:
		c.state.Off = off
	}
	return c.state
}

func (c *clock) off(now, highest time.Time) time.Duration {
	if behind := now.Round(0).Sub(highest); behind < -backAllowed {
		c.reference = time.Time{} // when it is put right it will jump, and rightly so
		return behind
	}
	if c.reference.IsZero() {
		c.reference = now
		return 0
	}
	passed := now.Sub(c.reference)
	if c.passed != nil {
		passed = c.passed(c.reference, now)
	}
	return jump(now.Round(0).Sub(c.reference.Round(0)), passed)
}

// jump is by how much the wall clock moved otherwise than the time that passed; 0 when that is what clocks do.
func jump(wall, passed time.Duration) time.Duration {
	if by := wall - passed; by < -backAllowed || by > aheadAllowed {
		return by
	}
	return 0
}

// Clock tells whether the wall clock can be right.
func (s *Store) Clock() agent.Clock {
	return s.clock.look(s.cfg.Now(), time.UnixMilli(s.meta.Load().HighWater))
}
