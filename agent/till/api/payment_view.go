package api

import (
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
	"pdvagent/payments/pix"
)

// paymentView is a payment as tills see it.
type paymentView struct {
	ID        string         `json:"id"`
	Kind      payments.Kind  `json:"kind"`
	Method    string         `json:"method"`
	Provider  string         `json:"provider"`
	Status    payments.State `json:"status"`
	Detail    string         `json:"detail,omitempty"` // for the cashier
	Amount    agent.Cents    `json:"amount"`
	Received  *agent.Cents   `json:"received,omitempty"`
	Reference string         `json:"reference,omitempty"`
	Pix       *pixView       `json:"pix"` // null: there is no code to show
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
	ExpiresAt *time.Time     `json:"expires_at"`
	PaidAt    *time.Time     `json:"paid_at,omitempty"`

	Attention  bool                 `json:"attention"` // a person must decide
	Resolution *payments.Resolution `json:"resolution,omitempty"`
	Events     []payments.Event     `json:"events,omitempty"`
}

// pixView is the code that the payer scans.
type pixView struct {
	BRCode string `json:"brcode"`
	QR     []byte `json:"qr_png,omitempty"` // base64
}

// viewPayment makes the view of a payment.
func viewPayment(p payments.Payment) paymentView {
	v := paymentView{
		ID: p.ID, Kind: p.Kind, Method: "pix", Provider: p.Provider, Status: p.State, Detail: p.Detail, Amount: p.Amount, Reference: p.Reference,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Attention: p.Attention, Resolution: p.Resolution,
	}
	if !p.ExpiresAt.IsZero() {
		v.ExpiresAt = &p.ExpiresAt
	}
	if !p.PaidAt.IsZero() {
		v.PaidAt, v.Received = &p.PaidAt, &p.Received
	}
	if shown := p.Shown(); shown != nil && p.State == payments.AwaitingPayment {
		v.Pix = &pixView{shown.BRCode, shown.QR}
		if v.Pix.QR == nil {
			v.Pix.QR, _ = pix.PNG(shown.BRCode, pix.DefaultScale) // without a picture there is the code
		}
	}
	return v
}
