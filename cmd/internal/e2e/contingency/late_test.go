package contingency

import (
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

func TestAStartTooLateLeavesNothingOpen(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSiteShortDeadline(t).Start()
		s.AddFault(simkit.Fault{Route: "start", Fault: "slow", DelayMS: 900, Times: 1})
		got := inTime(s, "start", func() e2e.Answer { return s.Post("/"+dialect+"/transaction/start", e2e.StartBody(dialect, e2e.Maria)) })
		if got.Field("agent.reason") != "timeout" || got.Header.Get("X-Agent-Delivery") != "contingency" || got.Field("requestId") != got.Header.Get("X-Request-Id") {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
		s.Until("the late session is there", func() bool { return len(s.Clouds.Mercafacil.SessionList()) == 1 })
		s.WaitNoOpenSession()
	})
}

func TestAnApplyTooLateLeavesNothingOpenAndItsConfirmIsAnnulled(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSiteShortDeadline(t).Start()
		one := s.Begin(dialect, "0")
		s.AddFault(simkit.Fault{Route: "apply", Fault: "slow", DelayMS: 900, Times: 1})
		if g := inTime(s, "apply", func() e2e.Answer { return one.Apply(e2e.Units("80215", 2, "10.00")) }).Discounts(t); g.Agent.Reason != "timeout" {
			t.Errorf("got %+v", g)
		}
		one.Sell("K")
		s.WaitNoOpenSession()
		s.WaitDrained()
		s.WantSoldOnce("K")
		if said := strings.Join(s.SessionCalls(), "; "); strings.Contains(said, "confirm") {
			t.Errorf("the cloud heard %s", said)
		}
		got := s.Call(http.MethodGet, "/v1/sales/"+one.ID, e2e.TillToken, "")
		if got.Field("session") != "confirmed" || got.Field("loyalty.live") != false || got.Field("loyalty.absence") != "timeout" || !strings.Contains(got.Body, `"annulled"`) {
			t.Errorf("got %s", got.Body)
		}
	})
}

func TestAnAnswerTheCloudDidNotHearArrivesLater(t *testing.T) {
	s := e2e.NewSiteShortDeadline(t).Start()
	one, _ := s.Identify("v2", e2e.Stranger)
	s.Clouds.Leave()
	got := one.Reply("aceitou-pre-cadastro", "41987762038")
	if got.Status != http.StatusOK || got.Header.Get("X-Agent-Delivery") != "contingency" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	s.ReturnClouds()
	s.Until("it arrives", func() bool { return len(s.Arrivals("message")) == 1 })
	if _, again := s.Identify("v2", e2e.Stranger); again.Field("loyalty") != true {
		t.Errorf("got %s", again.Body)
	}
}
