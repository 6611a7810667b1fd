// Package sevenaz speaks with 7AZ (contracts/sevenaz.md): open invoices of a document, what is needed to pay one, its PDF,
// whether its Pix was paid, and its e-mails. It reads leniently where the contract says that its sources disagree, and never
// takes a code that nobody knows for paid. When a call is made or repeated agent/paying/checkout decides.
package sevenaz

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
	"pdvagent/payments/pix"
)

// Name is the vendor for people.
const Name = "7AZ"

// Poll is the vendor's own pace: a question a second while somebody waits (sevenaz.md 2.2).
const Poll = time.Second

// Config says where the service is and how it knows the provider.
type Config struct {
	BaseURL string // ends before /v2
	APIKey  string // header X-API-Key

	Observe func(agent.Exchange)
	Dial    upstream.Dial
}

// Client speaks with the service. It is safe for concurrent use.
type Client struct{ cloud *upstream.Client }

// New checks the configuration.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" || cfg.APIKey == "" {
		return nil, errors.New("sevenaz.Config wants BaseURL and APIKey")
	}
	cloud, err := upstream.New(upstream.Config{
		BaseURL: strings.TrimRight(cfg.BaseURL, "/") + "/v2/integrations/omnichannel", Deadline: 10 * time.Second,
		Header: http.Header{"X-Api-Key": {cfg.APIKey}}, Observe: cfg.Observe, Dial: cfg.Dial,
	})
	return &Client{cloud}, err
}

// Close lets go of idle connections.
func (c *Client) Close() { c.cloud.Close() }

// invoiceID is an id that may stand in a path (sevenaz.md 2.2).
var invoiceID = regexp.MustCompile(`^[A-Za-z0-9-]{1,100}$`)

// ValidID tells whether an id can be one of the vendor's.
func ValidID(id string) bool { return invoiceID.MatchString(id) }

// Invoice is an open one.
type Invoice struct {
	ID        string      `json:"id"` // erpInvoiceId
	DueDate   string      `json:"due_date,omitempty"`
	Amount    agent.Cents `json:"amount"`
	Reference string      `json:"reference,omitempty"`
	Contract  string      `json:"contract,omitempty"`
	Status    string      `json:"status"` // open, paid, canceled, expired or unknown
}

// wire is a value that is a string or a number, as it is spelled.
type wire string

func (w *wire) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		*w = wire(text)
	} else if text := string(raw); text != "null" && text[0] != '{' && text[0] != '[' {
		*w = wire(text)
	}
	return nil
}

func (w wire) reais() (agent.Cents, bool) { return payments.Reais(string(w)) }

// day is a local date without its time.
func (w wire) day() string {
	for _, layout := range []string{"2006-01-02T15:04:05", time.RFC3339, time.DateOnly, "02/01/2006"} {
		if at, err := time.Parse(layout, string(w)); err == nil {
			return at.Format(time.DateOnly)
		}
	}
	return ""
}

// statusOf knows the vendor's codes; 91 to 93 are guesses of a client (sevenaz.md 2.3), and anything else is unknown.
func statusOf(w wire) string {
	switch strings.ToLower(string(w)) {
	case "0", "open":
		return "open"
	case "91":
		return "canceled"
	case "92", "paid", "pago", "concluida":
		return "paid"
	case "93":
		return "expired"
	}
	return "unknown"
}

// invoiceWire is an invoice as the vendor tells it.
type invoiceWire struct {
	ErpInvoiceID  wire `json:"erpInvoiceId"`
	ID            wire `json:"id"`
	UniqueID      wire `json:"uniqueId"`
	DueDate       wire `json:"dueDate"`
	Amount        wire `json:"amount"`
	Reference     wire `json:"reference"`
	Status        wire `json:"status"`
	ErpContractID wire `json:"erpContractId"`
}

// lost says what an answer looks like that cannot be read: its shape, never its values.
func lost(shape string) error {
	return payments.Misread("unexpected answer: " + shape)
}

// Invoices gives what is open for a CPF or CNPJ. One that cannot be read is left out, and counted.
func (c *Client) Invoices(ctx context.Context, document string) (list []Invoice, unread int, err error) {
	outcome := c.cloud.Do(ctx, upstream.Request{Method: http.MethodGet, Path: "invoices", Route: "/v2/integrations/omnichannel/invoices", Query: url.Values{"txId": {document}}})
	if outcome.Class == agent.ClassStatus && outcome.Status == http.StatusNotFound {
		return []Invoice{}, 0, nil
	}
	if err := payments.Check(outcome); err != nil {
		return nil, 0, err
	}
	items, err := root(outcome.Body)
	if err != nil {
		return nil, 0, err
	}
	list = []Invoice{}
	for _, raw := range items {
		var in invoiceWire
		if json.Unmarshal(raw, &in) != nil || payments.Unequivocal(raw, &in) != nil {
			unread++
			continue
		}
		if in.ErpInvoiceID == "" {
			in.ErpInvoiceID = in.ID
		}
		amount, ok := in.Amount.reais()
		if !ok || !ValidID(string(in.ErpInvoiceID)) {
			unread++
			continue
		}
		list = append(list, Invoice{string(in.ErpInvoiceID), in.DueDate.day(), amount, string(in.Reference), string(in.ErpContractID), statusOf(in.Status)})
	}
	if len(list) == 0 && unread > 0 {
		return nil, unread, lost("no invoice in the list can be read")
	}
	return list, unread, nil
}

// root finds the list: the text itself, inside an object, or one bare invoice (sevenaz.md 2.3).
func root(text []byte) ([]json.RawMessage, error) {
	var items []json.RawMessage
	if json.Unmarshal(text, &items) == nil {
		return items, nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil {
		return nil, lost("no JSON")
	}
	if err := payments.Unequivocal(text, &object); err != nil {
		return nil, err
	}
	for _, name := range []string{"data", "invoices", "items", "results"} {
		if raw, there := object[name]; there && json.Unmarshal(raw, &items) == nil {
			return items, nil
		}
	}
	if object["erpInvoiceId"] != nil {
		return []json.RawMessage{bytes.Clone(text)}, nil
	}
	return nil, lost("root is an object without a list")
}

// PaymentData is what is needed to pay an invoice. Every instrument may be missing.
type PaymentData struct {
	ID             string      `json:"id"`
	DueDate        string      `json:"due_date,omitempty"`
	Amount         agent.Cents `json:"amount"` // what is charged: finalAmount, else amount
	OriginalAmount agent.Cents `json:"original_amount"`
	Fine           agent.Cents `json:"fine,omitempty"`
	Interest       agent.Cents `json:"interest,omitempty"`
	Discount       agent.Cents `json:"discount,omitempty"`
	BRCode         string      `json:"brcode,omitempty"`
	QR             []byte      `json:"qr_png,omitempty"` // the vendor's own; nil: drawn here
	PicPay         string      `json:"picpay,omitempty"`
	DigitableLine  string      `json:"digitable_line,omitempty"`
	HasPDF         bool        `json:"has_pdf"`
	PaymentLink    string      `json:"payment_link,omitempty"`
}

// maxQR bounds the vendor's picture, in bytes.
const maxQR = 256 << 10

// PaymentData asks how an invoice can be paid.
func (c *Client) PaymentData(ctx context.Context, id string) (PaymentData, error) {
	outcome := c.cloud.Do(ctx, of(id, "payment-data"))
	if err := payments.Check(outcome); err != nil {
		return PaymentData{}, err
	}
	var in struct {
		DueDate, Amount, FinalAmount, FineAmount, InterestAmount, DiscountAmount wire
		PixCode, PixQRCodeBase64, PicPayCode, BilletDigitableLine                wire
		InvoicePDFURL, PaymentLink                                               wire
	}
	if json.Unmarshal(outcome.Body, &in) != nil {
		return PaymentData{}, lost("payment data are no object")
	}
	if err := payments.Unequivocal(outcome.Body, &in); err != nil {
		return PaymentData{}, err
	}
	d := PaymentData{
		ID: id, DueDate: in.DueDate.day(), BRCode: pix.Clean(string(in.PixCode)), PicPay: string(in.PicPayCode),
		DigitableLine: string(in.BilletDigitableLine), HasPDF: in.InvoicePDFURL != "", PaymentLink: string(in.PaymentLink),
	}
	var ok bool
	if d.OriginalAmount, ok = in.Amount.reais(); !ok && in.Amount != "" && in.FinalAmount == "" {
		return PaymentData{}, lost("an amount that is none")
	}
	d.Amount = d.OriginalAmount
	if in.FinalAmount != "" {
		if d.Amount, ok = in.FinalAmount.reais(); !ok {
			return PaymentData{}, lost("a final amount that is none")
		}
	}
	d.Fine, _ = in.FineAmount.reais() // told for people only
	d.Interest, _ = in.InterestAmount.reais()
	d.Discount, _ = in.DiscountAmount.reais()
	if text := strings.TrimPrefix(string(in.PixQRCodeBase64), "data:image/png;base64,"); text != "" && len(text) < maxQR*4/3 {
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil && bytes.HasPrefix(raw, []byte("\x89PNG\r\n\x1a\n")) {
			d.QR = raw
		}
	}
	return d, nil
}

func of(id, what string) upstream.Request {
	return upstream.Request{Method: http.MethodGet, Path: "invoices/" + url.PathEscape(id) + "/" + what, Route: "/v2/integrations/omnichannel/invoices/{id}/" + what}
}

// PixStatus tells whether an invoice's Pix was paid: paid, pending or unknown. Its body is not public ([ASSUMPTION] 2.4).
func (c *Client) PixStatus(ctx context.Context, id string) (string, error) {
	outcome := c.cloud.Do(ctx, of(id, "pix-status"))
	if err := payments.Check(outcome); err != nil {
		return "", err
	}
	var in struct {
		Paid      wire `json:"paid"`
		PaidByPix wire `json:"paidByPix"`
		Status    wire `json:"status"`
	}
	if json.Unmarshal(outcome.Body, &in) != nil {
		return "", lost("pix status is no object")
	}
	if err := payments.Unequivocal(outcome.Body, &in); err != nil {
		return "", err
	}
	said := func(w wire) bool { return strings.EqualFold(string(w), "true") }
	switch word := statusOf(in.Status); {
	case said(in.Paid) || said(in.PaidByPix) || word == "paid":
		return "paid", nil
	case in.Paid != "" || in.PaidByPix != "" || word == "open" || slices.Contains([]string{"pending", "pendente"}, strings.ToLower(string(in.Status))):
		return "pending", nil
	}
	return "unknown", nil
}

// PDF opens an invoice's document; whoever passes it on looks at its first bytes.
func (c *Client) PDF(ctx context.Context, id string) (upstream.Document, error) {
	document, outcome := c.cloud.Open(ctx, of(id, "pdf"))
	return document, payments.Check(outcome)
}

// Mail has the vendor send the open invoices of a contract, or of a document, by e-mail. The verb is GET ([ASSUMPTION] 2.4).
func (c *Client) Mail(ctx context.Context, contract, document string) error {
	path, route := "email-notifications/bycontract/"+url.PathEscape(contract), "/v2/integrations/omnichannel/email-notifications/bycontract/{contract}"
	if contract == "" {
		path, route = "email-notifications/bycustomer/"+url.PathEscape(document), "/v2/integrations/omnichannel/email-notifications/bycustomer/{document}"
	}
	return payments.Check(c.cloud.Do(ctx, upstream.Request{Method: http.MethodGet, Path: path, Route: route}))
}

// Provider is the provider of invoices: its charge is the code that the invoice has already.
type Provider struct{ *Client }

// Order is what [payments.Payment.Order] holds.
type Order struct {
	Invoice string `json:"invoice"`
}

// Charge asks for the invoice's code once more: its amount is what was ordered, or it is not shown.
func (p Provider) Charge(ctx context.Context, payment payments.Payment) (payments.Charge, error) {
	var order Order
	if err := json.Unmarshal(payment.Order, &order); err != nil {
		return payments.Charge{}, &payments.Failure{Class: payments.Declined, Detail: "the order cannot be read"}
	}
	data, err := p.PaymentData(ctx, order.Invoice)
	switch {
	case err != nil:
		return payments.Charge{}, err
	case data.BRCode == "":
		return payments.Charge{}, payments.Misread("the invoice has no Pix code")
	}
	amount := data.Amount
	if amount == 0 {
		amount = -1
	}
	return payments.Charge{GatewayID: order.Invoice, BRCode: data.BRCode, QR: data.QR, Amount: amount}, nil
}

// Status asks whether the invoice's Pix was paid. The vendor does not say how much came: what was asked for is assumed.
func (p Provider) Status(ctx context.Context, payment payments.Payment, a payments.Attempt) (payments.Status, error) {
	word, err := p.PixStatus(ctx, a.GatewayID)
	status := payments.Status{Condition: payments.Pending, Word: word}
	if word == "paid" {
		status.Condition, status.Amount = payments.Received, payment.Amount
	}
	return status, err
}
