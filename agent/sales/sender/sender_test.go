package sender_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/sales/sender"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// delivery is one attempt as the cloud saw it.
type delivery struct {
	kind agent.Kind
	body string
	at   time.Time
}

// seq is the job of a coupon made by coupons: they are the first ones.
func (d delivery) seq() uint64 {
	var n uint64
	if _, err := fmt.Sscanf(d.body, "coupon C%d", &n); err != nil {
		panic(err)
	}
	return n + 1
}

// cloud gives a test's answers and notes the deliveries.
type cloud struct {
	mu      sync.Mutex
	answer  func(d delivery) agent.Outcome
	seen    []delivery
	now     int // at the same time
	most    int
	latency time.Duration
}

func (c *cloud) Deliver(ctx context.Context, kind agent.Kind, _ agent.Dialect, body []byte) agent.Outcome {
	d := delivery{kind, string(body), time.Now()}
	c.mu.Lock()
	c.seen = append(c.seen, d)
	c.now++
	c.most = max(c.most, c.now)
	answer := c.answer
	c.mu.Unlock()
	agenttest.Takes(ctx, c.latency)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	if answer == nil {
		return ok
	}
	return answer(d)
}

func (c *cloud) tell(answer func(d delivery) agent.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func (c *cloud) deliveries() []delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

func (c *cloud) bodies() []string {
	var bodies []string
	for _, d := range c.deliveries() {
		bodies = append(bodies, d.body)
	}
	return bodies
}

var (
	ok          = agent.Outcome{Class: agent.ClassOK, Status: 201, Reached: true, Body: []byte(`{"message":"ok"}`)}
	unreachable = agent.Outcome{Class: agent.ClassUnreachable}
	timeout     = agent.Outcome{Class: agent.ClassTimeout, Reached: true}
)

func status(code int) agent.Outcome {
	return agent.Outcome{Class: agent.ClassStatus, Status: code, Reached: true}
}

func always(o agent.Outcome) func(delivery) agent.Outcome {
	return func(delivery) agent.Outcome { return o }
}

// asSent is a preparer that changes nothing.
type asSent struct{}

func (asSent) Prepare(_ context.Context, job agent.Job) ([]byte, error) { return job.Body, nil }

// shop is a store, a cloud and a sender between them, inside a bubble of fake time.
type shop struct {
	t      *testing.T
	store  *store.Store
	cloud  *cloud
	alarms agent.Alarms
	sender *sender.Sender
	log    bytes.Buffer
}

// inShop runs a test in fake time on a real store. before fills the queue before the sender starts.
func inShop(t *testing.T, change func(*sender.Config), before, test func(*shop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, store: storetest.Open(t), cloud: &cloud{}}
		cfg := sender.Config{
			Queue: s.store, Cloud: s.cloud, Preparer: asSent{}, Alarms: &s.alarms,
			Log: slog.New(slog.NewTextHandler(&s.log, nil)), StartJitter: time.Nanosecond, PerSecond: 1000,
		}
		if change != nil {
			change(&cfg)
		}
		if before != nil {
			before(s)
		}
		var err error
		if s.sender, err = sender.New(cfg); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.sender.Run(ctx) }()
		synctest.Wait() // it has seen what was there before
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		test(s)
	})
}

// add queues jobs, one change each.
func (s *shop) add(jobs ...agent.Job) []uint64 {
	s.t.Helper()
	var seqs []uint64
	for _, job := range jobs {
		job.CreatedAt = time.Now()
		committed, err := s.store.Commit(context.Background(), agent.Change{Jobs: []agent.Job{job}})
		if err != nil {
			s.t.Fatal(err)
		}
		seqs = append(seqs, committed.Seqs...)
	}
	return seqs
}

func confirm(id string) agent.Job {
	return agent.Job{Kind: agent.KindConfirm, Session: id, Body: []byte("confirm " + id)}
}

func coupon(id string) agent.Job {
	return agent.Job{Kind: agent.KindCoupon, Session: id, Coupon: id, Body: []byte("coupon " + id)}
}

func cancellation(id string) agent.Job {
	return agent.Job{Kind: agent.KindCouponCancellation, Coupon: id, Body: []byte("cancellation " + id)}
}

func coupons(n int) []agent.Job {
	var jobs []agent.Job
	for i := range n {
		jobs = append(jobs, coupon(fmt.Sprint("C", i)))
	}
	return jobs
}

func (s *shop) job(seq uint64) agent.Job {
	s.t.Helper()
	job, err := s.store.Job(seq)
	if err != nil {
		s.t.Fatal(err)
	}
	return job
}

func (s *shop) want(seq uint64, state agent.State) agent.Job {
	s.t.Helper()
	job := s.job(seq)
	if job.Status.State != state {
		s.t.Errorf("job %d is %s (%s, %+v), want %s", seq, job.Status.State, job.Status.Reason, job.Status.Failure, state)
	}
	return job
}

// wait lets fake time pass, and waits until all goroutines are blocked.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestAcceptedSaleGoesUpAtOnceAndKeepsTheCloudsAnswer(t *testing.T) {
	inShop(t, nil, nil, func(s *shop) {
		seq := s.add(coupon("A"))[0]
		wait(10 * time.Millisecond)
		job := s.want(seq, agent.Sent)
		if job.Status.Attempts != 1 || job.Status.Unanswered || job.Status.Answer == nil || string(job.Status.Answer.Body) != `{"message":"ok"}` {
			t.Errorf("got %+v", job.Status)
		}
		if events, err := s.store.Events(0, 10); err != nil || len(events) != 1 || events[0].Key != job.ID() {
			t.Errorf("events: got %+v, %v", events, err)
		}
	})
}

func TestConfirmGoesBeforeItsCouponAndTheCouponBeforeItsCancellation(t *testing.T) {
	var want []string
	inShop(t, func(c *sender.Config) { c.Parallel = 8 }, func(s *shop) {
		s.cloud.latency = 20 * time.Millisecond
		for i := range 20 {
			id := fmt.Sprint("S", i)
			s.add(cancellation(id), coupon(id), confirm(id)) // the till says it the wrong way round
		}
	}, func(s *shop) {
		wait(10 * time.Second)
		seen := strings.Join(s.cloud.bodies(), "\n") + "\n"
		for i := range 20 {
			order := []int{
				strings.Index(seen, fmt.Sprintf("confirm S%d\n", i)), strings.Index(seen, fmt.Sprintf("coupon S%d\n", i)),
				strings.Index(seen, fmt.Sprintf("cancellation S%d\n", i)),
			}
			if !slices.IsSorted(order) || order[0] < 0 {
				t.Errorf("session S%d: positions %v", i, order)
			}
		}
		if len(s.cloud.deliveries()) != 60 {
			t.Errorf("got %d deliveries, want 60 (%v)", len(s.cloud.deliveries()), want)
		}
	})
}

func TestDeadCouponAnnulsItsCancellationAndBlocksNobody(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.cloud.tell(func(d delivery) agent.Outcome {
			if d.body == "coupon A" {
				return status(422)
			}
			return ok
		})
	}, func(s *shop) {
		seqs := s.add(coupon("A"), cancellation("A"), coupon("B"))
		wait(5 * time.Second)
		s.want(seqs[0], agent.Dead)
		if job := s.want(seqs[1], agent.Annulled); job.Status.Reason != agent.ReasonNothingTo {
			t.Errorf("reason %q", job.Status.Reason)
		}
		s.want(seqs[2], agent.Sent)
	})
}

func TestConflictOnACouponMeansSentOnlyAfterAnUnansweredAttempt(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  agent.Outcome
		policy sender.CouponConflict
		want   agent.State
	}{
		{"auto, the first attempt had no answer", timeout, sender.ConflictAuto, agent.Sent},
		{"auto, a gateway had no answer", status(504), sender.ConflictAuto, agent.Sent},
		{"auto, the first attempt was answered", status(503), sender.ConflictAuto, agent.Dead},
		{"auto, never reached", unreachable, sender.ConflictAuto, agent.Dead},
		{"configured as sent", status(503), sender.ConflictSent, agent.Sent},
		{"configured as dead", timeout, sender.ConflictDead, agent.Dead},
	} {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, func(cfg *sender.Config) { cfg.Conflict = c.policy }, func(s *shop) { s.cloud.tell(always(c.first)) }, func(s *shop) {
				seq := s.add(coupon("A"))[0]
				wait(100 * time.Millisecond)
				s.cloud.tell(always(status(409)))
				wait(time.Hour)
				s.want(seq, c.want)
			})
		})
	}
}

func TestAttemptCutByACrashCountsAsUnanswered(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		seq := s.add(coupon("A"))[0]
		job := s.job(seq)
		job.Status.Attempts, job.Status.Unanswered = 1, true // what deliver writes before it sends
		if _, err := s.store.Commit(context.Background(), agent.Change{Moves: []agent.Move{{Seq: seq, Status: job.Status}}}); err != nil {
			t.Fatal(err)
		}
		s.cloud.tell(always(status(409)))
	}, func(s *shop) {
		wait(time.Second)
		s.want(1, agent.Sent)
	})
}

func TestAttemptIsOnDiskBeforeAnythingIsSent(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.cloud.tell(func(delivery) agent.Outcome {
			if job := s.job(1); job.Status.Attempts != 1 || !job.Status.Unanswered {
				t.Errorf("while the request is under way the disk says %+v", job.Status)
			}
			return ok
		})
	}, func(s *shop) {
		s.add(coupon("A"))
		wait(time.Second)
		s.want(1, agent.Sent)
	})
}

func TestPaceIsNeverExceeded(t *testing.T) {
	inShop(t, func(c *sender.Config) { c.Parallel, c.PerSecond = 3, 10 }, func(s *shop) {
		s.cloud.latency = 250 * time.Millisecond
		s.add(coupons(60)...)
	}, func(s *shop) {
		begin := time.Now()
		wait(time.Minute)
		seen := s.cloud.deliveries()
		if len(seen) != 60 || s.cloud.most > 3 {
			t.Errorf("%d deliveries, %d at the same time", len(seen), s.cloud.most)
		}
		if took := seen[59].at.Sub(begin); took < 5*time.Second || took > 8*time.Second {
			t.Errorf("sixty at ten a second took %v", took)
		}
	})
}

func TestJobThatATillWaitsForGoesBeforeTheBacklog(t *testing.T) {
	inShop(t, func(c *sender.Config) { c.Parallel, c.PerSecond = 1, 4 }, func(s *shop) { s.add(coupons(100)...) }, func(s *shop) {
		wait(time.Second)
		seq := s.add(coupon("now"))[0]
		defer s.sender.Hurry(seq)()
		wait(time.Second)
		s.want(seq, agent.Sent)
	})
}

func TestTillThatWaitsForACouponDoesNotWaitForTheBacklogOfItsConfirm(t *testing.T) {
	inShop(t, func(c *sender.Config) { c.StartJitter = time.Hour }, func(s *shop) { s.add(confirm("T"), coupon("T")) }, func(s *shop) {
		seq := s.add(cancellation("T"))[0]
		defer s.sender.Hurry(seq)()
		wait(time.Second)
		for seq := uint64(1); seq <= 3; seq++ {
			s.want(seq, agent.Sent)
		}
		if got := fmt.Sprint(s.cloud.bodies()); got != "[confirm T coupon T cancellation T]" {
			t.Errorf("got %s", got)
		}
	})
}

func TestOutcomeIsNotLostWhenTheStatusMovesDuringTheRequest(t *testing.T) {
	for name, c := range map[string]struct {
		move func(*agent.Status)
		want agent.State
	}{
		"support retries it":  {func(s *agent.Status) { s.NotBefore = time.Time{} }, agent.Sent},
		"support discards it": {func(s *agent.Status) { s.State = agent.Discarded }, agent.Discarded},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, nil, func(s *shop) { s.cloud.latency = time.Second }, func(s *shop) {
				seq := s.add(confirm("T"))[0]
				wait(500 * time.Millisecond)
				job := s.job(seq)
				c.move(&job.Status)
				if _, err := s.store.Commit(context.Background(), agent.Change{Moves: []agent.Move{{Seq: seq, Status: job.Status}}}); err != nil {
					t.Fatal(err)
				}
				wait(time.Hour)
				s.want(seq, c.want)
				if n := len(s.cloud.deliveries()); n != 1 {
					t.Errorf("it went up %d times", n)
				}
			})
		})
	}
}

// counting counts the calls of Due.
type counting struct {
	sender.Queue
	looks *atomic.Int64
}

func (c counting) Due(now time.Time, after uint64, limit int, skip func(uint64, agent.Kind) bool) ([]agent.Job, time.Time, error) {
	c.looks.Add(1)
	return c.Queue.Due(now, after, limit, skip)
}

func TestIdleSenderSleepsAlsoAfterAParkedJobEndedElsewhere(t *testing.T) {
	var looks atomic.Int64
	inShop(t, func(c *sender.Config) { c.Queue = counting{c.Queue, &looks} }, func(s *shop) {
		s.cloud.tell(func(d delivery) agent.Outcome {
			if d.kind == agent.KindConfirm {
				return status(500)
			}
			return ok
		})
	}, func(s *shop) {
		seqs := s.add(confirm("T"), coupon("T")) // the coupon is parked behind its confirm
		wait(500 * time.Millisecond)
		for _, seq := range seqs {
			job := s.job(seq)
			job.Status.State = agent.Discarded
			if _, err := s.store.Commit(context.Background(), agent.Change{Moves: []agent.Move{{Seq: seq, Status: job.Status}}}); err != nil {
				t.Fatal(err)
			}
		}
		wait(time.Minute)
		looks.Store(0)
		wait(time.Hour)
		if n := looks.Load(); n > 2 {
			t.Errorf("an idle sender looked at the queue %d times in an hour", n)
		}
	})
}

// preparer counts, and gives other bytes each time: the sender must ask once.
type preparer struct{ calls int }

func (p *preparer) Prepare(_ context.Context, job agent.Job) ([]byte, error) {
	p.calls++
	return fmt.Appendf(nil, "%s prepared %d", job.Body, p.calls), nil
}

func TestBytesAreFrozenBeforeTheFirstAttempt(t *testing.T) {
	p := &preparer{}
	inShop(t, func(c *sender.Config) { c.Preparer = p }, func(s *shop) { s.cloud.tell(always(timeout)) }, func(s *shop) {
		seq := s.add(coupon("A"))[0]
		wait(4 * time.Hour)
		for _, body := range s.cloud.bodies() {
			if body != "coupon A prepared 1" {
				t.Fatalf("attempts differ: %q", s.cloud.bodies())
			}
		}
		if wire, err := s.store.Wire(seq, 0); err != nil || string(wire) != "coupon A prepared 1" {
			t.Errorf("wire: %q, %v", wire, err)
		}
		if string(s.job(seq).Body) != "coupon A" {
			t.Error("what the till sent was changed")
		}
	})
}

func TestRepeatedFailuresSpreadOutUpToRetryMax(t *testing.T) {
	inShop(t, nil, func(s *shop) { s.cloud.tell(always(status(500))) }, func(s *shop) {
		s.add(coupon("A"))
		wait(24 * time.Hour)
		seen := s.cloud.deliveries()
		if len(seen) < 48 || len(seen) > 200 {
			t.Errorf("%d attempts in a day, want waits that grow to 30 min with full jitter", len(seen))
		}
		for i := 1; i < len(seen); i++ {
			if gap := seen[i].at.Sub(seen[i-1].at); gap > 31*time.Minute || gap < 400*time.Millisecond {
				t.Errorf("attempt %d came after %v", i+1, gap)
			}
		}
	})
}

func TestSenderThatStopsLetsADeliveryFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, store: storetest.Open(t), cloud: &cloud{latency: 2 * time.Second}}
		engine, err := sender.New(sender.Config{
			Queue: s.store, Cloud: s.cloud, Preparer: asSent{}, Alarms: &s.alarms, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- engine.Run(ctx) }()
		wait(time.Minute)
		seq := s.add(coupon("A"))[0]
		wait(time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.want(seq, agent.Sent)
	})
}
