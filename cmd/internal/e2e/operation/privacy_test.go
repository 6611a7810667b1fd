package operation

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

// Canaries through every route of a session, live, in contingency, queued, refused, resolved and abandoned; then a
// search of every byte that is left (SEC-14, SEC-15).
func TestNoFileLogOrSupportViewShowsAShopper(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSiteShortDeadline(t, "abandon_after: 2h", "abandon_after: 1s").Start()
		s.AddMemberWithNotice(e2e.Maria, "CANARIANOME SOBRENOMECANARIO", "card")
		one, _ := s.Identify(dialect, e2e.Maria)
		one.Reply("aceitou", "41987762038")
		one.Apply(e2e.Units("80215", 2, "10.00"))
		one.Apply(e2e.Units("80215", 1, "10.00"))
		one.Sell("K-1")
		lost, _ := s.Identify(dialect, e2e.Stranger)
		s.AddFault(simkit.Fault{Route: "message", Fault: "status", Status: 503, Body: `{"message":"CPF ` + e2e.Stranger + `"}`, Times: 2})
		lost.Reply("aceitou-pre-cadastro", "41987762038")
		lost.Client = e2e.Stranger
		lost.Apply(e2e.Units("80215", 1, "10.00"))
		s.AddFault(simkit.Fault{Route: "start", Fault: "status", Status: 422, Body: `{"message":"CPF ` + e2e.Maria + ` bloqueado"}`, Times: 1})
		s.Identify(dialect, e2e.Maria)
		s.AddFault(simkit.Fault{Route: "start", Fault: "says", Body: `{"transaction_id":"` + e2e.Maria + `" x}`, Times: 1})
		s.Identify(dialect, e2e.Maria)
		s.Clouds.Leave()
		away, _ := s.Identify(dialect, e2e.Stranger)
		away.Client = e2e.Stranger
		away.Apply(e2e.Units("80215", 2, "10.00"))
		away.Sell("K-2")
		var shown strings.Builder
		look := func() {
			for _, path := range []string{"/v1/status", "/v1/traffic?limit=500", "/v1/queue", "/v1/sales/" + one.ID, "/v1/sales/" + away.ID, "/v1/sales/K-1"} {
				shown.WriteString(s.Call(http.MethodGet, path, e2e.SupportToken, "").Body)
			}
			for seq := 1; seq <= 12; seq++ {
				shown.WriteString(s.Call(http.MethodGet, fmt.Sprint("/v1/queue/", seq), e2e.SupportToken, "").Body)
			}
		}
		look()
		s.ReturnClouds()
		s.WaitDrained()
		s.WaitNoOpenSession()
		look()
		s.Stop()
		if !strings.Contains(shown.String(), "K-2") || !strings.Contains(s.AgentLog.String(), "live_call_failed") {
			t.Fatalf("nothing was looked at: %s\n%s", shown.String(), s.AgentLog.String())
		}
		for _, canary := range e2e.Canaries() {
			if strings.Contains(shown.String(), canary) {
				t.Errorf("support sees %s: %s", canary, shown.String())
			}
			if strings.Contains(s.AgentLog.String(), canary) {
				t.Errorf("the log shows %s", canary)
			}
		}
		e2e.WantNoCanary(t, s.DataDir())
	})
}

// Canaries wherever a caller can put one, on every route and in every kind of refusal: path, query, headers, bodies that
// are no JSON, tokens that are none. What is left afterwards shows none of them, on disk, in the log, to support or to the
// metrics; a sale's own id is what a till may ask for, so it is no canary.
func TestNoRefusalKeepsWhatWasInIt(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.Clouds.Leave()
	const person = `"client_id":"` + e2e.Maria + `","name":"CANARIANOME","phone":"41987762038","cnpj":"` + agenttest.LetterCNPJ + `"`
	bodies := []string{
		"{" + person + "}", "{" + person, "{" + person + "," + person + "}", `"` + e2e.Maria + ` CANARIANOME"`, e2e.Maria, "[" + strings.Repeat("[", 100) + e2e.Maria,
		"{" + person + "}\xe9", "CANARIANOME;" + e2e.Maria + ";41987762038", `{"items":[{` + person + `}],` + person + `}`, "<xml>" + agenttest.LetterCNPJ + "</xml>",
		`{"transaction_id":{` + person + `}}`, `{"document":"` + e2e.Maria + `"}`, `{"reason":["CANARIANOME"]}`, `{"` + e2e.Maria + `":"CANARIANOME"}`,
	}
	for _, d := range doors(t) {
		path := d.path + "?cpf=" + e2e.Maria + "&state=" + e2e.Maria + "&since=CANARIANOME&limit=" + e2e.Maria
		sent := bodies[:agenttest.Amount(len(bodies), 4)]
		if d.method == http.MethodGet {
			sent = []string{""}
		}
		for _, body := range sent {
			for _, headers := range []string{
				"Host: HOST\nAuthorization: Bearer " + e2e.SupportToken + "\nContent-Type: application/json\nX-Shopper: " + e2e.Maria + "\n",
				"Host: HOST\nAuthorization: Bearer CANARIANOME" + e2e.Maria + "\nContent-Type: application/json\n",
				"Host: " + e2e.Maria + "\nAuthorization: Bearer " + e2e.SupportToken + "\n",
				"Host: HOST\nOrigin: https://" + e2e.Maria + ".example\nCookie: cpf=" + e2e.Maria + "\n",
				"Host: HOST\nAuthorization: Bearer " + e2e.SupportToken + "\nContent-Type: application/" + e2e.Maria + "\nUser-Agent: CANARIANOME\n",
			} {
				knock(s, door{method: d.method, path: path}, headers, body)
			}
		}
	}
	for _, path := range []string{"/v1/sales/" + e2e.Maria, "/v1/queue/" + e2e.Maria, "/" + e2e.Maria, "/docs/" + e2e.Maria, "/v2/" + e2e.Maria + "/CANARIANOME"} {
		s.Call(http.MethodGet, path, e2e.SupportToken, "")
	}
	var shown strings.Builder
	s.Until("the journal is written", func() bool { return len(s.Journal("?limit=500")) > 400 })
	for _, path := range []string{"/v1/status", "/v1/traffic?limit=500", "/v1/queue?limit=500", "/metrics"} {
		shown.WriteString(s.Call(http.MethodGet, path, e2e.SupportToken, "").Body)
	}
	for seq := range 40 {
		shown.WriteString(s.Call(http.MethodGet, fmt.Sprint("/v1/queue/", seq+1), e2e.SupportToken, "").Body)
	}
	s.Stop()
	for _, canary := range e2e.Canaries() {
		if at := strings.Index(shown.String(), canary); at >= 0 {
			t.Errorf("support sees %s: %.300s", canary, shown.String()[max(at-150, 0):])
		}
		if at := strings.Index(s.AgentLog.String(), canary); at >= 0 {
			t.Errorf("the log shows %s: %.300s", canary, s.AgentLog.String()[max(at-150, 0):])
		}
	}
	e2e.WantNoCanary(t, s.DataDir())
}
