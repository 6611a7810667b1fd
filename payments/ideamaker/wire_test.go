package ideamaker_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/simkit"
	"pdvagent/payments"
	"pdvagent/payments/ideamaker"
	"pdvagent/payments/ideamaker/ideamakersim"
)

// real gives a client of the simulator over real HTTP.
func real(t *testing.T) (*ideamaker.Client, *cloud) {
	t.Helper()
	c := newCloud(t)
	server := httptest.NewServer(c)
	address := server.Listener.Addr().String()
	known := client(t, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	})
	t.Cleanup(func() { known.Close(); server.Close() })
	return known, c
}

// bought makes a sale that is paid and confirmed, and gives the payment as the engine would have it.
func bought(t *testing.T, titles ideamaker.Titles, c *cloud, id string) payments.Payment {
	t.Helper()
	p := payments.Payment{
		ID: id, Amount: 1500, ExpiresIn: 300, Text: "Pague e concorra.", Order: []byte(`{"product":"seguro","quantity":1,"cpf":"12345678909","phone":"11900000000"}`),
		Attempts: []payments.Attempt{{ExternalID: strings.Repeat(id, 30)[:30]}},
	}
	protocol, err := titles.Register(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	p.Attempts[0].Protocol = protocol
	if p.Known, err = titles.Known(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := titles.Charge(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := c.Pay(0, false); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestALostConfirmIsToldApartFromWhatThePayerHadBefore(t *testing.T) {
	known, c := real(t)
	titles := ideamaker.Titles{Gateway: ideamaker.Gateway{Client: known}}
	first := bought(t, titles, c, "a")
	if _, err := titles.Confirm(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second := bought(t, titles, c, "b")
	if len(second.Known) != 1 {
		t.Fatalf("known before: %v", second.Known)
	}
	if found, err := titles.Confirmed(t.Context(), second); err != nil || found != nil {
		t.Errorf("before the second confirm: %s %v", found, err)
	}
	c.Fault("confirm", "lost", 0, 1)
	if _, err := titles.Confirm(t.Context(), second); payments.FailureOf(err).Class != payments.Lost {
		t.Errorf("a lost confirm: %v", err)
	}
	found, err := titles.Confirmed(t.Context(), second)
	auth := c.sim.Sales()[1].Auth
	if err != nil || !strings.Contains(string(found), auth) || strings.Contains(string(found), c.sim.Sales()[0].Auth) {
		t.Errorf("after the second confirm: %s %v", found, err)
	}
}

func TestTheGatewayGetsAnEmptyUserAndTheKey(t *testing.T) {
	known, c := real(t)
	p := payments.Payment{ID: "x", Amount: 1500, ExpiresIn: 300, Text: "x", Attempts: []payments.Attempt{{ExternalID: strings.Repeat("A1", 14)}}}
	gateway := ideamaker.Gateway{Client: known}
	if _, err := gateway.Charge(t.Context(), p); err != nil {
		t.Fatalf("the strict simulator refuses: %v", err)
	}
	if _, err := gateway.Charge(t.Context(), p); payments.FailureOf(err).Class != payments.Declined {
		t.Errorf("the same paymentId again: %v", err)
	}
	p.Attempts[0].ExternalID = strings.Repeat("A", 37)
	if _, err := gateway.Charge(t.Context(), p); payments.FailureOf(err).Class != payments.Declined {
		t.Errorf("a paymentId of 37: %v", err)
	}
	for text, class := range map[string]payments.Class{
		`{"message":"Algo deu errado."}`: payments.Declined, `{}`: payments.Lost, `[]`: payments.Lost, `{"id":"../x","qrCode":"y"}`: payments.Lost, `{"id":1,"amount":"x"}`: "",
	} {
		if err := c.sim.Add(simkit.Fault{Route: "pix", Fault: "says", Body: text, Times: 1}); err != nil {
			t.Fatal(err)
		}
		got, err := gateway.Charge(t.Context(), p)
		if class == "" {
			if err != nil || got.Amount == p.Amount {
				t.Errorf("%s: %+v %v", text, got, err)
			}
		} else if payments.FailureOf(err).Class != class {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestOnlyThePaidWordsArePaidAndOnlyOurCharge(t *testing.T) {
	known, c := real(t)
	gateway := ideamaker.Gateway{Client: known}
	attempt := payments.Attempt{ExternalID: "ours", GatewayID: "11111111-1111-4111-8111-111111111111"}
	for text, want := range map[string]struct {
		condition payments.Condition
		amount    agent.Cents
		fails     bool
	}{
		`{"status":"pending","amount":1500}`:                                {condition: payments.Pending},
		`{"status":"paid","amount":1500}`:                                   {payments.Received, 1500, false},
		`{"status":"confirmed","amount":"1500","amountPaid":1400}`:          {payments.Received, 1400, false},
		`{"status":"paid","amount":15.5}`:                                   {payments.Received, -1, false},
		`{"status":"refunded","amount":1500}`:                               {condition: payments.Pending},
		`{"status":"PAGO","amount":1500}`:                                   {condition: payments.Pending},
		`{"status":"paid","id":"22222222-1111-4111-8111-111111111111"}`:     {fails: true},
		`{"status":"paid","amount":1500,"metadata":{"paymentId":"theirs"}}`: {fails: true},
		`{"amount":1500}`: {fails: true},
		`{"status":"pending","status":"paid","amount":1500}`:       {fails: true},
		`{"status":"paid","amount":1500,"Amount":1400}`:            {fails: true},
		`{"status":"paid","amount":1500,"metadata":{"a":1,"a":2}}`: {payments.Received, 1500, false},
	} {
		if err := c.sim.Add(simkit.Fault{Route: "status", Fault: "says", Body: text, Times: 1}); err != nil {
			t.Fatal(err)
		}
		got, err := gateway.Status(t.Context(), payments.Payment{}, attempt)
		if (err != nil) != want.fails || (err == nil && (got.Condition != want.condition || got.Amount != want.amount)) {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
}

func TestPromotionsAreReadAsTheyAreWritten(t *testing.T) {
	known, c := real(t)
	for text, want := range map[string]agent.Cents{
		`{"titulo":"A","valorPromocao":15}`: 1500, `{"titulo":"A","valorPromocao":"7,50"}`: 750, `{"titulo":"A","valorPromocao":7.5}`: 750,
		`{"titulo":"A","valorPromocao":7.505}`: 0, `{"titulo":"A"}`: 0, `{"titulo":"A","valorPromocao":0}`: 0, `{"mensagem":"nada"}`: 0, `[]`: 0,
	} {
		if err := c.sim.Add(simkit.Fault{Route: "promocao", Fault: "says", Body: text, Times: 1}); err != nil {
			t.Fatal(err)
		}
		if got, err := known.Promotion(t.Context(), "seguro"); (err != nil) != (want == 0) || (err == nil && got.Price != want) {
			t.Errorf("%s: %d %v", text, got.Price, err)
		}
	}
	if _, err := known.Promotion(t.Context(), "nada"); payments.FailureOf(err).Class != payments.NotFound {
		t.Errorf("got %v", err)
	}
}

// TestSimulatedCloudRefusesWhatTheContractForbids sends it what a hurried client would.
func TestSimulatedCloudRefusesWhatTheContractForbids(t *testing.T) {
	c := newCloud(t)
	server := httptest.NewServer(c)
	defer server.Close()
	send := func(path, body string, header http.Header) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = header
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return response.StatusCode
	}
	gateway := http.Header{"Authorization": {"Basic OmNoYXZlLWRlLXRlc3Rl"}} // :chave-de-teste
	titles := http.Header{"Customerid": {"test-id"}, "Customerkey": {"test-key"}}
	right := `{"amount":1500,"expire":300,"paymentId":"caixa01x20260821x000123abcd","instructions":"x","customCode":"P1"}`
	for _, one := range []struct {
		path, body string
		header     http.Header
		want       int
	}{
		{"/gateway/pix", right, gateway, 200},
		{"/gateway/pix", right, gateway, 409},
		{"/gateway/pix", right, http.Header{"Authorization": {"Basic Y2hhdmUtZGUtdGVzdGU="}}, 401}, // the key without its colon
		{"/gateway/pix", right, nil, 401},
		{"/gateway/pix", strings.Replace(right, "1500", "15.5", 1), gateway, 400},
		{"/gateway/pix", strings.Replace(right, "1500", `"1500"`, 1), gateway, 400},
		{"/gateway/pix", strings.Replace(right, "abcd", "", 1), gateway, 400},
		{"/gateway/pix", strings.Replace(right, "caixa01x", "caixa01-", 1), gateway, 400},
		{"/gateway/pix", "{", gateway, 400},
		{"/gateway//pix", right, gateway, 307},
		{"/ideamaker/servicos/vendas/titulos/registraAtendimento", `{"codProduto":"seguro"}`, titles, 400},
		{"/ideamaker/servicos/vendas/titulos/registraAtendimento", `{}`, gateway, 401},
		{"/ideamaker/servicos/vendas/titulos/confirmaAtendimento", `{"protocolo":"nada","aprovado":true}`, titles, 404},
		{"/ideamaker/servicos/vendas/titulos/confirmaAtendimento", `{"protocolo":"nada","aprovado":false}`, titles, 400},
	} {
		server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		if got := send(one.path, one.body, one.header); got != one.want {
			t.Errorf("%s %s: %d, want %d", one.path, one.body, got, one.want)
		}
	}
	if _, err := c.sim.Pay(t.Context(), ideamakersim.Payment{Charge: "nothing"}); err == nil {
		t.Error("a charge that is not there was paid")
	}
	c.sim.Advance(301e9)
	if _, err := c.sim.Pay(t.Context(), ideamakersim.Payment{}); err == nil {
		t.Error("an expired charge was paid")
	}
	if _, err := c.sim.Pay(t.Context(), ideamakersim.Payment{Late: true, Times: 2}); err != nil || c.sim.Charges()[0].Paid != 3000 {
		t.Errorf("late and twice: %+v %v", c.sim.Charges(), err)
	}
}

// FuzzReadHint: whatever is sent, a hint that is taken can stand in a path.
func FuzzReadHint(f *testing.F) {
	for _, seed := range []string{
		`{"event":{"type":"pix","data":{"pix":{"id":"1-a","paymentId":"x"}}}}`, `{"type":"pix","data":{"pix":{"id":"1"}}}`,
		`{"jsonPayload":{"data":{"clientId":10,"payload":{"event":{"type":"pix","data":{"pix":{"id":"1"}}}}}}}`, `{"data":{"payload":{"event":{"type":"pix","data":{"pix":{"id":7}}}}}}`, `[]`, `{"event":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		hint, err := ideamaker.ReadHint(text)
		if err == nil && (hint.GatewayID == "" || strings.ContainsAny(hint.GatewayID, "/.?#%")) {
			t.Fatalf("took %q", hint.GatewayID)
		}
	})
}
