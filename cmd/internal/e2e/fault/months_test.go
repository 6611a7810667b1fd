package fault

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
	"pdvagent/mercafacil/mercafacilsim"
)

// The amounts of the months of store.md, "How it is tested": .ci/run lives through three weeks, on demand it may be 10,000.
var (
	weeks     = flag.Int("weeks", 1, "seeds of a simulated week")
	firstWeek = flag.Int("first-week", 0, "seed of the first of them")
)

// TestAWeekOfTillsAndLinksEndsWithEverySaleThereOnce lives through simulated weeks: sales by day and by night, links that
// go and come, every fault of the cloud, restarts and power cuts; each week asks the ledger at its end.
func TestAWeekOfTillsAndLinksEndsWithEverySaleThereOnce(t *testing.T) {
	for n := range *weeks {
		seed := *firstWeek + n
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			e2e.InBubble(t, func(b *e2e.Bubble) {
				w := &week{Bubble: b, random: rand.New(rand.NewPCG(uint64(seed), 1)), ledger: newLedger()}
				for end := time.Now().Add(time.Duration(agenttest.Amount(7*24, 8)) * time.Hour); time.Now().Before(end); {
					w.event()
					<-time.After(time.Duration(w.random.ExpFloat64() * float64(time.Hour)))
				}
				b.Cloud.Heal()
				b.Network.Cut(nil)
				<-time.After(time.Hour)
				b.WaitDrained(12 * time.Hour)
				w.fresh()
				w.ledger.settle(b)
			})
		})
	}
}

// TestControlsOfTheWeek must fail: the ledger of a till that says it sold what it never sent, and of a cloud that has a
// sale twice.
func TestControlsOfTheWeek(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
		w := &week{Bubble: b, random: rand.New(rand.NewPCG(1, 1)), ledger: newLedger()}
		for range 5 {
			w.sell()
		}
		b.WaitDrained(time.Hour)
		if faults := w.ledger.faults(b.Cloud.Received()); len(faults) > 0 {
			t.Errorf("a quiet day: %v", faults)
		}
		received := b.Cloud.Received()
		if faults := w.ledger.faults(append(received, received...)); len(faults) == 0 {
			t.Error("every sale twice in the cloud, and the ledger sees nothing")
		}
		if faults := w.ledger.faults(received[:len(received)/2]); len(faults) == 0 {
			t.Error("half of the sales are missing, and the ledger sees nothing")
		}
		other := slices.Clone(received)
		for i, arrival := range other {
			other[i].Body = bytes.ReplaceAll(arrival.Body, []byte("QUEIJO"), []byte("QUEIJA"))
		}
		if faults := w.ledger.faults(other); len(faults) == 0 {
			t.Error("every sale is another one, and the ledger sees nothing")
		}
		reversed := make([]mercafacilsim.Arrival, 0, len(received))
		for i := range received {
			reversed = append(reversed, received[len(received)-1-i])
		}
		if faults := w.ledger.faults(reversed); len(faults) == 0 {
			t.Error("every sale before its confirm, and the ledger sees nothing")
		}
	})
}

// TestControlWithoutDedupe must fail: a cloud that takes a sale as often as it is told of it, and whose answers are lost.
func TestControlWithoutDedupe(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
		w := &week{Bubble: b, random: rand.New(rand.NewPCG(1, 1)), ledger: newLedger()}
		if err := b.Cloud.Set(`{"repeated_coupon":"replace"}`); err != nil {
			t.Fatal(err)
		}
		if err := b.Cloud.Add(simkit.Fault{Route: "coupon", Fault: "lost", Times: 3}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			w.sell()
		}
		b.WaitDrained(time.Hour)
		if faults := w.ledger.faults(b.Cloud.Received()); len(faults) == 0 {
			t.Error("sales went up twice, and the ledger sees nothing")
		}
	})
}

// week is what happens in a shop.
type week struct {
	*e2e.Bubble
	random *rand.Rand
	ledger *ledger
	sales  int
}

func (w *week) event() {
	switch n := w.random.IntN(100); {
	case n < 70:
		w.sell()
	case n < 80:
		w.trouble()
	case n < 88:
		w.link()
	case n < 92:
		w.Cloud.Heal()
	case n < 96:
		w.restart()
	default:
		w.powerCut()
	}
}

// sell is a shopper: with discounts or without, who buys, or goes, or brings it back.
func (w *week) sell() {
	w.sales++
	id := fmt.Sprintf("S%d", w.sales)
	session := ""
	if w.random.IntN(4) > 0 {
		started := w.Post("/v2/transaction/start", e2e.StartBody("v2", e2e.Maria))
		session, _ = started.Field("transaction_id").(string)
	}
	if session != "" {
		basket := e2e.Items(e2e.Units("80215", 1+w.random.IntN(3), "10.00"))
		w.Post("/v2/transaction/apply", fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,"origin":"pdv",%s}`, session, e2e.Maria, basket))
		if w.random.IntN(6) == 0 {
			w.accepted("cancel", w.Post("/v2/transaction/cancel", e2e.IDBody("transaction_id", session)))
			return
		}
		w.accepted("confirm", w.Post("/v2/transaction/confirm", e2e.IDBody("transaction_id", session)))
	}
	body := agenttest.Receipt(id, session)
	w.accepted("coupon", w.Post("/v2/coupons", body))
	w.ledger.sold(id, session, body)
	if w.random.IntN(20) == 0 { // the till asks again: it did not see the answer
		w.accepted("repeated coupon", w.Post("/v2/coupons", body))
	}
	if w.random.IntN(10) == 0 {
		<-time.After(time.Duration(w.random.IntN(100)) * time.Minute)
		w.accepted("cancellation", w.Post("/v2/coupons-cancellation", e2e.IDBody("coupon", id)))
		w.ledger.takenBack[id] = true
	}
}

// fresh wants a sale after all the troubles to be in the cloud within a minute.
func (w *week) fresh() {
	w.Helper()
	body := agenttest.Receipt("FRESH", "")
	w.accepted("a fresh coupon", w.Post("/v2/coupons", body))
	w.ledger.sold("FRESH", "", body)
	<-time.After(time.Minute)
	for _, coupon := range w.Cloud.Coupons() {
		if coupon.ID == "FRESH" {
			return
		}
	}
	w.Error("a fresh sale is not in the cloud after a minute")
}

// accepted wants the agent to have taken what it must take whatever the cloud does.
func (w *week) accepted(call string, got e2e.Answer) {
	w.Helper()
	if got.Status != http.StatusAccepted && got.Status != http.StatusOK {
		w.Errorf("%s: %d %.300s", call, got.Status, got.Body)
	}
}

func (w *week) trouble() {
	list := troubles()
	what := list[w.random.IntN(len(list))]
	if what.link != nil || what.skew != 0 {
		return
	}
	routes := []string{"start", "apply", "confirm", "cancel", "coupon", "coupon-cancellation", "*"}
	what.fault.Route, what.fault.Times = routes[w.random.IntN(len(routes))], w.random.IntN(12)
	if err := w.Cloud.Add(what.fault); err != nil {
		w.Fatal(err)
	}
}

func (w *week) link() {
	if w.random.IntN(2) == 0 {
		w.Network.Cut(nil)
		return
	}
	w.Network.Cut([]error{e2e.ErrRefused, e2e.ErrNoRoute, e2e.ErrNoName, e2e.ErrNameSlow}[w.random.IntN(4)])
}

func (w *week) restart() {
	w.Stop()
	w.Start()
}

// powerCut leaves the next agent the files as they are now; what the one before does afterwards is not among them.
func (w *week) powerCut() {
	data := filepath.Join(w.Dir, "data")
	image := make(map[string][]byte)
	for _, name := range []string{"pdvagent.db", "keys.json"} {
		raw, err := os.ReadFile(filepath.Join(data, name))
		if err != nil {
			w.Fatal(err)
		}
		image[name] = bytes.Clone(raw)
	}
	w.Stop()
	if err := os.RemoveAll(data); err != nil {
		w.Fatal(err)
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		w.Fatal(err)
	}
	for name, raw := range image {
		if err := os.WriteFile(filepath.Join(data, name), raw, 0o600); err != nil {
			w.Fatal(err)
		}
	}
	w.Start()
}

// ledger is what the tills know: which sales the agent took, and which they took back.
type ledger struct {
	sessions  map[string]string // by coupon
	bodies    map[string]string // by coupon, as the till sent them
	takenBack map[string]bool
	late      map[string]bool // sessions whose confirm a person has sent later
}

func newLedger() *ledger {
	return &ledger{sessions: make(map[string]string), bodies: make(map[string]string), takenBack: make(map[string]bool), late: make(map[string]bool)}
}

func (l *ledger) sold(coupon, session, body string) {
	l.sessions[coupon], l.bodies[coupon] = session, body
}

// settle asks the cloud for every sale.
func (l *ledger) settle(b *e2e.Bubble) {
	b.Helper()
	for _, fault := range l.faults(b.Cloud.Received()) {
		b.Error(fault)
	}
}

// faults holds what took effect in the cloud against what the tills sold: each once, none unknown, none before its
// confirm, none taken back before it was there, the ones taken back as often there as not.
func (l *ledger) faults(received []mercafacilsim.Arrival) []string {
	var faults []string
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	sold, back := make(map[string]int), make(map[string]int)
	confirms := l.confirms(received)
	for i, arrival := range received {
		id := rig.CouponOf(arrival.Body)
		switch {
		case !arrival.Effect:
		case arrival.Route == "coupon":
			sold[id]++
			if _, ours := l.sessions[id]; !ours {
				say("the cloud has sale %q that nobody made", id)
			} else if up, down := substituted(string(arrival.Body)), substituted(l.bodies[id]); up != down {
				say("sale %s went up as %s, the till sent %s", id, up, down)
			}
			if at, confirmed := confirms[transactionOf(arrival.Body)]; confirmed && at > i && !l.late[transactionOf(arrival.Body)] {
				say("sale %s came before its confirm", id)
			}
		case arrival.Route == "coupon-cancellation":
			if back[id]++; sold[id] == 0 {
				say("sale %s was taken back before it was there", id)
			}
		}
	}
	for id := range l.sessions {
		want := 1
		if l.takenBack[id] {
			want = min(back[id], 1)
		}
		if sold[id] != want {
			say("sale %s is in the cloud %d times, want %d", id, sold[id], want)
		}
	}
	return faults
}

// substitutions are what the agent may put in the place of the till's words: the cloud's id of the session, or none, and who
// the shopper is.
var substitutions = regexp.MustCompile(`"(transaction_id|client_id)":"[^"]*",?`)

func substituted(body string) string { return substitutions.ReplaceAllString(body, "") }

// confirms gives the place of the first confirm of every session that took effect.
func (l *ledger) confirms(received []mercafacilsim.Arrival) map[string]int {
	first := make(map[string]int)
	for i, arrival := range received {
		id := transactionOf(arrival.Body)
		if _, known := first[id]; arrival.Route == "confirm" && arrival.Effect && !known {
			first[id] = i
		}
	}
	return first
}

func transactionOf(body []byte) string {
	return e2e.Answer{Body: string(body)}.Text("transaction_id")
}
