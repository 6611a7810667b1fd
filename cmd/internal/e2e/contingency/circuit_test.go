package contingency

import (
	"fmt"
	"testing"

	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

func TestTheCircuitOpensAnswersAtOnceAndClosesByAProbe(t *testing.T) {
	s := e2e.NewSiteShortDeadline(t).Start()
	s.Clouds.Leave()
	for range 3 {
		s.Begin("v2", "0")
	}
	if got := s.Status(); got.Field("circuit") != "open" || got.Field("online") != false {
		t.Fatalf("got %s", got.Body)
	}
	got := s.Post("/v2/transaction/start", e2e.StartBody("v2", e2e.Maria))
	if got.Field("agent.reason") != "circuit_open" {
		t.Errorf("got %s", got.Body)
	}
	s.ReturnClouds()
	s.Until("the circuit is closed", func() bool {
		return s.Status().Field("circuit") == "closed"
	})
	if said := s.SessionCalls(); len(said) != 0 {
		t.Errorf("the probe opened something: %v", said)
	}
	if got := s.Post("/v2/transaction/start", e2e.StartBody("v2", e2e.Maria)); got.Header.Get("X-Agent-Delivery") != "live" {
		t.Errorf("got %s", got.Body)
	}
}

func TestABadJobInTheQueueDoesNotOpenTheCircuit(t *testing.T) {
	s := e2e.NewSiteShortDeadline(t).Start()
	s.AddFault(simkit.Fault{Route: "coupon", Fault: "lost"})
	for i := range 5 {
		one := s.Begin("v2", "0")
		one.SendReceipt(fmt.Sprint("K-", i))
	}
	s.Until("they were tried", func() bool { return len(s.Arrivals("coupon")) >= 5 })
	if got := s.Post("/v2/transaction/start", e2e.StartBody("v2", e2e.Maria)); got.Header.Get("X-Agent-Delivery") != "live" {
		t.Errorf("got %s", got.Body)
	}
}
