// Package checkout takes payments through their steps: register, charge, watch, confirm. What a step is about to do is on
// disk before the vendor hears of it, and its result in the same commit as what follows, so that a restart goes on where
// it was and repeats no code. A payment that waits costs a place in one schedule and no goroutine. It knows no vendor's
// routes; what a payment is, package payments says. Sales of the loyalty cloud are package sender's.
package checkout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"pdvagent/agent"
	"pdvagent/payments"
)

// Store is where payments are.
type Store interface {
	Commit(ctx context.Context, change agent.Change) (agent.Committed, error)
	Record(bucket, key string) ([]byte, uint64, error)
	Records(bucket string, after []byte, limit int) ([]agent.Value, []byte, error)
}

// Flow is how payments of a kind are made with a provider.
type Flow struct {
	Provider payments.Provider
	Vendor   string        // its name for people
	Poll     time.Duration // between two questions while somebody waits, default 2 s
}

// FlowKey names a flow.
type FlowKey struct {
	Kind     payments.Kind
	Provider string
}

// Config is what the engine needs.
type Config struct {
	Store  Store
	Bucket string // of the store
	Flows  map[FlowKey]Flow
	Alarms *agent.Alarms
	Log    *slog.Logger
	NewID  func() string

	PerSecond float64       // calls to one provider, default 10
	Parallel  int           // steps at a time with one provider, default 8
	Grace     time.Duration // after the expiry until a charge counts as expired, default 10 s
	Linger    time.Duration // after the expiry that it is still asked now and then, default 10 min
	Keep      time.Duration // personal data of what has ended, default 7 days
	Now       func() time.Time
}

func (c *Config) fill() error {
	if c.Store == nil || c.Bucket == "" || len(c.Flows) == 0 || c.Alarms == nil || c.Log == nil || c.NewID == nil {
		return errors.New("checkout.Config wants Store, Bucket, Flows, Alarms, Log and NewID")
	}
	if c.PerSecond == 0 {
		c.PerSecond = 10
	}
	if c.Parallel == 0 {
		c.Parallel = 8
	}
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	if c.Linger == 0 {
		c.Linger = 10 * time.Minute
	}
	if c.Keep == 0 {
		c.Keep = 7 * 24 * time.Hour
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Engine makes payments. It is safe for concurrent use.
type Engine struct {
	cfg    Config
	lanes  map[string]*lane // by provider
	kicked chan struct{}    // the schedule has changed

	mu      sync.Mutex
	entries map[string]*entry // what is not finished, or was asked for a moment ago
	queue   schedule
}

// lane bounds what is asked of one provider: one that is slow does not hold up another.
type lane struct {
	limit *rate.Limiter
	slots chan struct{}
}

// enter takes a place if there is one. A quarter of what there is is kept for charges and confirms: who stands at the till
// for a code does not wait behind the questions about a thousand others.
func (l *lane) enter(now time.Time, step payments.Step) bool {
	burst := float64(l.limit.Burst())
	if step == payments.StepWatch && (l.limit.TokensAt(now) < min(1+burst/4, burst) || len(l.slots) >= max(cap(l.slots)*3/4, 1)) {
		return false
	}
	select {
	case l.slots <- struct{}{}:
	default:
		return false
	}
	if !l.limit.AllowN(now, 1) {
		<-l.slots
		return false
	}
	return true
}

// entry is one payment at work.
type entry struct {
	id       string
	provider string

	turn agent.Gate // of who writes: held for a commit, never for a call

	mu      sync.Mutex // of what follows; held for moments
	p       payments.Payment
	version uint64
	changed chan struct{} // closed with the next commit

	// Of the schedule, under the engine's lock.
	at      time.Time
	place   int // in the heap; -1: not in it
	busy    bool
	again   bool      // somebody wants it at once, and it is busy
	waiting time.Time // somebody waits until then
}

func newEntry(p payments.Payment, version uint64) *entry {
	return &entry{id: p.ID, provider: p.Provider, p: p, version: version, turn: agent.NewGate(), changed: make(chan struct{}), place: -1}
}

// waitFor is how long a GET counts as somebody who waits (till-api.md section 3).
const waitFor = 30 * time.Second

// New reads what is unfinished: all of it is asked at once.
func New(cfg Config) (*Engine, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, lanes: make(map[string]*lane), kicked: make(chan struct{}, 1), entries: make(map[string]*entry),
	}
	for key := range cfg.Flows {
		e.lanes[key.Provider] = &lane{rate.NewLimiter(rate.Limit(cfg.PerSecond), max(1, int(cfg.PerSecond))), make(chan struct{}, cfg.Parallel)}
	}
	now := cfg.Now()
	err := e.each(func(p payments.Payment, version uint64) {
		if p.Step != payments.StepNone {
			at := now
			if p.State.Terminal() && p.NextAt.After(now) {
				at = p.NextAt // money that comes late is looked for in its own time
			}
			e.put(p, version, at)
		}
		if p.Attention {
			e.alarm(p)
		}
	})
	return e, err
}

// each reads every payment.
func (e *Engine) each(do func(payments.Payment, uint64)) error {
	const page = 256
	for after := []byte(nil); ; {
		values, next, err := e.cfg.Store.Records(e.cfg.Bucket, after, page)
		if err != nil {
			return err
		}
		for _, value := range values {
			if p, ok := decode(value.Data); ok {
				do(p, value.Version)
			}
		}
		if after = next; next == nil {
			return nil
		}
	}
}

func (e *Engine) put(p payments.Payment, version uint64, at time.Time) *entry {
	en := newEntry(p, version)
	e.mu.Lock()
	defer e.mu.Unlock()
	if there := e.entries[p.ID]; there != nil {
		return there
	}
	e.entries[p.ID] = en
	if p.Step != payments.StepNone {
		e.schedule(en, at)
	}
	return en
}

// alarm raises or ends the one alarm of a payment.
func (e *Engine) alarm(p payments.Payment) {
	if !p.Attention {
		e.cfg.Alarms.Clear(agent.AlarmPayment, p.ID)
		return
	}
	e.cfg.Alarms.Raise(agent.Alarm{
		Code: agent.AlarmPayment, Subject: p.ID, Since: p.UpdatedAt,
		Detail: "O pagamento " + p.ID + " pede uma decisão (" + string(p.State) + "). " + p.Detail + " Depois de resolver: pdvagent payments resolve.",
	})
}

// change writes what do makes of a payment as it is now, and tells who waits. Nothing is written where do gives an error.
func (e *Engine) change(ctx context.Context, en *entry, do func(*payments.Payment) error, more ...agent.Record) error {
	en.turn.Lock()
	defer en.turn.Unlock()
	before, version := en.now()
	next := clone(before)
	if err := do(&next); err != nil {
		return err
	}
	raw, event, err := encode(next)
	if err != nil {
		return err
	}
	change := agent.Change{
		Puts:   append([]agent.Record{{Bucket: e.cfg.Bucket, Key: next.ID, Value: raw, IfVersion: version}}, more...),
		Events: []agent.Event{event},
	}
	if version > 0 && next.State == before.State && next.Attention == before.Attention {
		change.Events = nil // nothing that others see
	}
	if _, err := e.cfg.Store.Commit(context.WithoutCancel(ctx), change); err != nil {
		e.reload(en)
		return err
	}
	if version == 0 || next.Attention != before.Attention {
		e.alarm(next)
	}
	en.mu.Lock()
	defer en.mu.Unlock()
	en.p, en.version = next, version+1
	close(en.changed)
	en.changed = make(chan struct{})
	return nil
}

// reload takes a payment from the disk after a commit whose fate is not known: it may have been written.
func (e *Engine) reload(en *entry) {
	raw, version, err := e.cfg.Store.Record(e.cfg.Bucket, en.id)
	if err != nil {
		return // nothing was, or nothing can be read just now
	}
	if p, ok := decode(raw); ok {
		en.mu.Lock()
		defer en.mu.Unlock()
		en.p, en.version = p, version
	}
}

// now gives a payment as it is, and the version that it has on disk.
func (en *entry) now() (payments.Payment, uint64) {
	en.mu.Lock()
	defer en.mu.Unlock()
	return clone(en.p), en.version
}

func (en *entry) step() payments.Step {
	en.mu.Lock()
	defer en.mu.Unlock()
	return en.p.Step
}

// next gives a channel that is closed with the next commit, and the payment before it.
func (en *entry) next() (payments.Payment, <-chan struct{}) {
	en.mu.Lock()
	defer en.mu.Unlock()
	return clone(en.p), en.changed
}

// Run works until ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	var working sync.WaitGroup
	defer working.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		en, wait := e.next()
		if en == nil {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-e.kicked:
			case <-ctx.Done():
				return nil
			}
			continue
		}
		lane := e.lanes[en.provider]
		if lane == nil { // no longer configured
			e.postpone(en, time.Hour)
			continue
		}
		if !lane.enter(e.cfg.Now(), en.step()) {
			e.postpone(en, crowdedWait)
			continue
		}
		working.Go(func() {
			defer func() { <-lane.slots }()
			e.work(ctx, en)
		})
	}
}

// crowdedWait is how long a payment waits for its turn with a provider; one that somebody waits for comes sooner.
const crowdedWait = 400 * time.Millisecond
