package cardorder

import (
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
	"pdvagent/payments/cashorder"
)

// State is where an order stands.
type State string

// The states.
const (
	Completed State = "completed"
	Failed    State = "failed"  // the supplier refused it
	Unknown   State = "unknown" // it was sent and not answered: a person asks the supplier
)

// States gives all of them.
func States() []State { return []State{Completed, Failed, Unknown} }

// Words is the state for people, in Portuguese.
func (s State) Words() string {
	return map[State]string{Completed: "concluído", Failed: "recusado", Unknown: "sem resposta"}[s]
}

// Order is an order as it is kept: nothing of the card and nothing of the buyer.
type Order struct {
	Type      string               `json:"type"` // order
	ID        string               `json:"id"`
	OrderID   int64                `json:"order_id"` // the till's order.id
	Mark      string               `json:"mark"`     // of its Idempotency-Key
	State     State                `json:"state"`
	VendorID  string               `json:"order_vendor_id,omitempty"`
	Refusal   *cashorder.Refusal   `json:"error,omitempty"`
	Detail    string               `json:"detail,omitempty"`
	Amount    agent.Cents          `json:"amount"`
	Shipping  agent.Cents          `json:"shipping"`
	PaymentID int                  `json:"payment_id"`
	Parcels   int                  `json:"parcels"`
	Total     agent.Cents          `json:"total"` // of all parcels
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
	Attention bool                 `json:"attention"`
	Closed    *payments.Resolution `json:"resolution,omitempty"`
}

// reference is what stands under a till's key and under an order's number.
type reference struct {
	Type        string    `json:"type"` // key
	ID          string    `json:"id"`
	Fingerprint string    `json:"fingerprint,omitempty"` // a keyed hash of the request without its card
	At          time.Time `json:"at"`
}

const (
	typeOrder = "order"
	typeKey   = "key"
)

func keyOf(key string) string     { return "key:" + key }
func numberOf(order int64) string { return "number:" + strconv.FormatInt(order, 10) }

var (
	errOff = agent.Errorf(agent.CodeNotConfigured, nil, "Pedidos com cartão estão desligados neste caixa (payments.cashorder.accept_card_data).")
	errKey = agent.Errorf(agent.CodeConflict, nil, "Esta Idempotency-Key já foi usada para outro pedido. Use uma nova para cada pedido.")
	errNo  = agent.Errorf(agent.CodeNotFound, nil, "Não há pedido com este id neste caixa.")
)
