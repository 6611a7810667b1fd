package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"pdvagent/agent"
)

func TestAmountsAreWrittenWithTwoDecimalsOrThree(t *testing.T) {
	for got, want := range map[string]string{
		agent.Milli(10_000).String(): "10.00", agent.Milli(1235).String(): "1.235", agent.Milli(-5).String(): "-0.005",
		agent.Cents(1234).String(): "12.34", agent.Cents(-7).String(): "-0.07",
		agent.Cents(0).Reais(): "R$ 0,00", agent.Cents(7).Reais(): "R$ 0,07", agent.Cents(-123456).Reais(): "-R$ 1.234,56", agent.Cents(99999).Reais(): "R$ 999,99",
		agent.Cents(123456789012).Reais(): "R$ 1.234.567.890,12",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDocumentsNeedTheirLengthAndCheckDigits(t *testing.T) {
	for text, want := range map[string]bool{
		"52998224725": true, "12345678909": true, "01234567890": true, "11222333000181": true, "12ABC34501DE35": true,
		"12345678901": false, "11111111111": false, "00000000000000": false, "5299822472": false, "529.982.247-25": false,
		"00052998224725": false, "12abc34501de35": false, "12ABC34501DE36": false, "1122233300018A": false, "": false, "0": false,
	} {
		if _, got := agent.ParseDocument(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestMaskedDocumentNeverShowsMoreThanItsMiddle(t *testing.T) {
	for document, want := range map[agent.Document]string{
		"52998224725": "***982247**", "11222333000181": "**222333******", "123": "***", "": "",
	} {
		if got := document.Mask(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestWhatFollowsWhat has a case for every row of the table of Follow (till-api.md, "What follows what").
func TestWhatFollowsWhat(t *testing.T) {
	confirm := func(state agent.State) agent.Job {
		return agent.Job{Seq: 1, Kind: agent.KindConfirm, Session: "T", Status: agent.Status{State: state}}
	}
	coupon := func(state agent.State, reason string) agent.Job {
		return agent.Job{Seq: 2, Kind: agent.KindCoupon, Session: "T", Coupon: "C", Status: agent.Status{State: state, Reason: reason}}
	}
	maybeSent := coupon(agent.Discarded, "")
	maybeSent.Status.Unanswered = true
	cancellation := agent.Job{Seq: 3, Kind: agent.KindCouponCancellation, Coupon: "C"}
	cancel := agent.Job{Seq: 4, Kind: agent.KindCancel, Session: "T"}
	for _, row := range []struct {
		name      string
		job       agent.Job
		relatives []agent.Job
		want      agent.Step
		blocker   uint64
	}{
		{"coupon while its confirm is pending", coupon(agent.Pending, ""), []agent.Job{confirm(agent.Pending)}, agent.Wait, 1},
		{"coupon after its confirm was sent", coupon(agent.Pending, ""), []agent.Job{confirm(agent.Sent)}, agent.Go, 0},
		{"coupon after its confirm died", coupon(agent.Pending, ""), []agent.Job{confirm(agent.Dead)}, agent.Go, 0},
		{"coupon after its confirm was annulled", coupon(agent.Pending, ""), []agent.Job{confirm(agent.Annulled)}, agent.Go, 0},
		{"coupon beside a held contradiction of its confirm", coupon(agent.Pending, ""), []agent.Job{confirm(agent.Held)}, agent.Go, 0},
		{"coupon without a confirm", coupon(agent.Pending, ""), nil, agent.Go, 0},
		{"coupon beside its own cancellation", coupon(agent.Pending, ""), []agent.Job{cancellation}, agent.Go, 0},
		{"cancellation of a coupon still pending", cancellation, []agent.Job{coupon(agent.Pending, "")}, agent.Wait, 2},
		{"cancellation of a sent coupon", cancellation, []agent.Job{coupon(agent.Sent, "")}, agent.Go, 0},
		{"cancellation of a dead coupon", cancellation, []agent.Job{coupon(agent.Dead, "")}, agent.Annul, 0},
		{"cancellation of an annulled coupon", cancellation, []agent.Job{coupon(agent.Annulled, "")}, agent.Annul, 0},
		{"cancellation of a discarded coupon that never went up", cancellation, []agent.Job{coupon(agent.Discarded, "")}, agent.Annul, 0},
		{"cancellation of a discarded coupon that may have arrived", cancellation, []agent.Job{maybeSent}, agent.Go, 0},
		{"cancellation of a coupon never seen here", cancellation, nil, agent.Go, 0},
		{"cancellation of a salvaged coupon", cancellation, []agent.Job{coupon(agent.Held, agent.ReasonKeyMissing)}, agent.Wait, 2},
		{"cancellation beside a held contradiction", cancellation, []agent.Job{coupon(agent.Sent, ""), coupon(agent.Held, agent.ReasonConflict)}, agent.Go, 0},
		{"cancellation of a sent coupon that superseded another", cancellation, []agent.Job{coupon(agent.Discarded, ""), coupon(agent.Sent, "")}, agent.Go, 0},
		{"confirm beside a dead coupon", confirm(agent.Pending), []agent.Job{coupon(agent.Dead, "")}, agent.Go, 0},
		{"cancel beside a pending confirm", cancel, []agent.Job{confirm(agent.Pending)}, agent.Go, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			if step, blocker := agent.Follow(row.job, row.relatives); step != row.want || blocker != row.blocker {
				t.Errorf("got step %d behind %d, want %d behind %d", step, blocker, row.want, row.blocker)
			}
		})
	}
}

func TestCodesOnDiskAreStable(t *testing.T) {
	var got []string
	for _, kind := range agent.Kinds() {
		got = append(got, fmt.Sprint(kind, "=", kind.Code()))
		if agent.KindOf(kind.Code()) != kind {
			t.Errorf("%s does not come back from its code", kind)
		}
	}
	for _, state := range agent.States() {
		got = append(got, fmt.Sprint(state, "=", state.Code()))
		if agent.StateOf(state.Code()) != state {
			t.Errorf("%s does not come back from its code", state)
		}
	}
	want := "confirm=1 cancel=2 coupon=3 coupon-cancellation=4 message=5 products=6 operators=7 coupons-list=8 pending=1 sent=2 dead=3 held=4 annulled=5 discarded=6"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v: files of older versions would be misread", got)
	}
}

func TestNoMoveLeadsOutOfAFinalState(t *testing.T) {
	for _, from := range agent.States() {
		for _, next := range agent.States() {
			if from.Final() && from.MayBecome(next) {
				t.Errorf("%s may become %s", from, next)
			}
		}
	}
}

func TestAlarmIsSaidOnceUntilItEnds(t *testing.T) {
	var alarms agent.Alarms
	alarm := agent.Alarm{Code: agent.AlarmRoutePaused, Subject: "coupon"}
	if !alarms.Raise(alarm) || alarms.Raise(alarm) {
		t.Error("the second raise of the same trouble is new")
	}
	if !alarms.Raise(agent.Alarm{Code: agent.AlarmRoutePaused, Subject: "confirm"}) {
		t.Error("another route's trouble is not new")
	}
	if !alarms.Clear(agent.AlarmRoutePaused, "coupon") || alarms.Clear(agent.AlarmRoutePaused, "coupon") || len(alarms.List()) != 1 {
		t.Error("an alarm does not end once")
	}
}
