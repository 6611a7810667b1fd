package payment

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
	"pdvagent/payments/ideamaker/ideamakersim"
	"pdvagent/payments/sevenaz/sevenazsim"
)

// charge makes a Pix charge.
func charge(s *e2e.Site, key string) e2e.Answer {
	s.Helper()
	return s.Post("/v1/payments", `{"method":"pix","provider":"ideamaker","amount":1500,"reference":"cupom-1","expires_in":300,"customer":{"name":"Maria Canária","document":"123.456.789-09"}}`, "Idempotency-Key", key)
}

func title(s *e2e.Site, key, more string) e2e.Answer {
	s.Helper()
	return s.Post("/v1/titles/sales", `{"product":"seguro","quantity":2,"cpf":"12345678909","phone":"(11) 98765-4321","zip":"12900-001"`+more+`}`, "Idempotency-Key", key)
}

func paid(s *e2e.Site, p ideamakersim.Payment) {
	s.Helper()
	if _, err := s.Clouds.IdeaMaker.Pay(s.Context(), p); err != nil {
		s.Fatal(err)
	}
}

// status waits until a payment has a status.
func status(s *e2e.Site, path, want string) e2e.Answer {
	s.Helper()
	var got e2e.Answer
	s.Until(path+" is "+want, func() bool {
		got = s.Call(http.MethodGet, path+"?wait=1", e2e.TillToken, "")
		return got.Field("status") == want
	})
	return got
}

func TestAPixChargeIsShownWatchedAndPaid(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	first := charge(s, "a")
	code, _ := first.Field("pix.brcode").(string)
	if first.Status != http.StatusCreated || first.Field("status") != "awaiting_payment" || code != s.Clouds.IdeaMaker.Charges()[0].QRCode {
		t.Fatalf("got %d %s", first.Status, first.Body)
	}
	id, _ := first.Field("id").(string)
	again := charge(s, "a")
	if again.Status != http.StatusCreated || again.Field("id") != id || again.Header.Get("X-Agent-Delivery") != "replayed" || len(s.Clouds.IdeaMaker.Charges()) != 1 {
		t.Errorf("the same key again: %d %s", again.Status, again.Body)
	}
	if other := s.Post("/v1/payments", `{"method":"pix","provider":"ideamaker","amount":1501}`, "Idempotency-Key", "a"); other.Status != http.StatusConflict {
		t.Errorf("the key for another amount: %d %s", other.Status, other.Body)
	}
	if qr := s.Call(http.MethodGet, "/v1/payments/"+id+"/qr.png?scale=3", e2e.TillToken, ""); qr.Status != http.StatusOK || !strings.HasPrefix(qr.Body, "\x89PNG") {
		t.Errorf("the picture: %d", qr.Status)
	}
	waited := make(chan e2e.Answer)
	go func() { waited <- s.Call(http.MethodGet, "/v1/payments/"+id+"?wait=25", e2e.TillToken, "") }()
	<-time.After(100 * time.Millisecond)
	paid(s, ideamakersim.Payment{})
	if got := <-waited; got.Field("status") != "completed" || got.Field("received") != 1500.0 || got.Field("pix") != nil {
		t.Errorf("who waited got %s", got.Body)
	}
	if qr := s.Call(http.MethodGet, "/v1/payments/"+id+"/qr.png", e2e.TillToken, ""); qr.Status != http.StatusNotFound {
		t.Errorf("the picture of a paid one: %d", qr.Status)
	}
	if list := s.Call(http.MethodGet, "/v1/payments?status=completed&reference=cupom-1&since=2020-01-01", e2e.TillToken, ""); len(list.Field("payments").([]any)) != 1 {
		t.Errorf("the list: %s", list.Body)
	}
	stream := make(chan e2e.Answer)
	go func() { stream <- s.Call(http.MethodGet, "/v1/events?after=1", e2e.TillToken, "") }()
	<-time.After(200 * time.Millisecond)
	s.Stop()
	if got := <-stream; strings.Contains(got.Body, "id: 1\n") || !strings.Contains(got.Body, `event: payment`) || !strings.Contains(got.Body, `"status":"completed"`) {
		t.Errorf("events: %d %s", got.Status, got.Body)
	}
}

func TestBadPaymentsAreRefusedInWordsAndNothingIsCharged(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
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
		if got := s.Post("/v1/payments", body, "Idempotency-Key", "x"); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, got.Status, got.Body)
		}
	}
	for more, status := range map[string]int{`,"expected_amount":2999`: 409, `,"terms_accepted":false`: 422, `,"quantity":11`: 400, `,"expires_in":0`: 422} {
		if got := title(s, "t"+more, more); got.Status != status {
			t.Errorf("%s: %d %s", more, got.Status, got.Body)
		}
	}
	for body, field := range map[string]string{
		`{"product":"seguro","cpf":"12345678901","phone":"11900000000"}`:               "cpf",
		`{"product":"seguro","cpf":"12345678909","phone":"900"}`:                       "phone",
		`{"product":"seguro","cpf":"12345678909","phone":"11900000000","zip":"123"}`:   "zip",
		`{"product":"nada","cpf":"12345678909","phone":"11900000000"}`:                 "product",
		`{"product":"seguro","quantity":11,"cpf":"12345678909","phone":"11900000000"}`: "quantity",
	} {
		if got := s.Post("/v1/titles/sales", body, "Idempotency-Key", "x"); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, got.Status, got.Body)
		}
	}
	if got := s.Post("/v1/payments", `{"method":"pix","provider":"ideamaker","amount":1500}`); got.Status != http.StatusBadRequest || got.Field("code") != "idempotency_key_missing" {
		t.Errorf("without a key: %d %s", got.Status, got.Body)
	}
	for path, status := range map[string]int{
		"/v1/payments/nothing": 404, "/v1/payments/nothing?wait=-1": 422, "/v1/payments?status=odd": 422, "/v1/titles/products?cep=1234567": 422,
		"/v1/titles/customers/12345678901": 422, "/v1/titles/promotions/nada": 404, "/v1/invoices?document=1": 422, "/v1/invoices/1/payment-data": 404, "/v1/invoices/..%2f1/pdf": 404, "/v1/events?after=x": 422,
	} {
		if got := s.Call(http.MethodGet, path, e2e.TillToken, ""); got.Status != status {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	if n := len(s.Clouds.IdeaMaker.Charges()) + len(s.Clouds.IdeaMaker.Sales()); n != 0 {
		t.Errorf("%d charges and registrations", n)
	}
}

// TestAnsweredRubbishIsNotShownAndStaysWatched has the gateway's code not be what was asked for: nobody sees it, and
// money that comes through it all the same is not lost.
func TestAnsweredRubbishIsNotShownAndStaysWatched(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	for name, spoil := range map[string]func(*ideamakersim.Settings){
		"bad check sum": func(c *ideamakersim.Settings) { c.QR = "bad_crc" },
		"no code":       func(c *ideamakersim.Settings) { c.QR = "none" }, "HTML for a code": func(c *ideamakersim.Settings) { c.QR = "html" },
		"another amount": func(c *ideamakersim.Settings) { c.ChargeAmount = 1 },
	} {
		s.Clouds.IdeaMaker.Reset()
		s.Clouds.IdeaMaker.Set(spoil)
		got := charge(s, name)
		if got.Status != http.StatusCreated || got.Field("status") != "failed" || got.Field("pix") != nil || got.Field("detail") == "" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		paid(s, ideamakersim.Payment{})
		id, _ := got.Field("id").(string)
		status(s, "/v1/payments/"+id, "paid_late")
	}
	status := s.Status()
	if !strings.Contains(status.Body, "payment_attention") {
		t.Errorf("the status says nothing: %s", status.Body)
	}
	list := s.Call(http.MethodGet, "/v1/payments?attention=1", e2e.TillToken, "").Field("payments").([]any)
	for _, entry := range list {
		id := fmt.Sprint(entry.(map[string]any)["id"])
		if got := s.Post("/v1/payments/"+id+"/resolve", `{"reason":"devolvido"}`); got.Field("attention") != false || got.Field("resolution.by") != "caixa" || got.Field("status") != "paid_late" {
			t.Errorf("resolve: %d %s", got.Status, got.Body)
		}
	}
	if len(list) != 4 || strings.Contains(s.Status().Body, "payment_attention") {
		t.Errorf("%d asked, and they still ask", len(list))
	}
}

func TestATitleIsSoldFromTheCPFToTheReceipt(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	for cpf, found := range map[string]bool{"12345678909": true, "529.982.247-25": false} {
		if got := s.Call(http.MethodGet, "/v1/titles/customers/"+cpf, e2e.TillToken, ""); got.Field("found") != found {
			t.Errorf("%s: %d %s", cpf, got.Status, got.Body)
		}
	}
	for _, shape := range []string{"bare", "wrapped", "objects"} {
		s.Clouds.IdeaMaker.Set(func(c *ideamakersim.Settings) { c.Products = shape })
		var list []struct {
			Product   string
			Promotion struct{ Price int }
		}
		got := s.Call(http.MethodGet, "/v1/titles/products?cep=12900-001", e2e.TillToken, "")
		if err := json.Unmarshal([]byte(got.Body), &list); err != nil || len(list) != 1 || list[0].Promotion.Price != 1500 {
			t.Errorf("%s: %s", shape, got.Body)
		}
	}
	if got := s.Call(http.MethodGet, "/v1/titles/promotions/seguro", e2e.TillToken, ""); got.Field("draw_date") != "2036-12-05 20:00:00" {
		t.Errorf("got %s", got.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/titles/promotions/seguro/regulation", e2e.TillToken, ""); got.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(got.Body, "%PDF") {
		t.Errorf("the regulation: %d %q", got.Status, got.Body)
	}
	if err := s.Clouds.IdeaMaker.Add(simkit.Fault{Route: "regulation", Fault: "html", Times: 1}); err != nil {
		t.Fatal(err)
	}
	if got := s.Call(http.MethodGet, "/v1/titles/promotions/seguro/regulation", e2e.TillToken, ""); got.Status != http.StatusServiceUnavailable {
		t.Errorf("a portal's page as the regulation: %d %q", got.Status, got.Body)
	}
	sold := title(s, "t", `,"expected_amount":3000,"terms_accepted":true`)
	id, _ := sold.Field("id").(string)
	if sold.Status != http.StatusCreated || sold.Field("protocol") != s.Clouds.IdeaMaker.Sales()[0].Protocol || sold.Field("payment.amount") != 3000.0 {
		t.Fatalf("got %d %s", sold.Status, sold.Body)
	}
	if charge := s.Clouds.IdeaMaker.Charges()[0]; charge.CustomCode != sold.Field("protocol") || charge.Expire != 300 {
		t.Errorf("charged %+v", charge)
	}
	paid(s, ideamakersim.Payment{})
	done := status(s, "/v1/titles/sales/"+id, "completed")
	if titles, _ := done.Field("titles").([]any); len(titles) != 1 || done.Field("legal_text") == "" {
		t.Errorf("got %s", done.Body)
	}
	if s.Clouds.IdeaMaker.Sales()[0].Confirmed != 1 {
		t.Errorf("confirmed %d times", s.Clouds.IdeaMaker.Sales()[0].Confirmed)
	}
}

func TestTheExpiryEndsBeforeTheDayOfTheDraw(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	zone := time.FixedZone("BRT", -3*3600)
	draw := func(at time.Time) {
		t.Helper()
		if err := s.Clouds.IdeaMaker.Promote("seguro", fmt.Sprintf(`{"titulo":"X","valorPromocao":7.5,"dataSorteioPrincipal":%q}`, at.In(zone).Format("02/01/2006 15:04:05"))); err != nil {
			t.Fatal(err)
		}
	}
	draw(time.Now())
	if got := title(s, "late", ""); got.Status != http.StatusConflict {
		t.Errorf("on the day of the draw: %d %s", got.Status, got.Body)
	}
	draw(time.Now().Add(48 * time.Hour))
	if got := title(s, "early", ""); got.Status != http.StatusCreated || s.Clouds.IdeaMaker.Charges()[0].Expire != 300 || got.Field("payment.amount") != 1500.0 {
		t.Errorf("two days before: %d %s", got.Status, got.Body)
	}
}

func TestAnInvoiceIsPaidOrSaysWhyNot(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	list := s.Call(http.MethodGet, "/v1/invoices?document=12.abc.345/01de-35", e2e.TillToken, "")
	if invoices, _ := list.Field("invoices").([]any); len(invoices) != 1 {
		t.Errorf("a CNPJ with letters: %s", list.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/invoices/900001/payment-data", e2e.TillToken, ""); got.Field("amount") != 7725.0 {
		t.Errorf("got %s", got.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/invoices/900001/pdf", e2e.TillToken, ""); !strings.HasPrefix(got.Body, "%PDF") {
		t.Errorf("got %q", got.Body)
	}
	s.Clouds.SevenAZ.Set(func(c *sevenazsim.Settings) { c.PDF = "html" })
	if got := s.Call(http.MethodGet, "/v1/invoices/900001/pdf", e2e.TillToken, ""); got.Status != http.StatusServiceUnavailable {
		t.Errorf("HTML that says it is a PDF: %d %q", got.Status, got.Body)
	}
	if got := s.Post("/v1/invoices/900002/payments", `{}`, "Idempotency-Key", "b"); got.Status != http.StatusConflict || !strings.Contains(got.Body, "boleto") {
		t.Errorf("by boleto only: %d %s", got.Status, got.Body)
	}
	if got := s.Post("/v1/invoices/900001/payments", `{"expected_amount":7500}`, "Idempotency-Key", "c"); got.Status != http.StatusConflict {
		t.Errorf("another amount: %d %s", got.Status, got.Body)
	}
	made := s.Post("/v1/invoices/900001/payments", `{"expected_amount":7725}`, "Idempotency-Key", "d")
	id, _ := made.Field("id").(string)
	if made.Status != http.StatusCreated || made.Field("pix.brcode") == nil {
		t.Fatalf("got %d %s", made.Status, made.Body)
	}
	if got := s.Post("/v1/invoices/900001/payments", `{}`, "Idempotency-Key", "d2"); got.Status != http.StatusConflict || !strings.Contains(got.Body, id) {
		t.Errorf("a second payment of it: %d %s", got.Status, got.Body)
	}
	s.Post("/v1/payments/"+id+"/cancel", "{}")
	again := s.Post("/v1/invoices/900001/payments", `{}`, "Idempotency-Key", "d3")
	if err := s.Clouds.SevenAZ.Pay("900001"); err != nil {
		t.Fatal(err)
	}
	status(s, "/v1/payments/"+fmt.Sprint(again.Field("id")), "completed")
	<-time.After(3 * time.Second)
	if got := s.Call(http.MethodGet, "/v1/payments/"+id, e2e.TillToken, ""); got.Field("status") != "canceled" || got.Field("attention") != false {
		t.Errorf("the money of the second counts for the first, too: %s", got.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/invoices/900001/pix-status", e2e.TillToken, ""); got.Field("paid") != true {
		t.Errorf("got %s", got.Body)
	}
	if got := s.Post("/v1/invoices/900001/payments", `{}`, "Idempotency-Key", "e"); got.Status != http.StatusConflict {
		t.Errorf("a paid invoice: %d %s", got.Status, got.Body)
	}
	if got := s.Post("/v1/invoices/email", `{"contract":"147001"}`); got.Field("sent") != true || len(s.Clouds.SevenAZ.Mails()) != 1 {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if got := s.Post("/v1/invoices/email", `{"contract":"147001","document":"12345678909"}`); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("both: %d %s", got.Status, got.Body)
	}
}

func TestAnIDOfAnotherKindIsNotATitle(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	id, _ := charge(s, "a").Field("id").(string)
	if got := s.Call(http.MethodGet, "/v1/titles/sales/"+id, e2e.TillToken, ""); got.Status != http.StatusNotFound {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

func TestACanceledChargeThatIsPaidAsksForAPerson(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	id, _ := charge(s, "a").Field("id").(string)
	if got := s.Post("/v1/payments/"+id+"/cancel", `{}`); got.Field("status") != "canceled" || got.Field("pix") != nil {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	paid(s, ideamakersim.Payment{Amount: 1400})
	if got := status(s, "/v1/payments/"+id, "paid_late"); got.Field("attention") != true || !strings.Contains(fmt.Sprint(got.Field("detail")), "R$ 14,00") {
		t.Errorf("got %s", got.Body)
	}
}

func TestPaymentsWithoutConfigurationSaySo(t *testing.T) {
	s := e2e.NewSite(t).Start()
	for _, path := range []string{"/v1/payments", "/v1/payments/x", "/v1/titles/customers/12345678909", "/v1/titles/products?cep=12900001", "/v1/invoices?document=12345678909", "/v1/invoices/1/pdf"} {
		if got := s.Call(http.MethodGet, path, e2e.TillToken, ""); got.Status != http.StatusNotFound || got.Field("code") != "not_configured" {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
}

// TestNoticesOfTheGatewayOnlyHurry sends true, forged and unknown ones, in every envelope.
func TestNoticesOfTheGatewayOnlyHurry(t *testing.T) {
	hook, err := rig.FreeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const secret = "abcdefghijklmnopqrstuv"
	s := e2e.NewSiteWithPayments(t)
	s.EditConfig("sevenaz: {base_url", "webhook: {listen: '"+hook+"', path_secret: "+secret+"}, sevenaz: {base_url")
	s.Start()
	for _, envelope := range []string{"event", "data", "bare", "jsonPayload"} {
		s.Clouds.IdeaMaker.Set(func(c *ideamakersim.Settings) { c.Envelope, c.Webhook = envelope, "http://"+hook+"/"+secret })
		id, _ := charge(s, envelope).Field("id").(string)
		charge := s.Clouds.IdeaMaker.Charges()[len(s.Clouds.IdeaMaker.Charges())-1]
		if err := s.Clouds.IdeaMaker.Notify(t.Context(), charge.ID, 3); err != nil { // before the money: they change nothing
			t.Errorf("%s: %v", envelope, err)
		}
		if got := s.Call(http.MethodGet, "/v1/payments/"+id, e2e.TillToken, ""); got.Field("status") != "awaiting_payment" {
			t.Errorf("%s, before the money: %s", envelope, got.Body)
		}
		paid(s, ideamakersim.Payment{Times: 1})
		status(s, "/v1/payments/"+id, "completed")
	}
}

// TestNothingPersonalOfAPaymentIsSeen looks for the payer in everything that the agent writes.
func TestNothingPersonalOfAPaymentIsSeen(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	id, _ := charge(s, "a").Field("id").(string)
	title(s, "t", "")
	s.Call(http.MethodGet, "/v1/titles/customers/12345678909", e2e.TillToken, "")
	s.Call(http.MethodGet, "/v1/invoices?document=12345678909", e2e.TillToken, "")
	status(s, "/v1/payments/"+id, "awaiting_payment")
	personal := []string{"12345678909", "123.456.789-09", "Canária", "987654321", "98765-4321"}
	for _, path := range []string{"/v1/traffic", "/v1/status", "/v1/payments", "/metrics"} {
		shown := s.Call(http.MethodGet, path, e2e.SupportToken, "")
		for _, canary := range personal {
			if strings.Contains(shown.Body, canary) {
				t.Errorf("%s shows %s: %s", path, canary, shown.Body)
			}
		}
	}
	s.Stop()
	e2e.EachFile(t, s.DataDir(), func(path string, content []byte) {
		for _, canary := range personal {
			if strings.Contains(string(content), canary) || strings.Contains(s.AgentLog.String(), canary) {
				t.Errorf("%s, or the log, shows %s", path, canary)
			}
		}
	})
}
