package payments_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/payments"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// TestMovesAreTheTableOfTheTillAPI has the table a second time, by hand: from each state, where to.
func TestMovesAreTheTableOfTheTillAPI(t *testing.T) {
	table := map[payments.State]string{
		"created": "registering awaiting_payment failed canceled", "registering": "awaiting_payment failed canceled",
		"awaiting_payment": "paid failed expired canceled conflicted unknown", "unknown": "awaiting_payment paid failed expired canceled conflicted",
		"paid": "confirming completed", "confirming": "completed", "failed": "paid_late", "expired": "paid_late", "canceled": "paid_late",
	}
	for _, from := range payments.States() {
		got := ""
		for _, to := range payments.States() {
			if payments.May(from, to) {
				got += " " + string(to)
			}
		}
		want := words(table[from])
		for _, to := range payments.States() {
			if payments.May(from, to) != want[to] {
				t.Errorf("%s:%s, want %v", from, got, table[from])
				break
			}
		}
	}
}

func words(text string) map[payments.State]bool {
	set := make(map[payments.State]bool)
	word := ""
	for _, r := range text + " " {
		if r == ' ' {
			set[payments.State(word)], word = true, ""
			continue
		}
		word += string(r)
	}
	return set
}

func TestMoneyThatCameIsNeverForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := payments.Payment{State: payments.Created}
		money := false
		for _, to := range rapid.SliceOf(rapid.SampledFrom(payments.States())).Draw(t, "moves") {
			before := p.State
			if moved := p.Move(to, time.Unix(0, 0), "test", ""); moved != payments.May(before, to) || (!moved && p.State != before) {
				t.Fatalf("%s -> %s: %v, now %s", before, to, moved, p.State)
			}
			switch p.State {
			case payments.Paid, payments.Confirming, payments.Completed, payments.PaidLate, payments.Conflicted:
				money = true
			default:
				if money {
					t.Fatalf("paid, and then %s", p.State)
				}
			}
			if attention := p.State == payments.PaidLate || p.State == payments.Conflicted; attention && !p.Attention {
				t.Fatalf("%s asks nobody", p.State)
			}
		}
		if len(p.Events) > 100 {
			t.Fatalf("%d events", len(p.Events))
		}
	})
}

func TestOutcomesMeanWhatMayHaveHappened(t *testing.T) {
	for _, c := range []struct {
		outcome agent.Outcome
		want    payments.Class
	}{
		{agent.Outcome{Class: agent.ClassUnreachable}, payments.Away},
		{agent.Outcome{Class: agent.ClassTimeout}, payments.Lost},
		{agent.Outcome{Class: agent.ClassBroken}, payments.Lost},
		{agent.Outcome{Class: agent.ClassForeign, Status: 200}, payments.Lost},
		{agent.Outcome{Class: agent.ClassStatus, Status: 400}, payments.Declined},
		{agent.Outcome{Class: agent.ClassStatus, Status: 422}, payments.Declined},
		{agent.Outcome{Class: agent.ClassStatus, Status: 307}, payments.Declined},
		{agent.Outcome{Class: agent.ClassStatus, Status: 401}, payments.Unauthorized},
		{agent.Outcome{Class: agent.ClassStatus, Status: 404}, payments.NotFound},
		{agent.Outcome{Class: agent.ClassStatus, Status: 429}, payments.Busy},
		{agent.Outcome{Class: agent.ClassStatus, Status: 503}, payments.Busy},
		{agent.Outcome{Class: agent.ClassStatus, Status: 500}, payments.Lost},
		{agent.Outcome{Class: agent.ClassStatus, Status: 504}, payments.Lost},
	} {
		if got := payments.FailureOf(payments.Check(c.outcome)); got.Class != c.want {
			t.Errorf("%+v: %s, want %s", c.outcome, got.Class, c.want)
		}
	}
	if err := payments.Check(agent.Outcome{Class: agent.ClassOK}); err != nil {
		t.Errorf("got %v", err)
	}
}
