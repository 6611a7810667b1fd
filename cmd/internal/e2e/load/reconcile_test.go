package load

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/loads/reconcile"
	"pdvagent/agent/ops/routine"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

func day(b *e2e.Bubble, query string) reconcile.Report {
	b.Helper()
	got, _ := b.Call(http.MethodGet, "/v1/reconcile?"+query, e2e.SupportToken, "")
	if got.Status != http.StatusOK {
		b.Fatalf("reconcile: %d %s", got.Status, got.Body)
	}
	var report reconcile.Report
	got.Decode(b, &report)
	return report
}

// onTheDay is a receipt of the day on which this world's time begins.
func onTheDay(coupon, session string) string {
	return strings.Replace(agenttest.Receipt(coupon, session), "2026-05-14", "2000-01-01", 1)
}

// TestDayIsAddedUpByWhatBecameOfItsSales is H42: one sale of each fate, on two tills and another day.
func TestDayIsAddedUpByWhatBecameOfItsSales(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
		if err := b.Cloud.AddMember(fmt.Sprintf(`{"document_no":%q,"name":"Maria"}`, e2e.Maria)); err != nil {
			t.Fatal(err)
		}
		cancel := func(coupon string) { b.Post("/v2/coupons-cancellation", fmt.Sprintf(`{"coupon":%q}`, coupon)) }
		sell := func(body string, want int) {
			if got := b.Post("/v2/coupons", body); got.Status != want {
				t.Fatalf("coupon: %d %s", got.Status, got.Body)
			}
		}
		session, _ := b.Post("/v2/transaction/start", e2e.StartBody("v2", e2e.Maria)).Field("transaction_id").(string)
		sell(onTheDay("UNCONFIRMED", session), 202)
		sell(onTheDay("SENT", ""), 202)
		sell(strings.Replace(onTheDay("OTHER", ""), `"pdv_code":"012"`, `"pdv_code":"013"`, 1), 202)
		sell(strings.Replace(onTheDay("YESTERDAY", ""), "2000-01-01", "1999-12-31", 1), 202)
		sell(onTheDay("TAKEN-BACK", ""), 202)
		b.WaitDrained(time.Hour)
		cancel("TAKEN-BACK")
		if err := b.Cloud.Add(simkit.Fault{Route: "coupon", Fault: "status", Status: 422, Times: 1}); err != nil {
			t.Fatal(err)
		}
		sell(onTheDay("DEAD", ""), 202)
		<-time.After(time.Minute)
		b.Network.Cut(e2e.ErrRefused)
		sell(onTheDay("NEVER-SENT", ""), 202)
		cancel("NEVER-SENT")
		sell(onTheDay("PENDING", ""), 202)
		sell(strings.Replace(onTheDay("HELD", ""), `"total_value":66.93`, `"total_value":6693`, 1), 422)
		<-time.After(time.Minute)

		got := day(b, "day=2000-01-01&sales=1")
		one := agent.Cents(5693)
		want := reconcile.Totals{
			Accepted: reconcile.Amount{Count: 7, Value: 7 * one}, Delivered: reconcile.Amount{Count: 3, Value: 3 * one}, Cancelled: reconcile.Amount{Count: 2, Value: 2 * one},
			Pending: reconcile.Amount{Count: 1, Value: one}, Dead: reconcile.Amount{Count: 1, Value: one}, Held: reconcile.Amount{Count: 1, Value: one},
			Unconfirmed: reconcile.Amount{Count: 1, Value: one},
		}
		if got.Total != want {
			t.Errorf("got  %+v\nwant %+v", got.Total, want)
		}
		if len(got.Tills) != 2 || got.Tills[1].Till != "013" || got.Tills[1].Accepted.Count != 1 || got.Tills[0].Accepted.Count != 6 {
			t.Errorf("tills: %+v", got.Tills)
		}
		if before := day(b, "day=1999-12-31"); before.Total.Accepted.Count != 1 || before.Sales != nil {
			t.Errorf("the day before: %+v", before)
		}
		if csv, _ := b.Call(http.MethodGet, "/v1/reconcile?day=2000-01-01&format=csv", e2e.SupportToken, ""); !strings.Contains(csv.Body, "2000-01-01;total;7;398.51;3;170.79;2;113.86;1;56.93;1;56.93;1;56.93;1;56.93;0;0.00\n") {
			t.Errorf("got %s", csv.Body)
		}
		if bad, _ := b.Call(http.MethodGet, "/v1/reconcile?day=14/05/2026", e2e.SupportToken, ""); bad.Status != 422 || !strings.Contains(bad.Body, `"field":"day"`) {
			t.Errorf("got %d %s", bad.Status, bad.Body)
		}
		<-time.After(4 * time.Hour) // until it is that day in the shop's zone
		if run := b.RunRoutine("reconcile"); run.State != routine.Done || run.Counts["accepted"] != 7 {
			t.Errorf("got %+v", run)
		}
		b.Stop()
		b.Start()
		if again := day(b, "day=2000-01-01"); again.Total != want {
			t.Errorf("after a restart: %+v", again.Total)
		}
		b.Network.Cut(nil)
	})
}
