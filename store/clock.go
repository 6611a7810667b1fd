package store

import (
	"sync"
	"time"

	"pdvagent/agent"
)

const (
	backAllowed  = 5 * time.Minute
	aheadAllowed = 10 * time.Minute

	// rightAllowed is how far ahead of the time that passed a clock may be that was behind before: somebody sets it right.
	rightAllowed = 24 * time.Hour

	// lastYear is after the end of every machine of today: a later year is a flat battery's, also where there is nothing to compare with.
	lastYear = 2069
)

// clock judges the wall clock (store.md 10): by the latest time of a commit, and by the monotonic clock.
type clock struct {
	mu        sync.Mutex
	reference time.Time // a plausible reading, with its monotonic part; zero while there is none
	late      bool      // it was behind since then
	state     agent.Clock

	passed func(from, to time.Time) time.Duration // by the monotonic clock; default to.Sub(from)
}

// judge judges a reading. highest is the latest wall clock on disk.
func (c *clock) judge(now, highest time.Time) agent.Clock {
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

// off is by how much a reading is wrong, 0 for a plausible one.
func (c *clock) off(now, highest time.Time) time.Duration {
	if behind := now.Round(0).Sub(highest); behind < -backAllowed {
		c.late = true
		return behind
	}
	if now.Year() > lastYear {
		return now.Round(0).Sub(highest)
	}
	if c.reference.IsZero() {
		c.reference = now
		return 0
	}
	passed := now.Sub(c.reference)
	if c.passed != nil {
		passed = c.passed(c.reference, now)
	}
	by := jump(now.Round(0).Sub(c.reference.Round(0)), passed)
	if c.late && by <= rightAllowed { // setting it right is a jump, and no fault; to set it to another year is
		c.reference, c.late, by = now, false, 0
	}
	return by
}

// jump is the difference between the wall clock's step and the time that passed, 0 while it is small enough.
func jump(wall, passed time.Duration) time.Duration {
	if by := wall - passed; by < -backAllowed || by > aheadAllowed {
		return by
	}
	return 0
}

// Clock tells whether the wall clock is plausible.
func (s *Store) Clock() agent.Clock {
	return s.clock.judge(s.cfg.Now(), time.UnixMilli(s.meta.Load().HighWater))
}
