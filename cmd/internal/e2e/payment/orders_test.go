package payment

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/payments/cashorder/cashordersim"
)

// A card that nobody has, and an order by it.
const (
	cardNumber   = "4111111111111111"
	securityCode = "98765"
)

func cardOrder(id int) string {
	return fmt.Sprintf(`{"order":{"id":%d,"createDate":"2026-08-21T12:00:00-03:00","shipping":{"costPrice":1000,"deliveryForecast":"2026-08-30T00:00:00.0000000T-03:00",
  "receiver":{"name":"Maria Canária","cpfCnpj":"12345678909","email":"maria@example.com","birthDate":"1990-01-01","personType":1,"genderType":1,"phones":[]},
  "shippingAddress":{"address":"Rua Modelo","number":"1","complement":"","city":"Sao Paulo","district":"Centro","state":"SP","zipCode":"01001000","reference":""}},
  "participant":{"name":"Maria Canária","cpfCnpj":"12345678909","email":"maria@example.com","pesronType":1,"genderType":1,"phones":[]},
  "items":[{"sku":"SKU-1","name":"Produto Teste","quantity":2,"costPrice":1000}],"amount":2000},
 "payment":{"paymentId":3,"parcels":2,"ownerDocument":"12345678909","cardNumber":"%s","expirationMonth":"01","expirationYear":"2040","ownerName":"MARIA CANARIA","securityCode":"%s"}}`, id, cardNumber, securityCode[:3])
}

func TestAnOrderByCardIsClosedAndItsCardIsNowhere(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	options := s.Call(http.MethodGet, "/v1/orders/payment-options?value=1701", e2e.TillToken, "")
	if list, _ := options.Field("paymentOptions").([]any); len(list) != 7 || !strings.Contains(options.Body, `"value":945,"total":1890`) {
		t.Errorf("options: %s", options.Body)
	}
	for _, value := range []string{"", "0", "17.01", "-1", "x"} {
		if got := s.Call(http.MethodGet, "/v1/orders/payment-options?value="+value, e2e.TillToken, ""); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("value %q: %d %s", value, got.Status, got.Body)
		}
	}
	done := s.Post("/v1/orders", cardOrder(1), "Idempotency-Key", "o1")
	if done.Status != http.StatusOK || done.Field("agent.state") != "completed" || done.Field("orderId") != 1.0 || done.Field("orderVendorId") != "V-900" || done.Field("error") != nil {
		t.Fatalf("got %d %s", done.Status, done.Body)
	}
	s.Post("/v1/orders", strings.Replace(cardOrder(9), cardNumber, "4111111111111112", 1), "Idempotency-Key", "bad")
	s.Post("/v1/orders", cardOrder(9)[:len(cardOrder(9))-2], "Idempotency-Key", "half")
	s.Post("/v1/orders", cardOrder(9))
	s.Call(http.MethodPost, "/v1/order", e2e.TillToken, cardOrder(9))
	if err := s.Clouds.CashOrder.Add(simkit.Fault{Route: "order", Fault: "lost", Times: 1}); err != nil {
		t.Fatal(err)
	}
	lost := s.Post("/v1/orders", cardOrder(2), "Idempotency-Key", "o2")
	id, _ := lost.Field("agent.id").(string)
	if lost.Status != http.StatusAccepted || lost.Field("agent.state") != "unknown" || lost.Field("agent.detail") == nil {
		t.Fatalf("lost: %d %s", lost.Status, lost.Body)
	}
	if again := s.Post("/v1/orders", cardOrder(2), "Idempotency-Key", "o2"); again.Status != http.StatusAccepted || again.Header.Get("X-Agent-Delivery") != "replayed" || len(s.Clouds.CashOrder.Orders()) != 2 {
		t.Errorf("again: %d %s", again.Status, again.Body)
	}
	if out := s.Command(0, "orders", "ls", "--attention"); !strings.Contains(out, id) || !strings.Contains(out, "sem resposta (!)") {
		t.Errorf("listed: %s", out)
	}
	s.Stop()
	s.Start()
	if got := s.Status(); !strings.Contains(got.Body, "payment_attention") {
		t.Errorf("after a restart nobody is told: %s", got.Body)
	}
	if out := s.Command(0, "orders", "resolve", id, "--state", "completed", "--order-vendor-id", "V-901", "--reason", "confirmado"); !strings.Contains(out, "concluído") {
		t.Errorf("resolve: %s", out)
	}
	if got := s.Call(http.MethodGet, "/v1/orders/"+id, e2e.TillToken, ""); got.Field("orderVendorId") != "V-901" || got.Field("agent.resolution.by") == nil {
		t.Errorf("resolved: %s", got.Body)
	}
	if err := s.Clouds.CashOrder.Add(simkit.Fault{Route: "order", Fault: "status", Status: 502, Body: "{}", Times: 1}); err != nil {
		t.Fatal(err)
	}
	third, _ := s.Post("/v1/orders", cardOrder(4), "Idempotency-Key", "o4").Field("agent.id").(string)
	if got := s.Post("/v1/orders/"+third+"/resolve", `{"state":"completed","reason":"x"}`); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("completed without a number: %d %s", got.Status, got.Body)
	}
	if got := s.Post("/v1/orders/"+third+"/resolve", `{"state":"failed","reason":"o fornecedor não tem"}`); got.Status != http.StatusOK || got.Field("agent.state") != "failed" {
		t.Errorf("resolve: %d %s", got.Status, got.Body)
	}
	s.Clouds.CashOrder.Set(func(c *cashordersim.Settings) { c.ErrorStatus = 500 })
	if refused := s.Post("/v1/orders", strings.Replace(cardOrder(3), "01001000", "00000000", 1), "Idempotency-Key", "o3"); refused.Status != http.StatusOK || refused.Field("agent.state") != "failed" || refused.Field("error.code") != "1002" {
		t.Errorf("refused: %d %s", refused.Status, refused.Body)
	}
	calls := 0
	for _, line := range s.Journal("?limit=500") {
		if line.Route == "/v1/orders" && line.Method == http.MethodPost || line.Route == "/api/order" {
			if calls++; line.Request != nil || line.Side == agent.SideCloud && line.Response != nil {
				t.Errorf("the journal was shown an order: %+v", line)
			}
		}
	}
	if calls < 6 {
		t.Errorf("the journal has %d calls of orders", calls)
	}
	var shown strings.Builder
	for _, path := range []string{"/v1/traffic?limit=500", "/v1/status", "/v1/orders", "/metrics"} {
		shown.WriteString(s.Call(http.MethodGet, path, e2e.SupportToken, "").Body)
	}
	s.Stop()
	shown.WriteString(s.AgentLog.String())
	for _, canary := range []string{cardNumber, "4111111111111112", cardNumber[:10], cardNumber[6:], `"` + securityCode[:3] + `"`, `"2040"`, "MARIA CANARIA", "Canária"} {
		if strings.Contains(shown.String(), canary) {
			t.Errorf("%s is shown", canary)
		}
		e2e.EachFile(t, s.DataDir(), func(path string, content []byte) {
			if strings.Contains(string(content), canary) {
				t.Errorf("%s has %s", path, canary)
			}
		})
	}
}

func TestOrdersByCardAreOffUnlessSwitchedOn(t *testing.T) {
	s := e2e.NewSiteWithPayments(t)
	s.EditConfig("accept_card_data: true", "accept_card_data: false")
	s.Start()
	if got := s.Post("/v1/orders", cardOrder(1), "Idempotency-Key", "o"); got.Status != http.StatusNotFound || got.Field("code") != "not_configured" || len(s.Clouds.CashOrder.Received()) != 0 {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/orders/payment-options?value=1701", e2e.TillToken, ""); got.Status != http.StatusOK {
		t.Errorf("the options: %d %s", got.Status, got.Body)
	}
}
