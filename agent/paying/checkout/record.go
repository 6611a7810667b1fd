package checkout

import (
	"encoding/json"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments"
)

// eventOf is the event of a payment's change. It holds no personal data.
func eventOf(p payments.Payment) (agent.Event, error) {
	data, err := json.Marshal(struct {
		ID        string         `json:"id"`
		Kind      payments.Kind  `json:"kind"`
		Status    payments.State `json:"status"`
		Amount    agent.Cents    `json:"amount"`
		Attention bool           `json:"attention,omitempty"`
	}{p.ID, p.Kind, p.State, p.Amount, p.Attention})
	return agent.Event{Type: "payment", Key: p.ID, Data: data, At: p.UpdatedAt}, err
}

// paymentIn decodes a payment; false where there is none, or a till's request.
func paymentIn(row records.Row[payments.Payment]) (payments.Payment, bool) {
	p, err := row.Value()
	return p, err == nil && p.ID != "" && p.State != ""
}

// clone copies a payment, with the slices that grow.
func clone(p payments.Payment) payments.Payment {
	p.Attempts, p.Events = slices.Clone(p.Attempts), slices.Clone(p.Events)
	return p
}

// tillRequest is what stands under a till's key.
type tillRequest struct {
	Payment     string            `json:"payment"`
	Fingerprint agent.Fingerprint `json:"fingerprint"`
	At          time.Time         `json:"at"`
}
