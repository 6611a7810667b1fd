package simkit

import (
	"sync"
	"time"
)

// Clock is a simulated cloud's clock: the real one, moved by what [Clock.Advance] adds up to. It is safe for concurrent use.
type Clock struct {
	now func() time.Time

	mu   sync.Mutex
	skew time.Duration
}

// NewClock makes a clock over now. nil is the real time in the zone of the shops: clouds write it without a zone, and people
// compare it with a till's.
func NewClock(now func() time.Time) *Clock {
	if now == nil {
		zone := time.FixedZone("BRT", -3*3600)
		now = func() time.Time { return time.Now().In(zone) }
	}
	return &Clock{now: now}
}

// Now is the cloud's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Add(c.skew)
}

// Advance moves the clock; a negative time sets it back.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew += d
}

// Align undoes every Advance.
func (c *Clock) Align() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew = 0
}
