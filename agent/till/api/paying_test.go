package api_test

import (
	"context"
	"io"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/paying/cardorder"
	"pdvagent/agent/paying/checkout"
	"pdvagent/agent/paying/settlement"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
	"pdvagent/payments/cashorder"
	"pdvagent/payments/ideamaker"
	"pdvagent/payments/sevenaz"
)

// paying is the fakes of the paying side: each answers as a test says and keeps what it was asked.
type paying struct {
	payments *paymentsFake
	titles   *titlesFake
	invoices *invoicesFake
	boletos  *boletosFake
	orders   *ordersFake
}

func newPaying() *paying {
	return &paying{&paymentsFake{}, &titlesFake{}, &invoicesFake{}, &boletosFake{}, &ordersFake{}}
}

type paymentsFake struct {
	payment  payments.Payment
	repeated *payments.Payment
	replayed bool
	list     []payments.Payment
	err      error

	order    checkout.Order
	created  int
	filter   checkout.Filter
	asked    string // id, by and reason of the last call that did more than read
	patience time.Duration
	watched  func(ctx context.Context)
}

func (p *paymentsFake) Repeated(string, agent.Fingerprint) (*payments.Payment, error) {
	return p.repeated, nil
}

func (p *paymentsFake) Create(_ context.Context, order checkout.Order) (payments.Payment, bool, error) {
	p.order = order
	p.created++
	return p.payment, p.replayed, p.err
}

func (p *paymentsFake) Watch(ctx context.Context, id string, patience time.Duration) (payments.Payment, error) {
	p.asked, p.patience = id, patience
	if p.watched != nil {
		p.watched(ctx)
	}
	return p.payment, p.err
}

func (p *paymentsFake) Payment(string) (payments.Payment, error) {
	return p.payment, p.err
}

func (p *paymentsFake) Cancel(_ context.Context, id string) (payments.Payment, error) {
	p.asked = "cancel " + id
	return p.payment, p.err
}

func (p *paymentsFake) Resolve(_ context.Context, id, by, reason string) (payments.Payment, error) {
	p.asked = strings.Join([]string{id, by, reason}, "|")
	return p.payment, p.err
}

func (p *paymentsFake) List(f checkout.Filter) ([]payments.Payment, error) {
	p.filter = f
	return p.list, p.err
}

type titlesFake struct {
	found      bool
	codes      []string
	promotions map[string]ideamaker.Promotion
	document   upstream.Document
	err        error

	asked string
}

func (f *titlesFake) Customer(_ context.Context, cpf string) (bool, error) {
	f.asked = cpf
	return f.found, f.err
}

func (f *titlesFake) Products(_ context.Context, cep string) ([]string, error) {
	f.asked = cep
	return f.codes, f.err
}

func (f *titlesFake) Promotion(_ context.Context, product string) (ideamaker.Promotion, error) {
	if f.err != nil {
		return ideamaker.Promotion{}, f.err
	}
	promotion, ok := f.promotions[product]
	if !ok {
		return promotion, &payments.Failure{Class: payments.NotFound}
	}
	return promotion, nil
}

func (f *titlesFake) Regulation(context.Context, ideamaker.Promotion) (upstream.Document, error) {
	return f.document, f.err
}

// document is one that a vendor sends.
func document(text string) upstream.Document {
	return upstream.Document{ReadCloser: io.NopCloser(strings.NewReader(text)), Type: "application/octet-stream"}
}

type invoicesFake struct {
	list   []sevenaz.Invoice
	unread int
	data   sevenaz.PaymentData
	status string
	pdf    upstream.Document
	err    error

	asked string
}

func (f *invoicesFake) Invoices(_ context.Context, document string) ([]sevenaz.Invoice, int, error) {
	f.asked = document
	return f.list, f.unread, f.err
}

func (f *invoicesFake) PaymentData(_ context.Context, id string) (sevenaz.PaymentData, error) {
	f.asked = id
	return f.data, f.err
}

func (f *invoicesFake) PixStatus(context.Context, string) (string, error) { return f.status, f.err }

func (f *invoicesFake) PDF(context.Context, string) (upstream.Document, error) { return f.pdf, f.err }

func (f *invoicesFake) Mail(_ context.Context, contract, document string) error {
	f.asked = contract + "|" + document
	return f.err
}

type boletosFake struct {
	boleto    settlement.Boleto
	situation boleto.Situation
	replayed  bool
	list      []settlement.Boleto
	strangers []settlement.Stranger
	pdf       []byte
	err       error

	registration settlement.Registration
	order        settlement.Order
	filter       settlement.Filter
	nosso        int64
	asked        string
}

func (f *boletosFake) Register(_ context.Context, r settlement.Registration) (settlement.Boleto, bool, error) {
	f.registration, f.asked = r, "register"
	return f.boleto, f.replayed, f.err
}

func (f *boletosFake) Issue(_ context.Context, o settlement.Order) (settlement.Boleto, bool, error) {
	f.order, f.asked = o, "issue"
	return f.boleto, f.replayed, f.err
}

func (f *boletosFake) Boleto(nosso int64) (settlement.Boleto, error) {
	f.nosso = nosso
	return f.boleto, f.err
}

func (f *boletosFake) Ask(_ context.Context, nosso int64) (settlement.Boleto, boleto.Situation, error) {
	f.nosso, f.asked = nosso, "ask"
	return f.boleto, f.situation, f.err
}

func (f *boletosFake) List(filter settlement.Filter) ([]settlement.Boleto, error) {
	f.filter = filter
	return f.list, f.err
}

func (f *boletosFake) Strangers(int) ([]settlement.Stranger, error) { return f.strangers, f.err }

func (f *boletosFake) PDF(_ context.Context, nosso int64) ([]byte, error) {
	f.nosso = nosso
	return f.pdf, f.err
}

func (f *boletosFake) WriteOff(_ context.Context, nosso int64) (settlement.Boleto, error) {
	f.nosso, f.asked = nosso, "write off"
	return f.boleto, f.err
}

func (f *boletosFake) Resolve(_ context.Context, nosso int64, by, reason string) (settlement.Boleto, error) {
	f.nosso, f.asked = nosso, by+"|"+reason
	return f.boleto, f.err
}

type ordersFake struct {
	options  []cashorder.Option
	order    cardorder.Order
	replayed bool
	list     []cardorder.Order
	err      error

	value     agent.Cents
	key       string
	body      string
	attention bool
	asked     string
	answer    cardorder.Answer
}

func (f *ordersFake) Options(_ context.Context, value agent.Cents) ([]cashorder.Option, error) {
	f.value = value
	return f.options, f.err
}

func (f *ordersFake) Close(_ context.Context, key string, body []byte) (cardorder.Order, bool, error) {
	f.key, f.body = key, string(body)
	return f.order, f.replayed, f.err
}

func (f *ordersFake) Order(id string) (cardorder.Order, error) {
	f.asked = id
	return f.order, f.err
}

func (f *ordersFake) List(attention bool, _ int) ([]cardorder.Order, error) {
	f.attention = attention
	return f.list, f.err
}

func (f *ordersFake) Resolve(_ context.Context, id string, answer cardorder.Answer) (cardorder.Order, error) {
	f.asked, f.answer = id, answer
	return f.order, f.err
}
