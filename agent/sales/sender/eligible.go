package sender

import (
	"time"

	"pdvagent/agent"
)

// slots gives how many deliveries may start now, and when that changes without an event; the zero time is never.
func (s *Sender) slots(now time.Time) (int, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	busy := s.busy()
	free := s.cfg.Parallel - busy
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
		if busy > 0 {
			return 0, time.Time{} // the trial's end wakes the sender
		}
		free = min(free, 1)
	}
	return max(free, 0), time.Time{}
}

// busy is how many workers deliver, or are kept for a new job. The caller has s.mu.
func (s *Sender) busy() int {
	n := len(s.inFlight)
	for _, state := range s.promised {
		if state == kept {
			n++
		}
	}
	return n
}

func (s *Sender) authNext() time.Time {
	if s.auth == nil {
		return time.Time{}
	}
	return s.auth.next
}

// backlogAt gives the newest job of the backlog while that waits, and until when. It does not wait while the link is down or
// the token is refused: any job may be the trial.
func (s *Sender) backlogAt(now time.Time) (uint64, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.backlog.until) && !s.link.down && s.auth == nil {
		return s.backlog.last, s.backlog.until
	}
	return 0, time.Time{}
}

// skip gives a function that tells which jobs must not start now.
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

// nextTrial is when the next paused route is tried; the zero time is never.
func (s *Sender) nextTrial(now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var next time.Time
	for _, r := range s.routes {
		if r.pause != nil && r.pause.next.After(now) {
			next = earlier(next, r.pause.next)
		}
	}
	return next
}

// wakeForParked is when the next parked job may start, or wake when that is earlier. Jobs whose time is over are not parked
// any more: one that did not start then was settled elsewhere.
func (s *Sender) wakeForParked(now, wake time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for seq, parked := range s.parked {
		if !parked.until.After(now) {
			delete(s.parked, seq)
			continue
		}
		wake = earlier(wake, parked.until)
	}
	return wake
}

// earlyTrial finds a job for the trial of a link that is down, when all jobs wait for a time of their own: otherwise the
// link's return could stay unnoticed for half an hour.
func (s *Sender) earlyTrial(now time.Time) []agent.Job {
	s.mu.Lock()
	down := s.link.down
	s.mu.Unlock()
	if !down {
		return nil
	}
	const candidates = 16
	waiting, err := s.cfg.Queue.Retried(now, candidates)
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

// earlier gives the earlier of two times; the zero time is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
