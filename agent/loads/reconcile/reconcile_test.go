package reconcile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/loads/reconcile"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// jobs are heads in the order of their acceptance. Their numbers are their places, from 1 on.
type jobs struct {
	list             []agent.Job
	gap              uint64 // a number that a damaged file has lost
	headErr, listErr error
	first            uint64 // the smallest number that List was asked from
	lists            int
}

func (j *jobs) List(state agent.State, kind agent.Kind, after uint64, limit int) (list []agent.Job, err error) {
	if j.lists++; j.lists == 1 || after < j.first {
		j.first = after
	}
	for _, job := range j.list {
		if job.Seq > after && job.Kind == kind && (state == "" || job.Status.State == state) && len(list) < limit {
			list = append(list, job)
		}
	}
	return list, j.listErr
}

func (j *jobs) Head(seq uint64) (agent.Job, error) {
	switch {
	case j.headErr != nil:
		return agent.Job{}, j.headErr
	case seq == j.gap:
		return agent.Job{}, agent.ErrNotFound
	}
	return j.list[seq-1], nil
}

func (j *jobs) LastSeq() uint64 { return uint64(len(j.list)) }

const theDay = "2026-05-14"

// midnight begins the day in the shop.
func midnight() time.Time { return time.Date(2026, 5, 14, 0, 0, 0, 0, zone()) }

func zone() *time.Location { return time.FixedZone("BRT", -3*3600) }

// add appends a job that was accepted so long after the day's beginning.
func (j *jobs) add(after time.Duration, kind agent.Kind, state agent.State, coupon, moment string) *agent.Job {
	j.list = append(j.list, agent.Job{
		Seq: uint64(len(j.list)) + 1, Kind: kind, Coupon: coupon, Moment: moment, CreatedAt: midnight().Add(after), Status: agent.Status{State: state},
	})
	return &j.list[len(j.list)-1]
}

// sell appends a receipt of the day.
func (j *jobs) sell(state agent.State, coupon string) *agent.Job {
	return j.add(19*time.Hour, agent.KindCoupon, state, coupon, "012|"+theDay+"|19:12:46|10.00")
}

func day(t *testing.T, j *jobs, session func(string) (agent.Session, bool, error)) reconcile.Report {
	t.Helper()
	report, err := reconcile.Day(reconcile.Config{Jobs: j, Session: session, Zone: zone()}, theDay)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// fates says what became of each sale: coupon and fate.
func fates(report reconcile.Report) string {
	var list []string
	for _, sale := range report.Sales {
		list = append(list, sale.Coupon+" "+string(sale.Fate))
	}
	return strings.Join(list, ", ")
}

func TestASalesFateIsItsJobsStateAndItsCancellation(t *testing.T) {
	j := &jobs{}
	j.sell(agent.Sent, "SENT")
	j.sell(agent.Pending, "PENDING")
	j.sell(agent.Dead, "DEAD")
	j.sell(agent.Held, "HELD")
	j.sell(agent.Annulled, "ANNULLED")
	j.sell(agent.Discarded, "REPLACED")
	j.sell(agent.Sent, "BACK")
	j.sell(agent.Sent, "BACK-REFUSED")
	j.sell(agent.Sent, "BACK-DISCARDED")
	j.add(20*time.Hour, agent.KindCouponCancellation, agent.Pending, "BACK", "")
	j.add(20*time.Hour, agent.KindCouponCancellation, agent.Held, "BACK-REFUSED", "")
	j.add(20*time.Hour, agent.KindCouponCancellation, agent.Discarded, "BACK-DISCARDED", "")
	j.add(20*time.Hour, agent.KindConfirm, agent.Sent, "", "")
	report := day(t, j, nil)
	if got, want := fates(report), "SENT delivered, PENDING pending, DEAD dead, HELD held, ANNULLED cancelled, BACK cancelled, BACK-REFUSED delivered, BACK-DISCARDED delivered"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	of := func(n int) reconcile.Amount { return reconcile.Amount{Count: n, Value: agent.Cents(n) * 1000} }
	want := reconcile.Totals{Accepted: of(7), Delivered: of(3), Cancelled: of(2), Pending: of(1), Dead: of(1), Held: of(1)}
	if report.Total != want {
		t.Errorf("got  %+v\nwant %+v", report.Total, want)
	}
	if report.Sales[0].Job != j.list[0].ID() || report.Sales[0].Time != "19:12:46" || report.Sales[0].Till != "012" || report.Day != theDay {
		t.Errorf("got %+v", report.Sales[0])
	}
}

func TestTheValueIsAfterDiscountsAndRoundedToCents(t *testing.T) {
	j := &jobs{}
	j.sell(agent.Sent, "GROSS").Moment = "1|" + theDay + "|08:00:00|10.005"
	j.sell(agent.Sent, "NET").Net = 9_994
	j.sell(agent.Sent, "NOTHING").Moment = "1|" + theDay + "|08:00:00|"
	j.sell(agent.Sent, "SHORT").Moment = "1|" + theDay
	j.sell(agent.Sent, "OTHER-DAY").Moment = "1|2026-05-13|23:59:59|1.00"
	got := make(map[string]agent.Cents)
	for _, sale := range day(t, j, nil).Sales {
		got[sale.Coupon] = sale.Value
	}
	if fmt.Sprint(got) != "map[GROSS:10.01 NET:9.99 NOTHING:0.00]" {
		t.Errorf("got %v", got)
	}
}

func TestADiscountIsUnconfirmedWhileItsSessionIsOpenInTheCloud(t *testing.T) {
	sessions := map[string]agent.Session{
		"open": {Live: true, Stage: agent.StageOpen}, "confirmed": {Live: true, Stage: agent.StageConfirmed}, "contingency": {Stage: agent.StageOpen},
		"held": {Live: true, Stage: agent.StageOpen}, "back": {Live: true, Stage: agent.StageOpen},
	}
	j := &jobs{}
	for id := range sessions {
		state := agent.Sent
		switch id {
		case "held":
			state = agent.Held
		case "back":
			state = agent.Annulled
		}
		j.sell(state, id).Session = id
	}
	j.sell(agent.Sent, "forgotten").Session = "forgotten"
	j.sell(agent.Sent, "without")
	report := day(t, j, func(id string) (agent.Session, bool, error) {
		session, known := sessions[id]
		return session, known, nil
	})
	for _, sale := range report.Sales {
		if sale.Unconfirmed != (sale.Coupon == "open") {
			t.Errorf("%s: unconfirmed is %v", sale.Coupon, sale.Unconfirmed)
		}
	}
	if report.Total.Unconfirmed != (reconcile.Amount{Count: 1, Value: 1000}) {
		t.Errorf("got %+v", report.Total)
	}
	unread := errors.New("unread")
	_, err := reconcile.Day(reconcile.Config{Jobs: j, Zone: zone(), Session: func(string) (agent.Session, bool, error) { return agent.Session{}, false, unread }}, theDay)
	if !errors.Is(err, unread) {
		t.Errorf("got %v", err)
	}
}

func TestTillsStandInTheirOrderWithTheirOwnSums(t *testing.T) {
	j := &jobs{}
	for _, moment := range []string{"013|%s|09:00:00|1.00", "012|%s|10:00:00|2.00", "a;b|%s|08:00:00|4.00", "012|%s|08:00:00|3.00"} {
		j.sell(agent.Sent, moment[:3]).Moment = fmt.Sprintf(moment, theDay)
	}
	j.list[1].Notes = []agent.Note{{Code: agent.NoteSurcharge}, {Code: agent.NoteLine}}
	report := day(t, j, nil)
	if len(report.Notes) != 2 || report.Notes[0].Code != agent.NoteLine || report.Notes[1].Count != 1 || report.Notes[1].Detail == "" {
		t.Errorf("notes: %+v", report.Notes)
	}
	var order []string
	for _, sale := range report.Sales {
		order = append(order, sale.Till+" "+sale.Time)
	}
	if got := strings.Join(order, ", "); got != "012 08:00:00, 012 10:00:00, 013 09:00:00, a;b 08:00:00" {
		t.Errorf("got %s", got)
	}
	if len(report.Tills) != 3 || report.Tills[0].Accepted != (reconcile.Amount{Count: 2, Value: 500}) || report.Tills[2].Delivered != (reconcile.Amount{Count: 1, Value: 400}) {
		t.Errorf("got %+v", report.Tills)
	}
	want := "day;till;accepted_count;accepted_value;delivered_count;delivered_value;cancelled_count;cancelled_value;pending_count;pending_value;dead_count;dead_value;held_count;held_value;discount_unconfirmed_count;discount_unconfirmed_value;noted_count;noted_value\n" +
		"2026-05-14;012;2;5.00;2;5.00;0;0.00;0;0.00;0;0.00;0;0.00;0;0.00;1;2.00\n" +
		"2026-05-14;013;1;1.00;1;1.00;0;0.00;0;0.00;0;0.00;0;0.00;0;0.00;0;0.00\n" +
		"2026-05-14;a,b;1;4.00;1;4.00;0;0.00;0;0.00;0;0.00;0;0.00;0;0.00;0;0.00\n" +
		"2026-05-14;total;4;10.00;4;10.00;0;0.00;0;0.00;0;0.00;0;0.00;0;0.00;1;2.00\n"
	if got := report.CSV(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// week is five days before the day, of a receipt each minute, and the day with more receipts than fit into a page.
func week() *jobs {
	j := &jobs{}
	for minutes := -5 * 24 * 60; minutes < 0; minutes++ {
		at := midnight().Add(time.Duration(minutes) * time.Minute)
		j.add(at.Sub(midnight()), agent.KindCoupon, agent.Sent, "", at.Format("012|2006-01-02|15:04:05|1.00"))
	}
	j.list[len(j.list)-60].Moment = "012|" + theDay + "|00:00:01|1.00" // the till's clock is an hour ahead
	for n := range 1200 {
		j.add(time.Duration(n)*time.Minute, agent.KindCoupon, agent.Sent, fmt.Sprint(n), "012|"+theDay+"|10:00:00|1.00")
	}
	return j
}

func TestADayIsReadFromTheDayBefore(t *testing.T) {
	j := week()
	report := day(t, j, nil)
	if report.Total.Accepted.Count != 1201 {
		t.Errorf("%d sales", report.Total.Accepted.Count)
	}
	if want := uint64(4 * 24 * 60); j.first != want {
		t.Errorf("read from job %d on, want from %d", j.first, want)
	}
}

func TestADayOfADamagedFileIsReadFromTheFirstJob(t *testing.T) {
	j := week()
	j.gap = uint64(len(j.list)+1) / 2 // the first that is looked at
	if report := day(t, j, nil); report.Total.Accepted.Count != 1201 || j.first != 0 {
		t.Errorf("%d sales, read from job %d on", report.Total.Accepted.Count, j.first)
	}
}

func TestADayThatCannotBeReadIsAnError(t *testing.T) {
	closed := agent.ErrStoreClosed
	for what, change := range map[string]func(*jobs){"head": func(j *jobs) { j.headErr = closed }, "list": func(j *jobs) { j.listErr = closed }} {
		j := &jobs{}
		j.sell(agent.Sent, "A")
		change(j)
		if _, err := reconcile.Day(reconcile.Config{Jobs: j, Zone: zone()}, theDay); !errors.Is(err, closed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	var refusal *agent.Error
	if _, err := reconcile.Day(reconcile.Config{Jobs: &jobs{}, Zone: zone()}, "14/05/2026"); !errors.As(err, &refusal) || refusal.Code != agent.CodeInvalid || len(refusal.Fields) != 1 || refusal.Fields[0].Field != "day" {
		t.Errorf("got %v", err)
	}
	if report := day(t, &jobs{}, nil); report.Total != (reconcile.Totals{}) || report.Tills == nil {
		t.Errorf("a day without jobs: %+v", report)
	}
}

func TestASaleThatTheDiskHasDamagedIsARowOfItsOwn(t *testing.T) {
	j := &jobs{}
	of := func(date string) { j.add(time.Hour, agent.KindCoupon, agent.Sent, "X", "012|"+date+"|19:12:46|10.00") }
	damaged := func() { j.add(time.Hour, agent.KindCoupon, agent.Damaged, "", "") }
	if damaged(); strings.Join(day(t, j, nil).Damaged, " ") != "1" {
		t.Error("the only sale is left out")
	}
	of("2026-05-12")
	damaged() // 3: between sales of other days
	of("2026-05-13")
	damaged() // 5: may be of the day
	of(theDay)
	j.add(time.Hour, agent.KindCoupon, agent.Dead, "", "").Status.Reason = agent.ReasonLost // 7
	of(theDay)
	damaged() // 9
	of("2026-05-15")
	damaged() // 11
	report := day(t, j, nil)
	if got := strings.Join(report.Damaged, " "); got != "5 7 9" || report.Total.Accepted.Count != 2 || len(report.Sales) != 2 {
		t.Errorf("got %s, %+v", got, report.Total)
	}
}
