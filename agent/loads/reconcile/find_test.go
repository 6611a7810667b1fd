package reconcile_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/loads/reconcile"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// sold is a store with sales of three days, 30 an hour; every tenth is by the operator 0007, and every hundredth is cancelled.
func sold(t testing.TB, days, perHour int) *store.Store {
	t.Helper()
	now := midnight()
	s := storetest.OpenIn(t, store.Config{Dir: storetest.Dir(t), Now: func() time.Time { return now }})
	for hour := range days * 24 {
		var change agent.Change
		for n := hour * perHour; n < (hour+1)*perHour; n++ {
			now = midnight().Add(time.Duration(n) * time.Hour / time.Duration(perHour))
			change.Jobs = append(change.Jobs, agent.Job{
				Kind: agent.KindCoupon, Dialect: agent.V2, Coupon: fmt.Sprint("C-", n), CreatedAt: now, Status: agent.Status{State: agent.Pending},
				Moment: now.Format("012|2006-01-02|15:04:05|") + fmt.Sprintf("%d.000", 10+n%50), Body: fmt.Appendf(nil, `{"coupon":"C-%d","operator_id":%q}`, n, map[bool]string{true: "0007", false: "0123"}[n%10 == 0]),
			})
			if n%100 == 99 {
				change.Jobs = append(change.Jobs, agent.Job{Kind: agent.KindCouponCancellation, Dialect: agent.V2, Coupon: fmt.Sprint("C-", n), CreatedAt: now, Status: agent.Status{State: agent.Pending}, Body: []byte("{}")})
			}
		}
		if _, err := s.Commit(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// all gives every sale of a query, and how many pages that took.
func all(t *testing.T, s reconcile.Stored, q reconcile.Query) (sales []reconcile.Sale, pages int) {
	t.Helper()
	for {
		page, err := reconcile.Find(s, zone(), q)
		if err != nil {
			t.Fatal(err)
		}
		sales, pages = append(sales, page.Sales...), pages+1
		if q.After = page.Next; q.After == 0 {
			return sales, pages
		}
	}
}

// A day's sales are found, each once, by page, operator and value; another day's are not.
func TestSalesOfADayAreFound(t *testing.T) {
	s := sold(t, 4, 30)
	day := midnight().AddDate(0, 0, 1).Format(time.DateOnly)
	sales, _ := all(t, s, reconcile.Query{Day: day})
	if len(sales) != 720 || sales[0].Coupon != "C-720" || sales[719].Coupon != "C-1439" {
		t.Fatalf("got %d", len(sales))
	}
	if again, pages := all(t, s, reconcile.Query{Day: day, Late: true}); !slices.EqualFunc(sales, again, func(a, b reconcile.Sale) bool { return a.Job == b.Job }) || pages < 2 {
		t.Errorf("with late: got %d in %d pages", len(again), pages)
	}
	cancelled := 0
	for _, sale := range sales {
		if sale.Fate == reconcile.Cancelled {
			cancelled++
		}
	}
	if cancelled != 7 {
		t.Errorf("got %d cancelled", cancelled)
	}
	if by, _ := all(t, s, reconcile.Query{Day: day, Operator: "0007"}); len(by) != 72 {
		t.Errorf("by operator: got %d", len(by))
	}
	value := agent.Cents(1500)
	if by, _ := all(t, s, reconcile.Query{Day: day, Value: &value}); len(by) == 0 || by[0].Value != value {
		t.Errorf("by value: got %v", by)
	}
	if none, _ := all(t, s, reconcile.Query{Day: "2020-01-01"}); len(none) != 0 {
		t.Errorf("of another day: got %d", len(none))
	}
}

// What reached the agent long after its day is found when it is asked for.
func TestSaleAcceptedLateIsFoundWhenAskedFor(t *testing.T) {
	s := sold(t, 4, 1)
	day := midnight().Format(time.DateOnly)
	late := agent.Job{Kind: agent.KindCoupon, Dialect: agent.V2, Coupon: "TARDE", CreatedAt: midnight().Add(95 * time.Hour), Moment: "012|" + day + "|10:00:00|1.000", Status: agent.Status{State: agent.Pending}, Body: []byte("{}")}
	if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{late}}); err != nil {
		t.Fatal(err)
	}
	if sales, _ := all(t, s, reconcile.Query{Day: day}); len(sales) != 24 {
		t.Errorf("without late: got %d", len(sales))
	}
	if sales, _ := all(t, s, reconcile.Query{Day: day, Late: true}); len(sales) != 25 || sales[24].Coupon != "TARDE" {
		t.Errorf("with late: got %d", len(sales))
	}
}

func TestDayOfASearchMustBeOne(t *testing.T) {
	if _, err := reconcile.Find(storetest.Open(t), zone(), reconcile.Query{Day: "14/05/2026"}); agent.CodeOf(err) != agent.CodeInvalid {
		t.Errorf("got %v", err)
	}
}
