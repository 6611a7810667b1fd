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

// CircuitConfig says when the circuit opens and how it is probed.
type CircuitConfig struct {
	Probe    func(ctx context.Context) agent.Outcome // required; must change nothing in the cloud
	Failures int                                     // in a row that open it, default 3
	MinPause time.Duration                           // before the first probe, default 1 s
	MaxPause time.Duration                           // between probes, default 15 s
	Log      *slog.Logger                            // required
	Now      func() time.Time                        // default time.Now
}

// Circuit is a circuit breaker for live calls: it opens after a run of failures, so that the next calls are answered at once
// without the cloud. A probe, never a till's call, tries whether the cloud is back and closes it. Until a live call has
// succeeded the first failure opens it again. Probes also tell, after the start, whether the cloud is there at all. It is safe for
// concurrent use.
type Circuit struct {
	cfg    CircuitConfig
	opened chan struct{} // wakes Run

	mu     sync.Mutex
	run    int // failures since the last live success
	open   bool
	since  time.Time // of the present state
	reason agent.Class
	pauses int           // pauses before a probe since the last live success
	silent bool          // no answer since the start
	outage *agent.Outage // the last one that ended
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
	return &Circuit{cfg: cfg, opened: make(chan struct{}, 1), since: cfg.Now(), silent: true}, nil
}

// Open tells that a live call is not worth a try.
func (c *Circuit) Open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// State gives the present state.
func (c *Circuit) State() agent.Circuit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return agent.Circuit{Open: c.open, Silent: c.silent, Since: c.since, Reason: c.reason, Outage: c.outage}
}

// failed tells that the cloud cannot be reached. An error by the cloud itself is an answer.
func failed(o agent.Outcome) bool {
	switch o.Class {
	case agent.ClassUnreachable, agent.ClassTimeout, agent.ClassBroken:
		return true
	case agent.ClassStatus:
		return o.Status >= 502 && o.Status <= 504
	}
	return false
}

// Note counts the outcome of a live call. Outcomes of queued jobs are not counted.
func (c *Circuit) Note(o agent.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !failed(o) {
		c.run, c.pauses = 0, 0
		c.heard(o)
		if c.close() {
			c.cfg.Log.Info("circuit_closed")
		}
		return
	}
	c.run++
	c.unheard(o)
	if c.open || c.run < c.cfg.Failures {
		return
	}
	c.open, c.reason = true, o.Class
	if !c.silent {
		c.since = c.cfg.Now()
	}
	c.cfg.Log.Warn("circuit_open", "class", o.Class, "status", o.Status, "detail", o.Detail, "failures", c.run)
	select {
	case c.opened <- struct{}{}:
	default:
	}
}

// heard notes an answer of the cloud itself; the first one ends its silence. The caller has the lock.
func (c *Circuit) heard(o agent.Outcome) {
	if !c.silent || o.Class == agent.ClassForeign {
		return
	}
	c.silent = false
	if !c.open {
		c.ended()
	}
}

// unheard notes why a cloud that has not answered since the start does not. The caller has the lock.
func (c *Circuit) unheard(o agent.Outcome) {
	if c.silent && !c.open {
		c.reason = o.Class
	}
}

// ended begins a time with the cloud. The caller has the lock.
func (c *Circuit) ended() {
	now := c.cfg.Now()
	if c.reason != "" {
		c.outage = &agent.Outage{From: c.since, To: now, Reason: c.reason}
	}
	c.since, c.reason = now, ""
}

// close closes the circuit and tells whether it was open. The caller has the lock.
func (c *Circuit) close() bool {
	was := c.open
	if was {
		c.open = false
		c.ended()
	}
	return was
}

// Run probes after the start until the cloud has answered, and while the circuit is open, until ctx ends.
func (c *Circuit) Run(ctx context.Context) error {
	for {
		for c.wanted() && c.pause(ctx) {
			if c.wanted() {
				c.probe(ctx)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.opened:
		}
	}
}

// wanted tells that a probe is worth its while.
func (c *Circuit) wanted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open || c.silent
}

func (c *Circuit) probe(ctx context.Context) {
	o := c.cfg.Probe(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !answered(o) || o.Class == agent.ClassForeign {
		c.unheard(o)
	}
	if !answered(o) {
		return
	}
	c.heard(o)
	if c.close() {
		c.cfg.Log.Info("cloud_answers_probe")
	}
}

// answered tells that there was an HTTP answer, which ends an outage even when its body cannot be read.
func answered(o agent.Outcome) bool { return o.Status != 0 }

// pause waits before the next probe: longer each time, and for a random part, so that tills do not probe together. False
// tells that ctx ended.
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
