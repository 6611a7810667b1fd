// Package cardorder closes orders by card with a supplier: it checks the till's order against the supplier's present offers,
// writes the order to disk without its card, sends it once, and writes the result. An order whose answer is lost is unknown
// until a person resolves it. Card numbers and security codes are in the till's request and in the request to the supplier,
// and nowhere else (SEC-13): not in a record, a log, an error or an event.
//
// It never sends an order twice, and it watches nothing: package checkout makes the payments that are watched. Its callers
// are till/api, for the till and for support, and the retention routine. It calls the supplier (payments/cashorder) and the
// store, through package records.
package cardorder

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments"
	"pdvagent/payments/cashorder"
)

// Supplier offers ways to pay, and closes orders. Every error is a [payments.Failure].
type Supplier interface {
	Options(ctx context.Context, value agent.Cents) ([]cashorder.Option, error)
	Order(ctx context.Context, body []byte) (*cashorder.Result, *cashorder.Refusal, error)
}

// Config is what the desk needs.
type Config struct {
	Store    records.Store
	Bucket   string // of the store: orders by their id, and references to them by the till's key and order number
	Supplier Supplier
	Accept   bool                     // orders are taken; without it there are only options
	Shipping bool                     // order.amount includes the shipping
	Mark     func(text []byte) string // a keyed hash, for a request whose text must not be kept
	Zone     *time.Location           // of the shop
	Alarms   *agent.Alarms
	Log      *slog.Logger
	NewID    func() string
	Now      func() time.Time // default time.Now
}

// Desk closes orders. It is safe for concurrent use.
type Desk struct {
	cfg    Config
	orders records.Table[Order]
	refs   records.Table[reference] // in the same bucket

	mu   sync.Mutex
	busy map[string]bool // keys and numbers of the orders that are being closed
}

// New checks and fills defaults.
func New(cfg Config) (*Desk, error) {
	if cfg.Store == nil || cfg.Bucket == "" || cfg.Supplier == nil || cfg.Mark == nil || cfg.Zone == nil || cfg.Alarms == nil || cfg.Log == nil || cfg.NewID == nil {
		return nil, errors.New("cardorder.Config wants Store, Bucket, Supplier, Mark, Zone, Alarms, Log and NewID")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Desk{
		cfg: cfg, busy: make(map[string]bool),
		orders: records.Table[Order]{Store: cfg.Store, Bucket: cfg.Bucket}, refs: records.Table[reference]{Store: cfg.Store, Bucket: cfg.Bucket},
	}, nil
}

// Options asks the supplier how an amount can be paid.
func (d *Desk) Options(ctx context.Context, value agent.Cents) ([]cashorder.Option, error) {
	return d.cfg.Supplier.Options(ctx, value)
}

// Close closes an order of a till. body is the till's request. The same key again gives the order as it is now, and sends
// nothing.
func (d *Desk) Close(ctx context.Context, key string, body []byte) (o Order, replayed bool, err error) {
	if !d.cfg.Accept {
		return o, false, errOff
	}
	ctx = context.WithoutCancel(ctx) // a till that hangs up does not leave half an order
	in, err := d.read(body)
	if err != nil {
		return o, false, err
	}
	leave, ok := d.enter(keyOf(key), numberOf(in.order))
	if !ok {
		return o, false, agent.Errorf(agent.CodeInFlight, nil, "Este pedido está sendo fechado agora. Repita a mesma chamada em instantes.")
	}
	defer leave()
	fingerprint := d.cfg.Mark(in.fingerprint)
	if o, err = d.repeated(key, fingerprint); err == nil {
		return o, true, nil
	} else if !errors.Is(err, errNo) {
		return o, false, err
	}
	if err := d.checkNumber(in.order); err != nil {
		return o, false, err
	}
	total, err := d.offered(ctx, in)
	if err != nil {
		return o, false, err
	}
	now := d.cfg.Now()
	o = Order{
		Type: typeOrder, ID: d.cfg.NewID(), OrderID: in.order, Mark: keyOf(key), State: Unknown, Detail: unknownWords(in.order), Amount: in.amount, Shipping: in.shipping,
		PaymentID: in.card.PaymentID, Parcels: in.parcels, Total: total, CreatedAt: now, UpdatedAt: now, Attention: true,
	}
	if err := d.begin(ctx, key, o, fingerprint); err != nil {
		return o, false, err
	}
	o, err = d.send(ctx, key, o, in.wire)
	return o, false, err
}

func unknownWords(order int64) string {
	return "O fornecedor não respondeu sobre o pedido " + strconv.FormatInt(order, 10) + ": pergunte a ele se foi fechado e registre a resposta. Não mande o pedido de novo antes disso: o cartão pode ser cobrado duas vezes."
}

// enter reserves the names of an order while it is closed; false when one of them is reserved.
func (d *Desk) enter(names ...string) (leave func(), ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range names {
		if d.busy[name] {
			return nil, false
		}
	}
	for _, name := range names {
		d.busy[name] = true
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, name := range names {
			delete(d.busy, name)
		}
	}, true
}

// repeated reads the order of a key; errNo for a new key.
func (d *Desk) repeated(key, fingerprint string) (Order, error) {
	ref, row, err := d.refs.Get(keyOf(key))
	switch {
	case err != nil:
		return Order{}, err
	case !row.Known():
		return Order{}, errNo
	case ref.Fingerprint != fingerprint:
		return Order{}, errKey
	}
	return d.Order(ref.ID)
}

// checkNumber refuses an order number that was sent before under another key, unless the supplier refused it then.
func (d *Desk) checkNumber(number int64) error {
	ref, row, err := d.refs.Get(numberOf(number))
	if err != nil || !row.Known() {
		return err
	}
	o, err := d.Order(ref.ID)
	switch {
	case errors.Is(err, errNo) || err == nil && o.State == Failed:
		return nil
	case err != nil:
		return err
	case o.State == Unknown:
		return agent.Errorf(agent.CodeConflict, nil, "%s", o.Detail)
	}
	return agent.Errorf(agent.CodeConflict, nil, "O pedido %d já foi fechado; no fornecedor ele é %s.", number, o.VendorID)
}

// offered finds the total of the till's choice among the supplier's present offers.
func (d *Desk) offered(ctx context.Context, in *request) (total agent.Cents, err error) {
	options, err := d.cfg.Supplier.Options(ctx, in.amount)
	if err != nil {
		return 0, err
	}
	for _, option := range options {
		if option.PaymentID != in.card.PaymentID {
			continue
		}
		for _, installment := range option.Installments {
			if installment.Parcels == in.parcels {
				return installment.Total, nil
			}
		}
	}
	return 0, invalid("payment.parcels", "conflict", "O fornecedor não oferece agora esta bandeira com este número de parcelas para este valor. Peça as opções de novo.")
}

// begin writes the order before it is sent. After a crash it is on disk as unknown.
func (d *Desk) begin(ctx context.Context, key string, o Order, fingerprint string) error {
	ref := reference{Type: typeKey, ID: o.ID, Fingerprint: fingerprint, At: o.CreatedAt}
	order, orderErr := d.orders.Put(o.ID, o, 0)
	byKey, keyErr := d.refs.Put(keyOf(key), ref, 0)
	byNumber, numberErr := d.refs.Put(numberOf(o.OrderID), ref, agent.AnyVersion)
	if err := errors.Join(orderErr, keyErr, numberErr); err != nil {
		return err
	}
	return d.orders.Write(ctx, order, byKey, byNumber)
}

// send sends the order, once, and writes the result.
func (d *Desk) send(ctx context.Context, key string, o Order, wire []byte) (Order, error) {
	result, refusal, err := d.cfg.Supplier.Order(ctx, wire)
	if err != nil {
		switch payments.FailureOf(err).Class {
		case payments.Away, payments.Unauthorized: // nothing was closed
			return o, errors.Join(err, d.takeBack(ctx, key, o))
		}
		d.cfg.Log.Error("order_unknown", "order", o.OrderID, "id", o.ID, "error", err)
		d.alarm(o)
		return o, nil
	}
	next := o
	next.Attention, next.Detail, next.UpdatedAt = false, "", d.cfg.Now()
	if refusal != nil {
		next.State, next.Refusal = Failed, refusal
	} else {
		next.State, next.VendorID = Completed, result.OrderVendorID
	}
	if err := d.save(ctx, next, 1); err != nil {
		d.cfg.Log.Error("order_not_written", "order", o.OrderID, "id", o.ID, "state", string(next.State), "vendor_id", next.VendorID, "error", err)
		d.alarm(o)
		return o, nil // it is unknown on disk, so the till gets that
	}
	return next, nil
}

// takeBack removes an order that was never sent.
func (d *Desk) takeBack(ctx context.Context, key string, o Order) error {
	return d.orders.Write(ctx, d.orders.Delete(o.ID, agent.AnyVersion), d.refs.Delete(keyOf(key), agent.AnyVersion), d.refs.Delete(numberOf(o.OrderID), agent.AnyVersion))
}

// save writes an order together with its event, and raises or clears its alarm.
func (d *Desk) save(ctx context.Context, o Order, version uint64) error {
	put, err := d.orders.Put(o.ID, o, version)
	if err != nil {
		return err
	}
	data, err := json.Marshal(map[string]any{"id": o.ID, "order_id": o.OrderID, "state": o.State, "order_vendor_id": o.VendorID, "at": o.UpdatedAt})
	if err != nil {
		return err
	}
	_, err = d.cfg.Store.Commit(ctx, agent.Change{
		Puts: []agent.Record{put}, Events: []agent.Event{{Type: "order", Key: o.ID, Data: data, At: o.UpdatedAt}},
	})
	if err == nil {
		d.alarm(o)
	}
	return err
}

func (d *Desk) alarm(o Order) {
	subject := "pedido " + strconv.FormatInt(o.OrderID, 10)
	if !o.Attention {
		d.cfg.Alarms.Clear(agent.AlarmPayment, subject)
		return
	}
	d.cfg.Alarms.Raise(agent.Alarm{Code: agent.AlarmPayment, Subject: subject, Since: o.CreatedAt, Detail: o.Detail + " Depois: pdvagent orders resolve."})
}

// Order reads an order by its id.
func (d *Desk) Order(id string) (Order, error) {
	o, _, err := d.find(id)
	return o, err
}

func (d *Desk) find(id string) (Order, records.Row[Order], error) {
	o, row, err := d.orders.Get(id)
	if err == nil && o.Type != typeOrder { // there is none, or it is a reference
		err = errNo
	}
	return o, row, err
}
