package sender_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/sales/sender"
	"pdvagent/store"
)

// preparing is a preparer that calls a test's function.
type preparing func(job agent.Job) ([]byte, error)

func (p preparing) Prepare(_ context.Context, job agent.Job) ([]byte, error) { return p(job) }

func TestAJobWhoseBytesNeedTheCloudFirstIsPostponedWithoutAnAttempt(t *testing.T) {
	var away atomic.Bool
	away.Store(true)
	change := func(cfg *sender.Config) {
		cfg.Preparer = preparing(func(job agent.Job) ([]byte, error) {
			if away.Load() {
				return nil, &agent.Postponed{Outcome: unreachable}
			}
			return []byte("identified"), nil
		})
	}
	inShop(t, change, nil, func(s *shop) {
		seq := s.add(coupon("A"))[0]
		wait(time.Second)
		job := s.want(seq, agent.Pending)
		if job.Status.Attempted() || job.Status.Unanswered || job.Status.Failure == nil || len(s.cloud.deliveries()) != 0 || s.sender.Link().Online {
			t.Fatalf("got %+v, link %+v, sent %v", job.Status, s.sender.Link(), s.cloud.deliveries())
		}
		away.Store(false)
		wait(time.Minute)
		s.want(seq, agent.Sent)
		if bodies := s.cloud.bodies(); len(bodies) != 1 || bodies[0] != "identified" {
			t.Errorf("sent %q", bodies)
		}
	})
}

func TestAnUnauthorizedQuestionPausesTheCloud(t *testing.T) {
	change := func(cfg *sender.Config) {
		cfg.Preparer = preparing(func(agent.Job) ([]byte, error) { return nil, &agent.Postponed{Outcome: status(401)} })
	}
	inShop(t, change, nil, func(s *shop) {
		seq := s.add(coupon("A"))[0]
		wait(time.Second)
		if alarms := s.alarms.List(); len(alarms) != 1 || alarms[0].Code != agent.AlarmUnauthorized {
			t.Errorf("alarms: %+v", alarms)
		}
		s.want(seq, agent.Pending)
	})
}

func TestAMootJobEndsAnnulled(t *testing.T) {
	change := func(cfg *sender.Config) {
		cfg.Preparer = preparing(func(agent.Job) ([]byte, error) { return nil, agent.ErrMoot })
	}
	inShop(t, change, nil, func(s *shop) {
		seq := s.add(agent.Job{Kind: agent.KindMessage, Session: "T", Body: []byte("sim")})[0]
		wait(time.Second)
		if job := s.want(seq, agent.Annulled); job.Status.Reason != agent.ReasonNoSession || len(s.cloud.deliveries()) != 0 {
			t.Errorf("got %+v, sent %v", job.Status, s.cloud.deliveries())
		}
	})
}

func TestTheQueueWaitsWhileATillWaitsForTheCloud(t *testing.T) {
	var idle chan struct{}
	var busy atomic.Bool
	busy.Store(true)
	change := func(cfg *sender.Config) {
		idle = make(chan struct{})
		cfg.Busy = func() <-chan struct{} {
			if busy.Load() {
				return idle
			}
			return nil
		}
	}
	inShop(t, change, nil, func(s *shop) {
		seqs := s.add(coupons(2)...)
		wait(200 * time.Millisecond)
		if n := len(s.cloud.deliveries()); n != 0 {
			t.Fatalf("%d were sent during a live call", n)
		}
		done := s.sender.Hurry(seqs[1]) // a till waits for this one
		wait(time.Millisecond)
		if bodies := s.cloud.bodies(); len(bodies) != 1 || bodies[0] != "coupon C1" {
			t.Errorf("sent %q, want the urgent one", bodies)
		}
		done()
		busy.Store(false)
		close(idle)
		wait(time.Millisecond)
		s.want(seqs[0], agent.Sent)
	})
}

func TestLiveCallsInAnEndlessRowDoNotStarveTheQueue(t *testing.T) {
	change := func(cfg *sender.Config) { cfg.Busy = func() <-chan struct{} { return make(chan struct{}) } }
	inShop(t, change, nil, func(s *shop) {
		seqs := s.add(coupons(2)...)
		wait(2 * time.Second)
		s.want(seqs[0], agent.Sent)
		s.want(seqs[1], agent.Sent)
	})
}

// late changes a job after it was picked and before its delivery.
type late struct {
	*store.Store
	moved atomic.Bool
}

func (q *late) Due(now time.Time, after uint64, limit int, skip func(uint64, agent.Kind) bool) ([]agent.Job, time.Time, error) {
	jobs, next, err := q.Store.Due(now, after, limit, skip)
	if len(jobs) > 0 && q.moved.CompareAndSwap(false, true) {
		status := jobs[0].Status
		status.NotBefore = now.Add(time.Hour)
		if _, err := q.Commit(context.Background(), agent.Change{Moves: []agent.Move{{Seq: jobs[0].Seq, Status: status}}}); err != nil {
			return nil, next, err
		}
	}
	return jobs, next, err
}

func TestAJobThatMovedSinceItWasPickedWaitsItsNewTime(t *testing.T) {
	var queue *late
	change := func(cfg *sender.Config) {
		queue = &late{Store: cfg.Queue.(*store.Store)}
		cfg.Queue = queue
	}
	inShop(t, change, nil, func(s *shop) {
		seq := s.add(coupon("A"))[0]
		wait(50 * time.Minute)
		if n := len(s.cloud.deliveries()); n != 0 || !queue.moved.Load() {
			s.t.Errorf("%d attempts before its time", n)
		}
		wait(20 * time.Minute)
		s.want(seq, agent.Sent)
	})
}
