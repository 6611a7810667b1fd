package loyalty_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/sales/loyalty"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// notedTill is a till whose alarms can be read, on a day of the sample receipts.
func notedTill(t *testing.T, s *store.Store) (*till, *agent.Alarms) {
	t.Helper()
	alarms := new(agent.Alarms)
	service, err := loyalty.New(loyalty.Config{
		Store: s, Cloud: away{}, Circuit: away{}, Alarms: alarms, Log: slog.New(slog.DiscardHandler),
		CounterBucket: store.CounterRecords, SessionBucket: store.SessionRecords, MemberBucket: store.MemberRecords, Shop: "001", Till: "099",
		NewUUID: uuid.NewString, Now: func() time.Time { return time.Date(2026, 5, 14, 22, 0, 0, 0, time.UTC) }, Zone: time.UTC,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	return &till{t, s, service}, alarms
}

// What seems odd and is no fault of form goes up, and is noted with the job.
func TestOddSalesAreAcceptedWithTheirNotes(t *testing.T) {
	const surcharge = `{"client_id":"0","coupon":"AC-1","date":"2026-05-14","time":"10:00:00","items":[{"sku":"1","ean":"1","product_name":"X","quantity":1,"unit_value":10.00,"total_value":10.00,"total_value_with_discount":%s}],"payments":[{"payment_form":%s,"instalments":3}],"total_value":10.00,"total_value_with_discount":%s,"pdv_code":"012","operator_id":"0123"}`
	sale := agenttest.Receipt("C-1", "T-1")
	swap := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(sale) }
	for _, c := range []struct{ name, body, notes string }{
		{"as it is", sale, ""},
		{"price label of a scale", swap(`"quantity":1.235`, `"quantity":0.501`, `29.90`, `89.90`, `36.93`, `45.00`, `66.93`, `75.00`, `56.93`, `65.00`, `51.93`, `60.00`), ""},
		{"the weight truncated", swap(`"quantity":1.235`, `"quantity":1.234`), ""},
		{"a label's weight with all its decimals, about a kilogram", swap(`"quantity":1.235`, `"quantity":0.9995321272613849`, `29.90`, `64.12`, `36.93`, `64.09`,
			`66.93`, `94.09`, `56.93`, `84.09`, `51.93`, `79.09`), "rounded"},
		{"sums of values that nobody rounded", swap(`"total_value":30.00`, `"total_value":30.0004`, `20.00`, `20.0004`, `36.93`, `36.9304`, `66.93`, `66.9308`, `56.93`, `56.9308`), "rounded"},
		{"the price of one with all its decimals", swap(`"unit_value":10.00`, `"unit_value":10.003333333333333`), ""},
		{"change", swap(`"amount":51.93`, `"amount":100`), ""},
		{"a surcharge in the net value", fmt.Sprintf(surcharge, "11.00", `"credit","amount":11.00`, "11.00"), "above_total"},
		{"a surcharge in the tender alone", fmt.Sprintf(surcharge, "10.00", `"credit","amount":11.00`, "10.00"), "surcharge"},
		{"a tender of the shop's own name, with change", fmt.Sprintf(surcharge, "10.00", `"01","amount":50.00`, "10.00"), ""},
		{"change as a negative tender", fmt.Sprintf(surcharge, "10.00", `"cash","amount":50.00},{"payment_form":"troco","amount":-40.00`, "10.00"), "negative_tender"},
		{"the tender rounded down", fmt.Sprintf(surcharge, "10.00", `"cash","amount":9.98`, "10.00"), "short"},
		{"a returned bottle", swap(`"items":[`, `"items":[{"sku":"9","ean":"9","quantity":-1,"unit_value":2.00,"total_value":-2.00,"total_value_with_discount":-2.00},`,
			`66.93`, `64.93`, `"total_value_with_discount":56.93`, `"total_value_with_discount":54.93`, `51.93`, `49.93`), "quantity negative"},
		{"line that is not quantity times price", swap(`"total_value":30.00`, `"total_value":31.00`, `66.93`, `67.93`), "line_sum"},
		{"total a cent below its lines", swap(`"total_value":66.93,`, `"total_value":66.92,`), "total_sum"},
		{"net above its lines", swap(`"total_value_with_discount":56.93`, `"total_value_with_discount":57.93`), "net_sum"},
		{"zero quantity", swap(`"quantity":3`, `"quantity":0`), "quantity line_sum"},
		{"codes as numbers, more decimals", swap(`"sku":"80215"`, `"sku":80215`, `"quantity":1.235`, `"quantity":1.2351`), "number_as_text rounded"},
		{"Free Pascal's numbers", swap(`"quantity":3`, `"quantity":3.0000000000000000E+000`, `36.93`, `3.6930000000000000E+001`), ""},
		{"a clock of 1980", swap("2026-05-14", "1980-01-01"), "clock"},
		{"a clock of 2099", swap("2026-05-14", "2099-01-01"), "clock"},
		{"yesterday's sale", swap("2026-05-14", "2026-05-13"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, _ := notedTill(t, storetest.Open(t))
			receipt := l.must(agent.KindCoupon, c.body)
			var codes []string
			for _, note := range l.job(receipt.Job).Notes {
				codes = append(codes, string(note.Code))
				if note.Code.Detail() == "" {
					t.Errorf("%s has no words", note.Code)
				}
			}
			if got := strings.Join(codes, " "); got != c.notes || len(receipt.Notes) != len(codes) {
				t.Errorf("got %q, want %q", got, c.notes)
			}
			if again := l.must(agent.KindCoupon, c.body); !again.Replayed || len(again.Notes) != len(receipt.Notes) {
				t.Errorf("said again: %+v", again)
			}
		})
	}
}

func TestATillThatRepeatsItselfIsAnAlarmUntilItDoesNot(t *testing.T) {
	s := storetest.Open(t)
	l, alarms := notedTill(t, s)
	n := 0
	sell := func(count int, pairs ...string) {
		for range count {
			n++
			l.must(agent.KindCoupon, strings.NewReplacer(pairs...).Replace(agenttest.Receipt(fmt.Sprint("C-", n), "")))
		}
	}
	odd := []string{`"sku":"80215"`, `"sku":80215`}
	sell(4, odd...)
	sell(10, `"sku":"80215"`, `"sku":80215`, `"pdv_code":"012"`, `"pdv_code":"013"`)
	if list := alarms.List(); len(list) != 1 || list[0].Code != agent.AlarmSaleNotes || !strings.Contains(list[0].Detail, "caixa 013") || !strings.Contains(list[0].Detail, "Código enviado como número") {
		t.Fatalf("got %+v", list)
	}
	sell(1, odd...)
	if list := alarms.List(); len(list) != 2 {
		t.Fatalf("the fifth of till 012: %+v", list)
	}
	l.service.Close()
	l, alarms = notedTill(t, s)
	if list := alarms.List(); len(list) != 2 {
		t.Fatalf("after a restart: %+v", list)
	}
	sell(45)
	if list := alarms.List(); len(list) != 2 {
		t.Fatalf("five of the last fifty: %+v", list)
	}
	sell(1)
	if list := alarms.List(); len(list) != 1 || !strings.Contains(list[0].Detail, "caixa 013") {
		t.Errorf("four of the last fifty: %+v", list)
	}
}

func TestATillsWrongClockIsOneAlarmUntilItIsSet(t *testing.T) {
	l, alarms := notedTill(t, storetest.Open(t))
	for n, date := range []string{"1980-01-01", "1980-01-02", "2099-12-31"} {
		l.must(agent.KindCoupon, strings.Replace(agenttest.Receipt(fmt.Sprint("C-", n), ""), "2026-05-14", date, 1))
	}
	list := alarms.List()
	if len(list) != 1 || list[0].Code != agent.AlarmTillClock || !strings.Contains(list[0].Detail, "relógio do caixa") || !strings.Contains(list[0].Detail, "caixa 012") || !strings.Contains(list[0].Detail, "1980-01-01") {
		t.Fatalf("got %+v", list)
	}
	l.must(agent.KindCoupon, agenttest.Receipt("C-9", ""))
	if list := alarms.List(); len(list) != 0 {
		t.Errorf("got %+v", list)
	}
}
