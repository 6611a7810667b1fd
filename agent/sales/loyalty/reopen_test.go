package loyalty_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
)

// TestABasketAfterACancelOpensTheSessionAgain: an item was taken back, so the till cancels and applies what is left, with the
// id that it has (manual 3.d).
func TestABasketAfterACancelOpensTheSessionAgain(t *testing.T) {
	for _, dialect := range []agent.Dialect{agent.V2, agent.V22} {
		inShop(t, nil, func(t *testing.T, s *shop) {
			ids := 0
			s.cloud.says(agent.CallStart, func(string) string { ids++; return fmt.Sprintf(`{"loyalty":true,"transaction_id":"C-%d"}`, ids) })
			s.cloud.says(agent.CallPreApply, none)
			apply := func(quantity int) {
				t.Helper()
				s.cloud.says(agent.CallApply, tenPercent(quantity))
				body := cart("C-1", quantity)
				if dialect == agent.V22 {
					s.hears("live", agent.CallPreApply, dialect, body)
					body = named("C-1")
				}
				wants(t, s.hears("live", agent.CallApply, dialect, body), `"transaction_id":"C-1"`, `"delivery":"live"`)
			}
			opening := start
			if dialect == agent.V22 {
				opening = start22
			}
			s.hears("live", agent.CallStart, dialect, opening)
			var cancels []string
			for round := range 3 {
				apply(3 - round)
				receipt, err := s.sayIn(dialect, agent.KindCancel, named("C-1"))
				if err != nil || receipt.Replayed {
					t.Fatalf("round %d: %+v, %v", round, receipt, err)
				}
				cancels = append(cancels, receipt.Job)
				if again, err := s.sayIn(dialect, agent.KindCancel, named("C-1")); err != nil || !again.Replayed || again.Job != receipt.Job {
					t.Errorf("repeated: %+v, %v", again, err)
				}
			}
			apply(2)
			for round, job := range cancels { // they still wait, and each ends its own session
				if wire := s.wire(job); wire != named(fmt.Sprint("C-", round+1)) {
					t.Errorf("cancel %d goes up as %s", round, wire)
				}
			}
			confirm, err := s.sayIn(dialect, agent.KindConfirm, named("C-1"))
			if err != nil {
				t.Fatal(err)
			}
			s.wantPrepared(confirm.Job, named("C-4"))
			coupon := s.must(agent.KindCoupon, agenttest.Receipt("K-1", "C-1"))
			s.wantPrepared(coupon.Job, agenttest.Receipt("K-1", "C-4"))
			if _, err := s.sayIn(dialect, agent.KindCancel, named("C-1")); agent.CodeOf(err) != agent.CodeConflict {
				t.Errorf("a cancel after the confirm: %v", err)
			}
			s.isRefused(agent.CodeConflict, agent.CallApply, dialect, cart("C-1", 3))
		})
	}
}

func TestABasketAfterACancelInContingencyIsAnswered(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.hears("contingency", agent.CallStart, agent.V2, start)
		s.hears("contingency", agent.CallApply, agent.V2, cart("U-1", 2))
		s.want(s.must(agent.KindCancel, named("U-1")).Job, agent.Annulled, agent.ReasonNoSession)
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallApply, tenPercent(1))
		wants(t, s.hears("live", agent.CallApply, agent.V2, cart("U-1", 1)), `"transaction_id":"U-1"`)
		s.wantPrepared(s.must(agent.KindConfirm, named("U-1")).Job, named("C-1"))
	})
}

func TestACancelledSessionForgetsWhatOpenedItAfterAWhile(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.must(agent.KindCancel, named("C-1"))
		stop := s.run()
		defer stop()
		<-time.After(3 * time.Hour)
		data, _, err := s.store.Record(s.config.SessionBucket, "C-1")
		if err != nil || strings.Contains(string(data), "opening") {
			t.Errorf("it keeps %s, %v", data, err)
		}
		s.isRefused(agent.CodeConflict, agent.CallApply, agent.V2, cart("C-1", 2))
	})
}

// sayIn is say in a dialect of the test's choice.
func (s *shop) sayIn(dialect agent.Dialect, kind agent.Kind, body string) (agent.Receipt, error) {
	s.t.Helper()
	return s.service.Accept(s.t.Context(), agent.Submission{Kind: kind, Dialect: dialect, Body: []byte(body)})
}

// wire is what goes up for a job.
func (s *shop) wire(id string) string {
	s.t.Helper()
	seq, _ := agent.ParseJobID(id)
	wire, err := s.store.Wire(seq, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(wire)
}
