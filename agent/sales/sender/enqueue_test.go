package sender_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/sales/sender"
	"pdvagent/store/storetest"
)

// seam is a queue whose commits a test sees and bends.
type seam struct {
	sender.Queue

	mu      sync.Mutex
	changes []agent.Change
	commit  func(change agent.Change, write func() (agent.Committed, error)) (agent.Committed, error)
	read    func() error // before each Job
}

func (q *seam) Commit(ctx context.Context, change agent.Change) (agent.Committed, error) {
	q.mu.Lock()
	q.changes = append(q.changes, change)
	commit := q.commit
	q.mu.Unlock()
	write := func() (agent.Committed, error) { return q.Queue.Commit(ctx, change) }
	if commit == nil {
		return write()
	}
	return commit(change, write)
}

func (q *seam) Job(seq uint64) (agent.Job, error) {
	q.mu.Lock()
	read := q.read
	q.mu.Unlock()
	if read != nil {
		if err := read(); err != nil {
			return agent.Job{}, err
		}
	}
	return q.Queue.Job(seq)
}

func (q *seam) bend(commit func(agent.Change, func() (agent.Committed, error)) (agent.Committed, error), read func() error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.commit, q.read = commit, read
}

// tried tells whether the newest new job was committed with its first attempt, and how many commits there were.
func (q *seam) tried() (with bool, commits int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, change := range q.changes {
		if len(change.Jobs) > 0 {
			with = change.Jobs[0].Status.Attempted()
		}
	}
	return with, len(q.changes)
}

// tookBack tells whether a commit made a job untried again.
func (q *seam) tookBack() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.changes, func(change agent.Change) bool {
		return slices.ContainsFunc(change.Moves, func(m agent.Move) bool {
			return m.Status.State == agent.Pending && !m.Status.Attempted() && !m.Status.Unanswered
		})
	})
}

// sale is a coupon with a natural key, as loyalty makes it.
func sale(id string) agent.Job {
	job := coupon(id)
	job.Unique, job.CreatedAt = agent.CouponGroup(id), time.Now()
	return job
}

// inSeam is inShop with a seam between sender and store.
func inSeam(t *testing.T, change func(*sender.Config), test func(*shop, *seam)) {
	t.Helper()
	q := &seam{}
	inShop(t, func(c *sender.Config) {
		q.Queue, c.Queue = c.Queue, q
		if change != nil {
			change(c)
		}
	}, nil, func(s *shop) { test(s, q) })
}

func (s *shop) enqueue(job agent.Job) (uint64, error) {
	committed, err := s.sender.Enqueue(context.Background(), agent.Change{Jobs: []agent.Job{job}}, job.Body)
	if err != nil {
		return 0, err
	}
	return committed.Seqs[0], nil
}

func TestFirstAttemptIsWrittenWithTheJobThatLeavesAtOnce(t *testing.T) {
	inSeam(t, nil, func(s *shop, q *seam) {
		job := sale("A")
		committed, err := s.sender.Enqueue(context.Background(), agent.Change{Jobs: []agent.Job{job}}, []byte("coupon A for the cloud"))
		if err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		got := s.want(committed.Seqs[0], agent.Sent)
		wire, err := s.store.Wire(got.Seq, 0)
		if err != nil || string(wire) != "coupon A for the cloud" || string(got.Body) != "coupon A" {
			t.Errorf("on disk: %s, to the cloud: %s, %v", got.Body, wire, err)
		}
		if with, commits := q.tried(); !with || commits != 2 || got.Status.Attempts != 1 || got.Status.Unanswered {
			t.Errorf("with its attempt: %t, %d commits, %+v", with, commits, got.Status)
		}
		if up := s.cloud.bodies(); len(up) != 1 || up[0] != "coupon A for the cloud" {
			t.Errorf("went up: %q", up)
		}
	})
}

func TestNoAttemptIsWrittenWithAJobThatCannotLeaveAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*sender.Config)
		before func(*shop)
		job    agent.Job
		body   []byte
	}{
		"the cloud must be asked first": {job: sale("A")},
		"its confirm is pending": {job: sale("A"), body: []byte("coupon A"), before: func(s *shop) {
			s.cloud.tell(func(d delivery) agent.Outcome {
				if d.kind == agent.KindConfirm {
					return status(503)
				}
				return ok
			})
			s.add(confirm("A"))
		}},
		"the link is down":           {job: sale("A"), body: []byte("coupon A"), before: func(s *shop) { s.cloud.tell(always(unreachable)); s.add(coupon("B")) }},
		"the token is refused":       {job: sale("A"), body: []byte("coupon A"), before: func(s *shop) { s.cloud.tell(always(status(401))); s.add(coupon("B")) }},
		"the route is paused":        {job: sale("A"), body: []byte("coupon A"), before: func(s *shop) { s.cloud.tell(always(status(404))); s.add(coupon("B"), coupon("C")) }},
		"no worker is free":          {job: sale("A"), body: []byte("coupon A"), change: func(c *sender.Config) { c.Parallel = 1 }, before: func(s *shop) { s.cloud.latency = time.Minute; s.add(coupon("B")) }},
		"the pace allows no more":    {job: sale("A"), body: []byte("coupon A"), change: func(c *sender.Config) { c.PerSecond, c.Parallel = 0.01, 1 }, before: func(s *shop) { s.add(coupon("B")) }},
		"a till waits for the cloud": {job: sale("A"), body: []byte("coupon A"), change: func(c *sender.Config) { busy := make(chan struct{}); c.Busy = func() <-chan struct{} { return busy } }},
		"it is held":                 {job: func() agent.Job { job := sale("A"); job.Status.State = agent.Held; return job }(), body: []byte("coupon A")},
	} {
		t.Run(name, func(t *testing.T) {
			inSeam(t, c.change, func(s *shop, q *seam) {
				if c.before != nil {
					c.before(s)
				}
				wait(50 * time.Millisecond)
				if _, err := s.sender.Enqueue(context.Background(), agent.Change{Jobs: []agent.Job{c.job}}, c.body); err != nil {
					t.Fatal(err)
				}
				if with, _ := q.tried(); with {
					t.Error("its attempt is written with it")
				}
			})
		})
	}
}

// A coupon whose attempt was written and not made is taken back before anything else is done with it: a 409 then is the
// cloud's word about another coupon.
func TestAttemptThatWasNotMadeIsTakenBackAndA409IsARefusal(t *testing.T) {
	for name, c := range map[string]struct {
		commit func(s *shop) func(agent.Change, func() (agent.Committed, error)) (agent.Committed, error)
		read   func() func() error
		fails  bool // the till is refused
	}{
		"100 ms have passed": {read: func() func() error {
			first := true
			return func() error {
				if first {
					first = false
					<-time.After(101 * time.Millisecond)
				}
				return nil
			}
		}},
		"it cannot be read": {read: func() func() error {
			n := 0
			return func() error {
				if n++; n < 4 {
					return errors.New("no memory")
				}
				return nil
			}
		}},
		"its confirm came first": {commit: func(s *shop) func(agent.Change, func() (agent.Committed, error)) (agent.Committed, error) {
			once := sync.OnceFunc(func() { s.cloud.latency = time.Second; s.add(confirm("A")) })
			return func(change agent.Change, write func() (agent.Committed, error)) (agent.Committed, error) {
				if len(change.Jobs) > 0 {
					once()
				}
				return write()
			}
		}},
		"somebody has touched it": {commit: func(s *shop) func(agent.Change, func() (agent.Committed, error)) (agent.Committed, error) {
			return func(change agent.Change, write func() (agent.Committed, error)) (agent.Committed, error) {
				committed, err := write()
				if len(change.Jobs) > 0 {
					job := s.job(committed.Seqs[0])
					if _, err := s.store.Commit(context.Background(), agent.Change{Moves: []agent.Move{{Seq: job.Seq, Status: job.Status}}}); err != nil {
						t.Error(err)
					}
				}
				return committed, err
			}
		}},
		"the taking back fails at first": {commit: func(*shop) func(agent.Change, func() (agent.Committed, error)) (agent.Committed, error) {
			failures := 2
			return func(change agent.Change, write func() (agent.Committed, error)) (agent.Committed, error) {
				if len(change.Jobs) > 0 {
					committed, err := write()
					<-time.After(time.Second)
					return committed, errors.Join(err, fmt.Errorf("%w: torn", agent.ErrStoreUnknown))
				}
				if failures--; failures >= 0 {
					return agent.Committed{}, agent.ErrStoreUnknown
				}
				return write()
			}
		}, fails: true},
		"the commit's fate is unknown": {commit: func(*shop) func(agent.Change, func() (agent.Committed, error)) (agent.Committed, error) {
			return func(change agent.Change, write func() (agent.Committed, error)) (agent.Committed, error) {
				committed, err := write()
				if len(change.Jobs) > 0 {
					return committed, errors.Join(err, agent.ErrStoreUnknown)
				}
				return committed, err
			}
		}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			inSeam(t, nil, func(s *shop, q *seam) {
				s.cloud.tell(func(d delivery) agent.Outcome {
					if d.kind == agent.KindCoupon {
						return status(409)
					}
					return ok
				})
				var commit func(agent.Change, func() (agent.Committed, error)) (agent.Committed, error)
				var read func() error
				if c.commit != nil {
					commit = c.commit(s)
				}
				if c.read != nil {
					read = c.read()
				}
				q.bend(commit, read)
				_, err := s.enqueue(sale("A"))
				if (err != nil) != c.fails {
					t.Fatalf("got %v", err)
				}
				if with, _ := q.tried(); !with {
					t.Fatal("the attempt was not written with the job: the test shows nothing")
				}
				wait(time.Minute)
				found, err := s.store.Unique(agent.KindCoupon, agent.CouponGroup("A"))
				if err != nil {
					t.Fatal(err)
				}
				job := s.want(found.Seq, agent.Dead)
				if job.Status.Attempts != 1 || job.Status.Reason != agent.ReasonRefused {
					t.Errorf("got %+v", job.Status)
				}
				if !q.tookBack() {
					t.Error("the attempt was not taken back, on disk")
				}
				coupons := 0
				for _, d := range s.cloud.deliveries() {
					if d.kind == agent.KindCoupon {
						coupons++
					}
				}
				if coupons != 1 {
					t.Errorf("%d requests", coupons)
				}
			})
		})
	}
}

// An agent that dies between the commit and the cloud's answer leaves a job that may have been sent: it goes again, and a 409
// is its delivery. This is what an attempt with a commit of its own leaves, too.
func TestSIGKILLAfterTheCommitLeavesAnAttemptWithoutAnswer(t *testing.T) {
	inSeam(t, nil, func(s *shop, q *seam) {
		s.cloud.latency = time.Hour // the first agent hears nothing any more
		seq, err := s.enqueue(sale("A"))
		if err != nil {
			t.Fatal(err)
		}
		if st := s.job(seq).Status; st.State != agent.Pending || st.Attempts != 1 || !st.Unanswered {
			t.Errorf("on disk is %+v", st)
		}
		q.bend(func(agent.Change, func() (agent.Committed, error)) (agent.Committed, error) { // it is dead
			return agent.Committed{}, agent.ErrStoreClosed
		}, nil)
		next := &cloud{answer: always(status(409))}
		second, err := sender.New(sender.Config{
			Queue: s.store, Cloud: next, Preparer: asSent{}, Alarms: &agent.Alarms{}, Log: slog.New(slog.DiscardHandler), StartJitter: time.Nanosecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- second.Run(ctx) }()
		wait(time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if job := s.want(seq, agent.Sent); job.Status.Attempts != 2 || len(next.deliveries()) != 1 {
			t.Errorf("got %+v, %d requests", job.Status, len(next.deliveries()))
		}
	})
}

func TestA409AndARefusedConnectionMeanTheSameForAnAttemptWrittenWithItsJob(t *testing.T) {
	inSeam(t, nil, func(s *shop, _ *seam) {
		s.cloud.tell(always(status(409)))
		seq, err := s.enqueue(sale("A"))
		if err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		s.want(seq, agent.Dead) // no earlier attempt of it had no answer
		s.cloud.tell(always(unreachable))
		if seq, err = s.enqueue(sale("B")); err != nil {
			t.Fatal(err)
		}
		wait(time.Millisecond)
		if st := s.want(seq, agent.Pending).Status; st.Attempted() || st.Unanswered {
			t.Errorf("no connection came about, and it counts as tried: %+v", st)
		}
	})
}

func TestJobsThatComeAtOnceGoOnceEach(t *testing.T) {
	inSeam(t, nil, func(s *shop, q *seam) {
		s.cloud.latency = 3 * time.Millisecond
		var group sync.WaitGroup
		const tills, each = 8, 30
		for till := range tills {
			group.Go(func() {
				for n := range each {
					id := fmt.Sprint("T", till, "-", n)
					first, err := s.enqueue(sale(id))
					if err != nil {
						t.Error(err)
					}
					if _, err := s.enqueue(sale(id)); !errors.Is(err, agent.ErrKeyTaken) {
						t.Errorf("job %d again: %v", first, err)
					}
					<-time.After(time.Duration((till*n)%5) * time.Millisecond)
				}
			})
		}
		group.Wait()
		wait(time.Minute)
		seen := make(map[string]int)
		for _, body := range s.cloud.bodies() {
			seen[body]++
		}
		for body, times := range seen {
			if times != 1 {
				t.Errorf("%s went up %d times", body, times)
			}
		}
		if len(seen) != tills*each {
			t.Errorf("%d of %d went up", len(seen), tills*each)
		}
		if pending := s.store.Counters().Total(agent.Pending); pending != 0 {
			t.Errorf("%d are pending", pending)
		}
	})
}

func TestAttemptOfAnAgentThatStopsIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, store: storetest.Open(t), cloud: &cloud{}}
		q := &seam{Queue: s.store}
		var err error
		if s.sender, err = sender.New(sender.Config{Queue: q, Cloud: s.cloud, Preparer: asSent{}, Alarms: &s.alarms, Log: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.sender.Run(ctx) }()
		synctest.Wait()
		q.bend(func(_ agent.Change, write func() (agent.Committed, error)) (agent.Committed, error) {
			stop()
			synctest.Wait()
			return write()
		}, nil)
		seq, err := s.enqueue(sale("A"))
		if err := errors.Join(err, <-done); err != nil {
			t.Fatal(err)
		}
		if st := s.want(seq, agent.Pending).Status; st.Attempted() || len(s.cloud.deliveries()) != 0 {
			t.Errorf("got %+v, %d requests", st, len(s.cloud.deliveries()))
		}
		if with, _ := q.tried(); !with {
			t.Error("the attempt was not written with the job: the test shows nothing")
		}
	})
}
