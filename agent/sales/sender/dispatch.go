package sender

import (
	"context"
	"time"

	"pdvagent/agent"
)

// recheck is how soon a job that waits for a relative is looked at again. The end of the relative's delivery ends the wait at
// once.
const recheck = time.Second

// longestYield bounds how long live calls without a break keep the queue waiting.
const longestYield = 500 * time.Millisecond

// dispatch starts the jobs that may start now and gives the time of the next look; the zero time is never. While a till waits
// for the cloud only jobs that a till waits for start, and dispatch gives the channel that closes when none does.
func (s *Sender) dispatch(ctx context.Context) (<-chan struct{}, time.Time) {
	now := s.cfg.Now()
	s.unstrand(ctx, now)
	wake := s.startUrgent(ctx, now)
	if idle, until := s.yield(now); idle != nil {
		return idle, earlier(wake, until)
	}
	return nil, s.drain(ctx, now, wake)
}

// yield gives the channel to wait for, and until when, while a till waits for the cloud.
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
	s.yielded = now // the next yield begins
	return nil, time.Time{}
}

// drain starts the jobs that are due and gives the time of the next look.
func (s *Sender) drain(ctx context.Context, now, wake time.Time) time.Time {
	for {
		slots, opens := s.slots(now)
		if slots == 0 {
			return earlier(wake, opens)
		}
		after, flows := s.backlogAt(now)
		jobs, next, err := s.cfg.Queue.Due(now, after, slots, s.skip(now))
		if err != nil {
			s.cfg.Log.Error("queue_unreadable", "error", err)
			return now.Add(s.cfg.RetryMin)
		}
		wake = earlier(earlier(earlier(earlier(wake, next), flows), opens), s.nextTrial(now))
		if len(jobs) == 0 {
			jobs = s.earlyTrial(now)
		}
		for _, job := range jobs {
			if s.skip(now)(job.Seq, job.Kind) {
				continue // a job started meanwhile is its route's trial
			}
			if !s.start(ctx, now, job) {
				return earlier(wake, now.Add(time.Duration(float64(time.Second)/s.cfg.PerSecond)))
			}
		}
		if len(jobs) < slots {
			return s.wakeForParked(now, wake)
		}
	}
}

// startUrgent starts the jobs that a till waits for, before all others.
func (s *Sender) startUrgent(ctx context.Context, now time.Time) time.Time {
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

// front gives the job itself, or the job that must settle before it: a till that waits for a coupon waits for its confirm
// too.
func (s *Sender) front(seq uint64) (agent.Job, error) {
	const longestChain = 3 // cancellation, coupon, confirm
	var job agent.Job
	for range longestChain {
		var err error
		if job, err = s.cfg.Queue.Job(seq); err != nil {
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

// start begins a job's delivery, or parks it while a relative goes first. False tells that the pace allows no more now.
func (s *Sender) start(ctx context.Context, now time.Time, job agent.Job) bool {
	switch s.promiseOf(job) {
	case kept, flying: // its own goroutine goes on with it
		s.park(job.Seq, parking{now.Add(recheck), job.Seq})
		return true
	case broken:
		s.begin(job)
		s.workers.Go(func() { s.end(job, s.takeBack(ctx, job)) })
		return true
	case none:
	}
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

// relatives gives the jobs that may have to settle before a job.
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
		jobs, err := s.cfg.Queue.Group(group)
		if err != nil {
			return nil, err
		}
		all = append(all, jobs...)
	}
	return all, nil
}

// begin notes a job as in flight, and as the trial of what is paused.
func (s *Sender) begin(job agent.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight[job.Seq] = job.Kind
	trial := s.cfg.Now().Add(s.cfg.RetryMax) // the next one, unless this one ends the pause
	if s.auth != nil {
		s.auth.next = trial
	}
	if r := s.routes[job.Kind]; r != nil && r.pause != nil {
		r.pause.next = trial
	}
}

// end notes that a job is not in flight any more. An error parks it: its outcome could not be written.
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
