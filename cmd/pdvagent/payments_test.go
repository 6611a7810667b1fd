package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/payments/cloudsim"
	"pdvagent/payments/ideamaker/ideamakersim"
	"pdvagent/payments/sevenaz/sevenazsim"
)

// newShop is a site whose till is paid through every vendor.
func newShop(t *testing.T, replace ...string) *site {
	t.Helper()
	s := newSite(t, append(replace, "store:\n  max_mb", "payments: {ideamaker: {gateway_url: 'CLOUDS/gateway', gateway_key: key, titles_url: 'CLOUDS/ideamaker', customer_id: id, customer_key: key, "+
		"seller: {distribuidor: loja, pdv: caixa01}}, sevenaz: {base_url: 'CLOUDS/sevenaz', api_key: key}, sicoob: {base_url: 'CLOUDS/sicoob/cobranca-bancaria/v3', token_url: 'CLOUDS/sicoob/token', client_id: loja, "+
		"numero_cliente: 567890, conta_corrente: 102938}, cashorder: {base_url: 'CLOUDS/cashorder', accept_card_data: true}}\n\nstore:\n  max_mb")...)
	s.rewrite("CLOUDS", "http://"+s.clouds.Address())
	return s
}

// rewrite changes the configuration's file.
func (s *site) rewrite(old, text string) {
	s.t.Helper()
	raw, err := os.ReadFile(s.config)
	if err == nil {
		err = os.WriteFile(s.config, []byte(strings.ReplaceAll(string(raw), old, text)), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// charge makes a Pix charge.
func (s *site) charge(key string) answer {
	s.t.Helper()
	return s.post("/v1/payments", `{"method":"pix","provider":"ideamaker","amount":1500,"reference":"cupom-1","expires_in":300,"customer":{"name":"Maria Canária","document":"123.456.789-09"}}`, "Idempotency-Key", key)
}

func (s *site) title(key, more string) answer {
	s.t.Helper()
	return s.post("/v1/titles/sales", `{"product":"seguro","quantity":2,"cpf":"12345678909","phone":"(11) 98765-4321","zip":"12900-001"`+more+`}`, "Idempotency-Key", key)
}

func (s *site) paid(p ideamakersim.Payment) {
	s.t.Helper()
	if _, err := s.clouds.IdeaMaker.Pay(s.t.Context(), p); err != nil {
		s.t.Fatal(err)
	}
}

// status waits until a payment has a status.
func (s *site) status(path, want string) answer {
	s.t.Helper()
	var got answer
	s.until(path+" is "+want, func() bool {
		got = s.call(http.MethodGet, path+"?wait=1", tillToken, "")
		return got.field("status") == want
	})
	return got
}

func TestAPixChargeIsShownWatchedAndPaid(t *testing.T) {
	s := newShop(t).open()
	first := s.charge("a")
	code, _ := first.field("pix.brcode").(string)
	if first.status != http.StatusCreated || first.field("status") != "awaiting_payment" || code != s.clouds.IdeaMaker.Charges()[0].QRCode {
		t.Fatalf("got %d %s", first.status, first.body)
	}
	id, _ := first.field("id").(string)
	again := s.charge("a")
	if again.status != http.StatusCreated || again.field("id") != id || again.header.Get("X-Agent-Delivery") != "replayed" || len(s.clouds.IdeaMaker.Charges()) != 1 {
		t.Errorf("the same key again: %d %s", again.status, again.body)
	}
	if other := s.post("/v1/payments", `{"method":"pix","provider":"ideamaker","amount":1501}`, "Idempotency-Key", "a"); other.status != http.StatusConflict {
		t.Errorf("the key for another amount: %d %s", other.status, other.body)
	}
	if qr := s.call(http.MethodGet, "/v1/payments/"+id+"/qr.png?scale=3", tillToken, ""); qr.status != http.StatusOK || !strings.HasPrefix(qr.body, "\x89PNG") {
		t.Errorf("the picture: %d", qr.status)
	}
	waited := make(chan answer)
	go func() { waited <- s.call(http.MethodGet, "/v1/payments/"+id+"?wait=25", tillToken, "") }()
	<-time.After(100 * time.Millisecond)
	s.paid(ideamakersim.Payment{})
	if got := <-waited; got.field("status") != "completed" || got.field("received") != 1500.0 || got.field("pix") != nil {
		t.Errorf("who waited got %s", got.body)
	}
	if qr := s.call(http.MethodGet, "/v1/payments/"+id+"/qr.png", tillToken, ""); qr.status != http.StatusNotFound {
		t.Errorf("the picture of a paid one: %d", qr.status)
	}
	if list := s.call(http.MethodGet, "/v1/payments?status=completed&reference=cupom-1&since=2020-01-01", tillToken, ""); len(list.field("payments").([]any)) != 1 {
		t.Errorf("the list: %s", list.body)
	}
	stream := make(chan answer)
	go func() { stream <- s.call(http.MethodGet, "/v1/events?after=1", tillToken, "") }()
	<-time.After(200 * time.Millisecond)
	s.stop()
	if got := <-stream; strings.Contains(got.body, "id: 1\n") || !strings.Contains(got.body, `event: payment`) || !strings.Contains(got.body, `"status":"completed"`) {
		t.Errorf("events: %d %s", got.status, got.body)
	}
}

func TestBadPaymentsAreRefusedInWordsAndNothingIsCharged(t *testing.T) {
	s := newShop(t).open()
	for body, field := range map[string]string{
		`{"method":"pix","provider":"ideamaker"}`:                                                     "amount",
		`{"method":"pix","provider":"ideamaker","amount":0}`:                                          "amount",
		`{"method":"pix","provider":"ideamaker","amount":-1500}`:                                      "amount",
		`{"method":"pix","provider":"ideamaker","amount":15.00}`:                                      "amount",
		`{"method":"pix","provider":"ideamaker","amount":"15,00"}`:                                    "amount",
		`{"method":"pix","provider":"ideamaker","amount":1e3}`:                                        "amount",
		`{"method":"cash","provider":"ideamaker","amount":1500}`:                                      "method",
		`{"method":"pix","provider":"outro","amount":1500}`:                                           "provider",
		`{"method":"pix","provider":"ideamaker","amount":1500,"expires_in":-5}`:                       "expires_in",
		`{"method":"pix","provider":"ideamaker","amount":1500,"customer":{"document":"12345678901"}}`: "customer.document",
	} {
		if got := s.post("/v1/payments", body, "Idempotency-Key", "x"); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	for more, status := range map[string]int{`,"expected_amount":2999`: 409, `,"terms_accepted":false`: 422, `,"quantity":11`: 400, `,"expires_in":0`: 422} {
		if got := s.title("t"+more, more); got.status != status {
			t.Errorf("%s: %d %s", more, got.status, got.body)
		}
	}
	for body, field := range map[string]string{
		`{"product":"seguro","cpf":"12345678901","phone":"11900000000"}`:               "cpf",
		`{"product":"seguro","cpf":"12345678909","phone":"900"}`:                       "phone",
		`{"product":"seguro","cpf":"12345678909","phone":"11900000000","zip":"123"}`:   "zip",
		`{"product":"nada","cpf":"12345678909","phone":"11900000000"}`:                 "product",
		`{"product":"seguro","quantity":11,"cpf":"12345678909","phone":"11900000000"}`: "quantity",
	} {
		if got := s.post("/v1/titles/sales", body, "Idempotency-Key", "x"); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := s.post("/v1/payments", `{"method":"pix","provider":"ideamaker","amount":1500}`); got.status != http.StatusBadRequest || got.field("code") != "idempotency_key_missing" {
		t.Errorf("without a key: %d %s", got.status, got.body)
	}
	for path, status := range map[string]int{
		"/v1/payments/nothing": 404, "/v1/payments/nothing?wait=-1": 422, "/v1/payments?status=odd": 422, "/v1/titles/products?cep=1234567": 422,
		"/v1/titles/customers/12345678901": 422, "/v1/titles/promotions/nada": 404, "/v1/invoices?document=1": 422, "/v1/invoices/1/payment-data": 404, "/v1/invoices/..%2f1/pdf": 404, "/v1/events?after=x": 422,
	} {
		if got := s.call(http.MethodGet, path, tillToken, ""); got.status != status {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if n := len(s.clouds.IdeaMaker.Charges()) + len(s.clouds.IdeaMaker.Sales()); n != 0 {
		t.Errorf("%d charges and registrations", n)
	}
}

// TestAnsweredRubbishIsNotShownAndStaysWatched has the gateway's code not be what was asked for: nobody sees it, and
// money that comes through it all the same is not lost.
func TestAnsweredRubbishIsNotShownAndStaysWatched(t *testing.T) {
	s := newShop(t).open()
	for name, spoil := range map[string]func(*ideamakersim.Settings){
		"bad check sum": func(c *ideamakersim.Settings) { c.QR = "bad_crc" }, "another amount in the code": func(c *ideamakersim.Settings) { c.QR = "other_amount" },
		"no code": func(c *ideamakersim.Settings) { c.QR = "none" }, "HTML for a code": func(c *ideamakersim.Settings) { c.QR = "html" },
		"another amount": func(c *ideamakersim.Settings) { c.ChargeAmount = 1 },
	} {
		s.clouds.IdeaMaker.Reset()
		s.clouds.IdeaMaker.Set(spoil)
		got := s.charge(name)
		if got.status != http.StatusCreated || got.field("status") != "failed" || got.field("pix") != nil || got.field("detail") == "" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		s.paid(ideamakersim.Payment{})
		id, _ := got.field("id").(string)
		s.status("/v1/payments/"+id, "paid_late")
	}
	status := s.call(http.MethodGet, "/v1/status", supportToken, "")
	if !strings.Contains(status.body, "payment_attention") {
		t.Errorf("the status says nothing: %s", status.body)
	}
	list := s.call(http.MethodGet, "/v1/payments?attention=1", tillToken, "").field("payments").([]any)
	for _, entry := range list {
		id := fmt.Sprint(entry.(map[string]any)["id"])
		if got := s.post("/v1/payments/"+id+"/resolve", `{"reason":"devolvido"}`); got.field("attention") != false || got.field("resolution.by") != "caixa" || got.field("status") != "paid_late" {
			t.Errorf("resolve: %d %s", got.status, got.body)
		}
	}
	if len(list) != 5 || strings.Contains(s.call(http.MethodGet, "/v1/status", supportToken, "").body, "payment_attention") {
		t.Errorf("%d asked, and they still ask", len(list))
	}
}

func TestATitleIsSoldFromTheCPFToTheReceipt(t *testing.T) {
	s := newShop(t).open()
	for cpf, found := range map[string]bool{"12345678909": true, "529.982.247-25": false} {
		if got := s.call(http.MethodGet, "/v1/titles/customers/"+cpf, tillToken, ""); got.field("found") != found {
			t.Errorf("%s: %d %s", cpf, got.status, got.body)
		}
	}
	for _, shape := range []string{"bare", "wrapped", "objects"} {
		s.clouds.IdeaMaker.Set(func(c *ideamakersim.Settings) { c.Products = shape })
		var list []struct {
			Product   string
			Promotion struct{ Price int }
		}
		got := s.call(http.MethodGet, "/v1/titles/products?cep=12900-001", tillToken, "")
		if err := json.Unmarshal([]byte(got.body), &list); err != nil || len(list) != 1 || list[0].Promotion.Price != 1500 {
			t.Errorf("%s: %s", shape, got.body)
		}
	}
	if got := s.call(http.MethodGet, "/v1/titles/promotions/seguro", tillToken, ""); got.field("draw_date") != "2036-12-05 20:00:00" {
		t.Errorf("got %s", got.body)
	}
	if got := s.call(http.MethodGet, "/v1/titles/promotions/seguro/regulation", tillToken, ""); got.header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(got.body, "%PDF") {
		t.Errorf("the regulation: %d %q", got.status, got.body)
	}
	if err := s.clouds.IdeaMaker.Add(cloudsim.Fault{Route: "regulation", Fault: "html", Times: 1}); err != nil {
		t.Fatal(err)
	}
	if got := s.call(http.MethodGet, "/v1/titles/promotions/seguro/regulation", tillToken, ""); got.status != http.StatusServiceUnavailable {
		t.Errorf("a portal's page as the regulation: %d %q", got.status, got.body)
	}
	sold := s.title("t", `,"expected_amount":3000,"terms_accepted":true`)
	id, _ := sold.field("id").(string)
	if sold.status != http.StatusCreated || sold.field("protocol") != s.clouds.IdeaMaker.Sales()[0].Protocol || sold.field("payment.amount") != 3000.0 {
		t.Fatalf("got %d %s", sold.status, sold.body)
	}
	if charge := s.clouds.IdeaMaker.Charges()[0]; charge.CustomCode != sold.field("protocol") || charge.Expire != 300 {
		t.Errorf("charged %+v", charge)
	}
	s.paid(ideamakersim.Payment{})
	done := s.status("/v1/titles/sales/"+id, "completed")
	if titles, _ := done.field("titles").([]any); len(titles) != 1 || done.field("legal_text") == "" {
		t.Errorf("got %s", done.body)
	}
	if s.clouds.IdeaMaker.Sales()[0].Confirmed != 1 {
		t.Errorf("confirmed %d times", s.clouds.IdeaMaker.Sales()[0].Confirmed)
	}
}

func TestTheExpiryEndsBeforeTheDayOfTheDraw(t *testing.T) {
	s := newShop(t).open()
	zone := time.FixedZone("BRT", -3*3600)
	draw := func(at time.Time) {
		t.Helper()
		if err := s.clouds.IdeaMaker.Promote("seguro", fmt.Sprintf(`{"titulo":"X","valorPromocao":7.5,"dataSorteioPrincipal":%q}`, at.In(zone).Format("02/01/2006 15:04:05"))); err != nil {
			t.Fatal(err)
		}
	}
	draw(time.Now())
	if got := s.title("late", ""); got.status != http.StatusConflict {
		t.Errorf("on the day of the draw: %d %s", got.status, got.body)
	}
	draw(time.Now().Add(48 * time.Hour))
	if got := s.title("early", ""); got.status != http.StatusCreated || s.clouds.IdeaMaker.Charges()[0].Expire != 300 || got.field("payment.amount") != 1500.0 {
		t.Errorf("two days before: %d %s", got.status, got.body)
	}
}

func TestAnInvoiceIsPaidOrSaysWhyNot(t *testing.T) {
	s := newShop(t).open()
	list := s.call(http.MethodGet, "/v1/invoices?document=12.abc.345/01de-35", tillToken, "")
	if invoices, _ := list.field("invoices").([]any); len(invoices) != 1 {
		t.Errorf("a CNPJ with letters: %s", list.body)
	}
	if got := s.call(http.MethodGet, "/v1/invoices/900001/payment-data", tillToken, ""); got.field("amount") != 7725.0 {
		t.Errorf("got %s", got.body)
	}
	if got := s.call(http.MethodGet, "/v1/invoices/900001/pdf", tillToken, ""); !strings.HasPrefix(got.body, "%PDF") {
		t.Errorf("got %q", got.body)
	}
	s.clouds.SevenAZ.Set(func(c *sevenazsim.Settings) { c.PDF = "html" })
	if got := s.call(http.MethodGet, "/v1/invoices/900001/pdf", tillToken, ""); got.status != http.StatusServiceUnavailable {
		t.Errorf("HTML that says it is a PDF: %d %q", got.status, got.body)
	}
	if got := s.post("/v1/invoices/900002/payments", `{}`, "Idempotency-Key", "b"); got.status != http.StatusConflict || !strings.Contains(got.body, "boleto") {
		t.Errorf("by boleto only: %d %s", got.status, got.body)
	}
	if got := s.post("/v1/invoices/900001/payments", `{"expected_amount":7500}`, "Idempotency-Key", "c"); got.status != http.StatusConflict {
		t.Errorf("another amount: %d %s", got.status, got.body)
	}
	made := s.post("/v1/invoices/900001/payments", `{"expected_amount":7725}`, "Idempotency-Key", "d")
	id, _ := made.field("id").(string)
	if made.status != http.StatusCreated || made.field("pix.brcode") == nil {
		t.Fatalf("got %d %s", made.status, made.body)
	}
	if got := s.post("/v1/invoices/900001/payments", `{}`, "Idempotency-Key", "d2"); got.status != http.StatusConflict || !strings.Contains(got.body, id) {
		t.Errorf("a second payment of it: %d %s", got.status, got.body)
	}
	s.post("/v1/payments/"+id+"/cancel", "{}")
	again := s.post("/v1/invoices/900001/payments", `{}`, "Idempotency-Key", "d3")
	if err := s.clouds.SevenAZ.Pay("900001"); err != nil {
		t.Fatal(err)
	}
	s.status("/v1/payments/"+fmt.Sprint(again.field("id")), "completed")
	<-time.After(3 * time.Second)
	if got := s.call(http.MethodGet, "/v1/payments/"+id, tillToken, ""); got.field("status") != "canceled" || got.field("attention") != false {
		t.Errorf("the money of the second counts for the first, too: %s", got.body)
	}
	if got := s.call(http.MethodGet, "/v1/invoices/900001/pix-status", tillToken, ""); got.field("paid") != true {
		t.Errorf("got %s", got.body)
	}
	if got := s.post("/v1/invoices/900001/payments", `{}`, "Idempotency-Key", "e"); got.status != http.StatusConflict {
		t.Errorf("a paid invoice: %d %s", got.status, got.body)
	}
	if got := s.post("/v1/invoices/email", `{"contract":"147001"}`); got.field("sent") != true || len(s.clouds.SevenAZ.Mails()) != 1 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := s.post("/v1/invoices/email", `{"contract":"147001","document":"12345678909"}`); got.status != http.StatusUnprocessableEntity {
		t.Errorf("both: %d %s", got.status, got.body)
	}
}

func TestAnIDOfAnotherKindIsNotATitle(t *testing.T) {
	s := newShop(t).open()
	id, _ := s.charge("a").field("id").(string)
	if got := s.call(http.MethodGet, "/v1/titles/sales/"+id, tillToken, ""); got.status != http.StatusNotFound {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestACanceledChargeThatIsPaidAsksForAPerson(t *testing.T) {
	s := newShop(t).open()
	id, _ := s.charge("a").field("id").(string)
	if got := s.post("/v1/payments/"+id+"/cancel", `{}`); got.field("status") != "canceled" || got.field("pix") != nil {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	s.paid(ideamakersim.Payment{Amount: 1400})
	if got := s.status("/v1/payments/"+id, "paid_late"); got.field("attention") != true || !strings.Contains(fmt.Sprint(got.field("detail")), "R$ 14,00") {
		t.Errorf("got %s", got.body)
	}
}

func TestPaymentsWithoutConfigurationSaySo(t *testing.T) {
	s := newSite(t).open()
	for _, path := range []string{"/v1/payments", "/v1/payments/x", "/v1/titles/customers/12345678909", "/v1/titles/products?cep=12900001", "/v1/invoices?document=12345678909", "/v1/invoices/1/pdf"} {
		if got := s.call(http.MethodGet, path, tillToken, ""); got.status != http.StatusNotFound || got.field("code") != "not_configured" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// TestNoticesOfTheGatewayOnlyHurry sends true, forged and unknown ones, in every envelope.
func TestNoticesOfTheGatewayOnlyHurry(t *testing.T) {
	hook, err := freeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const secret = "abcdefghijklmnopqrstuv"
	s := newShop(t)
	s.rewrite("sevenaz: {base_url", "webhook: {listen: '"+hook+"', path_secret: "+secret+"}, sevenaz: {base_url")
	s.open()
	for _, envelope := range []string{"event", "data", "bare", "jsonPayload"} {
		s.clouds.IdeaMaker.Set(func(c *ideamakersim.Settings) { c.Envelope, c.Webhook = envelope, "http://"+hook+"/"+secret })
		id, _ := s.charge(envelope).field("id").(string)
		charge := s.clouds.IdeaMaker.Charges()[len(s.clouds.IdeaMaker.Charges())-1]
		if err := s.clouds.IdeaMaker.Notify(t.Context(), charge.ID, 3); err != nil { // before the money: they change nothing
			t.Errorf("%s: %v", envelope, err)
		}
		if got := s.call(http.MethodGet, "/v1/payments/"+id, tillToken, ""); got.field("status") != "awaiting_payment" {
			t.Errorf("%s, before the money: %s", envelope, got.body)
		}
		s.paid(ideamakersim.Payment{Times: 1})
		s.status("/v1/payments/"+id, "completed")
	}
}

// TestNothingPersonalOfAPaymentIsSeen looks for the payer in everything that the agent writes.
func TestNothingPersonalOfAPaymentIsSeen(t *testing.T) {
	s := newShop(t).open()
	id, _ := s.charge("a").field("id").(string)
	s.title("t", "")
	s.call(http.MethodGet, "/v1/titles/customers/12345678909", tillToken, "")
	s.call(http.MethodGet, "/v1/invoices?document=12345678909", tillToken, "")
	s.status("/v1/payments/"+id, "awaiting_payment")
	personal := []string{"12345678909", "123.456.789-09", "Canária", "987654321", "98765-4321"}
	for _, path := range []string{"/v1/traffic", "/v1/status", "/v1/payments", "/metrics"} {
		shown := s.call(http.MethodGet, path, supportToken, "")
		for _, canary := range personal {
			if strings.Contains(shown.body, canary) {
				t.Errorf("%s shows %s: %s", path, canary, shown.body)
			}
		}
	}
	s.stop()
	everyFile(t, filepath.Join(filepath.Dir(s.config), "data"), func(path string, content []byte) {
		for _, canary := range personal {
			if strings.Contains(string(content), canary) || strings.Contains(s.log.String(), canary) {
				t.Errorf("%s, or the log, shows %s", path, canary)
			}
		}
	})
}
