package api

import (
	"context"
	"net/http"
	"strconv"

	"pdvagent/agent"
	"pdvagent/agent/paying/cardorder"
	"pdvagent/agent/till/web"
	"pdvagent/payments"
	"pdvagent/payments/cashorder"
)

// Orders closes orders by card.
type Orders interface {
	Options(ctx context.Context, value agent.Cents) ([]cashorder.Option, error)
	Close(ctx context.Context, key string, body []byte) (o cardorder.Order, replayed bool, err error)
	Order(id string) (cardorder.Order, error)
	List(attention bool, limit int) ([]cardorder.Order, error)
	Resolve(ctx context.Context, id string, answer cardorder.Answer) (cardorder.Order, error)
}

const (
	noOrders      = "Os pedidos com cartão não estão configurados neste caixa (payments.cashorder)."
	longestOrders = 500
)

// orderView is an order in the supplier's form, with the agent's own fields in agent.
type orderView struct {
	OrderID       *int64             `json:"orderId"`
	OrderVendorID *string            `json:"orderVendorId"`
	Error         *cashorder.Refusal `json:"error"`
	Agent         struct {
		ID         string               `json:"id"`
		State      cardorder.State      `json:"state"`
		Detail     string               `json:"detail,omitempty"` // for the cashier
		OrderID    int64                `json:"order_id"`
		Amount     agent.Cents          `json:"amount"`
		Shipping   agent.Cents          `json:"shipping"`
		Brand      string               `json:"brand"`
		Parcels    int                  `json:"parcels"`
		Total      agent.Cents          `json:"total"` // of all parcels
		CreatedAt  string               `json:"created_at"`
		Attention  bool                 `json:"attention"`
		Resolution *payments.Resolution `json:"resolution,omitempty"`
	} `json:"agent"`
}

// viewOrder makes the view of an order.
func viewOrder(o cardorder.Order) (v orderView) {
	if o.State == cardorder.Completed {
		v.OrderID, v.OrderVendorID = &o.OrderID, &o.VendorID
	}
	v.Error = o.Refusal
	a := &v.Agent
	a.ID, a.State, a.Detail, a.OrderID, a.Amount, a.Shipping = o.ID, o.State, o.Detail, o.OrderID, o.Amount, o.Shipping
	a.Brand, a.Parcels, a.Total, a.Attention, a.Resolution = cashorder.Brand(o.PaymentID), o.Parcels, o.Total, o.Attention, o.Closed
	a.CreatedAt = o.CreatedAt.Format("2006-01-02T15:04:05Z07:00")
	return v
}

// orderRefusal translates an error of an order for the till.
func orderRefusal(err error) error { return refusalFrom(cashorder.Name, err) }

// paymentOptions lists how an amount can be paid: ?value= in cents.
func (a *API) paymentOptions(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Orders == nil {
		problem(w, r, errNotConfigured(noOrders), "")
		return
	}
	text := r.URL.Query().Get("value")
	value, err := strconv.ParseInt(text, 10, 64)
	if !integerPattern.MatchString(text) || err != nil || value < 1 || value > maxAmount {
		problem(w, r, oneFault("value", "range", "Informe o valor em centavos, um número inteiro: value=1701."), "")
		return
	}
	options, err := a.cfg.Paying.Orders.Options(r.Context(), agent.Cents(value))
	if err != nil {
		problem(w, r, orderRefusal(err), "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]any{"value": value, "paymentOptions": options})
}

// closeOrder closes an order by card. The journal does not get its body.
func (a *API) closeOrder(w http.ResponseWriter, r *http.Request) {
	web.Unseen(r)
	f, ok := openForm(w, r)
	if !ok {
		return
	}
	if a.cfg.Paying.Orders == nil {
		problem(w, r, errNotConfigured(noOrders), "")
		return
	}
	key, err := idempotencyKey(r)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	o, replayed, err := a.cfg.Paying.Orders.Close(r.Context(), key, f.body.Raw())
	if err != nil {
		a.noteStoreFull(err)
		problem(w, r, orderRefusal(err), "")
		return
	}
	if replayed {
		w.Header().Set(web.HeaderDelivery, "replayed")
	}
	w.Header().Set("Location", "/v1/orders/"+o.ID)
	status := http.StatusOK
	if o.State == cardorder.Unknown {
		status = http.StatusAccepted
	}
	web.JSON(w, status, viewOrder(o))
}

// order shows one.
func (a *API) order(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Orders == nil {
		problem(w, r, errNotConfigured(noOrders), "")
		return
	}
	o, err := a.cfg.Paying.Orders.Order(r.PathValue("id"))
	if err != nil {
		problem(w, r, orderRefusal(err), "")
		return
	}
	web.JSON(w, http.StatusOK, viewOrder(o))
}

// orders lists orders, newest first: ?attention=1
func (a *API) orders(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Orders == nil {
		problem(w, r, errNotConfigured(noOrders), "")
		return
	}
	list, err := a.cfg.Paying.Orders.List(r.URL.Query().Get("attention") == "1", longestOrders)
	if err != nil {
		problem(w, r, orderRefusal(err), "")
		return
	}
	views := make([]orderView, 0, len(list))
	for _, o := range list {
		views = append(views, viewOrder(o))
	}
	web.JSON(w, http.StatusOK, map[string]any{"orders": views})
}

// resolveOrder closes an order of unknown state by what a person learned from the supplier.
func (a *API) resolveOrder(w http.ResponseWriter, r *http.Request) {
	f, ok := openForm(w, r)
	if !ok {
		return
	}
	if a.cfg.Paying.Orders == nil {
		problem(w, r, errNotConfigured(noOrders), "")
		return
	}
	answer := cardorder.Answer{By: web.Caller(r), Reason: f.text("reason", true, 500), VendorID: f.text("order_vendor_id", false, 100)}
	switch answer.State = cardorder.State(f.text("state", true, 20)); {
	case answer.State == cardorder.Completed && answer.VendorID == "":
		f.fault("order_vendor_id", "required", "Falta o número do pedido no fornecedor.")
	case answer.State == cardorder.Completed, answer.State == cardorder.Failed, answer.State == "":
	default:
		f.fault("state", "unknown", "Use completed ou failed.")
	}
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	o, err := a.cfg.Paying.Orders.Resolve(r.Context(), r.PathValue("id"), answer)
	if err != nil {
		problem(w, r, orderRefusal(err), "")
		return
	}
	web.JSON(w, http.StatusOK, viewOrder(o))
}
