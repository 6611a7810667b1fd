package api

import (
	"context"
	"encoding/json"
	"net/http"

	"pdvagent/agent"
	"pdvagent/agent/paying/checkout"
	"pdvagent/agent/reading"
	"pdvagent/agent/till/web"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
	"pdvagent/payments/sevenaz"
)

// Invoices looks up the invoices of 7AZ.
type Invoices interface {
	Invoices(ctx context.Context, document string) (list []sevenaz.Invoice, unread int, err error)
	PaymentData(ctx context.Context, id string) (sevenaz.PaymentData, error)
	PixStatus(ctx context.Context, id string) (string, error)
	PDF(ctx context.Context, id string) (upstream.Document, error)
	Mail(ctx context.Context, contract, document string) error
}

const noInvoices = "O recebimento de faturas da 7AZ não está configurado neste caixa (payments.sevenaz)."

// invoices lists the open invoices of a document.
func (a *API) invoices(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Invoices == nil {
		problem(w, r, errNotConfigured(noInvoices), "")
		return
	}
	document, ok := reading.TaxID(r.URL.Query().Get("document"))
	if !ok {
		problem(w, r, oneFault("document", "invalid", "O CPF ou CNPJ não confere."), "")
		return
	}
	list, unread, err := a.cfg.Paying.Invoices.Invoices(r.Context(), string(document))
	if err != nil {
		problem(w, r, vendorRefusal(err, sevenaz.Name), "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]any{"invoices": list, "unread": unread})
}

// invoiceID reads the id of the path. False: the till has its answer.
func (a *API) invoiceID(w http.ResponseWriter, r *http.Request) (string, bool) {
	id := r.PathValue("id")
	switch {
	case a.cfg.Paying.Invoices == nil:
		problem(w, r, errNotConfigured(noInvoices), "")
	case !sevenaz.ValidID(id):
		problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Não há fatura com este número."), "")
	default:
		return id, true
	}
	return "", false
}

// invoiceData shows how an invoice can be paid.
func (a *API) invoiceData(w http.ResponseWriter, r *http.Request) {
	id, ok := a.invoiceID(w, r)
	if !ok {
		return
	}
	data, err := a.cfg.Paying.Invoices.PaymentData(r.Context(), id)
	if err != nil {
		problem(w, r, vendorRefusal(err, sevenaz.Name), "")
		return
	}
	web.JSON(w, http.StatusOK, data)
}

// invoicePDF passes on the invoice's document.
func (a *API) invoicePDF(w http.ResponseWriter, r *http.Request) {
	id, ok := a.invoiceID(w, r)
	if !ok {
		return
	}
	document, err := a.cfg.Paying.Invoices.PDF(r.Context(), id)
	if err != nil {
		problem(w, r, vendorRefusal(err, sevenaz.Name), "")
		return
	}
	passDocument(w, r, document, "A fatura não veio como PDF. Tente de novo em instantes.", "application/pdf")
}

// invoicePixStatus answers paid, pending or unknown.
func (a *API) invoicePixStatus(w http.ResponseWriter, r *http.Request) {
	id, ok := a.invoiceID(w, r)
	if !ok {
		return
	}
	status, err := a.cfg.Paying.Invoices.PixStatus(r.Context(), id)
	if err != nil {
		problem(w, r, vendorRefusal(err, sevenaz.Name), "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]any{"id": id, "status": status, "paid": status == "paid"})
}

// payInvoice makes a payment of an invoice: 201 with its code.
func (a *API) payInvoice(w http.ResponseWriter, r *http.Request) {
	id, ok := a.invoiceID(w, r)
	if !ok {
		return
	}
	f, key, ok := openOrder(w, r)
	if !ok {
		return
	}
	order := checkout.Order{
		Key: key, Fingerprint: f.fingerprint("invoices/" + id), Kind: payments.KindInvoice, Provider: "sevenaz", Patience: createPatience,
		Reference: f.text("reference", false, 100), ExpiresIn: int(f.integer("expires_in", false, longestExpiry, 2*defaultExpiry, " segundos")),
	}
	expected := f.integer("expected_amount", false, maxAmount, 0, ", em centavos")
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	known, err := a.cfg.Paying.Payments.Repeated(key, order.Fingerprint)
	if err == nil && known == nil {
		err = a.invoicePrice(r.Context(), &order, id, agent.Cents(expected))
	}
	if err != nil {
		problem(w, r, agent.ForTill(err), "")
		return
	}
	p, replayed, err := a.cfg.Paying.Payments.Create(r.Context(), order)
	a.created(w, r, p, replayed, err, viewPayment(p))
}

// invoicePrice completes an order with the invoice's present amount.
func (a *API) invoicePrice(ctx context.Context, order *checkout.Order, id string, expected agent.Cents) error {
	data, err := a.cfg.Paying.Invoices.PaymentData(ctx, id)
	if err != nil {
		return vendorRefusal(err, sevenaz.Name)
	}
	switch {
	case data.BRCode == "":
		return agent.Errorf(agent.CodeConflict, nil, "Esta fatura não tem Pix; pague pelo boleto ou peça outra forma ao provedor.")
	case data.Amount <= 0 || data.Amount > maxAmount:
		return agent.Errorf(agent.CodeConflict, nil, "Esta fatura está sem valor a cobrar.")
	case expected > 0 && expected != data.Amount:
		return agent.Errorf(agent.CodeConflict, nil, "O valor da fatura mudou: agora são %s. Mostre ao cliente e tente de novo.", data.Amount.Reais())
	}
	status, err := a.cfg.Paying.Invoices.PixStatus(ctx, id)
	if err == nil && status == "paid" {
		return agent.Errorf(agent.CodeConflict, nil, "Esta fatura já está paga.")
	}
	order.Amount, order.Debt = data.Amount, id
	order.Order, err = json.Marshal(sevenaz.Order{Invoice: id})
	return err
}

// mailInvoices has the vendor send the open invoices of a document or of a contract by e-mail.
func (a *API) mailInvoices(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Invoices == nil {
		problem(w, r, errNotConfigured(noInvoices), "")
		return
	}
	f, ok := openForm(w, r)
	if !ok {
		return
	}
	document, contract := f.document("document", false, false), f.text("contract", false, 60)
	if contract != "" && !sevenaz.ValidID(contract) {
		f.fault("contract", "invalid", "Não é o número de um contrato.")
	}
	if len(f.faults) == 0 && (document == "") == (contract == "") {
		f.fault("document", "required", "Informe document ou contract, um dos dois.")
	}
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	if err := a.cfg.Paying.Invoices.Mail(r.Context(), contract, document); err != nil {
		problem(w, r, vendorRefusal(err, sevenaz.Name), "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]any{"sent": true})
}
