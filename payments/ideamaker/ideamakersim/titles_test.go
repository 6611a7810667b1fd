package ideamakersim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pdvagent/payments/ideamaker/ideamakersim"
)

func TestARegistrationOfAnotherShapeIsRefused(t *testing.T) {
	s := open(t)
	for body, field := range map[string]string{
		`[]`: "type",
		with(t, sale, `"codProduto":"seguro"`, `"codProduto":""`):                  "codProduto",
		with(t, sale, `"chaveClienteExterno":"caixa01-000123",`, ``):               "required",
		with(t, sale, `"tipoPagamento":"pix"`, `"tipoPagamento":"card"`):           "tipoPagamento",
		with(t, sale, `"quantidade":2`, `"quantidade":"2"`):                        "quantidade",
		with(t, sale, `"quantidade":2`, `"quantidade":2,"valor":15`):               "additionalProperties",
		with(t, sale, `"cpf":"12345678909"`, `"cpf":"123.456.789-09"`):             "pessoa/cpf",
		with(t, sale, `"celular":"11900000000"`, `"celular":"(11) 90000-0000"`):    "pessoa/celular",
		with(t, sale, `"vendedor":{"distribuidor":"loja-modelo",`, `"vendedor":{`): "required",
	} {
		if answer := s.must(400, http.MethodPost, register, body); !strings.Contains(fmt.Sprint(answer["mensagem"]), field) {
			t.Errorf("%s: got %v, want %s", body, answer, field)
		}
	}
	s.must(404, http.MethodPost, register, with(t, sale, `"codProduto":"seguro"`, `"codProduto":"nada"`))
	if list := s.sim.Sales(); len(list) != 0 {
		t.Errorf("sales %+v", list)
	}
}

// registered is the protocol of a new sale, paid that of one whose charge is paid.
func (s shop) registered() string {
	s.t.Helper()
	return s.must(200, http.MethodPost, register, sale)["protocolo"].(string)
}

func (s shop) paid() string {
	s.t.Helper()
	protocol := s.registered()
	s.must(200, http.MethodPost, charges, with(s.t, charge, "P20260001234", protocol))
	s.must(200, http.MethodPost, "/control/pay", `{}`)
	return protocol
}

func TestASaleIsConfirmedOnceItIsPaid(t *testing.T) {
	s := open(t)
	protocol := s.registered()
	s.must(409, http.MethodPost, register, sale) // chaveClienteExterno is unique
	confirmation := fmt.Sprintf(`{"protocolo":%q,"aprovado":true}`, protocol)
	s.must(409, http.MethodPost, confirm, confirmation)
	s.must(200, http.MethodPost, charges, with(t, charge, "P20260001234", protocol))
	s.must(409, http.MethodPost, confirm, confirmation)
	s.must(200, http.MethodPost, "/control/pay", `{}`)
	for _, wrong := range []string{fmt.Sprintf(`{"protocolo":%q}`, protocol), fmt.Sprintf(`{"protocolo":%q,"aprovado":false}`, protocol), `{"protocolo":7,"aprovado":true}`} {
		s.must(400, http.MethodPost, confirm, wrong)
	}
	s.must(404, http.MethodPost, confirm, `{"protocolo":"nada","aprovado":true}`)

	first, second := s.must(200, http.MethodPost, confirm, confirmation), s.must(200, http.MethodPost, confirm, confirmation)
	title := first["titulos"].([]any)[0].(object)
	if again := second["titulos"].([]any)[0].(object); title["autenticacao"] == "" || again["autenticacao"] != title["autenticacao"] {
		t.Errorf("a second confirmation changes the titles: %v, %v", title, again)
	}
	if numbers := title["numeroSorte"].([]any); len(numbers) != 2 || first["textoLegal"] == "" {
		t.Errorf("two titles were sold: got %v", first)
	}
	if sales := s.sim.Sales(); len(sales) != 1 || sales[0].Confirmed != 2 || sales[0].CPF != "12345678909" {
		t.Errorf("got %+v", sales)
	}
	s.set(func(settings *ideamakersim.Settings) { settings.Confirm = "empty" })
	if answer := s.must(200, http.MethodPost, confirm, confirmation); len(answer) != 0 {
		t.Errorf("an empty confirmation: got %v", answer)
	}
}

func TestCouponsAreThoseConfirmed(t *testing.T) {
	s := open(t)
	ask := func(cpf, product string) object {
		return s.must(200, http.MethodPost, coupons, fmt.Sprintf(`{"cpf":%q,"produtos":[%q]}`, cpf, product))
	}
	protocol := s.paid()
	if none := ask("12345678909", "seguro"); none["mensagem"] == nil || len(none) != 1 {
		t.Errorf("before the confirmation: got %v", none)
	}
	s.must(200, http.MethodPost, confirm, fmt.Sprintf(`{"protocolo":%q,"aprovado":true}`, protocol))
	list, ok := ask("12345678909", "seguro")["seguro"].([]any)
	if !ok || len(list) != 1 || list[0].(object)["autenticacao"] == "" {
		t.Errorf("got %v", list)
	}
	if ask("11144477735", "seguro")["mensagem"] == nil || ask("12345678909", "outro")["mensagem"] == nil {
		t.Error("somebody else's coupons are shown")
	}
	s.must(400, http.MethodPost, coupons, `{"cpf":"12345678909","produtos":[]}`)
}

func TestConsultations(t *testing.T) {
	s := open(t)
	const consult = "/titles/servicos/consulta/"
	for _, route := range []string{"cpf/", "usuario/"} {
		if got := s.must(200, http.MethodGet, consult+route+"12345678909", ""); got["compras"] == nil {
			t.Errorf("%s: got %v", route, got)
		}
		s.must(404, http.MethodGet, consult+route+"11144477735", "")
	}
	s.must(201, http.MethodPost, "/control/customers", `{"cpf":"11144477735"}`)
	s.must(200, http.MethodGet, consult+"cpf/11144477735", "")
	s.must(404, http.MethodGet, consult+"promocao/nada", "")
	if got := s.must(200, http.MethodGet, consult+"promocao/seguro", ""); got["valorPromocao"] != "15.00" || got["dataSorteioPrincipal"] == nil {
		t.Errorf("got %v", got)
	}
	s.must(400, http.MethodGet, consult+"produto/cep/0100100", "")
	s.must(400, http.MethodGet, consult+"produto/cep/01001-00", "")
	if err := s.sim.Promote("moto", `{"titulo":"Moto"}`); err != nil {
		t.Fatal(err)
	}
	if s.sim.Promote("", `{}`) == nil || s.sim.Promote("moto", `{`) == nil {
		t.Error("a promotion of nothing is taken")
	}
	for shape, want := range map[string]string{"bare": `["seguro","moto"]`, "wrapped": `{"produtos":["seguro","moto"]}`, "objects": `[{"codProduto":"seguro"},{"codProduto":"moto"}]`} {
		s.set(func(settings *ideamakersim.Settings) { settings.Products = shape })
		if got := s.Send(http.MethodGet, consult+"produto/cep/01001000", ""); got.Status != 200 || strings.TrimSpace(got.Body) != want {
			t.Errorf("%s: got %d %s", shape, got.Status, got.Body)
		}
	}
	s.set(func(settings *ideamakersim.Settings) { settings.NumericIDs = true })
	protocol := s.must(200, http.MethodPost, register, sale)["protocolo"]
	if _, numeric := protocol.(float64); !numeric {
		t.Errorf("a numeric protocol: got %v", protocol)
	}
}

// inbox is a webhook that keeps what comes.
func inbox(t *testing.T) (url string, notices func() []object) {
	t.Helper()
	came := make(chan object, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var notice object
		raw, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(raw, &notice); err != nil || r.Header.Get("Authorization") != "" {
			t.Errorf("got %s with %v: %v", raw, r.Header, err)
		}
		came <- notice
	}))
	t.Cleanup(server.Close)
	return server.URL, func() (list []object) {
		for len(came) > 0 {
			list = append(list, <-came)
		}
		return list
	}
}

// inner follows names into an object.
func inner(fields object, names ...string) object {
	for _, name := range names {
		fields, _ = fields[name].(object)
	}
	return fields
}

func TestNoticesGoOutInTheEnvelopeThatIsSet(t *testing.T) {
	s := open(t)
	url, notices := inbox(t)
	s.must(200, http.MethodPost, charges, charge)
	s.must(200, http.MethodPost, "/control/notify", `{"charge":"last"}`) // without a webhook it goes nowhere
	for envelope, names := range map[string][]string{
		"bare": {}, "event": {"event"}, "data": {"data", "payload", "event"}, "jsonPayload": {"jsonPayload", "data", "payload", "event"},
	} {
		s.set(func(settings *ideamakersim.Settings) { settings.Webhook, settings.Envelope = url, envelope })
		s.must(200, http.MethodPost, "/control/notify", `{"charge":"last","times":2}`)
		list := notices()
		if len(list) != 2 {
			t.Fatalf("%s: %d notices", envelope, len(list))
		}
		event := inner(list[0], names...)
		if p := inner(event, "data", "pix"); event["type"] != "pix" || p["status"] != "pending" || p["paymentId"] != "caixa01x20260821x000123abcd" || p["amount"] != 1500.0 {
			t.Errorf("%s: got %v", envelope, list[0])
		}
	}
	s.must(200, http.MethodPost, "/control/pay", `{"silent":true}`)
	if list := notices(); len(list) != 0 {
		t.Errorf("silent, and out went %v", list)
	}
	s.set(func(settings *ideamakersim.Settings) { settings.Envelope = "bare" })
	s.must(200, http.MethodPost, "/control/pay", `{"times":2}`)
	if list := notices(); len(list) != 2 || inner(list[0], "data", "pix")["status"] != "paid" || inner(list[0], "data", "pix")["amountPaid"] != 4500.0 {
		t.Errorf("got %v", list)
	}
	s.must(422, http.MethodPost, "/control/notify", `{"charge":"nobody"}`)
	s.set(func(settings *ideamakersim.Settings) { settings.Webhook = url + "/\x7f" })
	s.must(422, http.MethodPost, "/control/notify", `{"charge":"last"}`)
	s.must(200, http.MethodPost, "/control/pay", `{}`) // a payment does not depend on its notice
}
