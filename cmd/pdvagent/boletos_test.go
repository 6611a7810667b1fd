package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/doctor"
	"pdvagent/agent/sandbox"
	"pdvagent/payments/cashorder/cashordersim"
	"pdvagent/payments/cloudsim"
	"pdvagent/payments/sicoob/sicoobsim"
)

// register makes a boleto known that was issued elsewhere.
func (s *site) register(more string) answer {
	s.t.Helper()
	return s.post("/v1/boletos", `{"register_only":true,"amount":15000,"due_date":"2020-01-31"`+more+`}`)
}

// settle runs the routine and waits for its end.
func (s *site) settle() answer {
	s.t.Helper()
	var got answer
	started := s.call(http.MethodPost, "/v1/routines/sicoob-settlement/run", supportToken, "{}")
	if started.status != http.StatusAccepted {
		s.t.Fatalf("run now: %d %s", started.status, started.body)
	}
	s.until("the routine ends", func() bool {
		got = s.call(http.MethodGet, "/v1/routines/sicoob-settlement/runs", supportToken, "")
		return !strings.Contains(got.body, `"running"`)
	})
	return got
}

// bank is a shop's primary till whose bank answers at once.
func bank(t *testing.T) *site {
	t.Helper()
	s := newShop(t, "primary: false", "primary: true").open()
	s.clouds.Sicoob.Set(func(c *sicoobsim.Settings) { c.ReadyAfter, c.PerSecond = 0, 1000 })
	return s
}

// command runs one of the program's, which must end so, and gives all that it said.
func (s *site) command(code int, args ...string) string {
	s.t.Helper()
	got, out, errOut := runCommand(s.t, append(args, "--config", s.config)...)
	if got != code {
		s.t.Errorf("%v ended with %d: %s%s", args, got, out, errOut)
	}
	return out + errOut
}

func TestABoletoIsIssuedPaidAndFound(t *testing.T) {
	s := bank(t)
	due := time.Now().AddDate(0, 0, 10).Format(time.DateOnly)
	payer := `"payer":{"document":"123.456.789-09","name":"Maria Canária","address":"Rua A 1","district":"Centro","city":"Goiania","zip":"74000-000","state":"go"}`
	body := `{"seu_numero":"PDV01-1","amount":15000,"due_date":"` + due + `","instruction":"Obrigado.",` + payer + `}`
	made := s.post("/v1/boletos", body, "Idempotency-Key", "b1")
	nosso, _ := made.field("nosso_numero").(string)
	if made.status != http.StatusCreated || made.field("status") != "open" || made.field("digitable_line") == nil || made.field("brcode") == nil || made.field("received") != nil {
		t.Fatalf("issued: %d %s", made.status, made.body)
	}
	if again := s.post("/v1/boletos", body, "Idempotency-Key", "b1"); again.status != http.StatusCreated || again.field("nosso_numero") != nosso || again.header.Get("X-Agent-Delivery") != "replayed" || len(s.clouds.Sicoob.Boletos()) != 1 {
		t.Errorf("again: %d %s", again.status, again.body)
	}
	if got := s.post("/v1/boletos", body); got.status != http.StatusBadRequest || got.field("code") != "idempotency_key_missing" {
		t.Errorf("without a key: %d %s", got.status, got.body)
	}
	if got := s.call(http.MethodGet, "/v1/boletos/"+nosso+"/pdf", tillToken, ""); got.status != http.StatusOK || !strings.HasPrefix(got.body, "%PDF") {
		t.Errorf("its PDF: %d %q", got.status, got.body)
	}
	registered := s.register(`,"nosso_numero":"0005029","seu_numero":"ERP-1","issue_date":"` + time.Now().Format(time.DateOnly) + `"`)
	if registered.status != http.StatusCreated || registered.field("nosso_numero") != "0005029" || registered.field("register_only") != true {
		t.Errorf("registered: %d %s", registered.status, registered.body)
	}
	if again := s.register(`,"nosso_numero":5029`); again.status != http.StatusCreated || again.header.Get("X-Agent-Delivery") != "replayed" {
		t.Errorf("registered again: %d %s", again.status, again.body)
	}
	n := 0
	if _, err := fmt.Sscan(nosso, &n); err != nil {
		t.Fatal(err)
	}
	for _, m := range []sicoobsim.Movement{{NossoNumero: n, Means: 212}, {NossoNumero: 5029, Amount: 15185, BoletoValue: 15000}, {NossoNumero: 9990, Amount: 5, BoletoValue: 5}} {
		if err := s.clouds.Sicoob.Pay(m); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.call(http.MethodGet, "/v1/boletos/"+nosso+"?ask=1", tillToken, ""); got.field("bank_status") != "paid" || got.field("status") != "open" {
		t.Errorf("asked: %s", got.body)
	}
	s.settle()
	list := s.call(http.MethodGet, "/v1/boletos?status=paid&since=2020-01-01", tillToken, "")
	if boletos, _ := list.field("boletos").([]any); len(boletos) != 2 {
		t.Fatalf("paid: %s", list.body)
	}
	one, two := s.call(http.MethodGet, "/v1/boletos/"+nosso, tillToken, ""), s.call(http.MethodGet, "/v1/boletos/5029", tillToken, "")
	if one.field("channel") != "pix" || one.field("difference") != 0.0 || two.field("difference") != 185.0 || two.field("divergent") != true || two.field("expected") != 15000.0 || two.field("channel") != "bank" {
		t.Errorf("got %s\n%s", one.body, two.body)
	}
	if csv := s.call(http.MethodGet, "/v1/boletos?format=csv&status=paid", tillToken, ""); !strings.Contains(csv.body, "\n0005029;ERP-1;paid;2020-01-31;150.00;151.85;1.85;") || strings.Count(csv.body, "\n") != 3 {
		t.Errorf("CSV: %s", csv.body)
	}
	if got := s.call(http.MethodGet, "/v1/boletos/unmatched", tillToken, ""); len(got.field("unmatched").([]any)) != 1 {
		t.Errorf("unmatched: %s", got.body)
	}
	if err := s.clouds.Sicoob.Pay(sicoobsim.Movement{NossoNumero: n, PaidOn: time.Now().AddDate(0, 0, -1).Format(time.DateOnly)}); err != nil {
		t.Fatal(err)
	}
	s.settle()
	if got := s.call(http.MethodGet, "/v1/status", supportToken, ""); !strings.Contains(got.body, "boleto_review") {
		t.Errorf("paid twice, and nobody is told: %s", got.body)
	}
	if got := s.post("/v1/boletos/"+nosso+"/resolve", `{"reason":"devolvido"}`); got.field("status") != "paid" || got.field("attention") != false {
		t.Errorf("resolve: %d %s", got.status, got.body)
	}
	off := s.post("/v1/boletos", strings.Replace(body, "PDV01-1", "PDV01-2", 1), "Idempotency-Key", "b2")
	if got := s.post("/v1/boletos/"+fmt.Sprint(off.field("nosso_numero"))+"/write-off", `{}`); got.status != http.StatusOK || got.field("status") != "written_off" {
		t.Errorf("write-off: %d %s", got.status, got.body)
	}
	if got := s.post("/v1/boletos/5029/write-off", `{}`); got.status != http.StatusConflict {
		t.Errorf("a paid one: %d %s", got.status, got.body)
	}
	s.stop()
	searchFolder(t, filepath.Join(filepath.Dir(s.config), "data"))
	for _, canary := range []string{"12345678909", "Canária"} {
		if strings.Contains(s.log.String(), canary) {
			t.Errorf("the log shows %s", canary)
		}
	}
}

func TestBadBoletosAreRefusedInWords(t *testing.T) {
	s := bank(t)
	for more, field := range map[string]string{
		``: "nosso_numero", `,"nosso_numero":"12a"`: "nosso_numero", `,"nosso_numero":1013,"issue_date":"31/01/2026"`: "issue_date", `,"nosso_numero":1013,"barcode":"123"`: "barcode",
		`,"nosso_numero":1013,"barcode":"75692138100000150001123401056789000001013002"`:           "barcode",
		`,"nosso_numero":1020,"barcode":"75692138100000150001123401056789000001013001"`:           "barcode",
		`,"nosso_numero":1020,"digitable_line":"75691123400105678900900010200012113760000008990"`: "digitable_line",
		`,"nosso_numero":1020,"barcode":"84670000001435900240200240500024384221010811"`:           "barcode",
	} {
		if got := s.register(more); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", more, got.status, got.body)
		}
	}
	for body, field := range map[string]string{
		`{"seu_numero":"A","due_date":"2099-01-01"}`:                                   "amount",
		`{"seu_numero":"A","due_date":"2020-01-01","amount":1,"payer":{}}`:             "due_date",
		`{"due_date":"2099-01-01","amount":1,"payer":{}}`:                              "seu_numero",
		`{"seu_numero":"A","due_date":"2099-01-01","amount":1}`:                        "payer",
		`{"seu_numero":"A","due_date":"2099-01-01","amount":1,"payer":{"zip":"1"}}`:    "payer.document",
		`{"seu_numero":"A","due_date":"2099-01-01","amount":1,"register_only":"sim"}`:  "register_only",
		`{"seu_numero":"1234567890123456789","due_date":"2099-01-01","amount":1.5}`:    "amount",
		`{"seu_numero":"A","due_date":"2099-02-30","amount":100,"payer":{}}`:           "due_date",
		`{"seu_numero":"A","due_date":"2099-02-01","amount":100,"nosso_numero":"x-1"}`: "nosso_numero",
	} {
		if got := s.post("/v1/boletos", body, "Idempotency-Key", "x"); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	for path, status := range map[string]int{"/v1/boletos/77": 404, "/v1/boletos/x": 404, "/v1/boletos/77/pdf": 404, "/v1/boletos?status=odd": 422, "/v1/boletos?since=x": 422} {
		if got := s.call(http.MethodGet, path, tillToken, ""); got.status != status {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if n := len(s.clouds.Sicoob.Boletos()); n != 0 {
		t.Errorf("%d boletos", n)
	}
}

func TestALineIsReadOrSaidToBeWrongByItsBlock(t *testing.T) {
	s := newSite(t).open() // no bank is needed
	decode := func(line string) answer { return s.post("/v1/boletos/decode", `{"line":"`+line+`"}`) }
	good := decode("75691.12340 01056.789009 00010.130011 2 13810000015000")
	if good.field("kind") != "boleto" || good.field("amount") != 15000.0 || good.field("due_date") != "2026-03-10" || good.field("sicoob.nosso_numero") != "1013" || good.field("barcode") != "75692138100000150001123401056789000001013001" {
		t.Errorf("got %s", good.body)
	}
	if slip := decode("84670000001-7 43590024020-9 02405000243-5 84221010811-9"); slip.field("kind") != "collection" || slip.field("amount") != 14359.0 {
		t.Errorf("got %s", slip.body)
	}
	for line, words := range map[string]string{
		"75691.12341 01056.789009 00010.130011 2 13810000015000":  "Campo 1",
		"75691.12340 01056.789009 00010.130012 2 13810000015000":  "Campo 3",
		"75691.12340 01056.789009 00010.130011 2 13810000015001":  "Dígito geral",
		"84670000001-7 43590024020-8 02405000243-5 84221010811-9": "Bloco 2",
		"123": "3 números",
	} {
		if got := decode(line); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, words) {
			t.Errorf("%s: %d %s", line, got.status, got.body)
		}
	}
	for _, path := range []string{"/v1/boletos", "/v1/boletos/1", "/v1/boletos/unmatched", "/v1/orders", "/v1/orders/payment-options?value=1"} {
		if got := s.call(http.MethodGet, path, tillToken, ""); got.status != http.StatusNotFound || got.field("code") != "not_configured" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestSettlementRunsOnThePrimaryTillOnly(t *testing.T) {
	s := newShop(t).open()
	if got := s.call(http.MethodPost, "/v1/routines/sicoob-settlement/run", supportToken, "{}"); got.status != http.StatusConflict || got.field("code") != "not_primary" {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestBoletosComeFromAFile(t *testing.T) {
	s := bank(t)
	file := filepath.Join(t.TempDir(), "boletos.csv")
	text := "\ufeffnosso_numero;seu_numero;amount;due_date\n000101-3;A;1.150,00;10/03/2026\n1020;B;89.9;2026-03-05\n1038;C;1,005;2026-03-05\nx;D;1,00;2026-03-05\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := s.command(1, "boletos", "import", file)
	if !strings.Contains(out, "2 registrados, 0 já conhecidos, 2 recusados") || !strings.Contains(out, "linha 4:") || !strings.Contains(out, "linha 5:") {
		t.Errorf("got %s", out)
	}
	if out := s.command(1, "boletos", "import", file); !strings.Contains(out, "0 registrados, 2 já conhecidos") {
		t.Errorf("again: %s", out)
	}
	if out := s.command(0, "boletos", "ls", "--status", "open"); !strings.Contains(out, "000101-3") || !strings.Contains(out, "R$ 1.150,00") {
		t.Errorf("listed: %s", out)
	}
	if got := s.call(http.MethodGet, "/v1/boletos/1013", tillToken, ""); got.field("amount") != 115000.0 || got.field("due_date") != "2026-03-10" {
		t.Errorf("got %s", got.body)
	}
}

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
	s := newShop(t).open()
	options := s.call(http.MethodGet, "/v1/orders/payment-options?value=1701", tillToken, "")
	if list, _ := options.field("paymentOptions").([]any); len(list) != 7 || !strings.Contains(options.body, `"value":945,"total":1890`) {
		t.Errorf("options: %s", options.body)
	}
	for _, value := range []string{"", "0", "17.01", "-1", "x"} {
		if got := s.call(http.MethodGet, "/v1/orders/payment-options?value="+value, tillToken, ""); got.status != http.StatusUnprocessableEntity {
			t.Errorf("value %q: %d %s", value, got.status, got.body)
		}
	}
	done := s.post("/v1/orders", cardOrder(1), "Idempotency-Key", "o1")
	if done.status != http.StatusOK || done.field("agent.state") != "completed" || done.field("orderId") != 1.0 || done.field("orderVendorId") != "V-900" || done.field("error") != nil {
		t.Fatalf("got %d %s", done.status, done.body)
	}
	s.post("/v1/orders", strings.Replace(cardOrder(9), cardNumber, "4111111111111112", 1), "Idempotency-Key", "bad")
	s.post("/v1/orders", cardOrder(9)[:len(cardOrder(9))-2], "Idempotency-Key", "half")
	s.post("/v1/orders", cardOrder(9))
	s.call(http.MethodPost, "/v1/order", tillToken, cardOrder(9))
	if err := s.clouds.CashOrder.Add(cloudsim.Fault{Route: "order", Fault: "lost", Times: 1}); err != nil {
		t.Fatal(err)
	}
	lost := s.post("/v1/orders", cardOrder(2), "Idempotency-Key", "o2")
	id, _ := lost.field("agent.id").(string)
	if lost.status != http.StatusAccepted || lost.field("agent.state") != "unknown" || lost.field("agent.detail") == nil {
		t.Fatalf("lost: %d %s", lost.status, lost.body)
	}
	if again := s.post("/v1/orders", cardOrder(2), "Idempotency-Key", "o2"); again.status != http.StatusAccepted || again.header.Get("X-Agent-Delivery") != "replayed" || len(s.clouds.CashOrder.Orders()) != 2 {
		t.Errorf("again: %d %s", again.status, again.body)
	}
	if out := s.command(0, "orders", "ls", "--attention"); !strings.Contains(out, id) || !strings.Contains(out, "unknown (!)") {
		t.Errorf("listed: %s", out)
	}
	s.stop()
	s.open()
	if got := s.call(http.MethodGet, "/v1/status", supportToken, ""); !strings.Contains(got.body, "payment_attention") {
		t.Errorf("after a restart nobody is told: %s", got.body)
	}
	if out := s.command(0, "orders", "resolve", id, "--state", "completed", "--order-vendor-id", "V-901", "--reason", "confirmado"); !strings.Contains(out, "completed") {
		t.Errorf("resolve: %s", out)
	}
	if got := s.call(http.MethodGet, "/v1/orders/"+id, tillToken, ""); got.field("orderVendorId") != "V-901" || got.field("agent.resolution.by") == nil {
		t.Errorf("resolved: %s", got.body)
	}
	if err := s.clouds.CashOrder.Add(cloudsim.Fault{Route: "order", Fault: "status", Status: 502, Body: "{}", Times: 1}); err != nil {
		t.Fatal(err)
	}
	third, _ := s.post("/v1/orders", cardOrder(4), "Idempotency-Key", "o4").field("agent.id").(string)
	if got := s.post("/v1/orders/"+third+"/resolve", `{"state":"completed","reason":"x"}`); got.status != http.StatusUnprocessableEntity {
		t.Errorf("completed without a number: %d %s", got.status, got.body)
	}
	if got := s.post("/v1/orders/"+third+"/resolve", `{"state":"failed","reason":"o fornecedor não tem"}`); got.status != http.StatusOK || got.field("agent.state") != "failed" {
		t.Errorf("resolve: %d %s", got.status, got.body)
	}
	s.clouds.CashOrder.Set(func(c *cashordersim.Settings) { c.ErrorStatus = 500 })
	if refused := s.post("/v1/orders", strings.Replace(cardOrder(3), "01001000", "00000000", 1), "Idempotency-Key", "o3"); refused.status != http.StatusOK || refused.field("agent.state") != "failed" || refused.field("error.code") != "1002" {
		t.Errorf("refused: %d %s", refused.status, refused.body)
	}
	calls := 0
	for _, line := range s.journal("?limit=500") {
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
		shown.WriteString(s.call(http.MethodGet, path, supportToken, "").body)
	}
	s.stop()
	shown.WriteString(s.log.String())
	for _, canary := range []string{cardNumber, "4111111111111112", cardNumber[:10], cardNumber[6:], `"` + securityCode[:3] + `"`, `"2040"`, "MARIA CANARIA", "Canária"} {
		if strings.Contains(shown.String(), canary) {
			t.Errorf("%s is shown", canary)
		}
		everyFile(t, filepath.Join(filepath.Dir(s.config), "data"), func(path string, content []byte) {
			if strings.Contains(string(content), canary) {
				t.Errorf("%s has %s", path, canary)
			}
		})
	}
}

func TestOrdersByCardAreOffUnlessSwitchedOn(t *testing.T) {
	s := newShop(t)
	s.rewrite("accept_card_data: true", "accept_card_data: false")
	s.open()
	if got := s.post("/v1/orders", cardOrder(1), "Idempotency-Key", "o"); got.status != http.StatusNotFound || got.field("code") != "not_configured" || len(s.clouds.CashOrder.Received()) != 0 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := s.call(http.MethodGet, "/v1/orders/payment-options?value=1701", tillToken, ""); got.status != http.StatusOK {
		t.Errorf("the options: %d %s", got.status, got.body)
	}
}

// TestTheBankBehindTLSDemandsTheShopsCertificate speaks with the sandbox as production is spoken with.
func TestTheBankBehindTLSDemandsTheShopsCertificate(t *testing.T) {
	clouds, err := sandbox.Start(t.Context(), sandbox.Config{Listen: "127.0.0.1:0", TLS: "127.0.0.1:0", Log: newLog(io.Discard, "error")})
	if err != nil {
		t.Fatal(err)
	}
	defer clouds.Close()
	folder := t.TempDir()
	for _, name := range []string{"ca.pem", "client.pfx", "client.pem"} {
		response, err := testHTTP.Get("http://" + clouds.Address() + "/control/sicoob/" + name)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || os.WriteFile(filepath.Join(folder, name), content, 0o600) != nil {
			t.Fatal(err)
		}
	}
	authority, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	bare := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer bare.CloseIdleConnections()
	for path, want := range map[string]int{"/sicoob/token": http.StatusForbidden, "/sevenaz/v2/integrations/omnichannel/invoices?txId=12345678909": http.StatusUnauthorized} {
		response, err := bare.Get("https://" + clouds.TLSAddress() + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s without a certificate: %d", path, response.StatusCode)
		}
	}
	s := newSite(t, "store:\n  max_mb", fmt.Sprintf("payments: {sicoob: {base_url: 'https://%[1]s/sicoob/cobranca-bancaria/v3', token_url: 'https://%[1]s/sicoob/token', client_id: loja, numero_cliente: 567890, "+
		"certificate: '%[2]s/client.pfx', certificate_password: %[3]s, ca_file: '%[2]s/ca.pem'}}\n\nstore:\n  max_mb", clouds.TLSAddress(), filepath.ToSlash(folder), sandbox.Password),
		"primary: false", "primary: true").open()
	clouds.Sicoob.Set(func(c *sicoobsim.Settings) { c.ReadyAfter, c.PerSecond = 0, 1000 })
	b, err := clouds.Sicoob.AddBoleto(sicoobsim.Boleto{SeuNumero: "A", Amount: 15000})
	if err != nil {
		t.Fatal(err)
	}
	s.register(fmt.Sprintf(`,"nosso_numero":%d,"issue_date":"%s"`, b.NossoNumero, time.Now().Format(time.DateOnly)))
	if err := clouds.Sicoob.Pay(sicoobsim.Movement{NossoNumero: b.NossoNumero}); err != nil {
		t.Fatal(err)
	}
	if runs := s.settle(); s.call(http.MethodGet, fmt.Sprint("/v1/boletos/", b.NossoNumero), tillToken, "").field("status") != "paid" {
		t.Errorf("got %s", runs.body)
	}
	if _, found := s.diagnosis(); found["bank-certificate"].Verdict != doctor.OK {
		t.Errorf("doctor: %+v", found["bank-certificate"])
	}
	if err := os.WriteFile(filepath.Join(folder, "client.pfx"), []byte("trocado"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, found := s.diagnosis(); found["bank-certificate"].Verdict != doctor.Fail {
		t.Errorf("doctor: %+v", found["bank-certificate"])
	}
	if runs := s.settle(); !strings.Contains(runs.body, "não é um PKCS#12") {
		t.Errorf("a file that is none: %s", runs.body)
	}
	if got := s.post("/v1/boletos", `{"seu_numero":"A","amount":1,"due_date":"2099-01-01"}`, "Idempotency-Key", "k"); got.status != http.StatusNotFound || !strings.Contains(got.body, "conta_corrente") {
		t.Errorf("issuing without an account: %d %s", got.status, got.body)
	}
}
