package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/paying/cardorder"
	"pdvagent/agent/paying/settlement"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
	"pdvagent/payments/cashorder"
)

// slip is a boleto of Sicoob, of 123.45 due on 30 November 2026.
func slip(t *testing.T, nosso int) boleto.Slip {
	t.Helper()
	free := boleto.SicoobField{Portfolio: 1, Cooperative: 3123, Modality: 1, Client: 567890, NossoNumero: nosso*10 + boleto.NossoDigit(3123, 567890, nosso), Parcel: 1}.Free()
	barcode, err := boleto.Build(boleto.Sicoob, time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC), 12345, free)
	if err != nil {
		t.Fatal(err)
	}
	s, err := boleto.Parse(barcode, noon())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// nosso is the number of [slip], with its digit.
func nosso(n int) int64 { return int64(n*10 + boleto.NossoDigit(3123, 567890, n)) }

func TestBoletoIssuedElsewhereIsRecorded(t *testing.T) {
	f := newFixture(t)
	s := slip(t, 1)
	f.paying.boletos.boleto = settlement.Boleto{NossoNumero: nosso(1), Written: fmt.Sprintf("%08d", nosso(1)), Status: settlement.Open, Amount: 12345, Due: "2026-11-30", Registered: true, CreatedAt: noon()}
	body := fmt.Sprintf(`{"register_only":true,"nosso_numero":"%08d","seu_numero":"NF 7","amount":12345,"due_date":"2026-11-30","issue_date":"2026-05-01","digitable_line":%q}`, nosso(1), s.Printed())
	got := f.post("/v1/boletos", body).want(http.StatusCreated)
	got.wantField("nosso_numero", fmt.Sprintf("%08d", nosso(1)))
	got.wantField("register_only", true)
	got.wantField("received", nil)
	if got.header.Get("Location") != fmt.Sprint("/v1/boletos/", nosso(1)) {
		t.Errorf("got %v", got.header)
	}
	want := settlement.Registration{NossoNumero: nosso(1), Written: fmt.Sprintf("%08d", nosso(1)), SeuNumero: "NF 7", Amount: 12345, Due: "2026-11-30", IssuedOn: "2026-05-01", Barcode: s.Barcode, Line: s.Line}
	if f.paying.boletos.registration != want {
		t.Errorf("recorded %+v, want %+v", f.paying.boletos.registration, want)
	}
	f.paying.boletos.replayed = true
	both := strings.Replace(body, `"digitable_line"`, fmt.Sprintf(`"barcode":%q,"digitable_line"`, s.Barcode), 1)
	if got := f.post("/v1/boletos", both).want(http.StatusCreated); got.header.Get("X-Agent-Delivery") != "replayed" {
		t.Errorf("got %v", got.header)
	}
}

func TestEveryFaultOfARecordedBoletoIsNamed(t *testing.T) {
	f := newFixture(t)
	s, other := slip(t, 1), slip(t, 2)
	head := fmt.Sprintf(`{"register_only":true,"nosso_numero":%d,"due_date":"2026-11-30",`, nosso(1))
	for body, fields := range map[string][]string{
		`{"register_only":true}`: {"nosso_numero", "amount", "due_date"},
		`{"register_only":true,"nosso_numero":"x","amount":0,"due_date":"30/11/2026","issue_date":"1999-01-01"}`: {"nosso_numero", "amount", "due_date", "issue_date"},
		head + fmt.Sprintf(`"amount":999,"barcode":%q}`, s.Barcode):                                              {"barcode"},
		head + fmt.Sprintf(`"amount":12345,"barcode":%q}`, other.Barcode):                                        {"barcode"},
		head + fmt.Sprintf(`"amount":12345,"barcode":%q,"digitable_line":%q}`, s.Barcode, other.Line):            {"digitable_line", "digitable_line"},
		head + `"amount":12345,"barcode":"123"}`:                                                                 {"barcode"},
		head + `"amount":12345,"digitable_line":"84670000001 7 43590024020 9 02405000243 5 84221010811 9"}`:      {"digitable_line"},
		`{"register_only":"yes"}`: {"register_only"},
	} {
		f.post("/v1/boletos", body).wantProblem(http.StatusUnprocessableEntity, "invalid", fields...)
	}
	if f.paying.boletos.asked != "" {
		t.Errorf("asked to %s", f.paying.boletos.asked)
	}
}

const bill = `{"seu_numero":"NF 7","amount":12345,"due_date":"2026-05-14","instruction":"Não receber após o vencimento","payer":{"document":"529.982.247-25","name":"Maria","address":"Rua A, 1","district":"Centro","city":"Goiânia","zip":"74.000-000","state":"go"}}`

func TestBoletoIsIssued(t *testing.T) {
	f := newFixture(t)
	f.paying.boletos.boleto = settlement.Boleto{NossoNumero: 15, Status: settlement.Open, Amount: 12345, BRCode: "no Pix code"}
	got := f.post("/v1/boletos", bill, "Idempotency-Key", "k").want(http.StatusCreated)
	got.wantField("brcode", nil) // a code that may not be shown is left out
	o := f.paying.boletos.order
	payer := boleto.Payer{Document: agenttest.CPF, Name: "Maria", Address: "Rua A, 1", District: "Centro", City: "Goiânia", ZIP: "74000000", State: "GO"}
	if o.Key != "k" || o.SeuNumero != "NF 7" || o.Amount != 12345 || o.NossoNumero != 0 || o.Payer != payer || fmt.Sprint(o.Instructions) != "[Não receber após o vencimento]" ||
		!o.IssuedOn.Equal(time.Date(2026, 5, 14, 0, 0, 0, 0, time.UTC)) || !o.Due.Equal(o.IssuedOn) {
		t.Errorf("ordered %+v", o)
	}
	f.post("/v1/boletos", strings.Replace(bill, "{", `{"register_only":false,"nosso_numero":"0015",`, 1), "Idempotency-Key", "k").want(http.StatusCreated)
	if f.paying.boletos.order.NossoNumero != 15 {
		t.Errorf("ordered %+v", f.paying.boletos.order)
	}
	f.post("/v1/boletos", bill).wantProblem(http.StatusBadRequest, "idempotency_key_missing")
	for body, fields := range map[string][]string{
		`{}`: {"seu_numero", "amount", "due_date", "payer"},
		strings.Replace(bill, "2026-05-14", "2026-05-13", 1):      {"due_date"},
		strings.Replace(bill, "74.000-000", "123", 1):             {"payer.zip"},
		strings.Replace(bill, `"go"`, `"g"`, 1):                   {"payer.state"},
		strings.Replace(bill, `"name":"Maria",`, "", 1):           {"payer.name"},
		strings.Replace(bill, "529.982.247-25", "123", 1):         {"payer.document"},
		strings.Replace(bill, "12345", "10000000000", 1):          {"amount"},
		strings.Replace(bill, "NF 7", strings.Repeat("x", 19), 1): {"seu_numero"},
	} {
		f.post("/v1/boletos", body, "Idempotency-Key", "k").wantProblem(http.StatusUnprocessableEntity, "invalid", fields...)
	}
	f.cfg.Paying.IssuesBoletos = false
	f.remake()
	got = f.post("/v1/boletos", bill, "Idempotency-Key", "k")
	if got.wantProblem(http.StatusNotFound, "not_configured"); !strings.Contains(got.body, "conta_corrente") {
		t.Errorf("got %s", got.body)
	}
}

func TestBoletoShowsWhatCameForIt(t *testing.T) {
	f := newFixture(t)
	paid := settlement.Boleto{
		NossoNumero: 15, Status: settlement.Review, Amount: 10000, Due: "2026-05-30", Attention: true, Detail: "Veio outro valor.",
		Receipts: []settlement.Receipt{{Mark: "m", Received: 9000, PaidOn: "2026-05-13", CreditOn: "2026-05-14", Channel: "pix"}},
	}
	f.paying.boletos.boleto = paid
	got := f.get("/v1/boletos/0015").want(http.StatusOK)
	for path, want := range map[string]any{
		"nosso_numero": "15", "status": "review", "expected": 10000, "received": 9000, "difference": -1000, "divergent": true, "paid_on": "2026-05-13", "credit_on": "2026-05-14", "channel": "pix",
		"attention": true, "receipts.0.received": 9000, "bank_status": nil,
	} {
		got.wantField(path, want)
	}
	if f.paying.boletos.nosso != 15 || f.paying.boletos.asked != "" {
		t.Errorf("%s %d", f.paying.boletos.asked, f.paying.boletos.nosso)
	}
	for situation, want := range map[boleto.Situation]string{boleto.Open: "open", boleto.Settled: "paid", boleto.WrittenOff: "written_off", boleto.Unclear: "unknown"} {
		f.paying.boletos.situation = situation
		f.get("/v1/boletos/15?ask=1").want(http.StatusOK).wantField("bank_status", want)
	}
	if f.paying.boletos.asked != "ask" {
		t.Errorf("the bank was not asked: %s", f.paying.boletos.asked)
	}
	f.paying.boletos.err = agent.Errorf(agent.CodeNotFound, nil, "Não há boleto.")
	f.get("/v1/boletos/15").wantProblem(http.StatusNotFound, "not_found")
	f.get("/v1/boletos/x").wantProblem(http.StatusNotFound, "not_found")
}

func TestBoletosAreListedForPeopleAndForMachines(t *testing.T) {
	f := newFixture(t)
	f.paying.boletos.list = []settlement.Boleto{{NossoNumero: 15, Status: settlement.Open, Amount: 10000}}
	got := f.get("/v1/boletos?status=open&since=2026-05-14T10:00:00-03:00").want(http.StatusOK)
	got.wantField("boletos.0.nosso_numero", "15")
	if filter := f.paying.boletos.filter; filter.Status != settlement.Open || !filter.Since.Equal(time.Date(2026, 5, 14, 13, 0, 0, 0, time.UTC)) || filter.Limit != 1000 {
		t.Errorf("asked %+v", filter)
	}
	table := f.get("/v1/boletos?format=csv").want(http.StatusOK)
	if table.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasPrefix(table.body, "nosso_numero;") || !strings.Contains(table.body, "\n15;") || f.paying.boletos.filter.Limit != 0 {
		t.Errorf("got %v %s, asked %+v", table.header, table.body, f.paying.boletos.filter)
	}
	f.get("/v1/boletos?status=gone&since=x").wantProblem(http.StatusUnprocessableEntity, "invalid", "status", "since")
	f.paying.boletos.list = nil
	f.get("/v1/boletos").want(http.StatusOK).wantField("boletos", "[]")
	f.paying.boletos.strangers = []settlement.Stranger{
		{Return: boleto.Return{NossoNumero: 99, SeuNumero: "NF", Received: 500, PaidOn: time.Date(2026, 5, 13, 0, 0, 0, 0, time.UTC), Channel: "bank"}, Reason: "Não há boleto com este número.", At: noon()},
		{Return: boleto.Return{Received: 700}, Boletos: []int64{15}},
	}
	unmatched := f.get("/v1/boletos/unmatched").want(http.StatusOK)
	for path, want := range map[string]any{
		"unmatched.0.nosso_numero": "99", "unmatched.0.paid_on": "2026-05-13", "unmatched.0.reason": "Não há boleto com este número.", "unmatched.1.nosso_numero": nil, "unmatched.1.paid_on": nil, "unmatched.1.boletos.0": 15,
	} {
		unmatched.wantField(path, want)
	}
	f.paying.boletos.err = fmt.Errorf("read: %w", agent.ErrStoreClosed)
	f.get("/v1/boletos").wantProblem(http.StatusServiceUnavailable, "store_failed")
	f.get("/v1/boletos/unmatched").wantProblem(http.StatusServiceUnavailable, "store_failed")
}

func TestBoletoIsDrawnWrittenOffAndResolved(t *testing.T) {
	f := newFixture(t)
	f.paying.boletos.boleto, f.paying.boletos.pdf = settlement.Boleto{NossoNumero: 15, Status: settlement.WrittenOff}, []byte("%PDF")
	if got := f.get("/v1/boletos/15/pdf").want(http.StatusOK); got.body != "%PDF" || got.header.Get("Content-Type") != "application/pdf" {
		t.Errorf("got %q %v", got.body, got.header)
	}
	f.post("/v1/boletos/15/write-off", "").want(http.StatusOK).wantField("status", "written_off")
	f.post("/v1/boletos/15/resolve", `{"reason":"conferido no extrato"}`).want(http.StatusOK)
	if f.paying.boletos.asked != "chefe|conferido no extrato" || f.paying.boletos.nosso != 15 {
		t.Errorf("asked %s of %d", f.paying.boletos.asked, f.paying.boletos.nosso)
	}
	f.post("/v1/boletos/15/resolve", `{}`).wantProblem(http.StatusUnprocessableEntity, "invalid", "reason")
	f.post("/v1/boletos/x/resolve", `{"reason":"r"}`).wantProblem(http.StatusNotFound, "not_found")
	f.post("/v1/boletos/x/write-off", "").wantProblem(http.StatusNotFound, "not_found")
	f.paying.boletos.err = &payments.Failure{Class: payments.Away}
	f.post("/v1/boletos/15/write-off", "").wantProblem(http.StatusServiceUnavailable, "cloud_away")
	f.post("/v1/boletos/15/resolve", `{"reason":"r"}`).wantProblem(http.StatusServiceUnavailable, "cloud_away")
}

func TestLineIsDecodedAndSaidWhereItIsWrong(t *testing.T) {
	f := newFixture(t)
	s := slip(t, 1)
	for _, text := range []string{s.Barcode, s.Line, s.Printed()} {
		got := f.post("/v1/boletos/decode", fmt.Sprintf(`{"line":%q}`, text)).want(http.StatusOK)
		for path, want := range map[string]any{
			"kind": "boleto", "barcode": s.Barcode, "digitable_line": s.Line, "printed": s.Printed(), "amount": 12345, "due_date": "2026-11-30", "bank": "756", "sicoob.nosso_numero": fmt.Sprint(nosso(1)), "sicoob.client": 567890,
		} {
			got.wantField(path, want)
		}
	}
	bill := f.post("/v1/boletos/decode", `{"line":"84670000001 7 43590024020 9 02405000243 5 84221010811 9"}`).want(http.StatusOK)
	for path, want := range map[string]any{"kind": "collection", "segment": 4, "amount": 14359, "due_date": nil, "bank": nil} {
		bill.wantField(path, want)
	}
	wrong := []byte(s.Line)
	wrong[3] = '0' + (wrong[3]-'0'+1)%10
	got := f.post("/v1/boletos/decode", fmt.Sprintf(`{"line":%q}`, wrong))
	got.wantProblem(http.StatusUnprocessableEntity, "invalid", "line")
	if detail := fmt.Sprint(got.field("fields.0.detail")); !strings.HasPrefix(detail, "Campo 1: ") {
		t.Errorf("got %q", detail)
	}
	f.post("/v1/boletos/decode", `{}`).wantProblem(http.StatusUnprocessableEntity, "invalid", "line")
	open, err := boleto.Build("001", time.Time{}, 0, strings.Repeat("1", 25))
	if err != nil {
		t.Fatal(err)
	}
	none := f.post("/v1/boletos/decode", fmt.Sprintf(`{"line":%q}`, open)).want(http.StatusOK)
	for path, want := range map[string]any{"amount": nil, "due_date": nil, "sicoob": nil, "bank": "001"} {
		none.wantField(path, want)
	}
}

func TestOrderIsClosedByCard(t *testing.T) {
	f := newFixture(t)
	f.paying.orders.options = []cashorder.Option{{PaymentID: 3, Brand: "Visa"}}
	f.get("/v1/orders/payment-options?value=1701").want(http.StatusOK).wantField("paymentOptions.0.brand", "Visa")
	if f.paying.orders.value != 1701 {
		t.Errorf("asked for %d", f.paying.orders.value)
	}
	for _, value := range []string{"", "0", "17.01", "x", "100000000"} {
		f.get("/v1/orders/payment-options?value="+value).wantProblem(http.StatusUnprocessableEntity, "invalid", "value")
	}
	for state, status := range map[cardorder.State]int{cardorder.Completed: 200, cardorder.Failed: 200, cardorder.Unknown: 202} {
		f.paying.orders.order = cardorder.Order{ID: "o-1", State: state, OrderID: 7, VendorID: "V-7", PaymentID: 3, Amount: 1701, Parcels: 2, Total: 1800, CreatedAt: noon()}
		if state == cardorder.Failed {
			f.paying.orders.order.Refusal = &cashorder.Refusal{Code: "51", Message: "recusado"}
		}
		got := f.post("/v1/orders", `{ "order": {"id":7} }`, "Idempotency-Key", "k").want(status)
		for path, want := range map[string]any{"agent.id": "o-1", "agent.state": state, "agent.order_id": 7, "agent.brand": "Visa", "agent.parcels": 2, "agent.total": 1800, "agent.created_at": "2026-05-14T15:00:00Z"} {
			got.wantField(path, want)
		}
		if (got.field("orderVendorId") == "V-7") != (state == cardorder.Completed) || (got.field("error") != nil) != (state == cardorder.Failed) || got.header.Get("Location") != "/v1/orders/o-1" {
			t.Errorf("%s: got %s %v", state, got.body, got.header)
		}
	}
	if f.paying.orders.body != `{ "order": {"id":7} }` || f.paying.orders.key != "k" {
		t.Errorf("closed %q under %s", f.paying.orders.body, f.paying.orders.key)
	}
	f.paying.orders.replayed = true
	if got := f.post("/v1/orders", "{}", "Idempotency-Key", "k"); got.header.Get("X-Agent-Delivery") != "replayed" {
		t.Errorf("got %v", got.header)
	}
	f.post("/v1/orders", "{}").wantProblem(http.StatusBadRequest, "idempotency_key_missing")
	f.paying.orders.err = fmt.Errorf("commit: %w", agent.ErrStoreFull)
	f.post("/v1/orders", "{}", "Idempotency-Key", "k").wantProblem(http.StatusInsufficientStorage, "store_full")
	if list := f.alarms.List(); len(list) != 1 {
		t.Errorf("alarms: %+v", list)
	}
}

func TestOrdersAreShownAndResolved(t *testing.T) {
	f := newFixture(t)
	f.paying.orders.order = cardorder.Order{ID: "o-1", State: cardorder.Unknown, Attention: true, Closed: &payments.Resolution{By: "chefe", Reason: "r"}}
	f.paying.orders.list = []cardorder.Order{f.paying.orders.order}
	f.get("/v1/orders/o-1").want(http.StatusOK).wantField("agent.resolution.by", "chefe")
	for query, want := range map[string]bool{"": false, "?attention=1": true} {
		f.get("/v1/orders"+query).want(http.StatusOK).wantField("orders.0.agent.attention", true)
		if f.paying.orders.attention != want {
			t.Errorf("%s: asked %v", query, f.paying.orders.attention)
		}
	}
	f.post("/v1/orders/o-1/resolve", `{"state":"completed","order_vendor_id":"V-7","reason":"fornecedor confirmou"}`).want(http.StatusOK)
	if want := (cardorder.Answer{State: cardorder.Completed, VendorID: "V-7", By: "chefe", Reason: "fornecedor confirmou"}); f.paying.orders.answer != want || f.paying.orders.asked != "o-1" {
		t.Errorf("resolved %s as %+v", f.paying.orders.asked, f.paying.orders.answer)
	}
	f.post("/v1/orders/o-1/resolve", `{"state":"failed","reason":"r"}`).want(http.StatusOK)
	for body, fields := range map[string][]string{
		`{}`:                                   {"reason", "state"},
		`{"state":"completed","reason":"r"}`:   {"order_vendor_id"},
		`{"state":"unknown","reason":"r"}`:     {"state"},
		`{"state":"failed","reason":"\u0007"}`: {"reason"},
	} {
		f.post("/v1/orders/o-1/resolve", body).wantProblem(http.StatusUnprocessableEntity, "invalid", fields...)
	}
	f.paying.orders.err = fmt.Errorf("read: %w", agent.ErrStoreUnknown)
	f.get("/v1/orders").wantProblem(http.StatusServiceUnavailable, "store_failed")
	f.post("/v1/orders/o-1/resolve", `{"state":"failed","reason":"r"}`).wantProblem(http.StatusServiceUnavailable, "store_failed")
}
