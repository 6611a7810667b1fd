package fault

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
)

// TestEveryFaultOfTheCloudEndsWithTheSaleThereOnce plays each fault a few times on the way of three sales.
func TestEveryFaultOfTheCloudEndsWithTheSaleThereOnce(t *testing.T) {
	for name, fault := range map[string]simkit.Fault{
		"500":                      {Fault: "status", Status: 500},
		"503 with Retry-After":     {Fault: "status", Status: 503, RetryAfter: 1},
		"429":                      {Fault: "status", Status: 429},
		"408":                      {Fault: "status", Status: 408},
		"401":                      {Fault: "status", Status: 401},
		"404 on the route":         {Fault: "status", Status: 404},
		"403 with HTML":            {Fault: "status", Status: 403, Body: "<h1>Forbidden"},
		"captive portal":           {Fault: "html"},
		"error inside a 200":       {Fault: "error200"},
		"redirect":                 {Fault: "redirect"},
		"reset":                    {Fault: "reset"},
		"slow":                     {Fault: "slow", DelayMS: 100},
		"answer cut":               {Fault: "cut"},
		"answer lost after commit": {Fault: "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			s := e2e.NewSite(t).Start()
			fault.Route, fault.Times = "coupon", 3
			s.AddFault(fault)
			for _, id := range []string{"A", "B", "C"} {
				if got := s.Post("/v2/coupons", agenttest.Receipt(id, "T-"+id)); got.Status != http.StatusAccepted {
					t.Fatalf("the till got %d %s", got.Status, got.Body)
				}
			}
			s.Until("all are sent or judged", func() bool {
				got := s.Status()
				return got.Field("queue.pending") == 0.0
			})
			// A route's refusal condemns a job only when another passes: support then repeats it.
			for _, id := range []string{"1", "2", "3"} {
				if s.Call("GET", "/v1/queue/"+id, e2e.SupportToken, "").Field("state") == "dead" {
					if name != "404 on the route" && name != "403 with HTML" && name != "redirect" {
						t.Errorf("job %s is dead", id)
					}
					s.Call("POST", "/v1/queue/"+id+"/retry", e2e.SupportToken, "")
				}
			}
			s.WaitDrained()
			s.WantSoldOnce("A", "B", "C")
		})
	}
}

func TestOutageKeepsEverySaleInItsOrder(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.Clouds.Leave()
	var want []string
	for i := range 30 {
		id := fmt.Sprint("S-", i)
		s.Post("/v2/transaction/confirm", e2e.IDBody("transaction_id", "T-"+id))
		s.Post("/v2/coupons", agenttest.Receipt(id, "T-"+id))
		want = append(want, id)
	}
	s.Stop() // and a restart in the middle of it
	s.Start()
	s.ReturnClouds()
	s.WaitDrained()
	s.WantSoldOnce(want...)
	confirmed := make(map[string]bool)
	for _, arrival := range s.Clouds.Mercafacil.Received() {
		switch {
		case arrival.Route == "confirm":
			confirmed[string(arrival.Body)] = true
		case !confirmed[e2e.IDBody("transaction_id", "T-"+rig.CouponOf(arrival.Body))]:
			t.Errorf("sale %s came before its confirm", rig.CouponOf(arrival.Body))
		}
	}
}

// TestKilledAgentLosesNoAcknowledgedSaleAndDoublesNone kills a real process in the middle of ten parallel sales, again
// and again, with the cloud there and gone; unanswered sales are repeated, as a till does.
func TestKilledAgentLosesNoAcknowledgedSaleAndDoublesNone(t *testing.T) {
	e2e.RunAsProgram(t)
	s := e2e.NewSite(t)
	var all []string
	for round := range 6 {
		if round%2 == 1 {
			s.Clouds.Leave()
		} else {
			s.ReturnClouds()
		}
		process := s.StartProcess()
		var group sync.WaitGroup
		answered := make([]bool, 10)
		for i := range answered {
			id := fmt.Sprintf("R%d-%d", round, i)
			all = append(all, id)
			group.Go(func() {
				s.Post("/v2/transaction/confirm", e2e.IDBody("transaction_id", "T-"+id))
				answered[i] = s.Post("/v2/coupons", agenttest.Receipt(id, "T-"+id)).Status == http.StatusAccepted
			})
		}
		<-time.After(time.Duration(round*3) * time.Millisecond)
		if err := process.Kill(); err != nil {
			t.Fatal(err)
		}
		group.Wait()
		process = s.StartProcess()
		for i, ok := range answered {
			if id := fmt.Sprintf("R%d-%d", round, i); !ok {
				if got := s.Post("/v2/coupons", agenttest.Receipt(id, "T-"+id)); got.Status != http.StatusAccepted {
					t.Fatalf("repeated sale %s: got %d %s", id, got.Status, got.Body)
				}
			}
		}
		if err := process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	s.ReturnClouds()
	process := s.StartProcess()
	s.WaitDrained()
	s.WantSoldOnce(all...)
	if err := process.Kill(); err != nil {
		t.Error(err)
	}
	e2e.HTTPClient.CloseIdleConnections()
}
