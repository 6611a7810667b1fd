package checkout

import (
	"encoding/json"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
)

// encode gives a payment as it is stored, and the event that tells of it.
func encode(p payments.Payment) ([]byte, agent.Event, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return nil, agent.Event{}, err
	}
	data, err := json.Marshal(struct {
		ID        string         `json:"id"`
		Kind      payments.Kind  `json:"kind"`
		Status    payments.State `json:"status"`
		Amount    agent.Cents    `json:"amount"`
		Attention bool           `json:"attention,omitempty"`
	}{p.ID, p.Kind, p.State, p.Amount, p.Attention})
	return raw, agent.Event{Type: "payment", Key: p.ID, Data: data, At: p.UpdatedAt}, err
}

// decode reads a payment; false for a value that is none: the id behind a till's key.
func decode(raw []byte) (payments.Payment, bool) {
	var p payments.Payment
	if json.Unmarshal(raw, &p) != nil {
		return p, false
	}
	return p, p.ID != "" && p.State != ""
}

// clone gives a payment that shares nothing which changes.
func clone(p payments.Payment) payments.Payment {
	p.Attempts, p.Events = slices.Clone(p.Attempts), slices.Clone(p.Events)
	return p
}

// asked is what a till's key stands for.
type asked struct {
	Payment     string            `json:"payment"`
	Fingerprint agent.Fingerprint `json:"fingerprint"`
	At          time.Time         `json:"at"`
}
