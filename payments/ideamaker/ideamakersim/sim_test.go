package ideamakersim_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/payments/ideamaker/ideamakersim"
	"pdvagent/payments/pix"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

type object = map[string]any

// shop is a caller of both services, with the right keys.
type shop struct {
	*agenttest.Caller
	t   *testing.T
	sim *ideamakersim.Sim
}

func basic(pair string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

func open(t *testing.T) shop {
	t.Helper()
	sim, err := ideamakersim.New(ideamakersim.Config{CustomerID: "loja", CustomerKey: "chave", GatewayKey: "segredo"})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/gateway/", http.StripPrefix("/gateway", sim.Gateway()))
	mux.Handle("/titles/", http.StripPrefix("/titles", sim.Titles()))
	mux.Handle("/control/", http.StripPrefix("/control", sim.Control()))
	caller := agenttest.NewCaller(t, mux)
	caller.Header = http.Header{"Authorization": {basic(":segredo")}, "Customerid": {"loja"}, "Customerkey": {"chave"}}
	return shop{caller, t, sim}
}

// must sends a request that is answered with a status, and gives the answer's fields.
func (s shop) must(status int, method, path, body string, headers ...string) object {
	s.t.Helper()
	got := s.Send(method, path, body, headers...)
	if got.Status != status {
		s.t.Fatalf("%s %s %s: got %d %s, want %d", method, path, body, got.Status, got.Body, status)
	}
	var fields object
	if err := json.Unmarshal([]byte(got.Body), &fields); err != nil {
		s.t.Fatalf("%s %s: %s: %v", method, path, got.Body, err)
	}
	return fields
}

const (
	charges  = "/gateway/pix"
	register = "/titles/servicos/vendas/titulos/registraAtendimento"
	confirm  = "/titles/servicos/vendas/titulos/confirmaAtendimento"
	coupons  = "/titles/servicos/consulta/cupons/1/10"

	// charge and sale are the contract's examples (1.7).
	charge = `{"amount":1500,"expire":300,"paymentId":"caixa01x20260821x000123abcd","instructions":"Seguro, pague e concorra.",` +
		`"customer":{"name":"Cliente Teste","documentNumber":"12345678909"},"customCode":"P20260001234"}`
	sale = `{"codProduto":"seguro","chaveClienteExterno":"caixa01-000123","tipoPagamento":"pix","quantidade":2,` +
		`"pessoa":{"cpf":"12345678909","celular":"11900000000"},"vendedor":{"distribuidor":"loja-modelo","pdv":"caixa01"}}`
)

// with is an example with one text in place of another.
func with(t *testing.T, example, old, instead string) string {
	t.Helper()
	if !strings.Contains(example, old) {
		t.Fatalf("the example does not have %s", old)
	}
	return strings.Replace(example, old, instead, 1)
}

func (s shop) set(change func(*ideamakersim.Settings)) { s.sim.Set(change) }

func TestEachServiceWantsItsOwnKeys(t *testing.T) {
	s := open(t)
	for _, pair := range []string{"", "segredo", "segredo:", "loja:segredo", ":outra", ":"} {
		for _, path := range []string{charges, charges + "/x"} {
			method := map[bool]string{true: http.MethodPost, false: http.MethodGet}[path == charges]
			if s.must(401, method, path, charge, "Authorization", basic(pair))["message"] == nil {
				t.Errorf("%s: no message", path)
			}
		}
	}
	for _, keys := range [][]string{{"CustomerId", ""}, {"CustomerKey", ""}, {"CustomerId", "outra"}, {"CustomerKey", "outra"}, {"CustomerKey", "", "x-api-key", "chave"}} {
		if s.must(401, http.MethodPost, register, sale, keys...)["mensagem"] == nil {
			t.Errorf("%v: no mensagem", keys)
		}
	}
	if len(s.sim.Charges())+len(s.sim.Sales()) != 0 {
		t.Error("somebody without a key was served")
	}
	s.must(404, http.MethodPost, charges+"/x", charge)
	s.must(404, http.MethodPost, "/titles/v1/pedido", "{}")
	s.must(400, http.MethodGet, "/titles/regulamento/seguro.pdf", "") // keys do not go to a document's host
	if got := s.Send(http.MethodGet, "/titles/regulamento/seguro.pdf", "", "CustomerKey", ""); got.Status != 200 || !strings.HasPrefix(got.Body, "%PDF") {
		t.Errorf("a regulation: got %d %s", got.Status, got.Body)
	}
}

func TestAChargeOfAnotherShapeIsRefused(t *testing.T) {
	s := open(t)
	for body, field := range map[string]string{
		`{`:  "JSON",
		`{}`: "required",
		with(t, charge, `"amount":1500`, `"amount":15.5`):                                      "amount",
		with(t, charge, `"amount":1500`, `"amount":"1500"`):                                    "amount",
		with(t, charge, `"amount":1500`, `"amount":0`):                                         "amount",
		with(t, charge, `"expire":300`, `"expire":0`):                                          "expire",
		with(t, charge, `"customCode":"P20260001234"`, `"code":"x"`):                           "required",
		with(t, charge, `"instructions":"Seguro,`, `"nsu":"1","instructions":"`):               "additionalProperties",
		with(t, charge, "caixa01x20260821x000123abcd", strings.Repeat("a", 25)):                "paymentId",
		with(t, charge, "caixa01x20260821x000123abcd", strings.Repeat("a", 36)):                "paymentId",
		with(t, charge, "caixa01x20260821x000123abcd", "caixa01-20260821-000123abcd"):          "paymentId",
		with(t, charge, `"documentNumber":"12345678909"`, `"documentNumber":"123.456.789-09"`): "customer/documentNumber",
	} {
		if answer := s.must(400, http.MethodPost, charges, body); !strings.Contains(fmt.Sprint(answer["message"]), field) {
			t.Errorf("%s: got %v, want %s", body, answer, field)
		}
	}
	if list := s.sim.Charges(); len(list) != 0 {
		t.Errorf("charges %+v", list)
	}
}

func TestAChargeIsKnownByItsIDAndUniqueByItsPaymentID(t *testing.T) {
	s := open(t)
	made := s.must(200, http.MethodPost, charges, charge)
	code, err := pix.Parse(made["qrCode"].(string))
	if err != nil || code.Amount != 1500 || code.URL == "" || made["amount"] != 1500.0 || made["status"] != "pending" {
		t.Errorf("got %v, %+v %v", made, code, err)
	}
	s.must(409, http.MethodPost, charges, charge)
	id := made["id"].(string)
	seen := s.must(200, http.MethodGet, charges+"/"+id, "")
	metadata := seen["metadata"].(object)
	if seen["status"] != "pending" || seen["amount"] != 1500.0 || metadata["qrCode"] != made["qrCode"] || metadata["paymentId"] != "caixa01x20260821x000123abcd" || metadata["customCode"] != "P20260001234" {
		t.Errorf("got %v", seen)
	}
	s.must(404, http.MethodGet, charges+"/nobody", "")

	if err := s.sim.Add(simkit.Fault{Route: "pix", Fault: simkit.Lost, Times: 1}); err != nil {
		t.Fatal(err)
	}
	other := with(t, charge, "abcd", "efgh")
	if got := s.Send(http.MethodPost, charges, other); got.Status != 0 {
		t.Errorf("a lost answer: got %d", got.Status)
	}
	s.must(409, http.MethodPost, charges, other) // its effect is there
}

func TestAPaidChargeShowsWhatCame(t *testing.T) {
	s := open(t)
	status := func() object {
		return s.must(200, http.MethodGet, charges+"/"+s.sim.Charges()[0].ID, "")
	}
	s.must(200, http.MethodPost, charges, charge)
	s.must(200, http.MethodPost, "/control/pay", `{"amount":1400,"silent":true}`)
	if got := status(); got["status"] != "paid" || got["amount"] != 1500.0 || got["amountPaid"] != 1400.0 || got["paidAt"] == nil {
		t.Errorf("another amount: got %v", got)
	}
	s.must(200, http.MethodPost, "/control/pay", `{"charge":"P20260001234","times":2}`)
	if got := status(); got["amountPaid"] != 4400.0 {
		t.Errorf("twice more: got %v", got)
	}
	s.set(func(settings *ideamakersim.Settings) { settings.PaidAmount, settings.PaidWord = "amount", "confirmed" })
	if got := status(); got["status"] != "confirmed" || got["amount"] != 4400.0 || got["amountPaid"] != nil {
		t.Errorf("by its amount: got %v", got)
	}
	s.set(func(settings *ideamakersim.Settings) { settings.KnowsNothing = true })
	s.must(404, http.MethodGet, charges+"/"+s.sim.Charges()[0].ID, "")
}

func TestAnExpiredChargeIsPaidOnlyLate(t *testing.T) {
	s := open(t)
	s.must(200, http.MethodPost, charges, charge)
	s.must(200, http.MethodPost, "/control/clock", `{"advance_seconds":301}`)
	s.must(422, http.MethodPost, "/control/pay", `{}`)
	s.must(400, http.MethodPost, "/gateway/webhook/idea/gateway", `{"event":{"data":{"pix":{"id":"last"}}}}`)
	if s.sim.Charges()[0].Times != 0 {
		t.Error("it was paid")
	}
	s.must(200, http.MethodPost, "/control/pay", `{"late":true}`)
	if s.sim.Charges()[0].Paid != 1500 {
		t.Error("it was not paid")
	}
}

// The sandbox's own trigger pays without any authorization (1.2).
func TestTriggerPays(t *testing.T) {
	s := open(t)
	made := s.must(200, http.MethodPost, charges, charge)
	s.must(200, http.MethodPost, "/gateway/webhook/idea/gateway", fmt.Sprintf(`{"event":{"type":"pix","data":{"pix":{"id":%q,"amountPaid":1500}}}}`, made["id"]), "Authorization", "")
	if c := s.sim.Charges()[0]; c.Paid != 1500 || c.Times != 1 {
		t.Errorf("got %+v", c)
	}
	s.must(400, http.MethodPost, "/gateway/webhook/idea/gateway", `{"event":{"data":{"pix":{"id":"nobody"}}}}`)
}

func TestCodesAreAsWrongAsTheySet(t *testing.T) {
	s := open(t)
	n := 0
	code := func(qr string) string {
		n++
		s.set(func(settings *ideamakersim.Settings) { settings.QR, settings.ChargeAmount = qr, 7 })
		made := s.must(200, http.MethodPost, charges, with(t, charge, "000123", fmt.Sprintf("%06d", n)))
		if made["amount"] != 1507.0 {
			t.Errorf("%s: an answer of %v", qr, made["amount"])
		}
		return made["qrCode"].(string)
	}
	if _, err := pix.Parse(code("bad_crc")); err == nil {
		t.Error("a wrong CRC is right")
	}
	if other, err := pix.Parse(code("other_amount")); err != nil || other.Amount != 1600 {
		t.Errorf("another amount: got %+v %v", other, err)
	}
	if none, html := code("none"), code("html"); none != "" || !strings.HasPrefix(html, "<html>") {
		t.Errorf("got %q and %q", none, html)
	}
}
