package operation

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

// Every cloud answers every call with persons in its words, as refusals, failures, successes and pages, for 300 of the
// 2,000 spellings: no alarm, log, file or view of support has one (SEC-14). What a till gets is the cloud's.
func TestNoAnswerOfAnyCloudLeavesASpelling(t *testing.T) {
	spellings := agenttest.Spellings()
	s := e2e.NewSiteWithPayments(t, "live_deadline: 2500ms", "live_deadline: 500ms").Start()
	shown := make(map[string]string)
	for round, status := range []int{422, 200, 401} {
		answerAs(s, status, status == 200, spellings[round*600:round*600+100])
		callAll(s, round)
		for _, path := range []string{"/v1/status", "/v1/queue?limit=500", "/v1/payments", "/v1/boletos", "/v1/orders", "/v1/routines"} {
			shown[fmt.Sprint(path, " ", round)] = s.Call(http.MethodGet, path, e2e.SupportToken, "").Body
		}
		heal(s)
	}
	routes := make(map[string]bool)
	s.Until("each cloud's calls are in the journal", func() bool {
		for _, line := range s.Journal("?limit=500") {
			if line.Side == agent.SideCloud {
				routes[line.Route] = true
			}
		}
		return len(routes) >= 12
	})
	for _, path := range []string{"/v1/traffic?limit=500", "/metrics"} {
		shown[path] = s.Call(http.MethodGet, path, e2e.SupportToken, "").Body
	}
	for name, text := range unpacked(s, "answers.zip") {
		shown["bundle "+name] = text
	}
	s.Stop()
	shown["log"] = s.AgentLog.String()
	e2e.EachFile(t, s.DataDir(), func(path string, content []byte) { shown[path] = string(content) })
	for name, text := range shown {
		if found := agenttest.Sightings(text, spellings); len(found) > 0 {
			t.Errorf("%s shows %d, such as %q", name, len(found), found[0].Text)
		}
	}
}

// answerAs has every cloud answer with spellings until it is healed: as words and names of an object, or as a page.
func answerAs(s *e2e.Site, status int, page bool, spellings []agenttest.Spelling) {
	s.Helper()
	var body strings.Builder
	body.WriteString(`{"message":"o cliente `)
	for _, spelling := range spellings[:5] {
		body.WriteString(strings.Trim(string(rawjson.Quote(spelling.Text)), `"`) + " está bloqueado; ")
	}
	body.WriteString(`"`)
	fields := []string{"error", "errors", "code", "date", "status", "detail", "title", "mensagem", "descricao", "id", "transaction_id", "txid"}
	for i, spelling := range spellings {
		text := rawjson.Quote(spelling.Text)
		fmt.Fprintf(&body, `,%q:%s,%s:%d`, fields[i%len(fields)]+strings.Repeat("x", i/len(fields)), text, rawjson.Quote(fmt.Sprint(i, spelling.Text)), i)
	}
	body.WriteString(`}`)
	text := body.String()
	if page {
		text = "<html><h1>" + text + "</h1></html>"
	}
	fault := simkit.Fault{Route: "*", Fault: "status", Status: status, Body: text}
	if status == http.StatusOK {
		fault = simkit.Fault{Route: "*", Fault: "says", Body: text}
	}
	for _, err := range []error{s.Clouds.Mercafacil.Add(fault), s.Clouds.IdeaMaker.Add(fault), s.Clouds.SevenAZ.Add(fault), s.Clouds.Sicoob.Add(fault), s.Clouds.CashOrder.Add(fault)} {
		if err != nil {
			s.Fatal(err)
		}
	}
}

func heal(s *e2e.Site) {
	s.Clouds.Mercafacil.Heal()
	s.Clouds.IdeaMaker.Heal()
	s.Clouds.SevenAZ.Heal()
	s.Clouds.Sicoob.Heal()
	s.Clouds.CashOrder.Heal()
}

// callAll makes a call of every kind that asks a cloud.
func callAll(s *e2e.Site, round int) {
	s.Helper()
	key := fmt.Sprint("answers-", round)
	one, _ := s.Identify("v2", e2e.Stranger)
	one.Reply("aceitou", "41987762038")
	one.Apply(e2e.Units("80215", 1, "10.00"))
	s.Post("/v2/coupons", agenttest.Receipt(key, ""))
	s.Post("/v2/coupons-cancellation", e2e.IDBody("coupon", key))
	s.Post("/v2/products", fmt.Sprintf(`[{"sku":"%d","ean":"","name":"UM"}]`, round))
	s.Post("/v1/payments", `{"method":"pix","provider":"ideamaker","amount":1500,"reference":"cupom-1","expires_in":300}`, "Idempotency-Key", key)
	s.Post("/v1/titles/sales", `{"product":"seguro","quantity":2,"cpf":"12345678909","phone":"(11) 98765-4321","zip":"12900-001"}`, "Idempotency-Key", key)
	s.Post("/v1/invoices/900001/payments", `{}`, "Idempotency-Key", key)
	s.Post("/v1/invoices/email", `{"contract":"147001"}`)
	due := time.Now().AddDate(0, 0, 10).Format(time.DateOnly)
	payer := `"payer":{"document":"123.456.789-09","name":"JOSE","address":"Rua A 1","district":"Centro","city":"Goiania","zip":"74000-000","state":"GO"}`
	s.Post("/v1/boletos", fmt.Sprintf(`{"seu_numero":%q,"amount":1500,"due_date":%q,%s}`, key, due, payer), "Idempotency-Key", key)
	for _, path := range []string{
		"/v1/titles/customers/12345678909", "/v1/titles/promotions/seguro", "/v1/titles/promotions/seguro/regulation", "/v1/invoices?contract=147001",
		"/v1/invoices/900001/payment-data", "/v1/invoices/900001/pdf", "/v1/invoices/900001/pix-status", "/v1/orders/payment-options?value=1701",
	} {
		s.Call(http.MethodGet, path, e2e.TillToken, "")
	}
	s.Call(http.MethodPost, "/v1/routines/sicoob-settlement/run?wait=2", e2e.SupportToken, "{}")
}
