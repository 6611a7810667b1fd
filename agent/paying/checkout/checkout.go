// Package checkout takes payments through their steps: register, charge, watch, confirm. The intent of a step is on disk
// before the vendor is called, and its result is in the same commit as the next step, so that a restart goes on where it
// was and charges nothing twice. A waiting payment costs a place in one schedule and no goroutine.
//
// It knows no vendor's routes, which are a [payments.Provider]'s, and no rules of states, which are package payments'. It
// sends no sales of the loyalty cloud: package sender does. Its callers are till/api, for the till and for support, and
// the webhook's hints. It calls the providers and the store, through package records.
package checkout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments"
)

// Flow is how payments of a kind are made with a provider.
type Flow struct {
	Provider payments.Provider
	Vendor   string        // its name for people
	Poll     time.Duration // between two questions while a till waits, default 2 s
}

// FlowKey names a flow.
type FlowKey struct {
	Kind     payments.Kind
	Provider string
}

// Config is what the engine needs.
type Config struct {
	Store  records.Store
	Bucket string // of the store: payments by their id, and each till's request by its key
	Flows  map[FlowKey]Flow
	Alarms *agent.Alarms
	Log    *slog.Logger
	NewID  func() string

	PerSecond float64       // calls to one provider, default 10
	Parallel  int           // steps at a time with one provider, default 8
	Grace     time.Duration // from a charge's expiry until the payment counts as expired, default 10 s
	Linger    time.Duration // from the expiry on that the vendor is still asked now and then, default 10 min
	Keep      time.Duration // of personal data after a payment's end, default 7 days
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
	table  records.Table[payments.Payment]
	keys   records.Table[tillRequest] // in the same bucket
	lanes  map[string]*lane           // by provider
	kicked chan struct{}              // the schedule has changed

	mu      sync.Mutex
	entries map[string]*entry // payments that have a next step
	queue   schedule
}

// lane bounds the calls to one provider, so that a slow one does not hold up the others.
type lane struct {
	limit *rate.Limiter
	slots chan struct{}
}

// enter takes a slot if there is one. A quarter of the slots and of the rate is reserved for charges and confirms: a
// shopper who stands at the till for a code does not wait behind the questions about a thousand others.
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

// waitFor is how long after a GET a till counts as waiting (till-api.md section 3).
const waitFor = 30 * time.Second

// New reads the unfinished payments and schedules them: each is worked at once, late checks in their time.
func New(cfg Config) (*Engine, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, lanes: make(map[string]*lane), kicked: make(chan struct{}, 1), entries: make(map[string]*entry),
		table: records.Table[payments.Payment]{Store: cfg.Store, Bucket: cfg.Bucket},
		keys:  records.Table[tillRequest]{Store: cfg.Store, Bucket: cfg.Bucket},
	}
	for key := range cfg.Flows {
		e.lanes[key.Provider] = &lane{rate.NewLimiter(rate.Limit(cfg.PerSecond), max(1, int(cfg.PerSecond))), make(chan struct{}, cfg.Parallel)}
	}
	now := cfg.Now()
	err := e.each(func(p payments.Payment, version uint64) {
		if p.Step != payments.StepNone {
			at := now
			if p.State.Terminal() && p.NextAt.After(now) {
				at = p.NextAt // a check for late money
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
	return e.table.Each(func(row records.Row[payments.Payment]) error {
		if p, ok := paymentIn(row); ok {
			do(p, row.Version)
		}
		return nil
	})
}

// put makes a payment's entry, unless there is one.
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

// alarm raises or clears the one alarm of a payment.
func (e *Engine) alarm(p payments.Payment) {
	if !p.Attention {
		e.cfg.Alarms.Clear(agent.AlarmPayment, p.ID)
		return
	}
	e.cfg.Alarms.Raise(agent.Alarm{
		Code: agent.AlarmPayment, Subject: p.ID, Since: p.UpdatedAt,
		Detail: "O pagamento " + p.ID + " pede uma decisão. " + p.Detail + " Depois de resolver: pdvagent payments resolve.",
	})
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

// crowdedWait is how long a payment waits before it tries to enter its lane again; an attended one waits an eighth.
const crowdedWait = 400 * time.Millisecond
