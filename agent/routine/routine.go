// Package routine keeps the timetable: what runs by the clock, its last run and result on disk, and what a person starts
// now. One run of a routine at a time; ticks that were missed are one; a clock that jumps, a machine that slept and a day
// with another length change nothing but the moment. What a routine does is the business of the package that brings it.
package routine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"pdvagent/agent"
)

// Routine is one line of the timetable.
type Routine struct {
	Name  string
	Table Timetable
	Shop  bool // the whole shop's: only on the primary till
	Do    func(ctx context.Context, run *Run) error
}

// State of a run.
type State string

// The states of a run.
const (
	Running     State = "running"
	Done        State = "done"
	Failed      State = "failed"
	Interrupted State = "interrupted" // the agent ended in its middle
)

// Report is one run: what it counted and what went wrong.
type Report struct {
	ID        string           `json:"id"`
	Routine   string           `json:"routine"`
	Cause     string           `json:"cause"` // clock or person
	State     State            `json:"state"`
	StartedAt time.Time        `json:"started_at"`
	EndedAt   *time.Time       `json:"ended_at,omitempty"`
	Counts    map[string]int64 `json:"counts"`
	Errors    []string         `json:"errors"`         // in Portuguese, some of them
	Data      any              `json:"data,omitempty"` // more, by routine
}

// Run is one that is under way. It is safe for concurrent use.
type Run struct {
	mu     sync.Mutex
	report Report
	full   bool // a person wants everything
}

// Everything tells whether a person asked for everything, not just for what changed.
func (r *Run) Everything() bool { return r.full }

// Count sets a figure of the run, for those who watch.
func (r *Run) Count(name string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Counts[name] = int64(n)
}

// Fault notes what went wrong with a part of it; the run counts as failed.
func (r *Run) Fault(detail string) {
	const most = 20
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.report.Errors) < most {
		r.report.Errors = append(r.report.Errors, detail)
	}
}

// Tell keeps more about the run.
func (r *Run) Tell(data any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Data = data
}

func (r *Run) now() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := r.report
	report.Counts, report.Errors = maps.Clone(report.Counts), slices.Clone(report.Errors)
	return report
}

// Config is what a book of routines needs.
type Config struct {
	Routines []Routine
	Records  Records
	Bucket   string // of the store
	Primary  bool   // this till does what is the whole shop's
	NewID    func() string
	Log      *slog.Logger
	Delay    time.Duration    // after the start before what was missed meanwhile, default 1 min: first the shop opens
	Now      func() time.Time // default time.Now
}

// Records is where runs are kept.
type Records interface {
	Record(bucket, key string) ([]byte, uint64, error)
	Commit(ctx context.Context, change agent.Change) (agent.Committed, error)
}

// Book is the timetable at work.
type Book struct {
	cfg  Config
	kick chan struct{}

	mu      sync.Mutex
	pages   map[string]*page
	order   []string
	running sync.WaitGroup
	ctx     context.Context // of Run; nil before and after it
	begun   time.Time       // Run's own
}

// page is what is known of one routine.
type page struct {
	Routine
	lastTick time.Time // of the clock that was served
	runs     []Report  // newest first
	current  *Run
}

// New reads what earlier runs left.
func New(cfg Config) (*Book, error) {
	if cfg.Records == nil || cfg.Bucket == "" || cfg.NewID == nil || cfg.Log == nil {
		return nil, errors.New("routine.Config wants Records, Bucket, NewID and Log")
	}
	if cfg.Delay == 0 {
		cfg.Delay = time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	b := &Book{cfg: cfg, pages: make(map[string]*page), kick: make(chan struct{}, 1)}
	for _, r := range cfg.Routines {
		p := &page{Routine: r}
		if err := b.remember(p); err != nil {
			return nil, fmt.Errorf("routine %s: %w", r.Name, err)
		}
		b.pages[r.Name], b.order = p, append(b.order, r.Name)
	}
	return b, nil
}

// heavy tells what is worth a wait after the start.
func (p *page) heavy() bool { return p.Table.Every == 0 || p.Table.Every >= time.Hour }

// allowed tells whether the routine is this till's.
func (b *Book) allowed(p *page) bool { return b.cfg.Primary || !p.Shop }

// longestSleep bounds how long a clock that was set, or a machine that slept, goes unnoticed.
const longestSleep = time.Minute

// Run serves the clock until ctx ends, then lets the runs at hand end.
func (b *Book) Run(ctx context.Context) error {
	b.mu.Lock()
	b.ctx = ctx
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.ctx = nil
		b.mu.Unlock()
		b.running.Wait()
	}()
	b.begun = b.cfg.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.kick:
		case <-timer.C:
		}
		timer.Reset(min(b.tick(ctx), longestSleep))
	}
}

// tick starts what is due, and gives how long it is to the next.
func (b *Book) tick(ctx context.Context) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, wait := b.cfg.Now(), longestSleep
	for _, name := range b.order {
		p := b.pages[name]
		if !b.allowed(p) || p.current != nil {
			continue
		}
		due := b.due(p, now)
		if due.IsZero() {
			continue
		}
		if ready := b.begun.Add(b.cfg.Delay); p.heavy() && due.Before(ready) {
			due = ready
		}
		if !due.After(now) {
			p.lastTick = now
			b.start(ctx, p, "clock", false)
			continue
		}
		wait = min(wait, due.Sub(now))
	}
	return max(wait, time.Millisecond)
}

// due is when the routine is due. A last run in the future is a clock's that was wrong: it counts as now.
func (b *Book) due(p *page, now time.Time) time.Time {
	last := p.lastTick
	if last.IsZero() || last.After(now) {
		p.lastTick = now
		last = now
	}
	return p.Table.Next(last)
}

// start begins a run. It is called with the lock held.
func (b *Book) start(ctx context.Context, p *page, cause string, everything bool) Report {
	run := &Run{full: everything, report: Report{
		ID: b.cfg.NewID(), Routine: p.Name, Cause: cause, State: Running, StartedAt: b.cfg.Now().UTC(), Counts: map[string]int64{}, Errors: []string{},
	}}
	p.current = run
	b.running.Go(func() { b.run(ctx, p, run) })
	return run.now()
}

// run does it, and keeps what it said. Until that is kept it is told as running: who sees its end can start the next one.
func (b *Book) run(ctx context.Context, p *page, run *Run) {
	if cause := run.report.Cause; cause == "person" || p.Shop {
		b.keep(ctx, p, run.now()) // so that an end of the agent in its middle is seen
	}
	err := p.Do(ctx, run)
	report := run.now()
	ended := b.cfg.Now().UTC()
	report.EndedAt, report.State = &ended, Done
	if err != nil {
		report.Errors = append(report.Errors, agent.Sentence(err))
	}
	if len(report.Errors) > 0 {
		report.State = Failed
	}
	if ctx.Err() != nil && err != nil {
		report.State = Interrupted
	}
	b.say(report, err)
	b.keep(ctx, p, report)
	b.mu.Lock()
	p.current = nil
	b.mu.Unlock()
	select { // its next time may be soon
	case b.kick <- struct{}{}:
	default:
	}
}

func (b *Book) say(r Report, err error) {
	attrs := []any{"routine", r.Routine, "cause", r.Cause, "ms", r.EndedAt.Sub(r.StartedAt).Milliseconds()}
	for _, name := range slices.Sorted(maps.Keys(r.Counts)) {
		attrs = append(attrs, name, r.Counts[name])
	}
	switch r.State {
	case Interrupted:
		b.cfg.Log.Info("routine_interrupted", attrs...)
	case Failed:
		b.cfg.Log.Error("routine_failed", append(attrs, "errors", len(r.Errors), "error", err)...)
	case Running, Done:
		b.cfg.Log.Info("routine", attrs...)
	}
}
