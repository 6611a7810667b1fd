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
	"pdvagent/agent/loyalty"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// asked is one live call as the cloud saw it.
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
	select {
	case <-time.After(takes):
	case <-ctx.Done():
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

// says makes a call's answer; a string is a 200 with that body.
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

// heard gives the calls since the last time, and forgets them.
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

// disk is a real store that can be made to fail, or to forget what comes after a crash.
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
			Store: disk, Counter: real, Records: real, Changed: real.Changed, Cloud: cloud, Circuit: cloud, Alarms: s.alarms,
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

// hears talks and wants that delivery.
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

func TestALiveStartPassesByteForByte(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		const odd = " {\"x\":1.500, \"transaction_id\" : \"C-1\",\n\"user\":{\"name\":\"Jos\\u00e9\"},\"loyalty\":true } "
		s.cloud.says(agent.CallStart, odd)
		if got := s.hears("live", agent.CallStart, agent.V2, start); got != odd {
			t.Errorf("got %q", got)
		}
		if seen := s.cloud.heard(); len(seen) != 1 || seen[0].body != start {
			t.Errorf("the cloud heard %v", seen)
		}
	})
}

func TestAStartThatComesTooLateIsAnsweredAtTheDeadlineAndTakenBack(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.slow(agent.CallStart, 3*time.Second)
		begun := time.Now()
		got := s.hears("contingency", agent.CallStart, agent.V2, start)
		if took := time.Since(begun); took != 2500*time.Millisecond {
			t.Errorf("the till waited %v", took)
		}
		wants(t, got, `"reason":"timeout"`, `"transaction_id":"U-1"`, `"loyalty":false`)
		s.wantVoided()
		<-time.After(time.Second)
		s.wantVoided("C-1")
		if got, _, err := s.service.Session("U-1"); err != nil || got.Live {
			t.Errorf("the session is %+v, %v", got, err)
		}
	})
}

func TestAContingencyStartKnowsTheMember(t *testing.T) {
	for dialect, body := range map[agent.Dialect]string{agent.V2: start, agent.V22: start22} {
		inShop(t, nil, func(t *testing.T, s *shop) {
			s.cloud.says(agent.CallStart, opens)
			s.hears("live", agent.CallStart, dialect, body)
			s.cloud.says(agent.CallStart, nil)
			got := s.hears("contingency", agent.CallStart, dialect, body)
			wants(t, got, `"loyalty":true`, `"name":"Maria"`, `"document_no":"`+agenttest.CPF+`"`, `"reason":"unreachable"`)
			if strings.Contains(got, "Aparecida") || strings.Contains(got, `"message"`) || (dialect == agent.V22) != strings.Contains(got, `"should_display_message":false`) {
				t.Errorf("got %s", got)
			}
			<-time.After(31 * 24 * time.Hour)
			wants(t, s.hears("contingency", agent.CallStart, dialect, body), `"loyalty":false`)
		})
	}
}

func TestAMemberWhoLeftTheClubIsForgotten(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallStart, strings.Replace(opens, "true", "false", 1))
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallStart, nil)
		wants(t, s.hears("contingency", agent.CallStart, agent.V2, start), `"loyalty":false`)
	})
}

func TestForgetRemovesAMember(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		synctest.Wait()
		for _, want := range []bool{true, false} {
			if got, err := s.service.Forget(t.Context(), agenttest.CPF); err != nil || got != want {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		}
		if _, err := s.service.Forget(t.Context(), agenttest.BadCPF); agent.CodeOf(err) != agent.CodeInvalid {
			t.Errorf("a document that is none: %v", err)
		}
		s.cloud.says(agent.CallStart, nil)
		wants(t, s.hears("contingency", agent.CallStart, agent.V2, start), `"loyalty":false`)
	})
}

// Every end of a call that is no answer has its reason; what may have reached the cloud is taken back.
func TestEveryFailureOfAnApplyHasItsReason(t *testing.T) {
	status := func(code int) agent.Outcome {
		return agent.Outcome{Class: agent.ClassStatus, Status: code, Reached: true, Body: []byte(`{"message":"no"}`)}
	}
	for name, c := range map[string]struct {
		answer any
		reason agent.Absence
		voided bool
	}{
		"no connection":      {agent.Outcome{Class: agent.ClassUnreachable}, agent.AbsenceUnreachable, false},
		"broken":             {agent.Outcome{Class: agent.ClassBroken, Reached: true}, agent.AbsenceUnreachable, true},
		"cut":                {agent.Outcome{Class: agent.ClassBroken, Status: 200, Reached: true}, agent.AbsenceCloudError, true},
		"HTML":               {agent.Outcome{Class: agent.ClassForeign, Status: 200, Reached: true}, agent.AbsenceCloudError, true},
		"text":               {"ok", agent.AbsenceCloudError, true},
		"a list":             {"[]", agent.AbsenceCloudError, true},
		"500":                {status(500), agent.AbsenceCloudError, true},
		"429":                {status(429), agent.AbsenceCloudError, true},
		"408":                {status(408), agent.AbsenceCloudError, true},
		"301":                {status(301), agent.AbsenceCloudError, true},
		"401":                {status(401), agent.AbsenceAuth, false},
		"400":                {status(400), agent.AbsenceRefused, true},
		"404":                {status(404), agent.AbsenceRefused, true},
		"no items":           {`{}`, agent.AbsenceBadDiscount, true},
		"items null":         {`{"items":null}`, agent.AbsenceBadDiscount, true},
		"items empty":        {`{"items":[]}`, agent.AbsenceBadDiscount, true},
		"another product":    {strings.Replace(tenPercent(2), `"sku":"1"`, `"sku":"9"`, 1), agent.AbsenceBadDiscount, true},
		"sum is off":         {strings.Replace(tenPercent(2), "18.00", "17.00", 1), agent.AbsenceBadDiscount, true},
		"larger than line":   {strings.Replace(strings.Replace(tenPercent(2), "2.00,", "25.00,", 1), "18.00", "-5.00", 1), agent.AbsenceBadDiscount, true},
		"four decimals":      {strings.Replace(tenPercent(2), "20.000", "20.0001", 1), agent.AbsenceBadDiscount, true},
		"a word for a value": {strings.Replace(tenPercent(2), `"20.000"`, `"vinte"`, 1), agent.AbsenceBadDiscount, true},
		"absolute above all": {strings.Replace(tenPercent(2), "null", `{"discount_value":18.01}`, 1), agent.AbsenceBadDiscount, true},
		"absolute a text":    {strings.Replace(tenPercent(2), "null", `"5"`, 1), agent.AbsenceBadDiscount, true},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, nil, func(t *testing.T, s *shop) {
				s.cloud.says(agent.CallStart, opens)
				s.hears("live", agent.CallStart, agent.V2, start)
				s.cloud.says(agent.CallApply, c.answer)
				got := s.hears("contingency", agent.CallApply, agent.V2, cart("C-1", 2))
				wants(t, got, `"reason":"`+string(c.reason)+`"`, `"transaction_id":"C-1"`,
					`"items":[{"sku":"1","ean":"2","quantity":2,"total_value_without_discount":20.00,"discount_value":0.00,"total_value_with_discount":20.00}]`,
					`"absolute":{"discount_value":0.00},"payment_discount":{"discount_value":0.00}`, `"total":"20.00"`)
				if c.voided {
					s.wantVoided("C-1")
				} else {
					s.wantVoided()
				}
				if alarm := len(s.alarms.List()) == 1; alarm != (c.reason == agent.AbsenceAuth) {
					t.Errorf("alarms: %v", s.alarms.List())
				}
			})
		})
	}
}

func TestAnApplyThatTimedOutLeavesItsCancelOnDiskBeforeTheAnswer(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.cloud.slow(agent.CallApply, time.Minute)
		begun := time.Now()
		wants(t, s.hears("contingency", agent.CallApply, agent.V2, cart("C-1", 2)), `"reason":"timeout"`)
		if took := time.Since(begun); took != 2500*time.Millisecond {
			t.Errorf("the till waited %v", took)
		}
		s.wantVoided("C-1")
		// what the till says of it now is of no use to the cloud
		receipt := s.must(agent.KindConfirm, named("C-1"))
		s.want(receipt.Job, agent.Annulled, agent.ReasonNoSession)
	})
}

func TestTheLinesAreAppendedAndNothingElseChanges(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		answer := ` {"transaction_id":"C-1", "x" : 1e2 ,` + tenPercent(2)[1:]
		s.cloud.says(agent.CallApply, answer)
		got := s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		want := strings.TrimSuffix(answer, "}") + `,"agent":{"delivery":"live","lines":[{"index":0,"discount":"2.00","absolute_share":"0.00","total":"18.00"}]}}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestTheSameBasketIsAnsweredFromDiskAlsoAfterARestart(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V2, start)
		first := s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		s.cloud.heard()
		s.restart()
		respelled := strings.Replace(cart("C-1", 2), "20.00", "2e1", 1)
		respelled = strings.Replace(respelled, "2e1", "20", 1)
		if again := s.hears("replayed", agent.CallApply, agent.V2, respelled); again != first {
			t.Errorf("got %s, want %s", again, first)
		}
		if seen := s.cloud.heard(); len(seen) != 0 {
			t.Errorf("the cloud heard %v", seen)
		}
	})
}

func TestAChangedBasketCancelsOnDiskThenStartsAndAppliesAnew(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		ids, voidedAtStart := 0, []string(nil)
		s.cloud.says(agent.CallStart, func(string) string {
			if ids++; ids == 2 {
				voidedAtStart = s.voided()
			}
			return fmt.Sprintf(`{"loyalty":true,"transaction_id":"C-%d"}`, ids)
		})
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallApply, `{"transaction_id":"C-1",`+tenPercent(2)[1:])
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		s.cloud.says(agent.CallApply, `{"transaction_id":"C-2","note":{"transaction_id":"C-2"},`+tenPercent(3)[1:])
		s.cloud.heard()
		got := s.hears("live", agent.CallApply, agent.V2, cart("C-1", 3))
		seen := s.cloud.heard()
		if calls(seen) != "start apply" || seen[0].body != start || !strings.Contains(seen[1].body, `"transaction_id":"C-2"`) {
			t.Errorf("the cloud heard %v", seen)
		}
		if len(voidedAtStart) != 1 {
			t.Errorf("the cancel was not on disk before the new start: %v", voidedAtStart)
		}
		s.wantVoided("C-1")
		if strings.Contains(got, "C-2") || strings.Count(got, `"transaction_id":"C-1"`) != 2 {
			t.Errorf("the till sees the cloud's new id: %s", got)
		}
		s.hears("replayed", agent.CallApply, agent.V2, cart("C-1", 3))

		receipt := s.must(agent.KindConfirm, named("C-1"))
		s.wantPrepared(receipt.Job, named("C-2"))
		coupon := s.must(agent.KindCoupon, agenttest.Receipt("C-1", "C-1")) // a till that uses one id for both
		s.wantPrepared(coupon.Job, agenttest.Receipt("C-1", "C-2"))
	})
}

// wantPrepared wants the bytes that go up for a job.
func (s *shop) wantPrepared(id, want string) {
	s.t.Helper()
	got, err := s.service.Prepare(context.Background(), s.job(id))
	if err != nil || string(got) != want {
		s.t.Errorf("job %s: goes up as %s, %v\nwant %s", id, got, err, want)
	}
}

// The power goes while the cloud is asked: nobody knows what it gave, so it is not asked again in the same session.
func TestAnApplyCutByACrashIsNotAskedAgainInItsSession(t *testing.T) {
	for _, dialect := range []agent.Dialect{agent.V2, agent.V22} {
		inShop(t, nil, func(t *testing.T, s *shop) {
			ids := 0
			s.cloud.says(agent.CallStart, func(string) string { ids++; return fmt.Sprintf(`{"transaction_id":"C-%d"}`, ids) })
			s.cloud.says(agent.CallPreApply, none)
			body, apply, want := start, cart("C-1", 2), "start apply"
			if dialect == agent.V22 {
				body, apply, want = start22, named("C-1"), "start pre-apply apply"
			}
			s.hears("live", agent.CallStart, dialect, body)
			if dialect == agent.V22 {
				s.hears("live", agent.CallPreApply, dialect, cart("C-1", 2))
			}
			s.cloud.says(agent.CallApply, func(string) string {
				s.crash()
				return tenPercent(2)
			})
			_, _ = s.talk(agent.CallApply, dialect, apply) // nobody hears the end of it
			s.cloud.says(agent.CallApply, tenPercent(2))
			s.cloud.heard()
			wants(t, s.hears("live", agent.CallApply, dialect, apply), `"transaction_id":"C-1"`)
			if got := calls(s.cloud.heard()); got != want {
				t.Errorf("%s: the cloud heard %s, want %s", dialect, got, want)
			}
			s.wantVoided("C-1")
		})
	}
}

func TestABasketIsOnDiskBeforeTheTillHearsOfItsDiscounts(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.disk.fail.Store(true)
		s.isRefused(agent.CodeStoreFull, agent.CallApply, agent.V2, cart("C-1", 2))
		s.disk.fail.Store(false)
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
	})
}

func TestAChangedBasketWhoseNewStartFailsGetsZeros(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V2, start)
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		s.cloud.says(agent.CallStart, nil)
		wants(t, s.hears("contingency", agent.CallApply, agent.V2, cart("C-1", 3)), `"quantity":3`, `"discount_value":0.00`)
		s.wantVoided("C-1")
		s.want(s.must(agent.KindConfirm, named("C-1")).Job, agent.Annulled, agent.ReasonNoSession)
	})
}

func TestASessionBornInContingencyIsBegunAtApplyWhenTheLinkIsBack(t *testing.T) {
	for _, dialect := range []agent.Dialect{agent.V2, agent.V22} {
		inShop(t, nil, func(t *testing.T, s *shop) {
			body := map[agent.Dialect]string{agent.V2: start, agent.V22: start22}[dialect]
			s.hears("contingency", agent.CallStart, dialect, body)
			if dialect == agent.V22 {
				s.hears("contingency", agent.CallPreApply, dialect, cart("U-1", 2))
			} else {
				s.hears("contingency", agent.CallApply, dialect, cart("U-1", 2))
			}
			s.cloud.heard()
			s.restart()
			s.cloud.says(agent.CallStart, opens)
			s.cloud.says(agent.CallPreApply, `{"should_display_message":true,"message":{"text":"?","responses":[{"button":"a","tag":"a"}]}}`)
			s.cloud.says(agent.CallApply, `{"transaction_id":"C-1",`+tenPercent(2)[1:])
			apply, want := cart("U-1", 2), "start apply"
			if dialect == agent.V22 {
				apply, want = named("U-1"), "start pre-apply apply"
			}
			wants(t, s.hears("live", agent.CallApply, dialect, apply), `"transaction_id":"U-1"`, `"discount":"2.00"`)
			seen := s.cloud.heard()
			if calls(seen) != want || seen[0].body != body {
				t.Errorf("%s: the cloud heard %v, want %s", dialect, seen, want)
			}
			for _, one := range seen[1:] {
				wants(t, one.body, `"transaction_id":"C-1"`)
			}
		})
	}
}

// The till named a session of its own when it gave the document later (v2.2): the cloud begins anew without that name.
func TestASessionIsBegunAnewWithoutTheTillsID(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.hears("contingency", agent.CallStart, agent.V22, start22)
		s.hears("contingency", agent.CallStart, agent.V22, strings.Replace(start22, `"transaction_id":""`, `"transaction_id":"U-1"`, 1))
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallPreApply, none)
		s.cloud.heard()
		s.hears("live", agent.CallPreApply, agent.V22, cart("U-1", 2))
		if seen := s.cloud.heard(); calls(seen) != "start pre-apply" || seen[0].body != start22 {
			t.Errorf("the cloud heard %v", seen)
		}
	})
}

func TestALateStartOfASessionBegunAnewIsTakenBack(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.hears("contingency", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallStart, opens)
		s.cloud.slow(agent.CallStart, 4*time.Second)
		s.hears("contingency", agent.CallApply, agent.V2, cart("U-1", 2))
		<-time.After(2 * time.Second)
		s.wantVoided("C-1")
		if job := s.jobs(agent.KindCancel)[0]; job.Session != "U-1" {
			t.Errorf("the cancel is of session %q", job.Session)
		}
	})
}

// A cloud that asks the same for ever hears each of the shopper's answers once.
func TestAnAnswerIsGivenAgainOnlyOnce(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallPreApply, question("Digite de novo", "sim"))
		s.cloud.says(agent.CallMessage, question("Digite de novo", "sim"))
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V22, start22)
		s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 2))
		s.hears("live", agent.CallMessage, agent.V22, `{"transaction_id":"C-1","tag":"sim","input_value":""}`)
		s.hears("live", agent.CallApply, agent.V22, named("C-1"))
		s.cloud.heard()
		wants(t, s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 3)), "Digite de novo")
		if got := calls(s.cloud.heard()); got != "start pre-apply message" {
			t.Errorf("the cloud heard %s", got)
		}
	})
}

func TestTheDeadlineHoldsForStartAndApplyTogether(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.hears("contingency", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.cloud.slow(agent.CallStart, 2*time.Second)
		s.cloud.slow(agent.CallApply, time.Second)
		begun := time.Now()
		s.hears("contingency", agent.CallApply, agent.V2, cart("U-1", 2))
		if took := time.Since(begun); took != 2500*time.Millisecond {
			t.Errorf("the till waited %v", took)
		}
		s.wantVoided("C-1")
	})
}

func TestAnOpenCircuitAnswersWithoutACall(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.heard()
		s.cloud.open = true
		wants(t, s.hears("contingency", agent.CallStart, agent.V2, start), `"reason":"circuit_open"`)
		wants(t, s.hears("contingency", agent.CallApply, agent.V2, cart("C-1", 2)), `"reason":"circuit_open"`)
		if seen := s.cloud.heard(); len(seen) != 0 {
			t.Errorf("the cloud heard %v", seen)
		}
		s.wantVoided() // it is as open as it was: the till may still apply
		s.cloud.open = false
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		if got := calls(s.cloud.heard()); got != "apply" {
			t.Errorf("the cloud heard %s", got)
		}
	})
}

func TestOnlyLiveCallsAreNotedByTheCircuit(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.slow(agent.CallStart, 10*time.Second)
		s.hears("contingency", agent.CallStart, agent.V2, start)
		<-time.After(time.Minute) // the late answer
		if len(s.cloud.notes) != 1 || s.cloud.notes[0].Class != agent.ClassTimeout {
			t.Errorf("noted: %+v", s.cloud.notes)
		}
	})
}

func TestABasketWithoutASessionOpensOne(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallApply, tenPercent(2))
		body := strings.Replace(cart("", 2), `"transaction_id":"",`, "", 1)
		wants(t, s.hears("live", agent.CallApply, agent.V2, body), `"transaction_id":"C-1"`)
		if seen := s.cloud.heard(); calls(seen) != "start apply" || !strings.Contains(seen[0].body, `"document_no":""`) || !strings.Contains(seen[1].body, `"transaction_id":"C-1"`) {
			t.Errorf("the cloud heard %v", seen)
		}
		s.hears("replayed", agent.CallApply, agent.V2, cart("C-1", 2))
		s.cloud.says(agent.CallStart, nil)
		wants(t, s.hears("contingency", agent.CallApply, agent.V2, body), `"transaction_id":"U-1"`, `"discount_value":0.00`)
	})
}

func TestTheSamePreApplyAfterAnApplyAsksNothing(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallPreApply, none)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V22, start22)
		s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 2))
		first := s.hears("live", agent.CallApply, agent.V22, named("C-1"))
		s.cloud.heard()
		wants(t, s.hears("replayed", agent.CallPreApply, agent.V22, cart("C-1", 2)), `"should_display_message":false`, `"transaction_id":"C-1"`)
		if again := s.hears("replayed", agent.CallApply, agent.V22, named("C-1")); again != first {
			t.Errorf("got %s, want %s", again, first)
		}
		if seen := s.cloud.heard(); len(seen) != 0 {
			t.Errorf("the cloud heard %v", seen)
		}
	})
}

func question(text, tag string) string {
	return fmt.Sprintf(`{"should_display_message":true,"message":{"text":%q,"responses":[{"button":"Sim","tag":%q}]}}`, text, tag)
}

func TestTheShopperIsNotAskedTheSameQuestionTwice(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		ids := 0
		s.cloud.says(agent.CallStart, func(string) string { ids++; return fmt.Sprintf(`{"transaction_id":"C-%d"}`, ids) })
		s.cloud.says(agent.CallPreApply, question("Usar cashback?", "sim"))
		s.cloud.says(agent.CallMessage, none)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V22, start22)
		s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 2))
		s.hears("live", agent.CallMessage, agent.V22, `{"transaction_id":"C-1","tag":"sim","input_value":""}`)
		s.hears("live", agent.CallApply, agent.V22, named("C-1"))
		s.cloud.heard()
		got := s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 3))
		wants(t, got, `"should_display_message":false`)
		seen := s.cloud.heard()
		if calls(seen) != "start pre-apply message" || seen[2].body != `{"transaction_id":"C-2","tag":"sim","input_value":""}` {
			t.Errorf("the cloud heard %v", seen)
		}
		s.wantVoided("C-1")

		s.cloud.says(agent.CallApply, tenPercent(3))
		s.hears("live", agent.CallApply, agent.V22, named("C-1"))
		s.cloud.says(agent.CallPreApply, question("Outra pergunta?", "outra"))
		wants(t, s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 4)), "Outra pergunta?") // a new one is
	})
}

func TestOnlyOfferedTagsAreTaken(t *testing.T) {
	script := `{"transaction_id":"C-1","message":{"text":"?","responses":[{"button":"Sim","tag":"sim"},{"button":"Nao","tag":"nao"}]}}`
	inShop(t, nil, func(t *testing.T, s *shop) {
		say := func(tag string) string {
			return `{"transaction_id":"C-1","document_no":"` + agenttest.CPF + `","message_tag":"` + tag + `"}`
		}
		s.cloud.says(agent.CallMessage, `{}`)
		for _, silent := range []string{
			opens, `{"transaction_id":"C-1","message":null}`, `{"transaction_id":"C-1","message":{}}`,
			`{"transaction_id":"C-1","should_display_message":false,"message":{"text":"?","responses":[{"button":"Sim","tag":"sim"}]}}`,
			`{"transaction_id":"C-1","message":{"text":"APP","qr_code_next_window":{"url":"http://x/y.png"},"responses":[]}}`,
			`{"transaction_id":"C-1","message":{"text":"APP"}}`,
		} {
			s.cloud.says(agent.CallStart, silent)
			s.hears("live", agent.CallStart, agent.V2, start)
			if e := s.isRefused(agent.CodeInvalid, agent.CallMessage, agent.V2, say("sim")); e.Fields[0].Field != "message_tag" {
				t.Errorf("%s: got %+v", silent, e.Fields)
			}
		}
		s.cloud.says(agent.CallStart, script)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.heard()
		s.isRefused(agent.CodeInvalid, agent.CallMessage, agent.V2, say("talvez"))
		s.isRefused(agent.CodeInvalid, agent.CallMessage, agent.V2, `{"transaction_id":"C-1","document_no":"1"}`)
		if seen := s.cloud.heard(); len(seen) != 0 {
			t.Errorf("the cloud heard %v", seen)
		}
		s.hears("live", agent.CallMessage, agent.V2, say("nao"))
		s.hears("replayed", agent.CallMessage, agent.V2, say("nao"))
		if seen := s.cloud.heard(); len(seen) != 1 || seen[0].body != say("nao") {
			t.Errorf("the cloud heard %v", seen)
		}
	})
}

func TestAMessageWithATextAndNoButtonsTakesAnyTag(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, `{"transaction_id":"C-1","should_display_message":true,"message":{"text":"CPF?","input":1}}`)
		s.cloud.says(agent.CallMessage, none)
		s.hears("live", agent.CallStart, agent.V22, start22)
		s.hears("live", agent.CallMessage, agent.V22, `{"transaction_id":"C-1","tag":"","input_value":"529"}`)
		s.isRefused(agent.CodeInvalid, agent.CallMessage, agent.V22, `{"transaction_id":"C-1","tag":"","input_value":"529"}`) // it is over
	})
}

func TestAnAnswerTheCloudDidNotHearIsQueuedInV2Alone(t *testing.T) {
	script := `{"transaction_id":"C-1","should_display_message":true,"message":{"text":"?","responses":[{"button":"Sim","tag":"sim"}]}}`
	for name, c := range map[string]struct {
		dialect agent.Dialect
		answer  any
		queued  int
		want    agent.Delivery
	}{
		"v2, no connection": {agent.V2, nil, 1, "contingency"},
		"v2, 503":           {agent.V2, agent.Outcome{Class: agent.ClassStatus, Status: 503, Reached: true}, 1, "contingency"},
		"v2, refused":       {agent.V2, agent.Outcome{Class: agent.ClassStatus, Status: 400, Reached: true}, 0, "contingency"},
		"v2, no body":       {agent.V2, "", 0, "live"},
		"v2.2, away":        {agent.V22, nil, 0, "contingency"},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, nil, func(t *testing.T, s *shop) {
				s.cloud.says(agent.CallStart, script)
				body, tag := start, `"document_no":"1","message_tag":"sim"`
				if c.dialect == agent.V22 {
					body, tag = start22, `"tag":"sim","input_value":""`
				}
				s.hears("live", agent.CallStart, c.dialect, body)
				s.cloud.says(agent.CallMessage, c.answer)
				say := `{"transaction_id":"C-1",` + tag + `}`
				got := s.hears(c.want, agent.CallMessage, c.dialect, say)
				wants(t, got, `"transaction_id":"C-1"`)
				jobs := s.jobs(agent.KindMessage)
				if len(jobs) != c.queued {
					t.Fatalf("%d answers are queued, want %d", len(jobs), c.queued)
				}
				if c.queued == 1 {
					s.hears("replayed", agent.CallMessage, c.dialect, say)
					s.wantPrepared(jobs[0].ID(), say)
				}
			})
		})
	}
}

func TestUnknownClosedAndMixedSessionsAreRefusedInWords(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		for call, body := range map[agent.Call]string{
			agent.CallApply: cart("ghost", 1), agent.CallMessage: `{"transaction_id":"ghost","document_no":"1","message_tag":"x"}`,
		} {
			s.isRefused(agent.CodeUnknownSession, call, agent.V2, body)
		}
		s.isRefused(agent.CodeUnknownSession, agent.CallPreApply, agent.V22, cart("ghost", 1))
		s.hears("live", agent.CallStart, agent.V2, start)
		s.isRefused(agent.CodeDialectMixed, agent.CallPreApply, agent.V22, cart("C-1", 1))
		s.isRefused(agent.CodeDialectMixed, agent.CallApply, agent.V22, named("C-1"))
		if _, err := s.service.Accept(t.Context(), agent.Submission{Kind: agent.KindConfirm, Dialect: agent.V22, Body: []byte(named("C-1"))}); agent.CodeOf(err) != agent.CodeDialectMixed {
			t.Errorf("confirm in the other dialect: %v", err)
		}
		s.must(agent.KindConfirm, named("C-1"))
		s.isRefused(agent.CodeConflict, agent.CallApply, agent.V2, cart("C-1", 1))
		s.isRefused(agent.CodeConflict, agent.CallStart, agent.V2, `{"document_no":"","transaction_id":"C-1"}`)
		s.isRefused(agent.CodeInvalid, agent.CallApply, agent.V22, `{}`)
		s.isRefused(agent.CodeMalformed, agent.CallStart, agent.V2, `{`)
		s.isRefused(agent.CodeInvalid, agent.CallStart, agent.V2, `[]`)
	})
}

func TestABasketThatCannotBeReckonedNamesEveryField(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		e := s.isRefused(agent.CodeInvalid, agent.CallApply, agent.V2, `{"transaction_id":"C-1","client_id":"0","items":[
			{"sku":"1","ean":"1","quantity":0,"total_value":1},{"sku":"1","ean":"1","quantity":1.2345,"total_value":-1},
			{"sku":{},"ean":"1","quantity":"um","total_value":1,"total_value_with_discount":2},{"sku":"1","ean":"1","total_value":1e3}]}`)
		var got []string
		for _, fault := range e.Fields {
			got = append(got, fault.Field+" "+fault.Code)
		}
		slices.Sort(got)
		want := []string{
			"items[0].quantity not_positive", "items[1].quantity too_many_decimals", "items[1].total_value negative", "items[2].quantity not_decimal",
			"items[2].sku type", "items[2].total_value_with_discount above_total", "items[3].quantity required", "items[3].total_value not_decimal",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		s.isRefused(agent.CodeInvalid, agent.CallApply, agent.V2, `{"transaction_id":"C-1","client_id":"0","items":[]}`)
	})
}

func TestApplyBeforeThePreApplyIsRefused(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V22, start22)
		if e := s.isRefused(agent.CodeInvalid, agent.CallApply, agent.V22, named("C-1")); e.Fields[0].Field != "items" {
			t.Errorf("got %+v", e.Fields)
		}
	})
}

func TestARefusedStartIsTheTillsToRead(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, agent.Outcome{Class: agent.ClassStatus, Status: 422, Reached: true, Body: []byte(`{"message":"CPF bloqueado"}`)})
		e := s.isRefused(agent.CodeCloudRefused, agent.CallStart, agent.V2, start)
		if e.Status != 422 || !strings.Contains(e.Message, "CPF bloqueado") {
			t.Errorf("got %+v", e)
		}
	})
}

func TestAStartThatSaysMoreOfASessionKeepsItsID(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.hears("contingency", agent.CallStart, agent.V22, `{"transaction_context":{"document_no":"","phone":""},"transaction_id":""}`)
		s.cloud.says(agent.CallStart, opens)
		s.cloud.heard()
		later := strings.Replace(start22, `"transaction_id":""`, `"transaction_id":"U-1"`, 1)
		wants(t, s.hears("live", agent.CallStart, agent.V22, later), `"transaction_id":"U-1"`)
		if seen := s.cloud.heard(); len(seen) != 1 || seen[0].body != start22 {
			t.Errorf("the cloud heard %v", seen)
		}
		if got, known, _ := s.service.Session("U-1"); !known || !got.Live {
			t.Errorf("the session is %+v", got)
		}
	})
}
