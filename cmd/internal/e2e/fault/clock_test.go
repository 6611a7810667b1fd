package fault

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/payments/ideamaker/ideamakersim"
)

// wall is a machine's clock that somebody sets while the agent runs.
type wall struct{ ahead atomic.Int64 } // seconds

// Now is the time as the runtime gives it on a machine whose wall clock was set, and whose running time was not: the two stand apart
// in a [time.Time], seconds since 1885 above 30 bits of nanoseconds, and running time. No call of package time sets one alone.
func (w *wall) Now() time.Time {
	now := time.Now()
	*(*uint64)(unsafe.Pointer(&now)) += uint64(w.ahead.Load()) << 30 // a negative one wraps as it must
	return now
}

// set moves the wall clock to a time.
func (w *wall) set(to time.Time) { w.ahead.Store(int64(time.Until(to.Round(0)) / time.Second)) }

func TestTheWallClockOfTheTestIsSetAlone(t *testing.T) {
	w := new(wall)
	before := w.Now()
	for _, to := range []time.Time{time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2099, 6, 1, 0, 0, 0, 0, time.UTC)} {
		w.set(to)
		now := w.Now()
		if off := now.Round(0).Sub(to); off < -time.Minute || off > time.Minute {
			t.Fatalf("set to %v it says %v", to, now)
		}
		if passed := now.Sub(before); passed < 0 || passed > time.Minute {
			t.Fatalf("running time went by %v", passed)
		}
	}
}

// runs counts the runs of every routine.
func runs(s *e2e.Site) map[string]int {
	s.Helper()
	var all struct{ Routines []struct{ Name string } }
	s.Call(http.MethodGet, "/v1/routines", e2e.SupportToken, "").Decode(s, &all)
	counts := make(map[string]int)
	for _, routine := range all.Routines {
		var ran struct{ Runs []json.RawMessage }
		s.Call(http.MethodGet, "/v1/routines/"+routine.Name+"/runs", e2e.SupportToken, "").Decode(s, &ran)
		counts[routine.Name] = len(ran.Runs)
	}
	return counts
}

// alarms are the codes of the alarms that are on.
func alarms(s *e2e.Site) []string {
	s.Helper()
	var status struct{ Alarms []struct{ Code string } }
	s.Status().Decode(s, &status)
	var codes []string
	for _, alarm := range status.Alarms {
		codes = append(codes, alarm.Code)
	}
	return codes
}

// TestTheWallClockJumpsWhileSalesGoUp sets the clock of a whole agent a day ahead, a day back, to 1970 and to 2099, while sales are made
// and delivered, with the cloud there and away, in sessions that were begun before, while a Pix waits for its payment; twice the agent starts again by such a clock.
func TestTheWallClockJumpsWhileSalesGoUp(t *testing.T) {
	clock := new(wall)
	s := e2e.NewSiteWithPayments(t)
	s.Now = clock.Now
	s.Start()
	s.AddMember(e2e.Maria, "Maria")
	before := runs(s)
	var sold []string
	sell := func(sale *e2e.Sale, coupon string) {
		t.Helper()
		sale.Apply(e2e.Units("900", 1, "10.00"))
		s.Post("/v2/transaction/confirm", e2e.IDBody("transaction_id", sale.ID))
		if got := s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt(coupon, sale.ID))); got.Status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", coupon, got.Status, got.Body)
		}
		sold = append(sold, coupon)
	}
	now := time.Now()
	for i, jump := range []struct {
		name         string
		to           time.Time
		again, wrong bool // the agent starts again; support is told
	}{
		{"a day ahead", now.AddDate(0, 0, 1), false, true},
		{"a day back", now.AddDate(0, 0, -1), true, true},
		{"1970", time.Date(1970, 1, 1, 3, 0, 0, 0, time.UTC), false, true},
		{"2099", time.Date(2099, 12, 31, 23, 59, 0, 0, time.UTC), false, true},
		{"right", now, true, false},
	} {
		id := func(what string) string { return fmt.Sprintf("RELOGIO-%d-%s", i, what) }
		pix := s.Post("/v1/payments", `{"method":"pix","provider":"ideamaker","amount":1701,"reference":"`+id("PIX")+`"}`, "Idempotency-Key", id("CHAVE"))
		begun := s.Begin("v2", e2e.Maria)
		s.Clouds.Leave()
		sell(s.Begin("v2", "0"), id("ESPERA"))
		clock.set(jump.to)
		sell(s.Begin("v2", "0"), id("SEM-NUVEM"))
		if jump.again {
			s.Stop()
			s.Start()
		}
		s.ReturnClouds()
		sell(begun, id("COMECADA"))
		sell(s.Begin("v2", e2e.Maria), id("DEPOIS"))
		s.WaitDrained()
		if jump.wrong {
			s.Until("support is told that the clock is wrong, "+jump.name, func() bool { return slices.Contains(alarms(s), "clock_suspect") })
		}
		if _, err := s.Clouds.IdeaMaker.Pay(t.Context(), ideamakersim.Payment{Charge: "last"}); err != nil {
			t.Fatal(err)
		}
		s.Until("the Pix that was shown before is paid, "+jump.name, func() bool {
			return s.Call(http.MethodGet, "/v1/payments/"+pix.Text("id")+"?wait=1", e2e.TillToken, "").Field("status") == "completed"
		})
	}
	s.Until("the alarm goes when the clock is right", func() bool { return !slices.Contains(alarms(s), "clock_suspect") })
	arrived := make(map[string]int)
	for _, coupon := range s.Clouds.Mercafacil.Coupons() {
		arrived[coupon.ID]++
	}
	for _, coupon := range sold {
		if arrived[coupon] != 1 {
			t.Errorf("%s has arrived %d times", coupon, arrived[coupon])
		}
	}
	if len(arrived) != len(sold) {
		t.Errorf("%d coupons of %d sales", len(arrived), len(sold))
	}
	for name, count := range runs(s) {
		if ran := count - before[name]; ran > 5 { // once after each jump
			t.Errorf("%s ran %d times", name, ran)
		}
	}
}
