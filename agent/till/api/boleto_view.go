package api

import (
	"time"

	"pdvagent/agent"
	"pdvagent/agent/paying/settlement"
	"pdvagent/payments"
	"pdvagent/payments/pix"
)

// boletoView is a boleto as tills see it.
type boletoView struct {
	NossoNumero string            `json:"nosso_numero"`
	SeuNumero   string            `json:"seu_numero,omitempty"`
	Status      settlement.Status `json:"status"`
	Detail      string            `json:"detail,omitempty"`
	Amount      agent.Cents       `json:"amount"`
	Due         string            `json:"due_date"`
	IssuedOn    string            `json:"issue_date,omitempty"`
	Barcode     string            `json:"barcode,omitempty"`
	Line        string            `json:"digitable_line,omitempty"`
	BRCode      string            `json:"brcode,omitempty"`
	Registered  bool              `json:"register_only"`

	Expected   agent.Cents  `json:"expected"`
	Received   *agent.Cents `json:"received"`
	Difference *agent.Cents `json:"difference"`
	Divergent  bool         `json:"divergent"` // the received amount is not the expected one
	PaidOn     *string      `json:"paid_on"`
	CreditOn   *string      `json:"credit_on"`
	Channel    *string      `json:"channel"`

	Receipts   []settlement.Receipt `json:"receipts,omitempty"`
	BankStatus string               `json:"bank_status,omitempty"` // with ?ask=1: the present status at the bank
	Attention  bool                 `json:"attention"`
	Resolution *payments.Resolution `json:"resolution,omitempty"`
	CreatedAt  time.Time            `json:"created_at"`
	UpdatedAt  time.Time            `json:"updated_at"`
}

// viewBoleto makes the view of a boleto.
func viewBoleto(b settlement.Boleto) boletoView {
	v := boletoView{
		NossoNumero: b.Number(), SeuNumero: b.SeuNumero, Status: b.Status, Detail: b.Detail, Amount: b.Amount, Due: b.Due, IssuedOn: b.IssuedOn, Barcode: b.Barcode, Line: b.Line,
		BRCode: b.BRCode, Registered: b.Registered, Expected: b.Amount, Attention: b.Attention, Resolution: b.Resolution, CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt,
	}
	if pix.Check(v.BRCode, b.Amount) != nil {
		v.BRCode = "" // an invalid code is not shown; the line pays the boleto, too
	}
	if last := b.Last(); last != nil {
		received, difference := b.Received(), b.Difference()
		v.Received, v.Difference, v.Divergent = &received, &difference, difference != 0
		v.Channel = &last.Channel
		if last.PaidOn != "" {
			v.PaidOn = &last.PaidOn
		}
		if last.CreditOn != "" {
			v.CreditOn = &last.CreditOn
		}
	}
	return v
}

// dateText formats a day; empty for the zero time.
func dateText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.DateOnly)
}
