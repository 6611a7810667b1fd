// Package routine is the scheduler of periodic work: it runs each routine at its times or when a person asks, one run of a
// routine at a time, and keeps the latest runs and their results in the store. Several missed times become one run. A clock
// that is set, a machine that slept and a day of 23 or 25 hours move a run and neither lose nor repeat it.
//
// It does not know what a routine does: cmd/internal/app hands the routines in as functions and calls [Book.Run]; the local
// API (agent/till/api) lists and starts them; the store keeps their runs.
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

// Routine is one kind of periodic work.
type Routine struct {
	Name  string
	Table Timetable
	Shop  bool // it works for all tills of the shop: only the primary till runs it
	Do    func(ctx context.Context, run *Run) error
}

// State of a run.
type State string

// The states of a run.
const (
	Running     State = "running"
	Done        State = "done"
	Failed      State = "failed"
	Interrupted State = "interrupted" // the agent ended during the run
)

// Report is the record of one run: its state, its figures and its errors.
type Report struct {
	ID        string           `json:"id"`
	Routine   string           `json:"routine"`
	Cause     string           `json:"cause"` // clock or person
	State     State            `json:"state"`
	StartedAt time.Time        `json:"started_at"`
	EndedAt   *time.Time       `json:"ended_at,omitempty"`
	Counts    map[string]int64 `json:"counts"`
	Errors    []string         `json:"errors"`         // at most 20, for people
	Data      any              `json:"data,omitempty"` // what else the routine reports, see [Run.SetData]
}

// Run is a run in progress. It is safe for concurrent use.
type Run struct {
	mu     sync.Mutex
	report Report
	asked  Asked
}

// Asked is what a person wants of a run. The zero value is a run as the clock starts it.
type Asked struct {
	Everything bool // process everything, not only what changed
	Confirmed  bool // take a load that is much smaller than the one before

	Folder string // of a load: where a person's file lies, instead of the configured source
}

// Everything reports whether the run must process everything, not only what changed: a person may ask for that.
func (r *Run) Everything() bool { return r.asked.Everything }

// Confirmed reports whether a person wants a load taken that is much smaller than the one before.
func (r *Run) Confirmed() bool { return r.asked.Confirmed }

// Folder is where a person's file lies that the run is to load; empty: the configured source.
func (r *Run) Folder() string { return r.asked.Folder }

// Count sets a figure of the run. Figures can be read while it runs.
func (r *Run) Count(name string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Counts[name] = int64(n)
}

// maxErrors bounds the errors of one report.
const maxErrors = 20

// Fault adds an error to the report; the run goes on and ends as failed.
func (r *Run) Fault(detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.report.Errors) < maxErrors {
		r.report.Errors = append(r.report.Errors, detail)
	}
}

// SetData sets the report's Data. It must be encodable as JSON.
func (r *Run) SetData(data any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Data = data
}

// snapshot copies the report as it is now.
func (r *Run) snapshot() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := r.report
	report.Counts, report.Errors = maps.Clone(report.Counts), slices.Clone(report.Errors)
	return report
}

// Config is what a Book needs.
type Config struct {
	Routines []Routine
	Records  Records
	Bucket   string        // of Records
	Primary  bool          // this till runs the shop's routines
	NewID    func() string // of a run
	Log      *slog.Logger
	Delay    time.Duration    // from the start to the first run of a routine that is not frequent, default 1 min
	Now      func() time.Time // default time.Now
}

// Records keeps the runs of each routine under its name.
type Records interface {
	Record(bucket, key string) ([]byte, uint64, error)
	Commit(ctx context.Context, change agent.Change) (agent.Committed, error)
}

// Book is the scheduler. It is safe for concurrent use.
type Book struct {
	cfg  Config
	wake chan struct{} // has a value when a run ended: the next time of its routine may be near

	mu      sync.Mutex
	pages   map[string]*page
	order   []string // the names, as configured
	running sync.WaitGroup
	ctx     context.Context // of Run; nil before Run
	stopped bool            // Run begins no more runs
	queued  []*page         // started by a person before Run, in this order
	begun   time.Time       // when Run began; only Run's goroutine uses it
}

// page is the state of one routine.
type page struct {
	Routine
	lastTick time.Time // the last time of the schedule that was served
	runs     []Report  // newest first
	current  *Run      // in progress or queued; nil: none
}

// New reads the runs that the store has. A run that was in progress when the agent ended becomes Interrupted.
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
	b := &Book{cfg: cfg, pages: make(map[string]*page), wake: make(chan struct{}, 1)}
	for _, r := range cfg.Routines {
		p := &page{Routine: r}
		if err := b.restore(p); err != nil {
			return nil, fmt.Errorf("routine %s: %w", r.Name, err)
		}
		b.pages[r.Name], b.order = p, append(b.order, r.Name)
	}
	return b, nil
}

// frequent reports whether the routine runs more often than once an hour. Frequent routines are light: they do not wait
// for Config.Delay, and a run that found nothing to do is not written to the store.
func (p *page) frequent() bool { return p.Table.Every > 0 && p.Table.Every < time.Hour }

// allowed reports whether this till runs the routine.
func (b *Book) allowed(p *page) bool { return b.cfg.Primary || !p.Shop }

// longestSleep bounds how long a clock that was set, or a machine that slept, goes unnoticed.
const longestSleep = time.Minute

// Run starts the queued runs, then each routine at its times, until ctx ends; then it waits for the runs in progress.
// Call it once.
func (b *Book) Run(ctx context.Context) error {
	b.begin(ctx)
	defer b.end()
	b.begun = b.cfg.Now()
	timer := time.NewTimer(longestSleep)
	defer timer.Stop()
	for {
		timer.Reset(min(b.tick(), longestSleep)) //nolint:contextcheck // a run lives as long as Run: its ctx is b.ctx
		select {
		case <-ctx.Done():
			return nil
		case <-b.wake:
		case <-timer.C:
		}
	}
}

// begin lets runs begin, those first that wait for it.
func (b *Book) begin(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ctx = ctx
	for _, p := range b.queued {
		b.execute(p) //nolint:contextcheck // it runs under b.ctx, which is ctx
	}
	b.queued = nil
}

// end lets no further run begin and waits for those in progress.
func (b *Book) end() {
	b.mu.Lock()
	b.stopped = true
	b.mu.Unlock()
	b.running.Wait()
}

// tick starts the routines that are due and returns the time until the next one is.
func (b *Book) tick() time.Duration {
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
		if ready := b.begun.Add(b.cfg.Delay); !p.frequent() && due.Before(ready) {
			due = ready
		}
		if !due.After(now) {
			p.lastTick = now
			b.start(p, "clock", Asked{})
			continue
		}
		wait = min(wait, due.Sub(now))
	}
	return max(wait, time.Millisecond)
}

// due returns when the routine is due; the zero time: never by the clock. A last tick in the future comes from a clock that
// was wrong and counts as now.
func (b *Book) due(p *page, now time.Time) time.Time {
	last := p.lastTick
	if last.IsZero() || last.After(now) {
		p.lastTick = now
		last = now
	}
	return p.Table.Next(last)
}

// start makes a run of a routine that has none. The run begins at once, or, before [Book.Run], with it. The caller holds mu.
func (b *Book) start(p *page, cause string, asked Asked) Report {
	p.current = &Run{asked: asked, report: Report{
		ID: b.cfg.NewID(), Routine: p.Name, Cause: cause, State: Running, StartedAt: b.cfg.Now().UTC(), Counts: map[string]int64{}, Errors: []string{},
	}}
	report := p.current.snapshot()
	if b.ctx == nil {
		b.queued = append(b.queued, p)
	} else {
		b.execute(p)
	}
	return report
}

// execute begins the current run of a routine. The caller holds mu.
func (b *Book) execute(p *page) {
	ctx, run := b.ctx, p.current
	b.running.Go(func() { b.run(ctx, p, run) })
}

// run executes a run and writes its result. The run counts as in progress until the result is written, so that whoever sees
// it ended can start the next one.
func (b *Book) run(ctx context.Context, p *page, run *Run) {
	if cause := run.report.Cause; cause == "person" || p.Shop {
		b.save(ctx, p, run.snapshot()) // a power cut during the run leaves it in the store, as interrupted
	}
	err := p.Do(ctx, run)
	report := run.snapshot()
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
	b.log(report, err)
	b.save(ctx, p, report)
	b.mu.Lock()
	p.current = nil
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// log writes the result of a run to the log.
func (b *Book) log(r Report, err error) {
	attrs := []any{"routine", r.Routine, "cause", r.Cause, "ms", r.EndedAt.Sub(r.StartedAt).Milliseconds()}
	for _, name := range slices.Sorted(maps.Keys(r.Counts)) {
		attrs = append(attrs, name, r.Counts[name])
	}
	switch r.State {
	case Interrupted:
		b.cfg.Log.Info("routine_interrupted", attrs...)
	case Failed:
		if err != nil { // else its faults are why, and the report has them
			attrs = append(attrs, "error", err)
		}
		b.cfg.Log.Error("routine_failed", append(attrs, "errors", len(r.Errors))...)
	case Running, Done:
		b.cfg.Log.Info("routine", attrs...)
	}
}
