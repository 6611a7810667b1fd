package alarm_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/alarm"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// queue is a queue whose counts a test sets.
type queue struct {
	mu      sync.Mutex
	counts  agent.Counters
	clock   agent.Clock
	changed chan struct{}
}

func newQueue() *queue { return &queue{changed: make(chan struct{})} }

func (q *queue) set(state agent.State, n uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.counts = agent.Counters{ByKind: map[agent.Kind]map[agent.State]uint64{agent.KindCoupon: {state: n}}}
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *queue) Counters() agent.Counters {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.counts
}

func (q *queue) List(agent.State, agent.Kind, uint64, int) ([]agent.Job, error) {
	return []agent.Job{{Status: agent.Status{UpdatedAt: time.Unix(7, 0)}}}, nil
}

func (q *queue) Changed() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.changed
}

func (q *queue) Clock() agent.Clock {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.clock
}

// desk is a board that runs, and what it told.
type desk struct {
	*alarm.Board
	alarms *agent.Alarms
	queue  *queue
	log    bytes.Buffer
	told   []string
}

func run(t *testing.T, test func(t *testing.T, d *desk)) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{alarms: new(agent.Alarms), queue: newQueue()}
		tell := func(a agent.Alarm, ended bool) {
			word := "begun "
			if ended {
				word = "ended "
			}
			d.told = append(d.told, word+a.Code+a.Subject)
		}
		var err error
		if d.Board, err = alarm.New(alarm.Config{Alarms: d.alarms, Jobs: d.queue, Log: slog.New(slog.NewTextHandler(&d.log, nil)), Notify: tell}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		synctest.Wait()
		test(t, d)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// pass lets time pass until everything is told.
func (d *desk) pass(by time.Duration) {
	<-time.After(by)
	synctest.Wait()
}

func (d *desk) want(t *testing.T, told ...string) {
	t.Helper()
	if got := strings.Join(d.told, ", "); got != strings.Join(told, ", ") {
		t.Errorf("told %q, want %q", got, told)
	}
}

func TestTroubleIsToldWhenItBeginsAndWhenItEnds(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		d.alarms.Raise(agent.Alarm{Code: "route_paused", Subject: "/coupon", Detail: "x"})
		d.pass(2 * time.Second)
		d.want(t, "begun route_paused/coupon")
		d.alarms.Raise(agent.Alarm{Code: "route_paused", Subject: "/cancel", Detail: "x"})
		d.queue.set(agent.Dead, 1)
		d.pass(2 * time.Second)
		d.queue.set(agent.Dead, 2) // one more is no new trouble
		d.pass(2 * time.Second)
		d.want(t, "begun route_paused/coupon", "begun route_paused/cancel", "begun dead_jobs")
		if list := d.List(); len(list) != 3 || !strings.Contains(list[2].Detail, "2 registro(s)") || !list[2].Since.Equal(time.Unix(7, 0)) || d.Code() != "route_paused" {
			t.Errorf("got %+v, %s", list, d.Code())
		}
		d.alarms.Clear("route_paused", "/coupon")
		d.queue.set(agent.Dead, 0)
		d.pass(2 * time.Second)
		if len(d.told) != 5 || !strings.Contains(strings.Join(d.told[3:], " "), "ended dead_jobs") || !strings.Contains(strings.Join(d.told[3:], " "), "ended route_paused/coupon") {
			t.Errorf("told %q", d.told)
		}
		if log := d.log.String(); strings.Count(log, "alarm_begun") != 3 || strings.Count(log, "alarm_ended") != 2 || !strings.Contains(log, "subject=/cancel") {
			t.Errorf("the log says %s", log)
		}
	})
}

func TestTroubleThatComesBackIsToldAgain(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		for range 2 {
			d.alarms.Raise(agent.Alarm{Code: "store_full"})
			d.pass(2 * time.Second)
			d.alarms.Clear("store_full", "")
			d.pass(2 * time.Second)
		}
		d.want(t, "begun store_full", "ended store_full", "begun store_full", "ended store_full")
	})
}

func TestTroubleOfAMomentIsNotTold(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		d.alarms.Raise(agent.Alarm{Code: "store_full"})
		d.pass(100 * time.Millisecond)
		d.alarms.Clear("store_full", "")
		d.pass(5 * time.Second)
		d.want(t)
	})
}

func TestClockIsLookedAtWithoutAnythingHappening(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		d.queue.mu.Lock()
		d.queue.clock = agent.Clock{Suspect: true, Since: time.Unix(9, 0)}
		d.queue.mu.Unlock()
		d.pass(2 * time.Minute)
		d.want(t, "begun clock_suspect")
		if list := d.List(); len(list) != 1 || !list[0].Since.Equal(time.Unix(9, 0)) || d.Code() != "clock_suspect" {
			t.Errorf("got %+v, %q", list, d.Code())
		}
	})
}

func TestCodeNamesTheMostPressing(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		if d.Code() != "" || len(d.List()) != 0 {
			t.Errorf("without trouble: %q, %v", d.Code(), d.List())
		}
		d.queue.set(agent.Held, 1)
		if d.Code() != "held_jobs" {
			t.Errorf("got %q", d.Code())
		}
		d.queue.set(agent.Dead, 1)
		if d.Code() != "dead_jobs" {
			t.Errorf("got %q", d.Code())
		}
		d.alarms.Raise(agent.Alarm{Code: "store_full"})
		if d.Code() != "store_full" {
			t.Errorf("got %q", d.Code())
		}
	})
}
