package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/mercafacil/mercafacilsim"
)

// TestEveryFaultOfTheCloudEndsWithTheSaleThereOnce plays each fault a few times on the way of three sales.
func TestEveryFaultOfTheCloudEndsWithTheSaleThereOnce(t *testing.T) {
	for name, fault := range map[string]mercafacilsim.Fault{
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
			s := newSite(t).open()
			fault.Route, fault.Times = "coupon", 3
			if err := s.clouds.Mercafacil.Add(fault); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{"A", "B", "C"} {
				if got := s.post("/v2/coupons", agenttest.Receipt(id, "T-"+id)); got.status != http.StatusAccepted {
					t.Fatalf("the till got %d %s", got.status, got.body)
				}
			}
			s.until("all are sent or judged", func() bool {
				got := s.call("GET", "/v1/status", supportToken, "")
				return got.field("queue.pending") == 0.0
			})
			// A route's refusal condemns a job only when another passes: support then repeats it.
			for _, id := range []string{"1", "2", "3"} {
				if s.call("GET", "/v1/queue/"+id, supportToken, "").field("state") == "dead" {
					if name != "404 on the route" && name != "403 with HTML" && name != "redirect" {
						t.Errorf("job %s is dead", id)
					}
					s.call("POST", "/v1/queue/"+id+"/retry", supportToken, "")
				}
			}
			s.drained()
			s.wantSoldOnce("A", "B", "C")
		})
	}
}

func TestOutageKeepsEverySaleInItsOrder(t *testing.T) {
	s := newSite(t).open()
	s.clouds.Leave()
	var want []string
	for i := range 30 {
		id := fmt.Sprint("S-", i)
		s.post("/v2/transaction/confirm", idBody("transaction_id", "T-"+id))
		s.post("/v2/coupons", agenttest.Receipt(id, "T-"+id))
		want = append(want, id)
	}
	s.stop() // and a restart in the middle of it
	s.open()
	if err := s.clouds.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.drained()
	s.wantSoldOnce(want...)
	confirmed := make(map[string]bool)
	for _, arrival := range s.clouds.Mercafacil.Received() {
		switch {
		case arrival.Route == "confirm":
			confirmed[string(arrival.Body)] = true
		case !confirmed[idBody("transaction_id", "T-"+couponOf(arrival.Body))]:
			t.Errorf("sale %s came before its confirm", couponOf(arrival.Body))
		}
	}
}

// TestKilledAgentLosesNoAcknowledgedSaleAndDoublesNone kills a real process in the middle of ten parallel sales, again
// and again, with the cloud there and gone; unanswered sales are repeated, as a till does.
func TestKilledAgentLosesNoAcknowledgedSaleAndDoublesNone(t *testing.T) {
	t.Setenv(asMain, "1")
	s := newSite(t)
	var all []string
	for round := range 6 {
		if round%2 == 1 {
			s.clouds.Leave()
		} else if err := s.clouds.Return(t.Context()); err != nil {
			t.Fatal(err)
		}
		process := startProcess(t, s)
		var group sync.WaitGroup
		answered := make([]bool, 10)
		for i := range answered {
			id := fmt.Sprintf("R%d-%d", round, i)
			all = append(all, id)
			group.Go(func() {
				s.post("/v2/transaction/confirm", idBody("transaction_id", "T-"+id))
				answered[i] = s.post("/v2/coupons", agenttest.Receipt(id, "T-"+id)).status == http.StatusAccepted
			})
		}
		<-time.After(time.Duration(round*3) * time.Millisecond)
		if err := process.kill(); err != nil {
			t.Fatal(err)
		}
		group.Wait()
		process = startProcess(t, s)
		for i, ok := range answered {
			if id := fmt.Sprintf("R%d-%d", round, i); !ok {
				if got := s.post("/v2/coupons", agenttest.Receipt(id, "T-"+id)); got.status != http.StatusAccepted {
					t.Fatalf("repeated sale %s: got %d %s", id, got.status, got.body)
				}
			}
		}
		if err := process.kill(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.clouds.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	process := startProcess(t, s)
	s.drained()
	s.wantSoldOnce(all...)
	if err := process.kill(); err != nil {
		t.Error(err)
	}
	testHTTP.CloseIdleConnections()
}

func startProcess(t *testing.T, s *site) *agentProcess {
	t.Helper()
	process, err := startAgent(t.Context(), s.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.kill() })
	s.until("the process answers", func() bool { return s.call(http.MethodGet, "/health", "", "").status == http.StatusOK })
	return process
}

func TestDemoEndsWellInTime(t *testing.T) {
	t.Setenv(asMain, "1")
	var out strings.Builder
	begin := time.Now()
	if err := runDemo(t.Context(), &out, true); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "exatamente uma vez") || strings.Contains(out.String(), "ERRADO") {
		t.Errorf("got %s", out.String())
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("the demo took %v", took)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestDemoFailsWhenASaleIsMissingOrThereTwice(t *testing.T) {
	s := newSite(t)
	till := newDemoTill(s.base, tillToken, supportToken)
	till.sales = []tillSale{{"GHOST", "venda concluída", "vendido"}}
	d := &demo{out: io.Discard, clouds: s.clouds, till: till}
	if err := d.reconcile(); err == nil || !strings.Contains(err.Error(), "GHOST") {
		t.Errorf("a sale that the cloud does not have: %v", err)
	}
}

func TestSecondAgentEndsWithASentence(t *testing.T) {
	s := newSite(t).open()
	t.Setenv(asMain, "1")
	process, err := startAgent(context.Background(), s.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.cmd.Wait(); err == nil {
		t.Error("the second agent ended without an error")
	}
	if said := process.log.String(); !strings.Contains(said, "já está usando") {
		t.Errorf("it said %q", said)
	}
}

// runCommand executes a command line in a process of its own.
func runCommand(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	return runCommandWith(t, "", args...)
}

// runCommandWith gives the command something to read.
func runCommandWith(t *testing.T, input string, args ...string) (int, string, string) {
	t.Helper()
	t.Setenv(asMain, "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return execCommand(t, self, input, args)
}
