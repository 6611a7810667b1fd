package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/paying/checkout"
	"pdvagent/payments"
	"pdvagent/payments/ideamaker"
	"pdvagent/payments/sevenaz"
)

// awaited is a payment whose code is to be shown.
func awaited() payments.Payment {
	return payments.Payment{
		ID: "p-1", Kind: payments.KindPix, Provider: "ideamaker", State: payments.AwaitingPayment, Amount: 1500, Reference: "caixa 12", CreatedAt: noon(), UpdatedAt: noon(),
		ExpiresAt: noon().Add(5 * time.Minute), Attempts: []payments.Attempt{{ExternalID: "x", GatewayID: "g", BRCode: "00020126...6304ABCD"}},
		Events: []payments.Event{{At: noon(), Source: "api", Type: "created", State: payments.AwaitingPayment}},
	}
}

const charge = `{"method":"pix","provider":"ideamaker","amount":1500,"reference":"caixa 12"}`

func TestPaymentIsOrderedAsTheTillSaysIt(t *testing.T) {
	f := newFixture(t)
	f.paying.payments.payment = awaited()
	got := f.post("/v1/payments", charge, "Idempotency-Key", " key-1 ").want(http.StatusCreated)
	for path, want := range map[string]any{
		"id": "p-1", "kind": "pix", "method": "pix", "status": "awaiting_payment", "amount": 1500, "pix.brcode": "00020126...6304ABCD", "expires_at": "2026-05-14T15:05:00Z", "attention": false, "paid_at": nil, "received": nil, "events": nil,
	} {
		got.wantField(path, want)
	}
	if got.header.Get("Location") != "/v1/payments/p-1" || got.header.Get("X-Agent-Delivery") != "live" {
		t.Errorf("got %v", got.header)
	}
	order := f.paying.payments.order
	if order.Key != "key-1" || order.Kind != payments.KindPix || order.Provider != "ideamaker" || order.Amount != 1500 || order.Reference != "caixa 12" || order.ExpiresIn != 300 || order.Text != "Pagamento no caixa" || order.Patience != 10*time.Second {
		t.Errorf("ordered %+v", order)
	}
	f.paying.payments.replayed = true
	full := `{"customer":{"document":"529.982.247-25","name":"Maria"},"expires_in":"86400","amount":"1500","method":"pix","description":"Compra","reference":"caixa 12","provider":"ideamaker"}`
	got = f.post("/v1/payments", full, "Idempotency-Key", "key-1").want(http.StatusCreated)
	if got.header.Get("X-Agent-Delivery") != "replayed" {
		t.Errorf("got %v", got.header)
	}
	if o := f.paying.payments.order; o.ExpiresIn != 86400 || o.Text != "Compra" || o.Customer != (payments.Customer{Name: "Maria", Document: agenttest.CPF}) || o.Fingerprint == order.Fingerprint {
		t.Errorf("ordered %+v", o)
	}
}

// The fingerprint tells what was asked from how it was spelled.
func TestFingerprintDoesNotDependOnSpelling(t *testing.T) {
	f := newFixture(t)
	var prints []agent.Fingerprint
	for _, body := range []string{charge, `{ "amount" : 1500, "reference":"caixa 12", "provider":"ideamaker","method":"pix" }`, strings.Replace(charge, "1500", "1501", 1)} {
		f.post("/v1/payments", body, "Idempotency-Key", "k").want(http.StatusCreated)
		prints = append(prints, f.paying.payments.order.Fingerprint)
	}
	if prints[0] != prints[1] || prints[0] == prints[2] {
		t.Errorf("got %x", prints)
	}
}

func TestEveryFaultOfAPaymentIsNamed(t *testing.T) {
	f := newFixture(t)
	for name, c := range map[string]struct {
		body   string
		fields []string
	}{
		"nothing":               {`{}`, []string{"method", "provider", "amount"}},
		"everything else":       {`{"method":"card","provider":"bank","amount":1.5,"expires_in":0,"reference":true,"description":"a\u0000b","customer":{"document":"12345678901"}}`, []string{"method", "provider", "amount", "reference", "expires_in", "customer.document", "description"}},
		"reais instead of cent": {strings.Replace(charge, "1500", "15.00", 1), []string{"amount"}},
		"nothing to pay":        {strings.Replace(charge, "1500", "0", 1), []string{"amount"}},
		"negative":              {strings.Replace(charge, "1500", "-5", 1), []string{"amount"}},
		"too much":              {strings.Replace(charge, "1500", "100000000", 1), []string{"amount"}},
		"too long a day":        {strings.Replace(charge, `"amount"`, `"expires_in":86401,"amount"`, 1), []string{"expires_in"}},
		"a long reference":      {strings.Replace(charge, "caixa 12", strings.Repeat("é", 101), 1), []string{"reference"}},
		"null is nothing":       {strings.Replace(charge, "1500", "null", 1), []string{"amount"}},
	} {
		got := f.post("/v1/payments", c.body, "Idempotency-Key", "k")
		if got.wantProblem(http.StatusUnprocessableEntity, "invalid", c.fields...); t.Failed() {
			t.Fatal(name)
		}
	}
	f.post("/v1/payments", charge).wantProblem(http.StatusBadRequest, "idempotency_key_missing")
	f.post("/v1/payments", charge, "Idempotency-Key", strings.Repeat("k", 256)).wantProblem(http.StatusUnprocessableEntity, "invalid", "Idempotency-Key")
	f.post("/v1/payments", `[1]`, "Idempotency-Key", "k").wantProblem(http.StatusUnprocessableEntity, "invalid")
	f.post("/v1/payments", `{`, "Idempotency-Key", "k").wantProblem(http.StatusBadRequest, "malformed")
	f.post("/v1/payments", `{"x":"`+strings.Repeat("x", 64<<10)+`"}`, "Idempotency-Key", "k").wantProblem(http.StatusRequestEntityTooLarge, "too_large")
	if f.paying.payments.created != 0 {
		t.Errorf("%d payments were made", f.paying.payments.created)
	}
	f.paying.payments.err = fmt.Errorf("commit: %w", agent.ErrStoreFull)
	f.post("/v1/payments", charge, "Idempotency-Key", "k").wantProblem(http.StatusInsufficientStorage, "store_full")
	if list := f.alarms.List(); len(list) != 1 || list[0].Code != agent.AlarmStoreFull {
		t.Errorf("alarms: %+v", list)
	}
}

func TestPaymentIsWatchedAsLongAsTheTillAsks(t *testing.T) {
	f := newFixture(t)
	f.paying.payments.payment = awaited()
	for query, want := range map[string]time.Duration{"": 0, "?wait=25": 25 * time.Second, "?wait=3600": 30 * time.Second, "?wait=0": 0} {
		got := f.get("/v1/payments/p-1" + query).want(http.StatusOK)
		got.wantField("events.0.type", "created")
		if f.paying.payments.asked != "p-1" || f.paying.payments.patience != want {
			t.Errorf("%s: watched %s for %v", query, f.paying.payments.asked, f.paying.payments.patience)
		}
	}
	f.get("/v1/payments/p-1?wait=-1").wantProblem(http.StatusUnprocessableEntity, "invalid", "wait")
	f.get("/v1/payments/p-1?wait=long").wantProblem(http.StatusUnprocessableEntity, "invalid", "wait")
	f.paying.payments.err = agent.Errorf(agent.CodeNotFound, nil, "Não há pagamento com este id.")
	f.get("/v1/payments/p-2").wantProblem(http.StatusNotFound, "not_found")
}

func TestWatcherIsAnsweredWhenTheAgentStops(t *testing.T) {
	f := newFixture(t)
	f.paying.payments.payment = awaited()
	f.paying.payments.watched = func(ctx context.Context) {
		close(f.stop)
		<-ctx.Done()
	}
	f.get("/v1/payments/p-1?wait=30").want(http.StatusOK)
}

func TestPaidPaymentShowsNoCodeAndWhatCame(t *testing.T) {
	f := newFixture(t)
	p := awaited()
	p.State, p.PaidAt, p.Received, p.Attention = payments.Conflicted, noon(), 1400, true
	p.Resolution = &payments.Resolution{By: "suporte", At: noon(), Reason: "devolvido"}
	f.paying.payments.payment = p
	got := f.get("/v1/payments/p-1").want(http.StatusOK)
	for path, want := range map[string]any{"status": "conflicted", "pix": nil, "received": 1400, "paid_at": "2026-05-14T15:00:00Z", "attention": true, "resolution.reason": "devolvido"} {
		got.wantField(path, want)
	}
	f.get("/v1/payments/p-1/qr.png").wantProblem(http.StatusNotFound, "not_found")
	f.paying.payments.payment = payments.Payment{ID: "p-1", State: payments.Registering}
	got = f.get("/v1/payments/p-1").want(http.StatusOK)
	got.wantField("pix", nil)
	got.wantField("expires_at", nil)
}

func TestCodeIsDrawnAtTheScaleThatIsAsked(t *testing.T) {
	f := newFixture(t)
	f.paying.payments.payment = awaited()
	width := func(query string) int {
		got := f.get("/v1/payments/p-1/qr.png" + query).want(http.StatusOK)
		if got.header.Get("Content-Type") != "image/png" {
			t.Errorf("got %v", got.header)
		}
		drawn, err := png.Decode(strings.NewReader(got.body))
		if err != nil {
			t.Fatal(err)
		}
		return drawn.Bounds().Dx()
	}
	if one, ten := width("?scale=1"), width("?scale=10"); ten != 10*one || width("") <= one {
		t.Errorf("widths %d and %d, %d by default", one, ten, width(""))
	}
	for _, scale := range []string{"0", "21", "x"} {
		f.get("/v1/payments/p-1/qr.png?scale="+scale).wantProblem(http.StatusUnprocessableEntity, "invalid", "scale")
	}
	var view struct {
		Pix struct {
			QR []byte `json:"qr_png"`
		}
	}
	f.get("/v1/payments/p-1").decode(&view)
	if _, err := png.Decode(bytes.NewReader(view.Pix.QR)); err != nil {
		t.Errorf("the picture of the view: %v", err)
	}
	p := awaited()
	p.Attempts[0].QR = []byte("the vendor's own")
	f.paying.payments.payment = p
	if f.get("/v1/payments/p-1").decode(&view); string(view.Pix.QR) != "the vendor's own" {
		t.Errorf("got %q", view.Pix.QR)
	}
	f.paying.payments.err = agent.Errorf(agent.CodeNotFound, nil, "Não há pagamento com este id.")
	f.get("/v1/payments/p-1/qr.png").wantProblem(http.StatusNotFound, "not_found")
}

func TestPaymentIsCancelledAndResolved(t *testing.T) {
	f := newFixture(t)
	f.paying.payments.payment = awaited()
	f.post("/v1/payments/p-1/cancel", "").want(http.StatusOK).wantField("id", "p-1")
	if f.paying.payments.asked != "cancel p-1" {
		t.Errorf("asked %s", f.paying.payments.asked)
	}
	f.post("/v1/payments/p-1/resolve", `{"reason":"devolvido ao cliente"}`).want(http.StatusOK)
	if f.paying.payments.asked != "p-1|chefe|devolvido ao cliente" {
		t.Errorf("asked %s", f.paying.payments.asked)
	}
	f.post("/v1/payments/p-1/resolve", `{"reason":" "}`).wantProblem(http.StatusUnprocessableEntity, "invalid", "reason")
	f.paying.payments.err = fmt.Errorf("commit: %w", agent.ErrStoreClosed)
	f.post("/v1/payments/p-1/cancel", "").wantProblem(http.StatusServiceUnavailable, "store_failed")
	f.post("/v1/payments/p-1/resolve", `{"reason":"x"}`).wantProblem(http.StatusServiceUnavailable, "store_failed")
}

func TestPaymentsAreListedWithoutTheirCodes(t *testing.T) {
	f := newFixture(t)
	f.paying.payments.list = []payments.Payment{awaited()}
	got := f.get("/v1/payments?status=awaiting_payment&since=2026-05-14&reference=caixa%2012&attention=1").want(http.StatusOK)
	got.wantField("payments.0.id", "p-1")
	got.wantField("payments.0.pix", nil)
	want := checkout.Filter{State: payments.AwaitingPayment, Since: time.Date(2026, 5, 14, 0, 0, 0, 0, shopZone()), Reference: "caixa 12", Attention: true, Limit: 500}
	if filter := f.paying.payments.filter; !filter.Since.Equal(want.Since) || filter.State != want.State || filter.Reference != want.Reference || !filter.Attention || filter.Limit != want.Limit {
		t.Errorf("asked %+v, want %+v", filter, want)
	}
	f.get("/v1/payments?status=gone&since=x").wantProblem(http.StatusUnprocessableEntity, "invalid", "status", "since")
	f.paying.payments.list = nil
	f.get("/v1/payments").want(http.StatusOK).wantField("payments", "[]")
	f.paying.payments.err = errFailed
	f.get("/v1/payments").wantProblem(http.StatusInternalServerError, "internal")
}

// promotion is one that is for sale.
func promotion() ideamaker.Promotion {
	return ideamaker.Promotion{Product: "P-1", Title: "Vale Sorte", Price: 1000, RegulationURL: "https://x/r.pdf", DrawDate: "2026-05-16 20:00:00", MinQuantity: 1, MaxQuantity: 5}
}

func titleFixture(t *testing.T) *fixture {
	f := newFixture(t)
	f.paying.titles.promotions = map[string]ideamaker.Promotion{"P-1": promotion()}
	f.paying.payments.payment = awaited()
	return f
}

func TestTitlesAreLookedUp(t *testing.T) {
	f := titleFixture(t)
	for _, found := range []bool{true, false} {
		f.paying.titles.found = found
		f.get("/v1/titles/customers/529.982.247-25").want(http.StatusOK).wantField("found", found)
	}
	if f.paying.titles.asked != agenttest.CPF {
		t.Errorf("asked %s", f.paying.titles.asked)
	}
	f.get("/v1/titles/customers/"+agenttest.BadCPF).wantProblem(http.StatusUnprocessableEntity, "invalid", "cpf")
	f.get("/v1/titles/customers/"+agenttest.CNPJ).wantProblem(http.StatusUnprocessableEntity, "invalid", "cpf")
	f.paying.titles.codes = []string{"P-1", "SOLD-OUT"}
	got := f.get("/v1/titles/products?cep=01001-000").want(http.StatusOK)
	got.wantField("0.product", "P-1")
	got.wantField("0.promotion.price", 1000)
	got.wantField("1", nil)
	f.get("/v1/titles/products?cep=123").wantProblem(http.StatusUnprocessableEntity, "invalid", "cep")
	f.get("/v1/titles/promotions/P-1").want(http.StatusOK).wantField("title", "Vale Sorte")
	f.get("/v1/titles/promotions/P-2").wantProblem(http.StatusNotFound, "not_found")
	f.get("/v1/titles/promotions/"+strings.Repeat("x", 61)).wantProblem(http.StatusNotFound, "not_found")
}

func TestRegulationIsPassedOnAsTheDocumentThatItIs(t *testing.T) {
	f := titleFixture(t)
	for text, media := range map[string]string{"%PDF-1.7 text": "application/pdf", "\x89PNG\r\n\x1a\n....": "image/png", "<html>login</html>": ""} {
		f.paying.titles.document = document(text)
		got := f.get("/v1/titles/promotions/P-1/regulation")
		if media == "" {
			got.wantProblem(http.StatusServiceUnavailable, "cloud_away")
			continue
		}
		if got.want(http.StatusOK); got.body != text || got.header.Get("Content-Type") != media || got.header.Get("Content-Security-Policy") != "sandbox" {
			t.Errorf("got %q %v", got.body, got.header)
		}
	}
	silent := promotion()
	silent.RegulationURL = ""
	f.paying.titles.promotions["P-1"] = silent
	f.get("/v1/titles/promotions/P-1/regulation").wantProblem(http.StatusNotFound, "not_found")
}

// A document that breaks off must not look complete to who reads it.
func TestDocumentThatBreaksOffEndsTheConnection(t *testing.T) {
	f := titleFixture(t)
	f.paying.titles.document = document("")
	f.paying.titles.document.ReadCloser = io.NopCloser(io.MultiReader(strings.NewReader("%PDF-1.7 "+strings.Repeat("x", 100_000)), failing{}))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.serve()+"/v1/titles/promotions/P-1/regulation", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+tillToken)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.ReadAll(response.Body); err == nil {
		t.Error("half a document ended like a complete one")
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errFailed }

const ticket = `{"product":"P-1","quantity":2,"cpf":"52998224725","phone":"(41) 98776-2038","zip":"01001-000","name":"Maria","terms_accepted":true,"expected_amount":2000,"reference":"r"}`

func TestTitleIsSoldAtTodaysPrice(t *testing.T) {
	f := titleFixture(t)
	p := awaited()
	p.Kind, p.Attempts[0].Protocol = payments.KindTitle, "PROTO"
	p.Order, p.Result = json.RawMessage(`{"product":"P-1","quantity":2}`), json.RawMessage(`{"titles":[{"numero":"1"}],"legal_text":"texto"}`)
	f.paying.payments.payment = p
	got := f.post("/v1/titles/sales", ticket, "Idempotency-Key", "k").want(http.StatusCreated)
	for path, want := range map[string]any{
		"id": "p-1", "status": "awaiting_payment", "protocol": "PROTO", "product": "P-1", "quantity": 2, "payment.id": "p-1", "payment.kind": "title", "titles.0.numero": "1", "legal_text": "texto",
	} {
		got.wantField(path, want)
	}
	order := f.paying.payments.order
	if order.Kind != payments.KindTitle || order.Amount != 2000 || order.ExpiresIn != 300 || order.Customer != (payments.Customer{Name: "Maria", Document: agenttest.CPF}) || order.Reference != "r" ||
		!strings.HasPrefix(order.Text, "Vale Sorte, pague e concorra.") || string(order.Order) != `{"product":"P-1","quantity":2,"cpf":"52998224725","phone":"41987762038","zip":"01001000"}` {
		t.Errorf("ordered %+v, %s", order, order.Order)
	}
	got = f.get("/v1/titles/sales/p-1?wait=3").want(http.StatusOK)
	got.wantField("protocol", "PROTO")
	f.paying.payments.payment = awaited()
	f.get("/v1/titles/sales/p-1").wantProblem(http.StatusNotFound, "not_found")
}

func TestTitleThatCannotBeSoldIsRefusedBeforeItIsCharged(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		change   func(p *ideamaker.Promotion)
		status   int
		code     string
		fields   []string
	}{
		"an unknown product":      {`"P-1"`, `"P-9"`, nil, 422, "invalid", []string{"product"}},
		"no product's code":       {`"P-1"`, `"a b"`, nil, 422, "invalid", []string{"product"}},
		"too many":                {`:2,`, `:6,`, nil, 422, "invalid", []string{"quantity"}},
		"too few":                 {``, ``, func(p *ideamaker.Promotion) { p.MinQuantity = 3 }, 422, "invalid", []string{"quantity"}},
		"more than a Pix":         {`2000`, `90000000`, func(p *ideamaker.Promotion) { p.Price = 90_000_000 }, 422, "invalid", []string{"quantity"}},
		"another price":           {`2000`, `1999`, nil, 409, "conflict", nil},
		"the draw is today":       {``, ``, func(p *ideamaker.Promotion) { p.DrawDate = "2026-05-14 20:00:00" }, 409, "conflict", nil},
		"the terms not accepted":  {`true`, `false`, nil, 422, "invalid", []string{"terms_accepted"}},
		"a wrong phone and zip":   {`"(41) 98776-2038","zip":"01001-000"`, `"123","zip":"1"`, nil, 422, "invalid", []string{"phone", "zip"}},
		"a company's document":    {agenttest.CPF, agenttest.CNPJ, nil, 422, "invalid", []string{"cpf"}},
		"nothing that it asks of": {ticket, `{}`, nil, 422, "invalid", []string{"product", "cpf", "phone"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := titleFixture(t)
			if c.change != nil {
				p := promotion()
				c.change(&p)
				f.paying.titles.promotions["P-1"] = p
			}
			f.post("/v1/titles/sales", strings.Replace(ticket, c.from, c.to, 1), "Idempotency-Key", "k").wantProblem(c.status, c.code, c.fields...)
			if f.paying.payments.created != 0 {
				t.Error("it was charged")
			}
		})
	}
}

// The code of a title ends two minutes before the day of the draw.
func TestTitleExpiresBeforeTheDraw(t *testing.T) {
	untilMidnight := int((12*time.Hour - 2*time.Minute).Seconds())
	for draw, want := range map[string]int{"2026-05-15 20:00:00": untilMidnight, "2026-06-15 20:00:00": 86_400, "soon": 86_400, "": 86_400} {
		f := titleFixture(t)
		p := promotion()
		p.DrawDate = draw
		f.paying.titles.promotions["P-1"] = p
		f.post("/v1/titles/sales", strings.Replace(ticket, `"quantity"`, `"expires_in":86400,"quantity"`, 1), "Idempotency-Key", "k").want(http.StatusCreated)
		if got := f.paying.payments.order.ExpiresIn; got != want {
			t.Errorf("draw %q: expires in %d s, want %d", draw, got, want)
		}
	}
}

// The price of a repeated sale is the one of the first: it is not asked again.
func TestRepeatedTitleIsNotPricedAgain(t *testing.T) {
	f := titleFixture(t)
	known := awaited()
	f.paying.payments.repeated, f.paying.payments.replayed = &known, true
	f.paying.titles.promotions = nil
	if got := f.post("/v1/titles/sales", ticket, "Idempotency-Key", "k").want(http.StatusCreated); got.header.Get("X-Agent-Delivery") != "replayed" {
		t.Errorf("got %v", got.header)
	}
	f.paying.invoices.err = errFailed
	f.post("/v1/invoices/7/payments", `{}`, "Idempotency-Key", "k").want(http.StatusCreated)
}

func TestInvoicesAreLookedUp(t *testing.T) {
	f := newFixture(t)
	f.paying.invoices.list, f.paying.invoices.unread = []sevenaz.Invoice{{ID: "7", Amount: 9900, Status: "open"}}, 2
	f.paying.invoices.data = sevenaz.PaymentData{ID: "7", Amount: 9900, BRCode: "code"}
	got := f.get("/v1/invoices?document=11.222.333/0001-81").want(http.StatusOK)
	got.wantField("invoices.0.amount", 9900)
	got.wantField("unread", 2)
	if f.paying.invoices.asked != agenttest.CNPJ {
		t.Errorf("asked %s", f.paying.invoices.asked)
	}
	f.get("/v1/invoices?document="+agenttest.BadCPF).wantProblem(http.StatusUnprocessableEntity, "invalid", "document")
	f.get("/v1/invoices/7/payment-data").want(http.StatusOK).wantField("brcode", "code")
	for status, paid := range map[string]bool{"paid": true, "pending": false, "unknown": false} {
		f.paying.invoices.status = status
		got := f.get("/v1/invoices/7/pix-status").want(http.StatusOK)
		got.wantField("paid", paid)
		got.wantField("status", status)
	}
	f.paying.invoices.pdf = document("%PDF-1.4 fatura")
	if got := f.get("/v1/invoices/7/pdf").want(http.StatusOK); got.body != "%PDF-1.4 fatura" || got.header.Get("Content-Type") != "application/pdf" {
		t.Errorf("got %q %v", got.body, got.header)
	}
	f.paying.invoices.pdf = document("\x89PNG\r\n\x1a\n....")
	f.get("/v1/invoices/7/pdf").wantProblem(http.StatusServiceUnavailable, "cloud_away")
	for _, route := range []string{"payment-data", "pdf", "pix-status"} {
		f.get("/v1/invoices/a%20b/"+route).wantProblem(http.StatusNotFound, "not_found")
	}
}

func TestInvoiceIsPaidAtWhatItCostsNow(t *testing.T) {
	f := newFixture(t)
	f.paying.payments.payment = awaited()
	f.paying.invoices.data = sevenaz.PaymentData{ID: "7", Amount: 9900, BRCode: "code"}
	f.post("/v1/invoices/7/payments", `{"expected_amount":9900,"reference":"r"}`, "Idempotency-Key", "k").want(http.StatusCreated).wantField("id", "p-1")
	order := f.paying.payments.order
	if order.Kind != payments.KindInvoice || order.Provider != "sevenaz" || order.Amount != 9900 || order.Debt != "7" || order.ExpiresIn != 600 || order.Reference != "r" || string(order.Order) != `{"invoice":"7"}` {
		t.Errorf("ordered %+v, %s", order, order.Order)
	}
	for name, c := range map[string]struct {
		change func(f *invoicesFake)
		body   string
	}{
		"no Pix":        {func(f *invoicesFake) { f.data.BRCode = "" }, `{}`},
		"nothing due":   {func(f *invoicesFake) { f.data.Amount = 0 }, `{}`},
		"too much":      {func(f *invoicesFake) { f.data.Amount = 100_000_000 }, `{}`},
		"another price": {func(*invoicesFake) {}, `{"expected_amount":9800}`},
		"paid already":  {func(f *invoicesFake) { f.status = "paid" }, `{}`},
	} {
		f := newFixture(t)
		f.paying.invoices.data = sevenaz.PaymentData{ID: "7", Amount: 9900, BRCode: "code"}
		c.change(f.paying.invoices)
		got := f.post("/v1/invoices/7/payments", c.body, "Idempotency-Key", "k")
		if got.wantProblem(http.StatusConflict, "conflict"); f.paying.payments.created != 0 {
			t.Errorf("%s: it was charged", name)
		}
	}
	f.post("/v1/invoices/7/payments", `{}`).wantProblem(http.StatusBadRequest, "idempotency_key_missing")
	f.post("/v1/invoices/7/payments", `{"expected_amount":"x"}`, "Idempotency-Key", "k").wantProblem(http.StatusUnprocessableEntity, "invalid", "expected_amount")
}

func TestInvoicesAreMailedOfADocumentOrAContract(t *testing.T) {
	f := newFixture(t)
	for body, want := range map[string]string{`{"document":"529.982.247-25"}`: "|" + agenttest.CPF, `{"contract":"C-7"}`: "C-7|"} {
		f.post("/v1/invoices/email", body).want(http.StatusOK).wantField("sent", true)
		if f.paying.invoices.asked != want {
			t.Errorf("%s: asked %s", body, f.paying.invoices.asked)
		}
	}
	f.paying.invoices.asked = ""
	for body, field := range map[string]string{`{}`: "document", `{"document":"52998224725","contract":"C"}`: "document", `{"contract":"a b"}`: "contract", `{"document":"12345678901"}`: "document"} {
		f.post("/v1/invoices/email", body).wantProblem(http.StatusUnprocessableEntity, "invalid", field)
	}
	if f.paying.invoices.asked != "" {
		t.Errorf("asked %s", f.paying.invoices.asked)
	}
	f.paying.invoices.err = &payments.Failure{Class: payments.Away}
	f.post("/v1/invoices/email", `{"contract":"C"}`).wantProblem(http.StatusServiceUnavailable, "cloud_away")
}

func TestEveryStateOfAPaymentCanBeAskedFor(t *testing.T) {
	f := newFixture(t)
	for _, state := range payments.States() {
		f.get("/v1/payments?status=" + string(state)).want(http.StatusOK)
	}
	if slices.Contains(payments.States(), "") {
		t.Error("a state without a name")
	}
}
