package fault

import (
	"flag"
	"fmt"
	"net/http"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
)

// trouble is one fault of mercafacil.md 3.13 or of the way to the cloud, on one route.
type trouble struct {
	name   string
	fault  simkit.Fault  // its Route and Times are the matrix's
	link   error         // instead: how connections fail
	skew   time.Duration // instead: how wrong the cloud's clock is
	refuse bool          // the cloud refuses what is right: a till may read that on a live route
}

func troubles() []trouble {
	vary := func(settings string) simkit.Fault {
		return simkit.Fault{Fault: "vary", Settings: []byte(settings)}
	}
	status := func(code, after int, body string) simkit.Fault {
		return simkit.Fault{Fault: "status", Status: code, RetryAfter: after, Body: body}
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
		{name: "redirect", fault: simkit.Fault{Fault: "redirect"}},
		{name: "captive portal", fault: simkit.Fault{Fault: "html"}},
		{name: "error inside a 200", fault: simkit.Fault{Fault: "error200"}},
		{name: "reset", fault: simkit.Fault{Fault: "reset"}},
		{name: "silence", fault: simkit.Fault{Fault: "silence"}},
		{name: "slow, 10 s", fault: simkit.Fault{Fault: "slow", DelayMS: 10_000}},
		{name: "slow trickle", fault: simkit.Fault{Fault: "trickle", DelayMS: 500}},
		{name: "answer lost after commit", fault: simkit.Fault{Fault: "lost"}},
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
		{name: "discount above its line", fault: simkit.Fault{Fault: "excess"}},
		{name: "sums that do not add up", fault: simkit.Fault{Fault: "mismatch"}},
		{name: "no items", fault: simkit.Fault{Fault: "no_items"}},
		{name: "items null", fault: simkit.Fault{Fault: "null_items"}},
		{name: "refused connections", link: e2e.ErrRefused},
		{name: "no route", link: e2e.ErrNoRoute},
		{name: "no DNS", link: e2e.ErrNoName},
		{name: "slow DNS", link: e2e.ErrNameSlow},
		{name: "cloud's clock a day late", skew: -24 * time.Hour},
		{name: "cloud's clock a year ahead", skew: 365 * 24 * time.Hour},
	}
	for percent := 0; percent < 100; percent += 10 {
		cut := percent
		list = append(list, trouble{name: fmt.Sprintf("answer cut at %d %%", cut), fault: simkit.Fault{Fault: "cut", Percent: &cut}})
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
var matrixEvery = flag.Int("matrix-every", 12, "one of so many cells of the matrix")

// TestEveryTroubleOfEveryRouteLetsEverySaleArriveOnce plays every trouble on every route, once, as a burst and for half an
// hour, in fake time. The till is answered inside its deadline, its sales go on, and in the end everything is there once.
func TestEveryTroubleOfEveryRouteLetsEverySaleArriveOnce(t *testing.T) {
	every := *matrixEvery * agenttest.Amount(1, 3)
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
					e2e.InBubble(t, func(b *e2e.Bubble) {
						for i, mode := range modes() {
							suffer(b, dialect, route, trouble, mode, i)
						}
					})
				})
			}
		}
	}
}

// suffer goes through one trouble of one length with two shoppers, and asks the cloud afterwards.
func suffer(b *e2e.Bubble, dialect, route string, what trouble, how mode, n int) {
	b.Helper()
	begin(b, route, what, how)
	bought, went := fmt.Sprint("B", n), fmt.Sprint("W", n)
	first := shop(b, dialect, what, how)
	if first != "" { // else the cloud has refused the session: the till sells without
		want(b, b.Post("/"+dialect+"/transaction/confirm", e2e.IDBody("transaction_id", first)), how, "confirm")
	}
	want(b, b.Post("/v2/coupons", agenttest.Receipt(bought, first)), how, "coupon")
	want(b, b.Post("/v2/coupons", agenttest.Receipt(went, "")), how, "coupon without a session")
	want(b, b.Post("/v2/coupons-cancellation", e2e.IDBody("coupon", went)), how, "cancellation")
	if second := shop(b, dialect, what, how); second != "" {
		want(b, b.Post("/"+dialect+"/transaction/cancel", e2e.IDBody("transaction_id", second)), how, "cancel")
	}
	<-time.After(30 * time.Minute)
	b.Cloud.Heal()
	b.Network.Cut(nil)
	b.Cloud.Advance(-what.skew)
	b.WaitDrained(4 * time.Hour)
	settled(b, bought, went, how.name)
	<-time.After(40 * time.Minute) // the longest pause of a route, and the circuit, are over
}

func begin(b *e2e.Bubble, route string, what trouble, how mode) {
	b.Helper()
	switch {
	case what.link != nil:
		b.Network.Cut(what.link)
		if how.times > 0 { // a connection is not a request: the link comes back by itself
			time.AfterFunc(time.Duration(how.times)*time.Minute, func() { b.Network.Cut(nil) })
		}
	case what.skew != 0:
		b.Cloud.Advance(what.skew)
	default:
		what.fault.Route, what.fault.Times = route, how.times
		if err := b.Cloud.Add(what.fault); err != nil {
			b.Fatal(err)
		}
	}
}

// shop is a session up to its discounts; it gives the id to go on with.
func shop(b *e2e.Bubble, dialect string, what trouble, how mode) string {
	b.Helper()
	one := &e2e.Sale{Dialect: dialect, Client: e2e.Maria}
	started := b.Post("/"+dialect+"/transaction/start", e2e.StartBody(dialect, e2e.Maria))
	wantLive(b, started, what, how, "start")
	if one.ID, _ = started.Field("transaction_id").(string); one.ID == "" {
		return ""
	}
	basket := e2e.Items(e2e.Units("80215", 2, "10.00"))
	if dialect == "v2" {
		if started.Field("message") != nil {
			wantLive(b, b.Post("/v2/transaction/message", fmt.Sprintf(`{"transaction_id":%q,"document_no":%q,"message_tag":"nao-aceitou-pre-cadastro"}`, one.ID, e2e.Maria)), what, how, "message")
		}
		wantLive(b, b.Post("/v2/transaction/apply", fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,"origin":"pdv",%s}`, one.ID, e2e.Maria, basket)), what, how, "apply")
		return one.ID
	}
	wantLive(b, b.Post("/v2.2/transaction/pre-apply", fmt.Sprintf(`{"transaction_id":%q,"origin":"pdv",%s}`, one.ID, basket)), what, how, "pre-apply")
	wantLive(b, b.Post("/v2.2/transaction/apply", e2e.IDBody("transaction_id", one.ID)), what, how, "apply")
	return one.ID
}

// wantLive wants an answer a till can go on with: a cloud that refuses may be seen, nothing else.
func wantLive(b *e2e.Bubble, got e2e.Answer, what trouble, how mode, call string) {
	b.Helper()
	if got.Status == http.StatusOK || (got.Field("origin") == "cloud" && (what.refuse || got.Status < 500)) {
		return
	}
	b.Errorf("%s: %s got %d %.300s", how.name, call, got.Status, got.Body)
}

// want wants the agent to have taken it.
func want(b *e2e.Bubble, got e2e.Answer, how mode, call string) {
	b.Helper()
	if got.Status != http.StatusAccepted && got.Status != http.StatusOK {
		b.Errorf("%s: %s got %d %.300s", how.name, call, got.Status, got.Body)
	}
}

// settled asks the cloud for what has become of the two receipts, and for sessions that nobody ended.
func settled(b *e2e.Bubble, bought, went, when string) {
	b.Helper()
	count := make(map[string]int)
	for _, arrival := range b.Cloud.Received() {
		if arrival.Effect && (arrival.Route == "coupon" || arrival.Route == "coupon-cancellation") {
			count[arrival.Route+" "+rig.CouponOf(arrival.Body)]++
		}
	}
	sold, sent, taken := count["coupon "+bought], count["coupon "+went], min(count["coupon-cancellation "+went], 1) // saying it twice takes it back once
	if sold != 1 || count["coupon-cancellation "+bought] != 0 {
		b.Errorf("%s: sale %s is there %d times, and was taken back %d times", when, bought, sold, count["coupon-cancellation "+bought])
	}
	if sent > 1 || sent != taken { // neither of them where the cancellation met it before its first attempt
		b.Errorf("%s: sale %s is there %d times, and was taken back %d times", when, went, sent, taken)
	}
}

// TestOnePoisonedSaleAmongAThousandStopsNoOther has the cloud refuse one of them for good, the first that it gets.
func TestOnePoisonedSaleAmongAThousandStopsNoOther(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
		b.Network.Cut(e2e.ErrRefused)
		good := agenttest.Amount(1000, 100)
		for n := range good {
			b.Post("/v2/coupons", agenttest.Receipt(fmt.Sprint("G", n), ""))
		}
		b.Post("/v2/coupons", agenttest.Receipt("P", ""))
		if err := b.Cloud.Add(simkit.Fault{Route: "coupon", Fault: simkit.Status, Status: 422, Times: 1}); err != nil {
			b.Fatal(err)
		}
		b.Network.Cut(nil)
		<-time.After(3 * time.Minute) // at 20 a second, and the time until the link is tried again
		if pending, dead := b.StatusField("queue.pending"), b.StatusField("queue.dead"); pending != 0.0 || dead != 1.0 {
			t.Errorf("%v pending, %v dead", pending, dead)
		}
		if n := len(b.Cloud.Coupons()); n != good {
			t.Errorf("the cloud has %d sales, want %d", n, good)
		}
	})
}
