package operation

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/ops/traffic"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

// R9: requests and answers are kept, of both sides, and one sale can be followed through them.
func TestR09TheJournalFollowsASaleFromTheTillToTheCloud(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddMember(e2e.Maria, "Maria")
	one := s.Begin("v2", e2e.Maria)
	one.Apply(e2e.Units("80215", 2, "10.00"))
	one.Sell("K")
	s.WaitDrained()
	var lines []traffic.Line
	s.Until("it is written", func() bool { lines = s.Journal("?key=" + one.ID); return len(lines) >= 8 })
	var heard []string
	for _, line := range lines {
		heard = append(heard, string(line.Side)+" "+line.Method+" "+line.Route)
	}
	slices.Sort(heard)
	want := []string{
		"cloud POST v2/coupons/", "cloud POST v2/transaction/apply", "cloud POST v2/transaction/confirm", "cloud POST v2/transaction/start",
		"till POST /v2/coupons", "till POST /v2/transaction/apply", "till POST /v2/transaction/confirm", "till POST /v2/transaction/start",
	}
	if !slices.Equal(heard, want) {
		t.Errorf("got  %q\nwant %q", heard, want)
	}
	byRoute := make(map[string]traffic.Line)
	for _, line := range lines {
		byRoute[string(line.Side)+line.Route] = line
	}
	if till, cloud := byRoute["till/v2/transaction/apply"], byRoute["cloudv2/transaction/apply"]; till.Ref == "" || till.Ref != cloud.Ref || till.Delivery != "live" {
		t.Errorf("the call to the cloud does not name the till's: %+v, %+v", till, cloud)
	}
	if coupon := byRoute["cloudv2/coupons/"]; coupon.Ref != "2" || coupon.Status != http.StatusCreated || !strings.Contains(string(coupon.Request.JSON), `"client_id":"***982247**"`) {
		t.Errorf("got %+v %s", coupon, coupon.Request.JSON)
	}
	if both := s.Journal("?key=" + byRoute["till/v2/transaction/apply"].Ref); len(both) != 2 {
		t.Errorf("by the request's id: %+v", both)
	}
}

func TestTheJournalHasRefusalsFaultsAndStrangers(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddFault(simkit.Fault{Route: "start", Fault: "reset", Times: 1})
	s.Begin("v2", "0")
	s.Call(http.MethodPost, "/v2/coupons", "wrong", "{}")
	s.Call(http.MethodGet, "/v1/lottery/52998224725", e2e.TillToken, "")
	s.Post("/v2/coupons", `{"coupon":`)
	var lines []traffic.Line
	s.Until("it is written", func() bool { lines = s.Journal("?limit=500"); return len(lines) >= 6 })
	seen := make(map[string]traffic.Line)
	for _, line := range lines {
		seen[line.Route+" "+http.StatusText(line.Status)] = line
	}
	if line := seen["v2/transaction/start "]; line.Origin != "network" || line.Detail == "" {
		t.Errorf("the reset: %+v in %v", line, seen)
	}
	if line := seen["/v2/coupons Unauthorized"]; line.Origin != "till" {
		t.Errorf("the stranger: %+v in %v", line, seen)
	}
	if _, ok := seen["- Not Found"]; !ok {
		t.Errorf("an address that does not exist: %v", seen)
	}
	if line := seen["/v2/coupons Bad Request"]; line.Request.Bytes != 10 || line.Request.Shape != `{"xxxxxx":` {
		t.Errorf("half a body: %+v", line)
	}
}

func TestTheJournalIsSupportsAndItsQuestionsAreChecked(t *testing.T) {
	s := e2e.NewSite(t).Start()
	if got := s.Call(http.MethodGet, "/v1/traffic", e2e.TillToken, ""); got.Status != http.StatusForbidden {
		t.Errorf("a till reads it: %d", got.Status)
	}
	for _, query := range []string{"?since=ontem", "?limit=0", "?limit=501", "?side=both"} {
		if got := s.Call(http.MethodGet, "/v1/traffic"+query, e2e.SupportToken, ""); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", query, got.Status, got.Body)
		}
	}
}

func TestSupportReadsTheJournalAndForgetsAMemberByCommand(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddMember(e2e.Maria, "Maria")
	one := s.Begin("v2", e2e.Maria)
	s.Until("it is written", func() bool { return len(s.Journal("?key="+one.ID)) == 2 })
	code, out, errOut := e2e.RunCommand(t, "traffic", "--config", s.Config, "--key", one.ID, "--since", "1h", "--side", "till")
	if code != cli.ExitDone || strings.Count(out, "caixa → agente  200") != 1 || !strings.Contains(out, "POST /v2/transaction/start") || strings.Contains(out, e2e.Maria) {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	for _, want := range []string{"Esquecido", "Não havia nada"} {
		code, out, errOut := e2e.RunCommandInput(t, e2e.Maria+"\n", "member", "forget", "--config", s.Config)
		if code != cli.ExitDone || !strings.Contains(out, want) {
			t.Errorf("got %d, %s, %s; want %s", code, out, errOut, want)
		}
	}
	if code, _, errOut := e2e.RunCommandInput(t, "", "member", "forget", "--config", s.Config); code != cli.ExitUsage {
		t.Errorf("without a document: got %d, %s", code, errOut)
	}
}

// status, doctor, a scrape and a browser are no tills: the journal names them apart, and metrics do not count them.
func TestTheJournalTellsSupportFromTills(t *testing.T) {
	s := e2e.NewSite(t).Start()
	e2e.RunCommand(t, "status", "--config", s.Config)
	e2e.RunCommand(t, "payments", "ls", "--config", s.Config)
	for _, path := range []string{"/metrics", "/health", "/docs"} {
		s.Call(http.MethodGet, path, e2e.SupportToken, "")
	}
	s.Call(http.MethodGet, "/health", "", "")
	s.Until("it is written", func() bool { return len(s.Journal("?side=support")) > 0 })
	_, before := s.Doctor()
	if f := before["journal"]; !strings.Contains(f.Evidence, "nenhum caixa chamou ainda") {
		t.Errorf("doctor takes support for a till: %+v", f)
	}
	s.Post("/v2/coupons", "{}")
	s.Until("it is written", func() bool { return len(s.Journal("?side=till")) > 0 })
	if lines := s.Journal("?side=till&limit=500"); len(lines) != 1 || lines[0].Route != "/v2/coupons" {
		t.Errorf("the till's lines: %+v", lines)
	}
	seen := make(map[string]traffic.Line)
	for _, line := range s.Journal("?side=support&limit=500") {
		seen[line.Route] = line
	}
	for _, route := range []string{"/v1/status", "/v1/payments", "/metrics", "/health", "/docs"} {
		if _, ok := seen[route]; !ok {
			t.Errorf("no %s among support's lines: %v", route, seen)
		}
	}
	if scrape := seen["/metrics"]; scrape.Response != nil && (scrape.Response.JSON != nil || scrape.Response.Head != "" || scrape.Response.Shape != "") {
		t.Errorf("a scrape is kept: %+v", scrape.Response)
	}
	_, after := s.Doctor()
	if f := after["journal"]; !strings.Contains(f.Evidence, "a última chamada de um caixa") {
		t.Errorf("got %+v", f)
	}
	if text := s.Call(http.MethodGet, "/metrics", e2e.SupportToken, "").Body; strings.Contains(text, `route="/metrics"`) || !strings.Contains(text, `route="/v2/coupons"`) {
		t.Error("metrics count support's calls as a till's")
	}
	code, out, errOut := e2e.RunCommand(t, "traffic", "--config", s.Config, "--side", "suporte", "--route", "/v1/status")
	if code != cli.ExitDone || !strings.Contains(out, "suporte → agente  200") || strings.Contains(out, "caixa →") {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
}
