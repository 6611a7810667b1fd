package sale

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

func TestEveryRouteOfBothDialectsTakesItsCallWithAndWithoutTheSlash(t *testing.T) {
	for path, c := range map[string]struct{ body, arrives string }{
		"/v2/transaction/confirm":   {e2e.IDBody("transaction_id", "T"), "/v2/transaction/confirm"},
		"/v2/transaction/cancel":    {e2e.IDBody("transaction_id", "T"), "/v2/transaction/cancel"},
		"/v2.2/transaction/confirm": {e2e.IDBody("transaction_id", "T"), "/v2.2/transaction/confirm"},
		"/v2.2/transaction/cancel":  {e2e.IDBody("transaction_id", "T"), "/v2.2/transaction/cancel"},
		"/v2/coupons":               {agenttest.Receipt("C", "T"), "/v2/coupons/"},
		"/v2/coupons-cancellation":  {e2e.IDBody("coupon", "C"), "/v2/coupons-cancellation/"},
	} {
		for _, slash := range []string{"", "/"} {
			t.Run(path+slash, func(t *testing.T) {
				s := e2e.NewSite(t).Start()
				got := s.Post(path+slash, c.body)
				if got.Status != http.StatusAccepted || got.Field("status") != "queued" || got.Field("job") != "1" || got.Header.Get("X-Agent-Delivery") != "queued" {
					t.Fatalf("got %d %s %v", got.Status, got.Body, got.Header)
				}
				s.Until("it arrives", func() bool { return len(s.Clouds.Mercafacil.Received()) > 0 })
				if arrival := s.Clouds.Mercafacil.Received()[0]; arrival.Path != c.arrives || arrival.Version != "1.0.0" || string(arrival.Body) != c.body {
					t.Errorf("arrived %+v, body %s", arrival, arrival.Body)
				}
			})
		}
	}
}

func TestTillThatWaitsGetsTheCloudsOwnBody(t *testing.T) {
	s := e2e.NewSite(t).Start()
	got := s.Post("/v2/coupons", agenttest.Receipt("C", "T"), "Prefer", "respond-async, wait=10")
	if got.Status != http.StatusOK || got.Field("message") != "coupon created" || got.Header.Get("X-Agent-Delivery") != "delivered" {
		t.Errorf("got %d %s %v", got.Status, got.Body, got.Header)
	}
	again := s.Post("/v2/coupons", agenttest.Receipt("C", "T"), "Prefer", "wait=10")
	if again.Status != http.StatusOK || again.Body != got.Body || again.Header.Get("X-Agent-Delivery") != "replayed" {
		t.Errorf("again: got %d %s %v", again.Status, again.Body, again.Header)
	}
	s.Clouds.Leave()
	begin := time.Now()
	if late := s.Post("/v2/coupons", agenttest.Receipt("D", "T"), "Prefer", "wait=1"); late.Status != http.StatusAccepted || time.Since(begin) < time.Second {
		t.Errorf("without a link: got %d after %v", late.Status, time.Since(begin))
	}
}

func TestAgentThatStopsAnswersTheTillThatWaits(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.Clouds.Leave()
	got := make(chan e2e.Answer)
	go func() { got <- s.Post("/v2/coupons", agenttest.Receipt("C", "T"), "Prefer", "wait=30") }()
	s.Until("the sale is there", func() bool { return s.Call("GET", "/v1/sales/C", e2e.TillToken, "").Status == http.StatusOK })
	begin := time.Now()
	s.Stop()
	if a := <-got; a.Status != http.StatusAccepted || time.Since(begin) > 20*time.Second {
		t.Errorf("got %d %s, the stop took %v", a.Status, a.Body, time.Since(begin))
	}
}

func TestSaleOfThousandsOfLinesArrivesWhole(t *testing.T) {
	s := e2e.NewSite(t).Start()
	receipt := agenttest.Receipt("C", "T")
	line := receipt[strings.Index(receipt, `{"sku":"411"`):strings.Index(receipt, `],"payments"`)]
	free := strings.NewReplacer("29.90", "0.00", "36.93", "0.00").Replace(line)
	large := strings.Replace(receipt, line, line+strings.Repeat(","+free, 4000), 1)
	if got := s.Post("/v2/coupons", large); got.Status != http.StatusAccepted || len(large) < 600<<10 {
		t.Fatalf("%d bytes: got %d %s", len(large), got.Status, got.Body)
	}
	s.WaitDrained()
	if coupons := s.Clouds.Mercafacil.Coupons(); len(coupons) != 1 || string(coupons[0].Body) != large {
		t.Error("it arrived changed")
	}
}

func TestTillThatKnowsOnlyTwoHundredGetsIt(t *testing.T) {
	s := e2e.NewSite(t, "queued_status: 202", "queued_status: 200").Start()
	if got := s.Post("/v2/coupons", agenttest.Receipt("C", "T")); got.Status != http.StatusOK || got.Field("status") != "queued" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

func TestRefusalsAreProblemsWithEveryField(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.Clouds.Leave()
	s.Post("/v2/coupons", agenttest.Receipt("C", "T"))
	s.Post("/v2/transaction/confirm", e2e.IDBody("transaction_id", "T"))
	invalid := strings.Replace(agenttest.Receipt("X", "T"), "2026-05-14", "2026-02-30", 1)
	for name, c := range map[string]struct {
		got    e2e.Answer
		status int
		code   string
		field  string
	}{
		"malformed":                {s.Post("/v2/coupons", "{"), 400, "malformed", ""},
		"duplicate key":            {s.Post("/v2/coupons", `{"a":1,"a":2}`), 400, "duplicate_key", ""},
		"too deep":                 {s.Post("/v2/coupons", strings.Repeat("[", 1000)), 400, "too_deep", ""},
		"invalid sale":             {s.Post("/v2/coupons", invalid), 422, "invalid", "date"},
		"conflict":                 {s.Post("/v2/coupons", agenttest.Receipt("C", "U")), 409, "conflict", ""},
		"invalid and conflicting":  {s.Post("/v2/coupons", strings.Replace(agenttest.Receipt("C", "U"), "2026-05-14", "x", 1)), 422, "invalid", "date"},
		"dialect mixed":            {s.Post("/v2.2/transaction/cancel", e2e.IDBody("transaction_id", "T")), 409, "dialect_mixed", ""},
		"no id":                    {s.Post("/v2/transaction/confirm", `{}`), 422, "invalid", "transaction_id"},
		"unknown sale":             {s.Call("GET", "/v1/sales/nobody", e2e.TillToken, ""), 404, "not_found", ""},
		"unknown job":              {s.Call("GET", "/v1/queue/99", e2e.SupportToken, ""), 404, "not_found", ""},
		"till's token for support": {s.Call("GET", "/v1/status", e2e.TillToken, ""), 403, "scope", ""},
		"body over 1 MiB":          {s.Post("/v2/coupons", `{"x":"`+strings.Repeat("x", 1<<20)+`"}`), 413, "too_large", ""},
		"bad list":                 {s.Call("GET", "/v1/queue?state=lost&limit=0", e2e.SupportToken, ""), 422, "invalid", "state"},
	} {
		t.Run(name, func(t *testing.T) {
			var problem struct {
				Type, Title, Code, Detail, Origin, Retry string
				Status                                   int
				Fields                                   []struct{ Field, Code, Detail string }
				RequestID                                string `json:"request_id"`
			}
			if err := json.Unmarshal([]byte(c.got.Body), &problem); err != nil {
				t.Fatalf("%v: %s", err, c.got.Body)
			}
			if c.got.Status != c.status || problem.Status != c.status || problem.Code != c.code || problem.Detail == "" || problem.Origin != "till" ||
				problem.Retry == "" || problem.RequestID == "" || c.got.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %d %+v", c.got.Status, problem)
			}
			if c.field != "" && (len(problem.Fields) == 0 || problem.Fields[0].Field != c.field) {
				t.Errorf("fields: %+v", problem.Fields)
			}
		})
	}
}

func TestPartThatIsNotConfiguredSaysSoInWords(t *testing.T) {
	s := e2e.NewSite(t)
	text, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	start, end := strings.Index(string(text), "mercafacil:"), strings.Index(string(text), "sender:")
	if err := os.WriteFile(s.Config, append(append([]byte{}, text[:start]...), text[end:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Start()
	if got := s.Post("/v2/coupons", agenttest.Receipt("C", "T")); got.Status != 404 || got.Field("code") != "not_configured" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if got := s.Status(); got.Status != 200 || got.Field("online") != false {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

func TestStatusCountersAlwaysAddUp(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.Clouds.Leave()
	s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("A", "T")))
	s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("B", "U")))
	s.Post("/v2/coupons-cancellation", e2e.IDBody("coupon", "B"))
	s.Post("/v2/coupons", "{}")
	s.Until("the outage is seen", func() bool { return s.Status().Field("online") == false })
	got := s.Status()
	queue, _ := got.Field("queue").(map[string]any)
	sum := 0.0
	for _, name := range []string{"pending", "sent", "dead", "held", "annulled", "discarded"} {
		n, _ := queue[name].(float64)
		sum += n
	}
	if queue["accepted"] != sum || sum != 5 || queue["pending"] != 2.0 || queue["annulled"] != 2.0 || queue["held"] != 1.0 || queue["oldest_at"] == nil {
		t.Errorf("queue: %v", queue)
	}
	if got.Field("circuit") != "closed" || got.Field("agent_id") == "" || got.Field("version") == "" || got.Header.Get("X-Agent-Alarm") != "held_jobs" {
		t.Errorf("got %s %v", got.Body, got.Header)
	}
	if _, err := time.Parse(time.RFC3339Nano, got.Field("since").(string)); err != nil {
		t.Error(err)
	}
}

func TestSaleTellsWhatHappenedToIt(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.Post("/v2/transaction/confirm", e2e.IDBody("transaction_id", "T"))
	s.Post("/v2/coupons", agenttest.Receipt("C", "T"))
	s.WaitDrained()
	s.Post("/v2/coupons-cancellation", e2e.IDBody("coupon", "C"))
	s.WaitDrained()
	for _, id := range []string{"T", "C"} {
		var sale struct {
			TransactionID string `json:"transaction_id"`
			Coupon        string
			Session       string
			Jobs          []struct {
				Kind, State string
				Attempts    int
				LastAnswer  struct{ Status int } `json:"last_answer"`
			}
		}
		if err := json.Unmarshal([]byte(s.Call("GET", "/v1/sales/"+id, e2e.TillToken, "").Body), &sale); err != nil {
			t.Fatal(err)
		}
		if sale.TransactionID != "T" || sale.Coupon != "C" || sale.Session != "confirmed" || len(sale.Jobs) != 3 {
			t.Fatalf("by %s: got %+v", id, sale)
		}
		for i, want := range []string{"confirm", "coupon", "coupon-cancellation"} {
			if job := sale.Jobs[i]; job.Kind != want || job.State != "sent" || job.Attempts != 1 || job.LastAnswer.Status < 200 || job.LastAnswer.Status > 299 {
				t.Errorf("by %s: job %d is %+v", id, i, job)
			}
		}
	}
}

func TestSupportRepairsADeadSaleWithoutSeeingTheDocument(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddMember(agenttest.CPF, "Maria Aparecida")
	s.AddFault(simkit.Fault{Route: "coupon", Fault: "status", Status: 422, Times: 1})
	receipt := agenttest.Today(agenttest.ReceiptWith(`"client_id":"` + agenttest.CPF + `","coupon":"C","nome":"MARIA CANARY","fone":41987762038`))
	s.Post("/v2/coupons", receipt)
	s.Until("it is dead", func() bool { return s.Call("GET", "/v1/queue/1", e2e.SupportToken, "").Field("state") == "dead" })
	s.Until("the alarm is raised", func() bool { return s.Call("GET", "/health", "", "").Header.Get("X-Agent-Alarm") == "dead_jobs" })
	shown := s.Call("GET", "/v1/queue/1", e2e.SupportToken, "")
	for _, canary := range []string{agenttest.CPF, "MARIA", "41987762038"} {
		if strings.Contains(shown.Body, canary) {
			t.Errorf("support sees %s", canary)
		}
	}
	var job struct{ Body json.RawMessage }
	if err := json.Unmarshal([]byte(shown.Body), &job); err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(job.Body), "CAFE 500G", "CAFE 1KG", 1)
	if got := s.Call("PUT", "/v1/queue/1/body", e2e.SupportToken, edited); got.Status != http.StatusOK {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	s.WaitDrained()
	want := strings.Replace(receipt, "CAFE 500G", "CAFE 1KG", 1)
	if coupons := s.Clouds.Mercafacil.Coupons(); len(coupons) != 1 || string(coupons[0].Body) != want {
		t.Errorf("the cloud has %s, want %s", coupons[0].Body, want)
	}
}

func TestSupportRetriesAndDiscards(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddFault(simkit.Fault{Route: "coupon", Fault: "status", Status: 422, Times: 2})
	s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("A", "T")))
	s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("B", "U")))
	s.Until("both are dead", func() bool { return s.Status().Field("queue.dead") == 2.0 })
	if got := s.Call("POST", "/v1/queue/1/retry", e2e.SupportToken, ""); got.Status != 200 || got.Field("state") != "pending" {
		t.Errorf("retry: %d %s", got.Status, got.Body)
	}
	if got := s.Call("POST", "/v1/queue/2/discard", e2e.SupportToken, `{}`); got.Status != 422 {
		t.Errorf("discard without a reason: %d %s", got.Status, got.Body)
	}
	if got := s.Call("POST", "/v1/queue/2/discard", e2e.SupportToken, `{"reason":"venda de teste"}`); got.Status != 200 || got.Field("state") != "discarded" {
		t.Errorf("discard: %d %s", got.Status, got.Body)
	}
	s.WaitDrained()
	s.WantSoldOnce("A")
	if got := s.Call("GET", "/health", "", ""); got.Header.Get("X-Agent-Alarm") != "" {
		t.Errorf("the alarm stays: %q", got.Header.Get("X-Agent-Alarm"))
	}
	if got := s.Call("GET", "/v1/queue?kind=coupon&limit=1", e2e.SupportToken, ""); got.Field("next") != "1" || strings.Count(got.Body, `"id"`) != 1 {
		t.Errorf("first page: %s", got.Body)
	}
	if got := s.Call("GET", "/v1/queue?state=discarded&after=1", e2e.SupportToken, ""); strings.Count(got.Body, `"id":"2"`) != 1 {
		t.Errorf("list: %s", got.Body)
	}
}

func TestLogNeverShowsTokensOrDocuments(t *testing.T) {
	s := e2e.NewSite(t).Start()
	member := agenttest.ReceiptWith(`"client_id":"` + agenttest.CPF + `","coupon":"C"`)
	s.Post("/v2/coupons", member)
	s.Post("/v2/coupons", strings.Replace(member, "2026", "x", 1))
	s.Post("/v2/coupons", `{"client_id":"`+agenttest.CPF+`","client_id":"1"}`)
	s.AddFault(simkit.Fault{Route: "*", Fault: "status", Status: 401, Times: 1})
	s.Post("/v2/coupons", agenttest.ReceiptWith(`"client_id":"`+agenttest.CPF+`","coupon":"D"`))
	s.WaitDrained()
	s.Stop()
	for _, canary := range []string{agenttest.CPF, e2e.CloudToken, e2e.TillToken, e2e.SupportToken} {
		if strings.Contains(s.AgentLog.String(), canary) {
			t.Errorf("the log shows %s", canary)
		}
	}
	if !strings.Contains(s.AgentLog.String(), "job_sent") {
		t.Errorf("the log says nothing at all: %s", s.AgentLog.String())
	}
}
