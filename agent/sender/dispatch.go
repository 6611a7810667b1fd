package sender

import (
	"context"
	"time"

	"pdvagent/agent"
)

// recheck is how soon a job that waits for a relative is looked at again without a sign; the relative's own settling
// by this sender is seen at once.
const recheck = time.Second

// longestYield bounds how long live calls in an endless row keep the queue waiting.
const longestYield = 500 * time.Millisecond

// dispatch starts what may start now and gives the time of the next look; zero means only on a sign. Jobs that a till
// waits for start always, the others only while no till waits for the cloud: then it gives the sign of its end, too.
func (s *Sender) dispatch(ctx context.Context) (<-chan struct{}, time.Time) {
	now := s.cfg.Now()
	s.unstrand(ctx, now)
	wake := s.urgentOnes(ctx, now)
	if idle, until := s.yield(now); idle != nil {
		return idle, sooner(wake, until)
	}
	return nil, s.drain(ctx, now, wake)
}

// yield gives the sign to wait for, and how long at most, while a till waits for the cloud.
func (s *Sender) yield(now time.Time) (<-chan struct{}, time.Time) {
	if s.cfg.Busy == nil {
		return nil, time.Time{}
	}
	idle := s.cfg.Busy()
	if idle == nil {
		s.yielded = time.Time{}
		return nil, time.Time{}
	}
	if s.yielded.IsZero() {
		s.yielded = now
	}
	if until := s.yielded.Add(longestYield); now.Before(until) {
		return idle, until
	}
	s.yielded = now // and once more
	return nil, time.Time{}
}

// drain starts what is due.
func (s *Sender) drain(ctx context.Context, now, wake time.Time) time.Time {
	for {
		slots, opens := s.slots(now)
		if slots == 0 {
			return sooner(wake, opens)
		}
		after, flows := s.backlogAt(now)
		jobs, next, err := s.cfg.Queue.Due(now, after, slots, s.skip(now))
		if err != nil {
			s.cfg.Log.Error("queue_unreadable", "error", err)
			return now.Add(s.cfg.RetryMin)
		}
		wake = sooner(sooner(sooner(sooner(wake, next), flows), opens), s.nextTrial(now))
		if len(jobs) == 0 {
			jobs = s.trialBeforeItsTime(now)
		}
		for _, job := range jobs {
			if s.skip(now)(job.Seq, job.Kind) {
				continue // the one before it is its route's trial
			}
			if !s.start(ctx, now, job) {
				return sooner(wake, now.Add(time.Duration(float64(time.Second)/s.cfg.PerSecond)))
			}
		}
		if len(jobs) < slots {
			return s.wakeForParked(now, wake)
		}
	}
}

// trialBeforeItsTime finds a job to try a link that is down with, when all of them wait for their own time: otherwise a
// link that came back would go unnoticed for half an hour.
func (s *Sender) trialBeforeItsTime(now time.Time) []agent.Job {
	s.mu.Lock()
	down := s.link.down
	s.mu.Unlock()
	if !down {
		return nil
	}
	const look = 16
	waiting, err := s.cfg.Queue.Retried(now, look)
	if err != nil {
		s.cfg.Log.Error("queue_unreadable", "error", err)
		return nil
	}
	for _, job := range waiting {
		if f := job.Status.Failure; (f == nil || !f.Asked) && !s.skip(now)(job.Seq, job.Kind) {
			return []agent.Job{job}
		}
	}
	return nil
}

// urgentOnes starts the jobs that a till waits for, whatever stands before them.
func (s *Sender) urgentOnes(ctx context.Context, now time.Time) time.Time {
	s.mu.Lock()
	seqs := make([]uint64, 0, len(s.urgent))
	for seq := range s.urgent {
		if _, busy := s.inFlight[seq]; !busy {
			seqs = append(seqs, seq)
		}
	}
	s.mu.Unlock()
	for _, seq := range seqs {
		if slots, opens := s.slots(now); slots == 0 {
			return opens
		}
		job, err := s.front(seq)
		if err != nil || job.Status.State != agent.Pending || job.Status.NotBefore.After(now) {
			continue
		}
		if !s.skip(now)(job.Seq, job.Kind) && !s.start(ctx, now, job) {
			return now.Add(time.Duration(float64(time.Second) / s.cfg.PerSecond))
		}
	}
	return time.Time{}
}

// front gives the job itself, or the one that must settle before it: a till that waits for a coupon waits for its
// confirm too.
func (s *Sender) front(seq uint64) (agent.Job, error) {
	const longestChain = 3 // cancellation, coupon, confirm
	var job agent.Job
	for range longestChain {
		var err error
		if job, err = s.cfg.Jobs.Job(seq); err != nil {
			return job, err
		}
		relatives, err := s.relatives(job)
		if err != nil {
			return job, err
		}
		step, blocker := agent.Follow(job, relatives)
		if step != agent.Wait {
			break
		}
		seq = blocker
	}
	return job, nil
}

// slots is how many deliveries may start now, and when that changes by itself.
func (s *Sender) slots(now time.Time) (int, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	free := s.cfg.Parallel - len(s.inFlight)
	for _, trial := range []struct {
		on bool
		at time.Time
	}{{s.link.down, s.link.nextTrial}, {s.auth != nil, s.authNext()}} {
		if !trial.on {
			continue
		}
		if now.Before(trial.at) {
			return 0, trial.at
		}
		if len(s.inFlight) > 0 {
			return 0, time.Time{} // its end is a sign
		}
		free = min(free, 1)
	}
	return max(free, 0), time.Time{}
}

func (s *Sender) authNext() time.Time {
	if s.auth == nil {
		return time.Time{}
	}
	return s.auth.next
}

// backlogAt gives the newest job of a backlog that must still wait, and until when. While the link is down a trial may
// be any job.
func (s *Sender) backlogAt(now time.Time) (uint64, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.backlog.until) && !s.link.down && s.auth == nil {
		return s.backlog.last, s.backlog.until
	}
	return 0, time.Time{}
}

// skip names the jobs that must not start now.
func (s *Sender) skip(now time.Time) func(uint64, agent.Kind) bool {
	return func(seq uint64, kind agent.Kind) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, busy := s.inFlight[seq]; busy {
			return true
		}
		if parked, ok := s.parked[seq]; ok {
			if now.Before(parked.until) {
				return true
			}
			delete(s.parked, seq)
		}
		r := s.routes[kind]
		if r == nil || r.pause == nil {
			return false
		}
		return now.Before(r.pause.next) || s.kindBusy(kind)
	}
}

func (s *Sender) kindBusy(kind agent.Kind) bool {
	for _, busy := range s.inFlight {
		if busy == kind {
			return true
		}
	}
	return false
}

// nextTrial is when the soonest paused route may be tried.
func (s *Sender) nextTrial(now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var next time.Time
	for _, r := range s.routes {
		if r.pause != nil && r.pause.next.After(now) {
			next = sooner(next, r.pause.next)
		}
	}
	return next
}

// wakeForParked is when the next parked job may be looked at. Those whose time is over are forgotten: who was not looked
// at then has settled elsewhere.
func (s *Sender) wakeForParked(now, wake time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for seq, parked := range s.parked {
		if !parked.until.After(now) {
			delete(s.parked, seq)
			continue
		}
		wake = sooner(wake, parked.until)
	}
	return wake
}

// start looks at a job's relatives and begins its delivery, or puts it aside. False means that the pace allows no more
// for now.
func (s *Sender) start(ctx context.Context, now time.Time, job agent.Job) bool {
	relatives, err := s.relatives(job)
	if err != nil {
		s.cfg.Log.Error("relatives_unreadable", "seq", job.Seq, "error", err)
		s.park(job.Seq, parking{until: now.Add(s.cfg.RetryMin)})
		return true
	}
	work := s.deliver
	switch step, blocker := agent.Follow(job, relatives); step {
	case agent.Wait:
		s.park(job.Seq, parking{now.Add(recheck), blocker})
		return true
	case agent.Annul:
		work = func(ctx context.Context, job agent.Job) error { return s.annul(ctx, job, agent.ReasonNothingTo) }
	case agent.Go:
		if !s.limiter.AllowN(now, 1) {
			return false
		}
	}
	s.begin(job)
	s.workers.Go(func() { s.end(job, work(ctx, job)) })
	return true
}

func (s *Sender) relatives(job agent.Job) ([]agent.Job, error) {
	var all []agent.Job
	var groups []string
	switch {
	case job.Kind == agent.KindCoupon, job.Kind == agent.KindCouponCancellation:
		groups = append(groups, agent.CouponGroup(job.Coupon))
		if job.Session != "" {
			groups = append(groups, agent.SessionGroup(job.Session))
		}
	case job.Kind.Load() && job.After != "":
		groups = append(groups, job.After)
	}
	for _, group := range groups {
		jobs, err := s.cfg.Jobs.Group(group)
		if err != nil {
			return nil, err
		}
		all = append(all, jobs...)
	}
	return all, nil
}

func (s *Sender) begin(job agent.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight[job.Seq] = job.Kind
	trial := s.cfg.Now().Add(s.cfg.RetryMax) // of what is paused, unless this one ends the pause
	if s.auth != nil {
		s.auth.next = trial
	}
	if r := s.routes[job.Kind]; r != nil && r.pause != nil {
		r.pause.next = trial
	}
}

// end takes the job from flight. A failure that could not even be written keeps it aside for a moment.
func (s *Sender) end(job agent.Job, err error) {
	s.mu.Lock()
	delete(s.inFlight, job.Seq)
	for seq, parked := range s.parked {
		if parked.blocker == job.Seq {
			delete(s.parked, seq)
		}
	}
	s.mu.Unlock()
	if err != nil {
		s.cfg.Log.Error("delivery_not_recorded", "seq", job.Seq, "kind", job.Kind, "error", err)
		s.park(job.Seq, parking{until: s.cfg.Now().Add(s.cfg.RetryMin)})
	}
	s.wakeUp()
}

func (s *Sender) park(seq uint64, p parking) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parked[seq] = p
}

// sooner gives the earlier of two times; zero means never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
