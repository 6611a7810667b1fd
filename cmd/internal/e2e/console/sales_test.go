package console

import (
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// salesAreFound looks for a sale by its operator, opens it, and goes to the one before, all by keyboard.
func salesAreFound(t *testing.T, browser *e2e.Browser) {
	s := openShop(t, browser)
	for i, coupon := range []string{"V-1", "V-2", "V-3"} {
		body := strings.Replace(agenttest.Today(agenttest.Receipt(coupon, "")), "19:12:46", []string{"10:00:00", "10:05:00", "10:09:00"}[i], 1)
		if coupon == "V-2" {
			body = strings.Replace(body, `"operator_id":"0123"`, `"operator_id":"0077"`, 1)
		}
		if got := s.Post("/v2/coupons", body); got.Status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", coupon, got.Status, got.Body)
		}
	}
	page := s.signIn(t, e2e.SupportToken)
	page.Go(s.Base + "/console/#/vendas")
	says(page, "3 vendas")
	page.TabTo("#operador")
	page.Type("0077")
	page.Press("Tab")
	says(page, "1 venda,")
	page.TabTo("[id^=venda-]")
	page.Press("Enter")
	says(page, "Venda V-2")
	page.TabTo("#anterior")
	page.Press("Enter")
	says(page, "Venda V-1")
	page.Until("nothing before the first one", "document.getElementById('anterior') === null && document.getElementById('seguinte') !== null")

	if sale := s.Call(http.MethodGet, "/v1/sales/V-2", e2e.TillToken, ""); strings.Contains(sale.Body, "V-1") {
		t.Errorf("the till sees its neighbours: %s", sale.Body)
	}
	for _, query := range []string{"value=-1", "value=x", "after=0", "day=ontem"} {
		if got := s.Call(http.MethodGet, "/v1/sales?"+query, e2e.SupportToken, ""); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: got %d", query, got.Status)
		}
	}
}
