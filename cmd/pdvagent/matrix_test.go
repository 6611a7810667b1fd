package main

import (
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/mercafacil/mercafacilsim"
)

// trouble is one fault of contract 3.13 or of the way to the cloud, on one route.
type trouble struct {
	name   string
	fault  mercafacilsim.Fault // its Route and Times are the matrix's
	link   error               // instead: how connections fail
	skew   time.Duration       // instead: how wrong the cloud's clock is
	refuse bool                // the cloud refuses what is right: a till may read that on a live route
}

func troubles() []trouble {
	vary := func(settings string) mercafacilsim.Fault {
		return mercafacilsim.Fault{Fault: "vary", Settings: []byte(settings)}
	}
	status := func(code, after int, body string) mercafacilsim.Fault {
		return mercafacilsim.Fault{Fault: "status", Status: code, RetryAfter: after, Body: body}
	}
	list := []trouble{
		{name: "500", fault: status(500, 0, "")},
		{name: "502", fault: status(502, 0, "<h1>Bad Gateway")},
		{name: "503", fault: status(503, 0, "")},
		{name: "503 and a time", fault: status(503, 30, "")},
		{name: "504", fault: status(504, 0, "")},
		{name: "429", fault: status(429, 0, "")},
		{name: "429 and a time", fault: status(429, 60, "")},
		{name: "408", fault: status(408, 0, "")},
		{name: "401 token expired", fault: status(401, 0, ""), refuse: true},
		{name: "403 with HTML", fault: status(403, 0, "<h1>Forbidden"), refuse: true},
		{name: "404", fault: status(404, 0, ""), refuse: true},
		{name: "redirect", fault: mercafacilsim.Fault{Fault: "redirect"}},
		{name: "captive portal", fault: mercafacilsim.Fault{Fault: "html"}},
		{name: "error inside a 200", fault: mercafacilsim.Fault{Fault: "error200"}},
		{name: "reset", fault: mercafacilsim.Fault{Fault: "reset"}},
		{name: "silence", fault: mercafacilsim.Fault{Fault: "silence"}},
		{name: "slow, 10 s", fault: mercafacilsim.Fault{Fault: "slow", DelayMS: 10_000}},
		{name: "slow trickle", fault: mercafacilsim.Fault{Fault: "trickle", DelayMS: 500}},
		{name: "answer lost after commit", fault: mercafacilsim.Fault{Fault: "lost"}},
		{name: "unknown fields", fault: vary(`{"unknown_fields":true}`)},
		{name: "decimals as strings", fault: vary(`{"decimals":"string"}`)},
		{name: "gzip", fault: vary(`{"gzip":true}`)},
		{name: "items merged", fault: vary(`{"items":"merged"}`)},
		{name: "items reordered", fault: vary(`{"items":"reordered"}`)},
		{name: "message null", fault: vary(`{"no_message":"null"}`)},
		{name: "message empty", fault: vary(`{"no_message":"empty"}`)},
		{name: "no responses", fault: vary(`{"without_responses":true}`)},
		{name: "totals absent", fault: vary(`{"no_totals":"absent"}`)},
		{name: "trailing slash", fault: vary(`{"slash":"with"}`), refuse: true},
		{name: "discount above its line", fault: mercafacilsim.Fault{Fault: "excess"}},
		{name: "sums that do not add up", fault: mercafacilsim.Fault{Fault: "mismatch"}},
		{name: "no items", fault: mercafacilsim.Fault{Fault: "no_items"}},
		{name: "items null", fault: mercafacilsim.Fault{Fault: "null_items"}},
		{name: "refused connections", link: errRefused},
		{name: "no route", link: errNoRoute},
		{name: "no DNS", link: errNoName},
		{name: "slow DNS", link: errNameSlow},
		{name: "cloud's clock a day late", skew: -24 * time.Hour},
		{name: "cloud's clock a year ahead", skew: 365 * 24 * time.Hour},
	}
	for percent := 0; percent < 100; percent += 10 {
		cut := percent
		list = append(list, trouble{name: fmt.Sprintf("answer cut at %d %%", cut), fault: mercafacilsim.Fault{Fault: "cut", Percent: &cut}})
	}
	return list
}

// mode is how long a trouble lasts.
type mode struct {
	name  string
	times int // requests that meet it; 0: until it is healed, half an hour later
}

func modes() []mode { return []mode{{"once", 1}, {"burst", 8}, {"for ever, then healed", 0}} }

// matrixEvery thins the matrix out; .ci/run goes through all of it.
var matrixEvery = flag.Int("matrix-every", 3, "one of so many cells of the matrix")

// TestEveryTroubleOfEveryRouteLetsEverySaleArriveOnce plays every trouble on every route, once, as a burst and for half an
// hour, in fake time. The till is answered inside its deadline, its sales go on, and in the end everything is there once.
func TestEveryTroubleOfEveryRouteLetsEverySaleArriveOnce(t *testing.T) {
	every := *matrixEvery
	if agenttest.Raced {
		every *= 4
	}
	n := 0
	for _, dialect := range []string{"v2", "v2.2"} {
		routes := []string{"start", "message", "apply", "confirm", "cancel", "coupon", "coupon-cancellation"}
		if dialect == "v2.2" {
			routes = []string{"pre-apply", "apply"} // the others behave alike; unit tests compare them
		}
		for _, route := range routes {
			for _, trouble := range troubles() {
				if n++; n%every != 0 {
					continue
				}
				t.Run(fmt.Sprint(dialect, " ", route, ", ", trouble.name), func(t *testing.T) {
					inBubble(t, func(b *bubble) {
						for i, mode := range modes() {
							b.suffer(dialect, route, trouble, mode, i)
						}
					})
				})
			}
		}
	}
}

// suffer goes through one trouble of one length with two shoppers, and asks the cloud afterwards.
func (b *bubble) suffer(dialect, route string, what trouble, how mode, n int) {
	b.t.Helper()
	b.begin(route, what, how)
	bought, went := fmt.Sprint("B", n), fmt.Sprint("W", n)
	first := b.shop(dialect, what, how)
	if first != "" { // else the cloud has refused the session: the till sells without
		b.want(b.post("/"+dialect+"/transaction/confirm", idBody("transaction_id", first)), how, "confirm")
	}
	b.want(b.post("/v2/coupons", agenttest.Receipt(bought, first)), how, "coupon")
	b.want(b.post("/v2/coupons", agenttest.Receipt(went, "")), how, "coupon without a session")
	b.want(b.post("/v2/coupons-cancellation", idBody("coupon", went)), how, "cancellation")
	if second := b.shop(dialect, what, how); second != "" {
		b.want(b.post("/"+dialect+"/transaction/cancel", idBody("transaction_id", second)), how, "cancel")
	}
	<-time.After(30 * time.Minute)
	b.cloud.Heal()
	b.network.cut(nil)
	b.cloud.Advance(-what.skew)
	b.drained(4 * time.Hour)
	b.settled(bought, went, how.name)
	<-time.After(40 * time.Minute) // the longest pause of a route, and the circuit, are over
}

func (b *bubble) begin(route string, what trouble, how mode) {
	b.t.Helper()
	switch {
	case what.link != nil:
		b.network.cut(what.link)
		if how.times > 0 { // a connection is not a request: the link comes back by itself
			time.AfterFunc(time.Duration(how.times)*time.Minute, func() { b.network.cut(nil) })
		}
	case what.skew != 0:
		b.cloud.Advance(what.skew)
	default:
		what.fault.Route, what.fault.Times = route, how.times
		if err := b.cloud.Add(what.fault); err != nil {
			b.t.Fatal(err)
		}
	}
}

// shop is a session up to its discounts; it gives the id to go on with.
func (b *bubble) shop(dialect string, what trouble, how mode) string {
	b.t.Helper()
	one := &sale{dialect: dialect, client: maria}
	started := b.post("/"+dialect+"/transaction/start", startBody(dialect, maria))
	b.wantLive(started, what, how, "start")
	if one.id, _ = started.field("transaction_id").(string); one.id == "" {
		return ""
	}
	basket := items(units("80215", 2, "10.00"))
	if dialect == "v2" {
		if started.field("message") != nil {
			b.wantLive(b.post("/v2/transaction/message", fmt.Sprintf(`{"transaction_id":%q,"document_no":%q,"message_tag":"nao-aceitou-pre-cadastro"}`, one.id, maria)), what, how, "message")
		}
		b.wantLive(b.post("/v2/transaction/apply", fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,"origin":"pdv",%s}`, one.id, maria, basket)), what, how, "apply")
		return one.id
	}
	b.wantLive(b.post("/v2.2/transaction/pre-apply", fmt.Sprintf(`{"transaction_id":%q,"origin":"pdv",%s}`, one.id, basket)), what, how, "pre-apply")
	b.wantLive(b.post("/v2.2/transaction/apply", idBody("transaction_id", one.id)), what, how, "apply")
	return one.id
}

// wantLive wants an answer a till can go on with: a cloud that refuses may be seen, nothing else.
func (b *bubble) wantLive(got answer, what trouble, how mode, call string) {
	b.t.Helper()
	if got.status == http.StatusOK || (got.field("origin") == "cloud" && (what.refuse || got.status < 500)) {
		return
	}
	b.t.Errorf("%s: %s got %d %.300s", how.name, call, got.status, got.body)
}

// want wants the agent to have taken it.
func (b *bubble) want(got answer, how mode, call string) {
	b.t.Helper()
	if got.status != http.StatusAccepted && got.status != http.StatusOK {
		b.t.Errorf("%s: %s got %d %.300s", how.name, call, got.status, got.body)
	}
}

// settled asks the cloud for what has become of the two receipts, and for sessions that nobody ended.
func (b *bubble) settled(bought, went, when string) {
	b.t.Helper()
	count := make(map[string]int)
	for _, arrival := range b.cloud.Received() {
		if arrival.Effect && (arrival.Route == "coupon" || arrival.Route == "coupon-cancellation") {
			count[arrival.Route+" "+couponOf(arrival.Body)]++
		}
	}
	sold, sent, taken := count["coupon "+bought], count["coupon "+went], min(count["coupon-cancellation "+went], 1) // saying it twice takes it back once
	if sold != 1 || count["coupon-cancellation "+bought] != 0 {
		b.t.Errorf("%s: sale %s is there %d times, and was taken back %d times", when, bought, sold, count["coupon-cancellation "+bought])
	}
	if sent > 1 || sent != taken { // neither of them where the cancellation met it before its first attempt
		b.t.Errorf("%s: sale %s is there %d times, and was taken back %d times", when, went, sent, taken)
	}
}

// TestOnePoisonedSaleAmongAThousandStopsNoOther has a sale in its middle that the cloud refuses for good.
func TestOnePoisonedSaleAmongAThousandStopsNoOther(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.network.cut(errRefused)
		const good = 1000
		for n := range good {
			b.post("/v2/coupons", agenttest.Receipt(fmt.Sprint("G", n), ""))
			if n == good/2 {
				b.post("/v2/coupons", strings.Replace(agenttest.Receipt("P", ""), `"sku":"80215"`, `"sku":"80215","family":7`, 1))
			}
		}
		b.network.cut(nil)
		<-time.After(3 * time.Minute) // at 20 a second, and the time until the link is tried again
		if pending, dead := b.field("queue.pending"), b.field("queue.dead"); pending != 0.0 || dead != 1.0 {
			t.Errorf("%v pending, %v dead", pending, dead)
		}
		if n := len(b.cloud.Coupons()); n != good {
			t.Errorf("the cloud has %d sales, want %d", n, good)
		}
	})
}
