package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/reconcile"
	"pdvagent/agent/routine"
	"pdvagent/agent/source"
	"pdvagent/mercafacil/mercafacilsim"
)

func (b *bubble) day(query string) reconcile.Report {
	b.t.Helper()
	got, _ := b.call(http.MethodGet, "/v1/reconcile?"+query, supportToken, "")
	if got.status != http.StatusOK {
		b.t.Fatalf("reconcile: %d %s", got.status, got.body)
	}
	var report reconcile.Report
	got.decode(b.t, &report)
	return report
}

// onTheDay is a receipt of the day on which this world's time begins.
func onTheDay(coupon, session string) string {
	return strings.Replace(agenttest.Receipt(coupon, session), "2026-05-14", "2000-01-01", 1)
}

// TestDayIsAddedUpByWhatBecameOfItsSales is H42: one sale of each fate, on two tills and another day.
func TestDayIsAddedUpByWhatBecameOfItsSales(t *testing.T) {
	inBubble(t, func(b *bubble) {
		if err := b.cloud.AddMember(fmt.Sprintf(`{"document_no":%q,"name":"Maria"}`, maria)); err != nil {
			t.Fatal(err)
		}
		cancel := func(coupon string) { b.post("/v2/coupons-cancellation", fmt.Sprintf(`{"coupon":%q}`, coupon)) }
		sell := func(body string, want int) {
			if got := b.post("/v2/coupons", body); got.status != want {
				t.Fatalf("coupon: %d %s", got.status, got.body)
			}
		}
		session, _ := b.post("/v2/transaction/start", startBody("v2", maria)).field("transaction_id").(string)
		sell(onTheDay("UNCONFIRMED", session), 202)
		sell(onTheDay("SENT", ""), 202)
		sell(strings.Replace(onTheDay("OTHER", ""), `"pdv_code":"012"`, `"pdv_code":"013"`, 1), 202)
		sell(strings.Replace(onTheDay("YESTERDAY", ""), "2000-01-01", "1999-12-31", 1), 202)
		sell(onTheDay("TAKEN-BACK", ""), 202)
		b.drained(time.Hour)
		cancel("TAKEN-BACK")
		if err := b.cloud.Add(mercafacilsim.Fault{Route: "coupon", Fault: "status", Status: 422, Times: 1}); err != nil {
			t.Fatal(err)
		}
		sell(onTheDay("DEAD", ""), 202)
		<-time.After(time.Minute)
		b.network.cut(errRefused)
		sell(onTheDay("NEVER-SENT", ""), 202)
		cancel("NEVER-SENT")
		sell(onTheDay("PENDING", ""), 202)
		sell(strings.Replace(onTheDay("HELD", ""), `"total_value":66.93`, `"total_value":66.00`, 1), 422)
		<-time.After(time.Minute)

		got := b.day("day=2000-01-01&sales=1")
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
		if before := b.day("day=1999-12-31"); before.Total.Accepted.Count != 1 || before.Sales != nil {
			t.Errorf("the day before: %+v", before)
		}
		if csv, _ := b.call(http.MethodGet, "/v1/reconcile?day=2000-01-01&format=csv", supportToken, ""); !strings.Contains(csv.body, "2000-01-01;total;7;398.51;3;170.79;2;113.86;1;56.93;1;56.93;1;56.93;1;56.93\n") {
			t.Errorf("got %s", csv.body)
		}
		if bad, _ := b.call(http.MethodGet, "/v1/reconcile?day=14/05/2026", supportToken, ""); bad.status != 422 || !strings.Contains(bad.body, `"field":"day"`) {
			t.Errorf("got %d %s", bad.status, bad.body)
		}
		<-time.After(4 * time.Hour) // until it is that day in the shop's zone
		if run := b.runNow("reconcile"); run.State != routine.Done || run.Counts["accepted"] != 7 {
			t.Errorf("got %+v", run)
		}
		b.stop()
		b.start()
		if again := b.day("day=2000-01-01"); again.Total != want {
			t.Errorf("after a restart: %+v", again.Total)
		}
		b.network.cut(nil)
	})
}

func TestDifferencesToTheERPAreNamed(t *testing.T) {
	report := reconcile.Report{
		Day: "2026-05-14",
		Sales: []reconcile.Sale{
			{Coupon: "SAME", Till: "1", Value: 1000, Fate: reconcile.Delivered},
			{Coupon: "PRICE", Till: "1", Value: 2000, Fate: reconcile.Delivered},
			{Coupon: "HERE", Till: "1", Value: 3000, Fate: reconcile.Pending},
			{Coupon: "BACK", Till: "2", Value: 4000, Fate: reconcile.Cancelled},
			{Coupon: "BACK-TOO", Till: "2", Value: 4500, Fate: reconcile.Cancelled},
		},
		Tills: []reconcile.Totals{
			{Till: "1", Accepted: reconcile.Amount{Count: 3, Value: 6000}},
			{Till: "2", Accepted: reconcile.Amount{Count: 2, Value: 8500}, Cancelled: reconcile.Amount{Count: 2, Value: 8500}},
		},
	}
	folder := t.TempDir()
	cfg := source.Default()
	cfg.Decimal = "comma"
	read := func(text string) []reconcile.Line {
		drop(t, folder, "erp.csv", text)
		lines, err := reconcile.ReadERP(t.Context(), source.OpenFile(cfg, reconcile.Columns(), folder+"/erp.csv"))
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	words := func(list []reconcile.Difference) string {
		var out []string
		for _, d := range list {
			out = append(out, d.Till+d.Coupon+" "+d.What)
		}
		return strings.Join(out, ", ")
	}
	sales := read("coupon;value\nSAME;10,00\nPRICE;21,00\nBACK;40,00\nTHERE;1.050,00\nSAME;10,00\n")
	if got := words(reconcile.Compare(report, sales)); got != "SAME only_erp, 1PRICE value, 1HERE only_agent, 2BACK only_erp, THERE only_erp" {
		t.Errorf("sale by sale: %s", got)
	}
	if got := words(reconcile.Compare(report, read("till;count;value\n1;3;60,00\n2;0;0,00\n"))); got != "" {
		t.Errorf("they agree: %s", got)
	}
	if got := words(reconcile.Compare(report, read("till;count;value\n1;3;60,01\n3;1;5,00\n"))); got != "1 value, 3 only_erp" {
		t.Errorf("till by till: %s", got)
	}
	drop(t, folder, "erp.csv", "coupon;value\nSAME;dez\n")
	if _, err := reconcile.ReadERP(t.Context(), source.OpenFile(cfg, reconcile.Columns(), folder+"/erp.csv")); err == nil {
		t.Error("a list with a line that cannot be read was compared")
	}
}

func TestTheERPsOwnDatabaseIsCompared(t *testing.T) {
	cfg := source.Default()
	cfg.Type, cfg.Driver, cfg.DSN = "query", "sqlite", "file:"+filepath.Join(t.TempDir(), "erp.db")
	cfg.Columns = map[string]string{"coupon": "NUMERO", "value": "TOTAL"}
	cfg.Query = "SELECT numero, total FROM vendas"
	db, err := sql.Open("sqlite", cfg.DSN)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"CREATE TABLE vendas (numero TEXT, total NUMERIC)", "INSERT INTO vendas VALUES ('SAME', 10), ('PRICE', 20.01), ('THERE', 0.1)"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	opened, err := source.Open(t.Context(), cfg, reconcile.Columns())
	if err != nil {
		t.Fatal(err)
	}
	lines, err := reconcile.ReadERP(t.Context(), opened[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := opened[0].Close(source.Left); err != nil {
		t.Error(err)
	}
	report := reconcile.Report{Day: "2026-05-14", Sales: []reconcile.Sale{
		{Coupon: "SAME", Till: "1", Value: 1000, Fate: reconcile.Delivered}, {Coupon: "PRICE", Till: "1", Value: 2000, Fate: reconcile.Delivered},
	}}
	var got []string
	for _, d := range reconcile.Compare(report, lines) {
		got = append(got, d.Coupon+" "+d.What)
	}
	if strings.Join(got, ", ") != "PRICE value, THERE only_erp" {
		t.Errorf("got %v", got)
	}
}
