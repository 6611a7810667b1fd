package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/traffic"
	"pdvagent/mercafacil/mercafacilsim"
)

func (s *site) journal(query string) []traffic.Line {
	s.t.Helper()
	got := s.call(http.MethodGet, "/v1/traffic"+query, supportToken, "")
	if got.status != http.StatusOK {
		s.t.Fatalf("traffic: %d %s", got.status, got.body)
	}
	var page struct{ Lines []traffic.Line }
	got.decode(s.t, &page)
	return page.Lines
}

// R9: requests and answers are kept, of both sides, and one sale can be followed through them.
func TestR09TheJournalFollowsASaleFromTheTillToTheCloud(t *testing.T) {
	s := newSite(t).open()
	s.member(maria, "Maria")
	one := s.begin("v2", maria)
	one.apply(units("80215", 2, "10.00"))
	one.sell("K")
	s.drained()
	var lines []traffic.Line
	s.until("it is written", func() bool { lines = s.journal("?key=" + one.id); return len(lines) >= 8 })
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
	if both := s.journal("?key=" + byRoute["till/v2/transaction/apply"].Ref); len(both) != 2 {
		t.Errorf("by the request's id: %+v", both)
	}
}

func TestTheJournalHasRefusalsFaultsAndStrangers(t *testing.T) {
	s := newSite(t).open()
	s.fault(mercafacilsim.Fault{Route: "start", Fault: "reset", Times: 1})
	s.begin("v2", "0")
	s.call(http.MethodPost, "/v2/coupons", "wrong", "{}")
	s.call(http.MethodGet, "/v1/lottery/52998224725", tillToken, "")
	s.post("/v2/coupons", `{"coupon":`)
	var lines []traffic.Line
	s.until("it is written", func() bool { lines = s.journal("?limit=500"); return len(lines) >= 6 })
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
	s := newSite(t).open()
	if got := s.call(http.MethodGet, "/v1/traffic", tillToken, ""); got.status != http.StatusForbidden {
		t.Errorf("a till reads it: %d", got.status)
	}
	for _, query := range []string{"?since=ontem", "?limit=0", "?limit=501", "?side=both"} {
		if got := s.call(http.MethodGet, "/v1/traffic"+query, supportToken, ""); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}

func TestSupportReadsTheJournalAndForgetsAMemberByCommand(t *testing.T) {
	s := newSite(t).open()
	s.member(maria, "Maria")
	one := s.begin("v2", maria)
	s.until("it is written", func() bool { return len(s.journal("?key="+one.id)) == 2 })
	code, out, errOut := runCommand(t, "traffic", "--config", s.config, "--key", one.id, "--since", "1h", "--side", "till")
	if code != exitDone || strings.Count(out, "caixa → agente  200") != 1 || !strings.Contains(out, "POST /v2/transaction/start") || strings.Contains(out, maria) {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	for _, want := range []string{"Esquecido", "Não havia nada"} {
		code, out, errOut := runCommandWith(t, maria+"\n", "member", "forget", "--config", s.config)
		if code != exitDone || !strings.Contains(out, want) {
			t.Errorf("got %d, %s, %s; want %s", code, out, errOut, want)
		}
	}
	if code, _, errOut := runCommandWith(t, "", "member", "forget", "--config", s.config); code != exitUsage {
		t.Errorf("without a document: got %d, %s", code, errOut)
	}
}
