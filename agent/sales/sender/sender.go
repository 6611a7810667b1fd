// Package sender drains the queue: it prepares each due job, notes the attempt on disk, delivers the job, and settles it by
// the cloud's answer. It decides when and whether a job is sent, never what: the bytes come from the job and from Prepare.
// Its memory may be lost: after a restart the cloud's answers lead to the same pauses.
//
// The wiring runs it; till/api asks it to hurry, resume and show the link. It calls the queue, the cloud and the preparer
// (package loyalty) through interfaces of its own, and raises alarms.
package sender

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"pdvagent/agent"
)

// Queue is the store's part that holds the jobs. package store documents its methods.
type Queue interface {
	Due(now time.Time, after uint64, limit int, skip func(uint64, agent.Kind) bool) ([]agent.Job, time.Time, error)
	Retried(now time.Time, limit int) ([]agent.Job, error)
	LastSeq() uint64
	Changed() <-chan struct{} // closed after the next commit

	Job(seq uint64) (agent.Job, error)
	Unique(kind agent.Kind, group string) (agent.Job, error)
	Group(name string) ([]agent.Job, error)
	Wire(seq uint64, revision int) ([]byte, error)
	Commit(ctx context.Context, change agent.Change) (agent.Committed, error)
}

// Cloud delivers a body once.
type Cloud interface {
	Deliver(ctx context.Context, kind agent.Kind, dialect agent.Dialect, body []byte) agent.Outcome
}

// Preparer gives the bytes that go up for a job before its first attempt; they are frozen then.
type Preparer interface {
	Prepare(ctx context.Context, job agent.Job) ([]byte, error)
}

// Config is what a sender needs.
type Config struct {
	Queue    Queue
	Cloud    Cloud
	Preparer Preparer
	Alarms   *agent.Alarms
	Log      *slog.Logger

	// Busy gives a channel that closes when no till waits for the cloud any more, or nil when none does: live calls go
	// first. Optional.
	Busy func() <-chan struct{}

	// Later is called with the reason for each delivery that is to be repeated; it must not block. Optional.
	Later func(agent.Class)

	Parallel    int            // deliveries at the same time, default 4
	PerSecond   float64        // deliveries per second, default 20
	RetryMin    time.Duration  // wait after the first failure, default 5 s
	RetryMax    time.Duration  // longest wait, and the time between trials of what is paused, default 30 min
	StartJitter time.Duration  // longest wait of a backlog after the start or the cloud's return, default 1 min
	Conflict    CouponConflict // default auto

	Now func() time.Time // default time.Now
}

func (c *Config) fill() error {
	if c.Queue == nil || c.Cloud == nil || c.Preparer == nil || c.Alarms == nil || c.Log == nil {
		return errors.New("sender.Config wants Queue, Cloud, Preparer, Alarms and Log")
	}
	if c.Later == nil {
		c.Later = func(agent.Class) {}
	}
	if c.Parallel == 0 {
		c.Parallel = 4
	}
	if c.PerSecond == 0 {
		c.PerSecond = 20
	}
	if c.RetryMin == 0 {
		c.RetryMin = 5 * time.Second
	}
	if c.RetryMax == 0 {
		c.RetryMax = 30 * time.Minute
	}
	if c.StartJitter == 0 {
		c.StartJitter = time.Minute
	}
	if c.Conflict == "" {
		c.Conflict = ConflictAuto
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.RetryMin < 0 || c.RetryMax < c.RetryMin || c.Parallel < 0 || c.PerSecond < 0 {
		return errors.New("sender.Config: times and rates must not be negative, RetryMax not below RetryMin")
	}
	return nil
}

// Sender is the engine. Run it once.
type Sender struct {
	cfg     Config
	limiter *rate.Limiter
	wake    chan struct{} // something other than the store changed
	workers sync.WaitGroup
	yielded time.Time // since when live calls go first; only Run uses it

	unstranded time.Time // when stranded jobs were last looked for; only Run uses it

	mu         sync.Mutex
	delivering context.Context // of deliveries; nil unless Run runs
	inFlight   map[uint64]agent.Kind
	promised   map[naturalKey]promise
	parked     map[uint64]parking // wait for a relative, or after an error of the agent
	urgent     map[uint64]int     // a till waits for these; the number of tills
	backlog    backlog
	link       link
	auth       *pause
	routes     map[agent.Kind]*route
	twin       twin
	tentative  bool   // see SetTentative
	era        uint64 // of calls to the cloud: a new one begins with each change of tentative
}

// parking is until when a job is not started, and the job whose end ends that sooner.
type parking struct {
	until   time.Time
	blocker uint64
}

// backlog is the jobs that were queued when the agent started or the cloud came back. They wait for a random time, so that a
// chain of shops does not overload the cloud. Later jobs do not wait.
type backlog struct {
	last  uint64 // its newest job
	until time.Time
}

// New checks the configuration and fills its defaults.
func New(cfg Config) (*Sender, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	s := &Sender{
		cfg:      cfg,
		limiter:  rate.NewLimiter(rate.Limit(cfg.PerSecond), burst(cfg.PerSecond, cfg.Parallel)),
		wake:     make(chan struct{}, 1),
		inFlight: make(map[uint64]agent.Kind),
		promised: make(map[naturalKey]promise),
		parked:   make(map[uint64]parking),
		urgent:   make(map[uint64]int),
		routes:   make(map[agent.Kind]*route),
	}
	s.link.since = cfg.Now()
	return s, nil
}

// grace bounds deliveries under way when the agent stops.
const grace = 5 * time.Second

// Run drains the queue until ctx ends, then waits up to 5 seconds for the deliveries under way.
func (s *Sender) Run(ctx context.Context) error {
	delivering, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	s.startBacklog(s.cfg.Now())
	s.mu.Lock()
	s.twin.last, s.delivering = s.backlog.last, delivering
	s.mu.Unlock()
	for ctx.Err() == nil {
		changed := s.cfg.Queue.Changed()
		idle, until := s.dispatch(delivering)
		s.sleep(ctx, changed, idle, until)
	}
	s.mu.Lock()
	s.delivering = nil
	s.mu.Unlock()
	timer := time.AfterFunc(grace, cut)
	defer timer.Stop()
	s.workers.Wait()
	return nil
}

// sleep ends with ctx, a commit, a wake-up, the end of the live calls, or at a time; the zero time is never.
func (s *Sender) sleep(ctx context.Context, changed, idle <-chan struct{}, until time.Time) {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(max(until.Sub(s.cfg.Now()), time.Millisecond))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-changed:
	case <-idle:
	case <-s.wake:
	case <-due:
	}
}

// SetPace sets the deliveries per second from now on.
func (s *Sender) SetPace(perSecond float64) {
	s.limiter.SetLimit(rate.Limit(perSecond))
	s.limiter.SetBurst(burst(perSecond, s.cfg.Parallel))
}

func burst(perSecond float64, parallel int) int { return max(parallel, int(perSecond/4)) }

func (s *Sender) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Hurry starts a job before the backlog because a till waits for it. Call the result when it waits no more.
func (s *Sender) Hurry(seq uint64) (done func()) {
	s.mu.Lock()
	s.urgent[seq]++
	s.mu.Unlock()
	s.wakeUp()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.urgent[seq]--; s.urgent[seq] <= 0 {
			delete(s.urgent, seq)
		}
	}
}

// Resume tries at once what is paused or waits, because a person asked or the configuration changed.
func (s *Sender) Resume() {
	s.mu.Lock()
	s.link.nextTrial = time.Time{}
	if s.auth != nil {
		s.auth.next = time.Time{}
	}
	for _, r := range s.routes {
		if r.pause != nil {
			r.pause.next = time.Time{}
		}
	}
	s.backlog.until = time.Time{}
	clear(s.parked)
	s.mu.Unlock()
	s.wakeUp()
}

func (s *Sender) startBacklog(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backlog = backlog{last: s.cfg.Queue.LastSeq(), until: now.Add(jitter(s.cfg.StartJitter))}
}
