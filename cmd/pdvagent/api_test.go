package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/mercafacil/mercafacilsim"
)

func TestEveryRouteOfBothDialectsTakesItsCallWithAndWithoutTheSlash(t *testing.T) {
	for path, c := range map[string]struct{ body, arrives string }{
		"/v2/transaction/confirm":   {idBody("transaction_id", "T"), "/v2/transaction/confirm"},
		"/v2/transaction/cancel":    {idBody("transaction_id", "T"), "/v2/transaction/cancel"},
		"/v2.2/transaction/confirm": {idBody("transaction_id", "T"), "/v2.2/transaction/confirm"},
		"/v2.2/transaction/cancel":  {idBody("transaction_id", "T"), "/v2.2/transaction/cancel"},
		"/v2/coupons":               {agenttest.Receipt("C", "T"), "/v2/coupons/"},
		"/v2/coupons-cancellation":  {idBody("coupon", "C"), "/v2/coupons-cancellation/"},
	} {
		for _, slash := range []string{"", "/"} {
			t.Run(path+slash, func(t *testing.T) {
				s := newSite(t).open()
				got := s.post(path+slash, c.body)
				if got.status != http.StatusAccepted || got.field("status") != "queued" || got.field("job") != "1" || got.header.Get("X-Agent-Delivery") != "queued" {
					t.Fatalf("got %d %s %v", got.status, got.body, got.header)
				}
				s.until("it arrives", func() bool { return len(s.clouds.Mercafacil.Received()) > 0 })
				if arrival := s.clouds.Mercafacil.Received()[0]; arrival.Path != c.arrives || arrival.Version != "1.0.0" || string(arrival.Body) != c.body {
					t.Errorf("arrived %+v, body %s", arrival, arrival.Body)
				}
			})
		}
	}
}

func TestTillThatWaitsGetsTheCloudsOwnBody(t *testing.T) {
	s := newSite(t).open()
	got := s.post("/v2/coupons", agenttest.Receipt("C", "T"), "Prefer", "respond-async, wait=10")
	if got.status != http.StatusOK || got.field("message") != "coupon created" || got.header.Get("X-Agent-Delivery") != "delivered" {
		t.Errorf("got %d %s %v", got.status, got.body, got.header)
	}
	again := s.post("/v2/coupons", agenttest.Receipt("C", "T"), "Prefer", "wait=10")
	if again.status != http.StatusOK || again.body != got.body || again.header.Get("X-Agent-Delivery") != "replayed" {
		t.Errorf("again: got %d %s %v", again.status, again.body, again.header)
	}
	s.clouds.Leave()
	begin := time.Now()
	if late := s.post("/v2/coupons", agenttest.Receipt("D", "T"), "Prefer", "wait=1"); late.status != http.StatusAccepted || time.Since(begin) > 3*time.Second || time.Since(begin) < time.Second {
		t.Errorf("without a link: got %d after %v", late.status, time.Since(begin))
	}
}

func TestAgentThatStopsAnswersTheTillThatWaits(t *testing.T) {
	s := newSite(t).open()
	s.clouds.Leave()
	got := make(chan answer)
	go func() { got <- s.post("/v2/coupons", agenttest.Receipt("C", "T"), "Prefer", "wait=30") }()
	s.until("the sale is there", func() bool { return s.call("GET", "/v1/sales/C", tillToken, "").status == http.StatusOK })
	begin := time.Now()
	s.stop()
	if a := <-got; a.status != http.StatusAccepted || time.Since(begin) > 3*time.Second {
		t.Errorf("got %d %s, the stop took %v", a.status, a.body, time.Since(begin))
	}
}

func TestSaleOfThousandsOfLinesArrivesWhole(t *testing.T) {
	s := newSite(t).open()
	receipt := agenttest.Receipt("C", "T")
	line := receipt[strings.Index(receipt, `{"sku":"411"`):strings.Index(receipt, `],"payments"`)]
	free := strings.NewReplacer("29.90", "0.00", "36.93", "0.00").Replace(line)
	large := strings.Replace(receipt, line, line+strings.Repeat(","+free, 4000), 1)
	if got := s.post("/v2/coupons", large); got.status != http.StatusAccepted || len(large) < 600<<10 {
		t.Fatalf("%d bytes: got %d %s", len(large), got.status, got.body)
	}
	s.drained()
	if coupons := s.clouds.Mercafacil.Coupons(); len(coupons) != 1 || string(coupons[0].Body) != large {
		t.Error("it arrived changed")
	}
}

func TestTillThatKnowsOnlyTwoHundredGetsIt(t *testing.T) {
	s := newSite(t, "queued_status: 202", "queued_status: 200").open()
	if got := s.post("/v2/coupons", agenttest.Receipt("C", "T")); got.status != http.StatusOK || got.field("status") != "queued" {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestRefusalsAreProblemsWithEveryField(t *testing.T) {
	s := newSite(t).open()
	s.clouds.Leave()
	s.post("/v2/coupons", agenttest.Receipt("C", "T"))
	s.post("/v2/transaction/confirm", idBody("transaction_id", "T"))
	invalid := strings.Replace(agenttest.Receipt("X", "T"), "2026-05-14", "2026-02-30", 1)
	for name, c := range map[string]struct {
		got    answer
		status int
		code   string
		field  string
	}{
		"malformed":                {s.post("/v2/coupons", "{"), 400, "malformed", ""},
		"duplicate key":            {s.post("/v2/coupons", `{"a":1,"a":2}`), 400, "duplicate_key", ""},
		"too deep":                 {s.post("/v2/coupons", strings.Repeat("[", 1000)), 400, "too_deep", ""},
		"invalid sale":             {s.post("/v2/coupons", invalid), 422, "invalid", "date"},
		"conflict":                 {s.post("/v2/coupons", agenttest.Receipt("C", "U")), 409, "conflict", ""},
		"invalid and conflicting":  {s.post("/v2/coupons", strings.Replace(agenttest.Receipt("C", "U"), "2026-05-14", "x", 1)), 422, "invalid", "date"},
		"dialect mixed":            {s.post("/v2.2/transaction/cancel", idBody("transaction_id", "T")), 409, "dialect_mixed", ""},
		"no id":                    {s.post("/v2/transaction/confirm", `{}`), 422, "invalid", "transaction_id"},
		"unknown sale":             {s.call("GET", "/v1/sales/nobody", tillToken, ""), 404, "not_found", ""},
		"unknown job":              {s.call("GET", "/v1/queue/99", supportToken, ""), 404, "not_found", ""},
		"till's token for support": {s.call("GET", "/v1/status", tillToken, ""), 403, "scope", ""},
		"body over 1 MiB":          {s.post("/v2/coupons", `{"x":"`+strings.Repeat("x", 1<<20)+`"}`), 413, "too_large", ""},
		"bad list":                 {s.call("GET", "/v1/queue?state=lost&limit=0", supportToken, ""), 422, "invalid", "state"},
	} {
		t.Run(name, func(t *testing.T) {
			var problem struct {
				Type, Title, Code, Detail, Origin, Retry string
				Status                                   int
				Fields                                   []struct{ Field, Code, Detail string }
				RequestID                                string `json:"request_id"`
			}
			if err := json.Unmarshal([]byte(c.got.body), &problem); err != nil {
				t.Fatalf("%v: %s", err, c.got.body)
			}
			if c.got.status != c.status || problem.Status != c.status || problem.Code != c.code || problem.Detail == "" || problem.Origin != "till" ||
				problem.Retry == "" || problem.RequestID == "" || c.got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %d %+v", c.got.status, problem)
			}
			if c.field != "" && (len(problem.Fields) == 0 || problem.Fields[0].Field != c.field) {
				t.Errorf("fields: %+v", problem.Fields)
			}
		})
	}
}

func TestPartThatIsNotConfiguredSaysSoInWords(t *testing.T) {
	s := newSite(t)
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	start, end := strings.Index(string(text), "mercafacil:"), strings.Index(string(text), "sender:")
	if err := os.WriteFile(s.config, append(append([]byte{}, text[:start]...), text[end:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	s.open()
	if got := s.post("/v2/coupons", agenttest.Receipt("C", "T")); got.status != 404 || got.field("code") != "not_configured" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := s.call("GET", "/v1/status", supportToken, ""); got.status != 200 || got.field("online") != false {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestStatusCountersAlwaysAddUp(t *testing.T) {
	s := newSite(t).open()
	s.clouds.Leave()
	s.post("/v2/coupons", agenttest.Receipt("A", "T"))
	s.post("/v2/coupons", agenttest.Receipt("B", "U"))
	s.post("/v2/coupons-cancellation", idBody("coupon", "B"))
	s.post("/v2/coupons", "{}")
	s.until("the outage is seen", func() bool { return s.call("GET", "/v1/status", supportToken, "").field("online") == false })
	got := s.call("GET", "/v1/status", supportToken, "")
	queue, _ := got.field("queue").(map[string]any)
	sum := 0.0
	for _, name := range []string{"pending", "sent", "dead", "held", "annulled", "discarded"} {
		n, _ := queue[name].(float64)
		sum += n
	}
	if queue["accepted"] != sum || sum != 5 || queue["pending"] != 2.0 || queue["annulled"] != 2.0 || queue["held"] != 1.0 || queue["oldest_at"] == nil {
		t.Errorf("queue: %v", queue)
	}
	if got.field("circuit") != "closed" || got.field("agent_id") == "" || got.field("version") == "" || got.header.Get("X-Agent-Alarm") != "held_jobs" {
		t.Errorf("got %s %v", got.body, got.header)
	}
	if _, err := time.Parse(time.RFC3339Nano, got.field("since").(string)); err != nil {
		t.Error(err)
	}
}

func TestSaleTellsWhatHappenedToIt(t *testing.T) {
	s := newSite(t).open()
	s.post("/v2/transaction/confirm", idBody("transaction_id", "T"))
	s.post("/v2/coupons", agenttest.Receipt("C", "T"))
	s.drained()
	s.post("/v2/coupons-cancellation", idBody("coupon", "C"))
	s.drained()
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
		if err := json.Unmarshal([]byte(s.call("GET", "/v1/sales/"+id, tillToken, "").body), &sale); err != nil {
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
	s := newSite(t).open()
	s.member(agenttest.CPF, "Maria Aparecida")
	if err := s.clouds.Mercafacil.Add(mercafacilsim.Fault{Route: "coupon", Fault: "status", Status: 422, Times: 1}); err != nil {
		t.Fatal(err)
	}
	receipt := agenttest.ReceiptWith(`"client_id":"` + agenttest.CPF + `","coupon":"C","nome":"MARIA CANARY","fone":41987762038`)
	s.post("/v2/coupons", receipt)
	s.until("it is dead", func() bool { return s.call("GET", "/v1/queue/1", supportToken, "").field("state") == "dead" })
	if got := s.call("GET", "/health", "", ""); got.header.Get("X-Agent-Alarm") != "dead_jobs" {
		t.Errorf("alarm: %q", got.header.Get("X-Agent-Alarm"))
	}
	shown := s.call("GET", "/v1/queue/1", supportToken, "")
	for _, canary := range []string{agenttest.CPF, "MARIA", "41987762038"} {
		if strings.Contains(shown.body, canary) {
			t.Errorf("support sees %s", canary)
		}
	}
	var job struct{ Body json.RawMessage }
	if err := json.Unmarshal([]byte(shown.body), &job); err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(job.Body), "CAFE 500G", "CAFE 1KG", 1)
	if got := s.call("PUT", "/v1/queue/1/body", supportToken, edited); got.status != http.StatusOK {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	s.drained()
	want := strings.Replace(receipt, "CAFE 500G", "CAFE 1KG", 1)
	if coupons := s.clouds.Mercafacil.Coupons(); len(coupons) != 1 || string(coupons[0].Body) != want {
		t.Errorf("the cloud has %s, want %s", coupons[0].Body, want)
	}
}

func TestSupportRetriesAndDiscards(t *testing.T) {
	s := newSite(t).open()
	if err := s.clouds.Mercafacil.Add(mercafacilsim.Fault{Route: "coupon", Fault: "status", Status: 422, Times: 2}); err != nil {
		t.Fatal(err)
	}
	s.post("/v2/coupons", agenttest.Receipt("A", "T"))
	s.post("/v2/coupons", agenttest.Receipt("B", "U"))
	s.until("both are dead", func() bool { return s.call("GET", "/v1/status", supportToken, "").field("queue.dead") == 2.0 })
	if got := s.call("POST", "/v1/queue/1/retry", supportToken, ""); got.status != 200 || got.field("state") != "pending" {
		t.Errorf("retry: %d %s", got.status, got.body)
	}
	if got := s.call("POST", "/v1/queue/2/discard", supportToken, `{}`); got.status != 422 {
		t.Errorf("discard without a reason: %d %s", got.status, got.body)
	}
	if got := s.call("POST", "/v1/queue/2/discard", supportToken, `{"reason":"venda de teste"}`); got.status != 200 || got.field("state") != "discarded" {
		t.Errorf("discard: %d %s", got.status, got.body)
	}
	s.drained()
	s.wantSoldOnce("A")
	if got := s.call("GET", "/health", "", ""); got.header.Get("X-Agent-Alarm") != "" {
		t.Errorf("the alarm stays: %q", got.header.Get("X-Agent-Alarm"))
	}
	if got := s.call("GET", "/v1/queue?kind=coupon&limit=1", supportToken, ""); got.field("next") != "1" || strings.Count(got.body, `"id"`) != 1 {
		t.Errorf("first page: %s", got.body)
	}
	if got := s.call("GET", "/v1/queue?state=discarded&after=1", supportToken, ""); strings.Count(got.body, `"id":"2"`) != 1 {
		t.Errorf("list: %s", got.body)
	}
}

func TestLogNeverShowsTokensOrDocuments(t *testing.T) {
	s := newSite(t).open()
	member := agenttest.ReceiptWith(`"client_id":"` + agenttest.CPF + `","coupon":"C"`)
	s.post("/v2/coupons", member)
	s.post("/v2/coupons", strings.Replace(member, "2026", "x", 1))
	s.post("/v2/coupons", `{"client_id":"`+agenttest.CPF+`","client_id":"1"}`)
	if err := s.clouds.Mercafacil.Add(mercafacilsim.Fault{Route: "*", Fault: "status", Status: 401, Times: 1}); err != nil {
		t.Fatal(err)
	}
	s.post("/v2/coupons", agenttest.ReceiptWith(`"client_id":"`+agenttest.CPF+`","coupon":"D"`))
	s.drained()
	s.stop()
	for _, canary := range []string{agenttest.CPF, cloudToken, tillToken, supportToken} {
		if strings.Contains(s.log.String(), canary) {
			t.Errorf("the log shows %s", canary)
		}
	}
	if !strings.Contains(s.log.String(), "job_sent") {
		t.Errorf("the log says nothing at all: %s", s.log.String())
	}
}
