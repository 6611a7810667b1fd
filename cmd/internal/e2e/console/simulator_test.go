package console

import (
	"net/http"
	"testing"

	"pdvagent/cmd/internal/e2e"
)

// simulatorIsSteered pays a charge and gives the simulated cloud a fault, by keyboard.
func simulatorIsSteered(t *testing.T, browser *e2e.Browser) {
	s := openShop(t, browser)
	id := s.Post("/v1/payments", `{"method":"pix","provider":"ideamaker","amount":1701,"reference":"MESA-7"}`, "Idempotency-Key", "CONSOLE-PIX-00000002").Text("id")
	s.Until("the charge is made", func() bool {
		return s.Call(http.MethodGet, "/v1/payments/"+id, e2e.TillToken, "").Text("status") == "awaiting_payment"
	})
	page := s.signIn(t, e2e.SupportToken)
	page.Go(s.Base + "/console/?1#/pagamentos/faturas")
	page.TabTo("#documento")
	page.Type("123.456.789-09")
	page.Press("Enter")
	says(page, "900001")
	accessible(t, page, "the invoices")
	page.TabTo("#nav-simulador")
	page.Press("Enter")
	says(page, "R$ 17,01")
	page.TabTo("#defeito-2")
	page.Press("Enter")
	says(page, "Defeitos ligados")
	if faults := s.Clouds.Mercafacil.Faults(); len(faults) != 1 || faults[0].Status != 503 {
		t.Errorf("the cloud has %v", faults)
	}
	page.TabTo("#sarar")
	page.Press("Enter")
	s.Until("it has none", func() bool { return len(s.Clouds.Mercafacil.Faults()) == 0 })
	page.TabTo("[id^=pagar-]")
	page.Press("Enter")
	s.Until("it is paid", func() bool {
		return s.Call(http.MethodGet, "/v1/payments/"+id, e2e.TillToken, "").Text("status") == "completed"
	})
}
