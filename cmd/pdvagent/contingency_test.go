package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pdvagent/mercafacil/mercafacilsim"
)

const deadline = 500 * time.Millisecond

// hasty is a site whose till waits half a second at most.
func hasty(t *testing.T, replace ...string) *site {
	t.Helper()
	return newSite(t, append(replace, "live_deadline: 2500ms", "live_deadline: 500ms")...)
}

// inTime wants an answer no later than the deadline and a tenth of a second, which a busy machine may need.
func (s *site) inTime(what string, call func() answer) answer {
	s.t.Helper()
	begun := time.Now()
	got := call()
	if took := time.Since(begun); took > deadline+400*time.Millisecond {
		s.t.Errorf("%s: the till waited %v", what, took)
	}
	return got
}

// Every fault on every live route: the till is answered inside the deadline, the sale goes on and arrives once, and
// nothing stays open in the cloud.
func TestEveryFaultOfEveryLiveRouteLetsTheSaleGoOn(t *testing.T) {
	faults := []mercafacilsim.Fault{
		{Fault: "status", Status: 500},
		{Fault: "status", Status: 502},
		{Fault: "status", Status: 429, RetryAfter: 1},
		{Fault: "status", Status: 400},
		{Fault: "status", Status: 401},
		{Fault: "status", Status: 404},
		{Fault: "status", Status: 503, Body: "<h1>fora do ar</h1>"},
		{Fault: "html"},
		{Fault: "error200"},
		{Fault: "redirect"},
		{Fault: "reset"},
		{Fault: "silence"},
		{Fault: "slow", DelayMS: 800},
		{Fault: "cut"},
		{Fault: "lost"},
		{Fault: "excess"},
		{Fault: "mismatch"},
		{Fault: "no_items"},
		{Fault: "null_items"},
		{Fault: "says", Body: "ok"},
		{Fault: "says", Body: `{"items":"x"}`},
	}
	both(t, func(t *testing.T, dialect string) {
		routes := []string{"start", "apply"}
		if dialect == "v2.2" {
			routes = []string{"start", "pre-apply", "apply"}
		}
		s := hasty(t).open()
		s.member(maria, "Maria")
		s.offer(`{"id":"p","type":"percentage","product":"80215","percent":10}`)
		n := 0
		for _, route := range routes {
			for _, fault := range faults {
				fault.Route, fault.Times = route, 1
				name := fmt.Sprint(route, " ", fault.Fault, fault.Status, fault.Body)
				s.clouds.Mercafacil.Heal()
				s.fault(fault)
				one := &sale{site: s, dialect: dialect, client: maria}
				started := s.inTime(name, func() answer { return s.post("/"+dialect+"/transaction/start", startBody(dialect, maria)) })
				if route == "start" && started.status != http.StatusOK && started.field("origin") == "cloud" {
					continue // a refusal is the till's to read
				}
				one.id, _ = started.field("transaction_id").(string)
				got := s.inTime(name, func() answer { return one.apply(units("80215", 2, "10.00")) })
				g := got.given(t)
				harmless := (route != "apply" && slices.Contains([]string{"excess", "mismatch", "no_items", "null_items"}, fault.Fault))
				if got.status != http.StatusOK || len(g.Agent.Lines) != 1 || (harmless && g.Agent.Delivery != "live") || (route == "apply" && g.Agent.Delivery != "contingency") {
					t.Errorf("%s: got %d %s", name, got.status, got.body)
				}
				n++
				one.sell(fmt.Sprint("K-", n))
			}
		}
		s.clouds.Mercafacil.Heal()
		s.until("the token is taken again", func() bool { return s.begin(dialect, "0").end("cancel").status == http.StatusAccepted })
		s.drained()
		var coupons []string
		for i := range n {
			coupons = append(coupons, fmt.Sprint("K-", i+1))
		}
		s.wantSoldOnce(coupons...)
		lost := 0 // sessions whose id never reached anybody: their answer was cut or lost
		for _, one := range s.clouds.Mercafacil.SessionList() {
			if one.Stage == "open" && strings.Join(one.Said, " ") == "start" {
				lost++
			} else if one.Stage == "open" {
				t.Errorf("open in the cloud: %+v", one)
			}
		}
		if lost > 2 {
			t.Errorf("%d started sessions are open, want no more than those of which no answer came", lost)
		}
	})
}

func TestAnOutageInTheMiddleOfASale(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := hasty(t).open()
		s.member(maria, "Maria Aparecida")
		s.offer(`{"id":"p","type":"percentage","product":"80215","percent":10}`)
		before := s.begin(dialect, maria) // the link goes after the start
		s.clouds.Leave()
		<-time.After(50 * time.Millisecond) // the kept connection's end is heard; a write into it before would be an attempt that may have arrived
		if g := before.apply(units("80215", 2, "10.00")).given(t); g.Agent.Delivery != "contingency" || g.Agent.Reason != "unreachable" || g.discount(t) != "0.00" {
			t.Errorf("got %+v", g)
		}
		before.sell("K-before")
		during := s.begin(dialect, maria) // begins and ends without a link
		if got, _ := s.post("/"+dialect+"/transaction/start", startBody(dialect, maria)).field("user.name").(string); got != "Maria" {
			t.Errorf("the member cache says %q", got)
		}
		during.apply(units("80215", 2, "10.00"))
		during.sell("K-during")
		after := s.begin(dialect, maria) // the link is back at apply
		s.stop()
		s.open() // and the agent was started anew
		if err := s.clouds.Return(t.Context()); err != nil {
			t.Fatal(err)
		}
		if g := after.apply(units("80215", 2, "10.00")).given(t); g.Agent.Delivery != "live" || g.discount(t) != "2.00" {
			t.Errorf("got %+v", g)
		}
		after.sell("K-after")
		s.drained()
		s.wantSoldOnce("K-before", "K-during", "K-after")
		for _, coupon := range s.clouds.Mercafacil.Coupons() {
			body := string(coupon.Body)
			if strings.Contains(body, "transaction_id") == (coupon.ID == "K-during") || !strings.Contains(body, maria) || len(coupon.Warnings) != 0 {
				t.Errorf("%s went up as %s, %v", coupon.ID, body, coupon.Warnings)
			}
		}
		if strings.Contains(string(s.clouds.Mercafacil.Coupons()[2].Body), after.id) {
			t.Error("the till's id of a contingency went up")
		}
		s.nothingOpen()
	})
}

func TestMembershipIsResolvedOncePerOutage(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := hasty(t).open()
		s.clouds.Leave()
		for i := range 3 {
			one := s.begin(dialect, stranger)
			one.apply(units("80215", 2, "10.00"))
			one.sell(fmt.Sprint("K-", i))
		}
		if err := s.clouds.Return(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.drained()
		s.wantSoldOnce("K-0", "K-1", "K-2")
		for _, coupon := range s.clouds.Mercafacil.Coupons() {
			if !strings.Contains(string(coupon.Body), `"client_id":"0"`) {
				t.Errorf("went up as %s", coupon.Body)
			}
		}
		if said := s.said(); !slices.Equal(said, []string{"start cancel"}) {
			t.Errorf("the cloud heard %v", said)
		}
		if got := s.call(http.MethodGet, "/v1/status", supportToken, ""); got.field("queue.annulled") != 3.0 {
			t.Errorf("the confirms: %s", got.body)
		}
	})
}

func TestAStartTooLateLeavesNothingOpen(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := hasty(t).open()
		s.fault(mercafacilsim.Fault{Route: "start", Fault: "slow", DelayMS: 900, Times: 1})
		got := s.inTime("start", func() answer { return s.post("/"+dialect+"/transaction/start", startBody(dialect, maria)) })
		if got.field("agent.reason") != "timeout" || got.header.Get("X-Agent-Delivery") != "contingency" || got.field("requestId") != got.header.Get("X-Request-Id") {
			t.Errorf("got %d %s", got.status, got.body)
		}
		s.until("the late session is there", func() bool { return len(s.clouds.Mercafacil.SessionList()) == 1 })
		s.nothingOpen()
	})
}

func TestAnApplyTooLateLeavesNothingOpenAndItsConfirmIsAnnulled(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := hasty(t).open()
		one := s.begin(dialect, "0")
		s.fault(mercafacilsim.Fault{Route: "apply", Fault: "slow", DelayMS: 900, Times: 1})
		if g := s.inTime("apply", func() answer { return one.apply(units("80215", 2, "10.00")) }).given(t); g.Agent.Reason != "timeout" {
			t.Errorf("got %+v", g)
		}
		one.sell("K")
		s.nothingOpen()
		s.drained()
		s.wantSoldOnce("K")
		if said := strings.Join(s.said(), "; "); strings.Contains(said, "confirm") {
			t.Errorf("the cloud heard %s", said)
		}
		got := s.call(http.MethodGet, "/v1/sales/"+one.id, tillToken, "")
		if got.field("session") != "confirmed" || got.field("loyalty.live") != false || got.field("loyalty.absence") != "timeout" || !strings.Contains(got.body, `"annulled"`) {
			t.Errorf("got %s", got.body)
		}
	})
}

func TestTheCircuitOpensAnswersAtOnceAndClosesByAProbe(t *testing.T) {
	s := hasty(t).open()
	s.clouds.Leave()
	for range 3 {
		s.begin("v2", "0")
	}
	if got := s.call(http.MethodGet, "/v1/status", supportToken, ""); got.field("circuit") != "open" || got.field("online") != false {
		t.Fatalf("got %s", got.body)
	}
	got := s.post("/v2/transaction/start", startBody("v2", maria))
	if got.field("agent.reason") != "circuit_open" {
		t.Errorf("got %s", got.body)
	}
	if err := s.clouds.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.until("the circuit is closed", func() bool {
		return s.call(http.MethodGet, "/v1/status", supportToken, "").field("circuit") == "closed"
	})
	if said := s.said(); len(said) != 0 {
		t.Errorf("the probe opened something: %v", said)
	}
	if got := s.post("/v2/transaction/start", startBody("v2", maria)); got.header.Get("X-Agent-Delivery") != "live" {
		t.Errorf("got %s", got.body)
	}
}

func TestABadJobInTheQueueDoesNotOpenTheCircuit(t *testing.T) {
	s := hasty(t).open()
	s.fault(mercafacilsim.Fault{Route: "coupon", Fault: "lost"})
	for i := range 5 {
		one := s.begin("v2", "0")
		one.sellOnly(fmt.Sprint("K-", i))
	}
	s.until("they were tried", func() bool { return len(s.arrivals("coupon")) >= 5 })
	if got := s.post("/v2/transaction/start", startBody("v2", maria)); got.header.Get("X-Agent-Delivery") != "live" {
		t.Errorf("got %s", got.body)
	}
}

func TestAnAbandonedSessionIsCancelledInTheCloud(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t, "abandon_after: 2h", "abandon_after: 1s").open()
		one := s.begin(dialect, "0")
		one.apply(units("80215", 1, "10.00"))
		s.nothingOpen()
		got := s.call(http.MethodGet, "/v1/sales/"+one.id, tillToken, "")
		if got.field("session") != "abandoned" {
			t.Errorf("got %s", got.body)
		}
	})
}

func TestADiscountNobodyConfirmedIsSaid(t *testing.T) {
	s := newSite(t, "abandon_after: 2h", "abandon_after: 1s").open()
	one := s.begin("v2", "0")
	one.apply(units("80215", 2, "10.00"))
	one.sellOnly("K")
	s.until("the alarm is raised", func() bool {
		return s.call(http.MethodGet, "/v1/status", supportToken, "").header.Get("X-Agent-Alarm") == "discount_unconfirmed"
	})
	if stage := s.clouds.Mercafacil.SessionList()[0].Stage; stage != "open" {
		t.Errorf("the session is %s, want it open", stage)
	}
	one.end("confirm")
	s.until("the alarm ends", func() bool {
		return s.call(http.MethodGet, "/v1/status", supportToken, "").header.Get("X-Agent-Alarm") == ""
	})
}

func TestConfirmAfterCancelAndTheOtherWayRoundInParallel(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		for range 20 {
			one := s.begin(dialect, "0")
			one.apply(units("80215", 1, "10.00"))
			answers := make([]answer, 2)
			var group sync.WaitGroup
			for i, how := range []string{"confirm", "cancel"} {
				group.Go(func() { answers[i] = one.end(how) })
			}
			group.Wait()
			statuses := []int{answers[0].status, answers[1].status}
			slices.Sort(statuses)
			if !slices.Equal(statuses, []int{http.StatusAccepted, http.StatusConflict}) {
				t.Fatalf("got %+v", answers)
			}
		}
		s.drained()
		s.nothingOpen()
		for id, said := range s.clouds.Mercafacil.Sessions() {
			if len(said) != 1 {
				t.Errorf("%s: the cloud heard %v", id, said)
			}
		}
	})
}

func TestTheDialectsAreNotMixedInASession(t *testing.T) {
	s := newSite(t).open()
	one := s.begin("v2", "0")
	for path, body := range map[string]string{
		"/v2.2/transaction/pre-apply": fmt.Sprintf(`{"transaction_id":%q,"origin":"pdv",%s}`, one.id, items(units("A", 1, "10.00"))),
		"/v2.2/transaction/apply":     idBody("transaction_id", one.id), "/v2.2/transaction/confirm": idBody("transaction_id", one.id),
		"/v2.2/transaction/message": fmt.Sprintf(`{"transaction_id":%q,"tag":"x","input_value":""}`, one.id),
	} {
		if got := s.post(path, body); got.status != http.StatusConflict || got.field("code") != "dialect_mixed" {
			t.Errorf("%s: got %d %s", path, got.status, got.body)
		}
	}
}

func TestAnUnknownSessionHasAWordOfItsOwn(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		ghost := &sale{s, dialect, "0", "ghost"}
		for _, got := range []answer{ghost.apply(units("A", 1, "10.00")), ghost.answer("sim", "")} {
			if got.status != http.StatusNotFound || got.field("code") != "unknown_transaction" || got.field("origin") != "till" {
				t.Errorf("got %d %s", got.status, got.body)
			}
		}
		if got := ghost.end("confirm"); got.status != http.StatusAccepted {
			t.Errorf("confirm: %d %s", got.status, got.body)
		}
		s.until("it travels unchanged", func() bool { return len(s.arrivals("confirm")) == 1 })
	})
}

func TestARefusedStartPassesWithItsOrigin(t *testing.T) {
	s := newSite(t).open()
	got := s.post("/v2/transaction/start", `{"document_no":"529.982.247-25"}`)
	if got.status != http.StatusBadRequest || got.field("origin") != "cloud" || got.field("code") != "cloud_refused" || !strings.Contains(got.body, "document_no") {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestAnAnswerTheCloudDidNotHearArrivesLater(t *testing.T) {
	s := hasty(t).open()
	one, _ := s.greet("v2", stranger)
	s.clouds.Leave()
	got := one.answer("aceitou-pre-cadastro", "41987762038")
	if got.status != http.StatusOK || got.header.Get("X-Agent-Delivery") != "contingency" {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	if err := s.clouds.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.until("it arrives", func() bool { return len(s.arrivals("message")) == 1 })
	if _, again := s.greet("v2", stranger); again.field("loyalty") != true {
		t.Errorf("got %s", again.body)
	}
}

func TestTheShopperIsNotAskedAgainWhenTheBasketChanges(t *testing.T) {
	s := newSite(t).open()
	s.set(`{"rounds":2}`)
	s.member(maria, "Maria")
	s.offer(`{"id":"p","type":"percentage","product":"A","percent":10}`)
	one := s.begin("v2.2", maria)
	if got := one.preApply(units("A", 2, "10.00")); !strings.Contains(got.body, "Pergunta 1 de 2") {
		t.Fatalf("got %s", got.body)
	}
	one.answer("sim-1", "")
	one.answer("nao-2", "")
	s.post("/v2.2/transaction/apply", idBody("transaction_id", one.id))
	if got := one.preApply(units("A", 3, "10.00")); got.field("should_display_message") != false || got.field("transaction_id") != one.id {
		t.Errorf("asked again: %s", got.body)
	}
	if g := s.post("/v2.2/transaction/apply", idBody("transaction_id", one.id)).given(t); g.discount(t) != "3.00" {
		t.Errorf("got %+v", g)
	}
	s.drained()
	if said := s.said(); !slices.Equal(said, []string{
		"start pre-apply message:sim-1 message:nao-2 apply cancel", "start pre-apply message:sim-1 message:nao-2 apply",
	}) {
		t.Errorf("the cloud heard %q", said)
	}
}

// Whatever the contract leaves open, the till gets its discounts (contract 3.13).
func TestEveryVariationOfTheCloudIsUnderstood(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.member(maria, "Maria")
		s.offer(`{"id":"p","type":"percentage","product":"A","percent":10}`)
		s.offer(`{"id":"five","type":"absolute","value":5}`)
		s.offer(`{"id":"three","type":"payment","value":3}`)
		for _, setting := range []string{
			`{"decimals":"string"}`, `{"items":"merged"}`, `{"items":"reordered"}`, `{"no_message":"null"}`, `{"no_message":"empty"}`, `{"without_responses":true}`,
			`{"unknown_fields":true}`, `{"no_totals":"absent"}`, `{"no_totals":"zero"}`, `{"second_apply":"refuse"}`, `{"unknown_sessions":"refuse"}`, `{"gzip":true}`,
			`{"strict":false}`, `{"repeated_coupon":"replace"}`, `{"rounds":3}`, `{"ask_document":true}`,
		} {
			s.set(setting)
			one := s.begin(dialect, maria)
			if got := one.apply(units("A", 1, "10.00"), units("A", 2, "10.00")); got.given(t).discount(t) != "3.00" || got.given(t).Agent.Delivery != "live" {
				t.Errorf("%s: got %s", setting, got.body)
			}
			if got := one.apply(units("A", 2, "10.00")); got.given(t).discount(t) != "2.00" || got.field("transaction_id") != one.id { // a changed basket
				t.Errorf("%s, changed: got %s", setting, got.body)
			}
			one.end("cancel")
		}
		s.drained()
		s.nothingOpen()
	})
}

func TestTheAnswerToAConfirmThatATillWaitedForNamesTheTillsSession(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		one := s.begin(dialect, "0")
		one.apply(units("A", 2, "10.00"))
		one.apply(units("A", 1, "10.00")) // the cloud's id is another one now
		got := s.post("/"+dialect+"/transaction/confirm", idBody("transaction_id", one.id), "Prefer", "wait=10")
		if got.status != http.StatusOK || got.header.Get("X-Agent-Delivery") != "delivered" || got.field("transaction_id") != one.id {
			t.Errorf("got %d %s", got.status, got.body)
		}
		if sent := s.lastBody("confirm"); strings.Contains(sent, one.id) {
			t.Errorf("the cloud heard the till's id: %s", sent)
		}
	})
}

func TestForgetAMemberByTheAPI(t *testing.T) {
	s := hasty(t).open()
	s.member(maria, "Maria")
	s.begin("v2", maria)
	forget := func(token string) answer {
		return s.call(http.MethodPost, "/v1/members/forget", token, fmt.Sprintf(`{"document":%q}`, maria))
	}
	if got := forget(tillToken); got.status != http.StatusForbidden {
		t.Errorf("a till's token: %d", got.status)
	}
	s.until("it is remembered and forgotten", func() bool { return forget(supportToken).field("forgotten") == true })
	s.clouds.Leave()
	if got := s.post("/v2/transaction/start", startBody("v2", maria)); got.field("loyalty") != false {
		t.Errorf("got %s", got.body)
	}
}
