package upstream

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"pdvagent/agent"
)

// CircuitConfig says when live calls are not worth a try.
type CircuitConfig struct {
	Probe    func(ctx context.Context) agent.Outcome // required; must do nothing in the cloud
	Failures int                                     // in a row that open it, default 3
	MinPause time.Duration                           // before the first probe, default 1 s
	MaxPause time.Duration                           // between probes, default 15 s
	Log      *slog.Logger                            // required
	Now      func() time.Time                        // default time.Now
}

// Circuit opens after a run of failures of calls that somebody waited for, so that the next ones are answered at once
// without the cloud. Nobody's call tries whether the cloud is back: a probe does. One that closed it without a live
// call having passed since opens again with the first failure. It is safe for concurrent use.
type Circuit struct {
	cfg    CircuitConfig
	opened chan struct{} // tells Run

	mu     sync.Mutex
	run    int // failures since the last live success
	open   bool
	since  time.Time // of the present state
	reason agent.Class
	pauses int // probes that failed, or that closed it for nothing
}

// NewCircuit fills defaults and checks. It starts closed.
func NewCircuit(cfg CircuitConfig) (*Circuit, error) {
	if cfg.Probe == nil || cfg.Log == nil {
		return nil, errors.New("upstream.CircuitConfig wants Probe and Log")
	}
	if cfg.Failures == 0 {
		cfg.Failures = 3
	}
	if cfg.MinPause == 0 {
		cfg.MinPause = time.Second
	}
	if cfg.MaxPause == 0 {
		cfg.MaxPause = 15 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Circuit{cfg: cfg, opened: make(chan struct{}, 1), since: cfg.Now()}, nil
}

// Open tells whether a live call is not worth a try.
func (c *Circuit) Open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// State gives how it stands now.
func (c *Circuit) State() agent.Circuit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return agent.Circuit{Open: c.open, Since: c.since, Reason: c.reason}
}

// failed tells whether an outcome says that the cloud cannot be spoken with. An error of the cloud's own is an answer.
func failed(o agent.Outcome) bool {
	switch o.Class {
	case agent.ClassUnreachable, agent.ClassTimeout, agent.ClassBroken:
		return true
	case agent.ClassStatus:
		return o.Status >= 502 && o.Status <= 504
	}
	return false
}

// Note counts the outcome of a live call. Outcomes of queued jobs are none of its matter.
func (c *Circuit) Note(o agent.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !failed(o) {
		c.run, c.pauses = 0, 0
		if c.close() {
			c.cfg.Log.Info("circuit_closed")
		}
		return
	}
	c.run++
	if c.open || c.run < c.cfg.Failures {
		return
	}
	c.open, c.since, c.reason = true, c.cfg.Now(), o.Class
	c.cfg.Log.Warn("circuit_open", "class", o.Class, "status", o.Status, "detail", o.Detail, "failures", c.run)
	select {
	case c.opened <- struct{}{}:
	default:
	}
}

// close is called with the lock held, and tells whether it was open.
func (c *Circuit) close() bool {
	was := c.open
	if was {
		c.open, c.since, c.reason = false, c.cfg.Now(), ""
	}
	return was
}

// Run probes while the circuit is open, until ctx ends.
func (c *Circuit) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.opened:
		}
		for c.Open() && c.pause(ctx) {
			if answered(c.cfg.Probe(ctx)) {
				c.mu.Lock()
				c.close()
				c.mu.Unlock()
				c.cfg.Log.Info("cloud_answers_probe")
			}
		}
	}
}

// answered takes any HTTP answer for the end of an outage, also one that cannot be read.
func answered(o agent.Outcome) bool { return o.Status != 0 }

// pause waits before the next probe, longer each time and never as long as the next till. False means that ctx ended.
func (c *Circuit) pause(ctx context.Context) bool {
	c.mu.Lock()
	limit := c.cfg.MinPause << min(c.pauses, 16)
	c.pauses++
	c.mu.Unlock()
	limit = min(limit, c.cfg.MaxPause)
	timer := time.NewTimer(limit/2 + rand.N(limit/2+1)) //nolint:gosec // spreads tills, hides nothing
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
