// Package payments says what a payment is, which ways its state may go, and what a vendor must be able to do
// (contracts/pix.md 5 and 6). It has no clock, no network and no disk: agent/paying/checkout takes a payment through its steps, a
// vendor's package speaks with its cloud, paymentstest has what every one of them must pass.
package payments

import (
	"encoding/json"
	"slices"
	"time"

	"pdvagent/agent"
)

// Kind is what a payment is for; it decides the steps.
type Kind string

// The kinds.
const (
	KindPix     Kind = "pix"     // a charge
	KindTitle   Kind = "title"   // a capitalization title: registered, charged, confirmed
	KindInvoice Kind = "invoice" // somebody else's invoice: its code is shown and watched
)

// State is where a payment stands (till-api.md section 3).
type State string

// The states.
const (
	Created         State = "created"
	Registering     State = "registering" // the vendor is being asked for it; nothing can be paid yet
	AwaitingPayment State = "awaiting_payment"
	Paid            State = "paid"
	Confirming      State = "confirming" // the vendor is being told
	Completed       State = "completed"
	Failed          State = "failed"
	Expired         State = "expired"
	Canceled        State = "canceled"
	PaidLate        State = "paid_late"  // the money came when nobody waited for it any more: a person decides
	Conflicted      State = "conflicted" // another amount came: a person decides
	Unknown         State = "unknown"    // it was asked for, and the vendor does not know it: not failed
)

// States gives all of them.
func States() []State {
	return []State{Created, Registering, AwaitingPayment, Paid, Confirming, Completed, Failed, Expired, Canceled, PaidLate, Conflicted, Unknown}
}

// Words is the state for people, in Portuguese.
func (s State) Words() string {
	return map[State]string{
		Created: "criado", Registering: "registrando", AwaitingPayment: "esperando o pagamento", Paid: "pago", Confirming: "confirmando", Completed: "concluído",
		Failed: "falhou", Expired: "venceu", Canceled: "cancelado", PaidLate: "pago tarde", Conflicted: "outro valor", Unknown: "sem resposta",
	}[s]
}

// moves is every way there is. What is not here does not happen: a state never moves back, and failed, expired and
// canceled are left only because the money is real.
func moves(from State) []State {
	switch from {
	case Created:
		return []State{Registering, AwaitingPayment, Failed, Canceled}
	case Registering:
		return []State{AwaitingPayment, Failed, Canceled}
	case AwaitingPayment:
		return []State{Paid, Failed, Expired, Canceled, Conflicted, Unknown}
	case Unknown:
		return []State{AwaitingPayment, Paid, Failed, Expired, Canceled, Conflicted}
	case Paid:
		return []State{Confirming, Completed}
	case Confirming:
		return []State{Completed}
	case Failed, Expired, Canceled:
		return []State{PaidLate}
	}
	return nil
}

// May tells whether a payment may go from one state to another.
func May(from, to State) bool { return slices.Contains(moves(from), to) }

// Terminal tells a state in which a payment is not being worked for. Money may still come: see [May].
func (s State) Terminal() bool {
	switch s {
	case Completed, Failed, Expired, Canceled, PaidLate, Conflicted:
		return true
	}
	return false
}

// Step is what is to be done next.
type Step string

// The steps, in their order. A kind has register and confirm only if its vendor wants them.
const (
	StepRegister Step = "register"
	StepCharge   Step = "charge"
	StepWatch    Step = "watch" // goes on after expired, canceled and failed as long as money may come
	StepConfirm  Step = "confirm"
	StepNone     Step = ""
)

// Attempt is one charge at the vendor. Each has an external id of its own, which is on disk before the vendor hears it.
type Attempt struct {
	ExternalID string    `json:"external_id"`          // ours: 32 letters and digits, for register, charge or both
	GatewayID  string    `json:"gateway_id,omitempty"` // the vendor's, by which it is asked; empty: its answer never came
	Protocol   string    `json:"protocol,omitempty"`   // of the registration
	BRCode     string    `json:"brcode,omitempty"`     // as the vendor gave it, byte for byte
	QR         []byte    `json:"qr,omitempty"`         // the vendor's own PNG
	At         time.Time `json:"at"`
	Unanswered bool      `json:"unanswered,omitempty"` // it may be at the vendor
}

// Event is a line of a payment's history, which only grows.
type Event struct {
	At     time.Time `json:"at"`
	Source string    `json:"source"` // api, poll, webhook, agent or operator
	Type   string    `json:"type"`
	State  State     `json:"status"` // after it
	Detail string    `json:"detail,omitempty"`
}

// maxEvents bounds the history; what lies in its middle goes first.
const maxEvents = 100

// Customer is who pays. All of it is personal.
type Customer struct {
	Name     string `json:"name,omitempty"`
	Document string `json:"document,omitempty"` // CPF or CNPJ
	Phone    string `json:"phone,omitempty"`
}

// Resolution is what a person said of a payment that asked for one.
type Resolution struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Payment is the intent, with all its attempts.
type Payment struct {
	ID        string          `json:"id"`
	Kind      Kind            `json:"kind"`
	Provider  string          `json:"provider"`
	Amount    agent.Cents     `json:"amount"`
	Reference string          `json:"reference,omitempty"` // the till's own
	ExpiresIn int             `json:"expires_in"`          // seconds from the charge on
	Customer  Customer        `json:"customer"`            // personal; dropped with Order when it is no longer needed
	Order     json.RawMessage `json:"order,omitempty"`     // what the vendor must know, by kind
	Text      string          `json:"text,omitempty"`      // what the payer reads
	Debt      string          `json:"debt,omitempty"`      // what the vendor counts as paid once, however often it is charged: an invoice

	State     State       `json:"status"`
	Detail    string      `json:"detail,omitempty"` // Portuguese: why, and what to do
	CreatedAt time.Time   `json:"created_at"`
	UpdatedAt time.Time   `json:"updated_at"`
	ExpiresAt time.Time   `json:"expires_at"` // zero until it is charged
	PaidAt    time.Time   `json:"paid_at"`
	Received  agent.Cents `json:"received,omitempty"`

	Step   Step      `json:"next_step"`
	NextAt time.Time `json:"next_at"`
	Tries  int       `json:"tries"` // of the step
	Begun  bool      `json:"begun"` // the step's intent was written, and its result not: it may be at the vendor

	Attempts   []Attempt       `json:"attempts,omitempty"`
	Events     []Event         `json:"events"`
	Known      []string        `json:"known,omitempty"`  // what the vendor had before the first confirm
	Result     json.RawMessage `json:"result,omitempty"` // what the confirm brought
	Attention  bool            `json:"attention"`        // a person must look
	Resolution *Resolution     `json:"resolution,omitempty"`
}

// Note adds a line to the history.
func (p *Payment) Note(at time.Time, source, what, detail string) {
	p.UpdatedAt = at
	if len(p.Events) == maxEvents {
		p.Events = slices.Delete(p.Events, maxEvents/2, maxEvents/2+1)
	}
	p.Events = append(p.Events, Event{At: at, Source: source, Type: what, State: p.State, Detail: detail})
}

// Move takes the payment to another state if that is allowed, and tells whether it was.
func (p *Payment) Move(to State, at time.Time, source, detail string) bool {
	if !May(p.State, to) {
		return false
	}
	p.State = to
	p.Note(at, source, string(to), detail)
	if to == PaidLate || to == Conflicted {
		p.Attention = true
	}
	return true
}

// Last is the newest attempt; nil before the first.
func (p *Payment) Last() *Attempt {
	if len(p.Attempts) == 0 {
		return nil
	}
	return &p.Attempts[len(p.Attempts)-1]
}

// Shown is the attempt whose code the payer sees; nil where there is none.
func (p *Payment) Shown() *Attempt {
	if last := p.Last(); last != nil && last.BRCode != "" && last.GatewayID != "" {
		return last
	}
	return nil
}
