package loyalty_test

import (
	"context"
	"errors"
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
	"pdvagent/agent/sales/loyalty"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// asked is one live call as the cloud got it.
type asked struct {
	call agent.Call
	body string
}

// liveCloud answers as a test tells it, after a time that may be longer than a till waits.
type liveCloud struct {
	mu      sync.Mutex
	answers map[agent.Call]func(body string) agent.Outcome
	takes   map[agent.Call]time.Duration
	seen    []asked
	open    bool // of the circuit
	notes   []agent.Outcome
}

func (c *liveCloud) Call(ctx context.Context, call agent.Call, _ agent.Dialect, body []byte) agent.Outcome {
	c.mu.Lock()
	c.seen = append(c.seen, asked{call, string(body)})
	answer, takes := c.answers[call], c.takes[call]
	c.mu.Unlock()
	if agenttest.Takes(ctx, takes); ctx.Err() != nil {
		return agent.Outcome{Class: agent.ClassTimeout, Reached: true}
	}
	if answer == nil {
		return agent.Outcome{Class: agent.ClassUnreachable}
	}
	return answer(string(body))
}

func (c *liveCloud) Open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

func (c *liveCloud) Note(o agent.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = append(c.notes, o)
}

// says sets the answer to a call; a string is a 200 with that body.
func (c *liveCloud) says(call agent.Call, answer any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch a := answer.(type) {
	case string:
		c.answers[call] = func(string) agent.Outcome {
			return agent.Outcome{Class: agent.ClassOK, Status: 200, Reached: true, Body: []byte(a)}
		}
	case agent.Outcome:
		c.answers[call] = func(string) agent.Outcome { return a }
	case func(string) string:
		c.answers[call] = func(body string) agent.Outcome {
			return agent.Outcome{Class: agent.ClassOK, Status: 200, Reached: true, Body: []byte(a(body))}
		}
	case nil:
		delete(c.answers, call)
	}
}

func (c *liveCloud) slow(call agent.Call, takes time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.takes[call] = takes
}

// heard gives the calls since it was last called.
func (c *liveCloud) heard() []asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen
	c.seen = nil
	return seen
}

func calls(seen []asked) string {
	var names []string
	for _, one := range seen {
		names = append(names, string(one.call))
	}
	return strings.Join(names, " ")
}

// disk is a real store whose commits can be made to fail, or to be lost as after a crash.
type disk struct {
	*store.Store
	fail, dead atomic.Bool
}

func (d *disk) Commit(ctx context.Context, change agent.Change) (agent.Committed, error) {
	switch {
	case d.fail.Load():
		return agent.Committed{}, agent.ErrStoreFull
	case d.dead.Load():
		return agent.Committed{}, agent.ErrStoreClosed
	}
	return d.Store.Commit(ctx, change)
}

// crash ends the agent as SIGKILL would: nothing that it does from now on reaches the disk, and the next one starts.
func (s *shop) crash() {
	synctest.Wait() // what is being written is on disk
	s.disk.dead.Store(true)
	s.disk = &disk{Store: s.store}
	s.old = append(s.old, s.service)
	s.config.Store, s.service = s.disk, nil
	s.restart()
}

// shop is a till, its agent and a cloud, in a bubble of fake time on a real store.
type shop struct {
	till
	disk   *disk
	old    []*loyalty.Service
	cloud  *liveCloud
	alarms *agent.Alarms
	config loyalty.Config
}

// inShop runs a test; change may alter the configuration.
func inShop(t *testing.T, change func(*loyalty.Config), test func(t *testing.T, s *shop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		real := storetest.Open(t)
		disk := &disk{Store: real}
		cloud := &liveCloud{answers: make(map[agent.Call]func(string) agent.Outcome), takes: make(map[agent.Call]time.Duration)}
		s := &shop{till: till{t: t, store: real}, disk: disk, cloud: cloud, alarms: new(agent.Alarms)}
		ids := 0
		s.config = loyalty.Config{
			Store: disk, Cloud: cloud, Circuit: cloud, Alarms: s.alarms,
			Log: slog.New(slog.DiscardHandler), CounterBucket: store.CounterRecords, SessionBucket: store.SessionRecords,
			MemberBucket: store.MemberRecords, Shop: "001", Till: "099",
			NewUUID: func() string { ids++; return fmt.Sprint("U-", ids) },
		}
		if change != nil {
			change(&s.config)
		}
		s.restart()
		test(t, s)
		for _, service := range append(s.old, s.service) {
			service.Close()
		}
	})
}

// restart is the agent's end and its next start, on the same disk.
func (s *shop) restart() {
	s.t.Helper()
	if s.service != nil {
		s.service.Close()
	}
	service, err := loyalty.New(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.service = service
}

func (s *shop) talk(call agent.Call, dialect agent.Dialect, body string) (agent.Reply, error) {
	defer synctest.Wait() // what is written after the answer
	return s.service.Talk(agent.Talk{Call: call, Dialect: dialect, Body: []byte(body)})
}

// hears makes a live call and wants a delivery.
func (s *shop) hears(delivery agent.Delivery, call agent.Call, dialect agent.Dialect, body string) string {
	s.t.Helper()
	reply, err := s.talk(call, dialect, body)
	if err != nil {
		s.t.Fatalf("%s: %v", call, err)
	}
	if reply.Delivery != delivery {
		s.t.Fatalf("%s: got %s %s, want %s", call, reply.Delivery, reply.Body, delivery)
	}
	return string(reply.Body)
}

func (s *shop) isRefused(code agent.Code, call agent.Call, dialect agent.Dialect, body string) *agent.Error {
	s.t.Helper()
	_, err := s.talk(call, dialect, body)
	e, ok := errors.AsType[*agent.Error](err)
	if !ok || e.Code != code {
		s.t.Fatalf("%s: got %v, want %s", call, err, code)
	}
	return e
}

// jobs gives the jobs of a kind, oldest first.
func (s *shop) jobs(kind agent.Kind) []agent.Job {
	s.t.Helper()
	heads, err := s.store.List("", kind, 0, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range heads {
		if heads[i], err = s.store.Job(heads[i].Seq); err != nil {
			s.t.Fatal(err)
		}
	}
	return heads
}

// voided gives the cloud's ids that the agent takes back.
func (s *shop) voided() []string {
	s.t.Helper()
	var ids []string
	for _, job := range s.jobs(agent.KindCancel) {
		if job.Void() {
			ids = append(ids, string(job.Body))
		}
	}
	return ids
}

func (s *shop) wantVoided(ids ...string) {
	s.t.Helper()
	var want []string
	for _, id := range ids {
		want = append(want, `{"transaction_id":"`+id+`"}`)
	}
	if got := s.voided(); !slices.Equal(got, want) {
		s.t.Errorf("taken back: %v, want %v", got, want)
	}
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("got %s, want %s in it", text, part)
		}
	}
}

const (
	start   = `{"document_no":"` + agenttest.CPF + `"}`
	start22 = `{"transaction_context":{"document_no":"` + agenttest.CPF + `","phone":""},"transaction_id":""}`
	opens   = `{"loyalty":true,"user":{"name":"Maria Aparecida"},"transaction_id":"C-1"}`
	none    = `{"should_display_message":false}`
)

// cart is an apply of v2, or a pre-apply of v2.2, of so many units.
func cart(id string, quantity int) string {
	return fmt.Sprintf(`{"transaction_id":%q,"client_id":"0","origin":"pdv","items":[{"sku":"1","ean":"2","quantity":%d,"total_value":%d.00}]}`, id, quantity, 10*quantity)
}

// tenPercent answers an apply of so many units.
func tenPercent(quantity int) string {
	return fmt.Sprintf(`{"items":[{"sku":"1","ean":"2","quantity":%d,"total_value_without_discount":"%d.000","discount_value":%d.00,"total_value_with_discount":%d.00}],"absolute":null}`,
		quantity, 10*quantity, quantity, 9*quantity)
}

func named(id string) string { return fmt.Sprintf(`{"transaction_id":%q}`, id) }

// wantPrepared wants the bytes that go up for a job.
func (s *shop) wantPrepared(id, want string) {
	s.t.Helper()
	got, err := s.service.Prepare(context.Background(), s.job(id))
	if err != nil || string(got) != want {
		s.t.Errorf("job %s: goes up as %s, %v\nwant %s", id, got, err, want)
	}
}

func question(text, tag string) string {
	return fmt.Sprintf(`{"should_display_message":true,"message":{"text":%q,"responses":[{"button":"Sim","tag":%q}]}}`, text, tag)
}
