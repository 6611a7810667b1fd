// Package cardorder closes orders by card with a supplier: the till's order is checked against what the supplier offers now,
// what is about to be sent is on disk without any of the card, and an answer that was lost makes the order unknown until a
// person says what the supplier says. Nothing is ever sent twice. Card numbers and security codes are in the till's request
// and in the one to the supplier, and nowhere else (SEC-13): not in a record, a log, an error or an event.
package cardorder

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
	"pdvagent/payments/cashorder"
)

// Store is where orders are.
type Store interface {
	Commit(ctx context.Context, change agent.Change) (agent.Committed, error)
	Record(bucket, key string) ([]byte, uint64, error)
	Records(bucket string, after []byte, limit int) ([]agent.Value, []byte, error)
}

// Supplier offers ways to pay, and closes orders.
type Supplier interface {
	Options(ctx context.Context, value agent.Cents) ([]cashorder.Option, error)
	Order(ctx context.Context, body []byte) (*cashorder.Result, *cashorder.Refusal, error)
}

// Config is what the desk needs.
type Config struct {
	Store    Store
	Bucket   string // of the store
	Supplier Supplier
	Accept   bool                     // orders are taken; without it there are only options
	Shipping bool                     // order.amount has the shipping in it
	Mark     func(text []byte) string // a keyed hash: what stands for a request whose text must not be kept
	Zone     *time.Location           // of the shop
	Alarms   *agent.Alarms
	Log      *slog.Logger
	NewID    func() string
	Now      func() time.Time // default time.Now
}

// Desk closes orders. It is safe for concurrent use.
type Desk struct {
	cfg Config

	mu   sync.Mutex
	busy map[string]bool // keys and order numbers that are being closed
}

// New checks and fills defaults.
func New(cfg Config) (*Desk, error) {
	if cfg.Store == nil || cfg.Bucket == "" || cfg.Supplier == nil || cfg.Mark == nil || cfg.Zone == nil || cfg.Alarms == nil || cfg.Log == nil || cfg.NewID == nil {
		return nil, errors.New("cardorder.Config wants Store, Bucket, Supplier, Mark, Zone, Alarms, Log and NewID")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Desk{cfg: cfg, busy: make(map[string]bool)}, nil
}

// State is what became of an order.
type State string

// The states.
const (
	Completed State = "completed"
	Failed    State = "failed"  // the supplier said no
	Unknown   State = "unknown" // it was sent, and nobody here knows: a person asks the supplier
)

// Order is one as it is kept: nothing of the card, and nothing of who buys.
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

// known is what a key, or an order's number, stands for.
type known struct {
	Type        string    `json:"type"` // key
	ID          string    `json:"id"`
	Fingerprint string    `json:"fingerprint,omitempty"` // keyed, and of a request without its card
	At          time.Time `json:"at"`
}

func keyOf(key string) string     { return "key:" + key }
func numberOf(order int64) string { return "number:" + strconv.FormatInt(order, 10) }

var (
	errOff = agent.Errorf(agent.CodeNotConfigured, nil, "Pedidos com cartão estão desligados neste caixa (payments.cashorder.accept_card_data).")
	errKey = agent.Errorf(agent.CodeConflict, nil, "Esta Idempotency-Key já foi usada para outro pedido. Use uma nova para cada pedido.")
	errNo  = agent.Errorf(agent.CodeNotFound, nil, "Não há pedido com este id neste caixa.")
)

// Options asks how an amount can be paid.
func (d *Desk) Options(ctx context.Context, value agent.Cents) ([]cashorder.Option, error) {
	return d.cfg.Supplier.Options(ctx, value)
}

// Close closes an order that a till sent, whole. The same key again gives what became of it, and sends nothing.
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
	if err := d.alone(in.order); err != nil {
		return o, false, err
	}
	total, err := d.offered(ctx, in)
	if err != nil {
		return o, false, err
	}
	now := d.cfg.Now()
	o = Order{
		Type: "order", ID: d.cfg.NewID(), OrderID: in.order, Mark: keyOf(key), State: Unknown, Detail: unknownWords(in.order), Amount: in.amount, Shipping: in.shipping,
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

// enter keeps two from closing the same order at once.
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

func (d *Desk) record(key string, into any) (version uint64, err error) {
	raw, version, err := d.cfg.Store.Record(d.cfg.Bucket, key)
	if errors.Is(err, agent.ErrNotFound) {
		return 0, errNo
	}
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	return version, err
}

// repeated gives the order that a key stands for, or errNo.
func (d *Desk) repeated(key, fingerprint string) (Order, error) {
	var k known
	if _, err := d.record(keyOf(key), &k); err != nil {
		return Order{}, err
	}
	if k.Fingerprint != fingerprint {
		return Order{}, errKey
	}
	return d.Order(k.ID)
}

// alone refuses an order that was sent before under another key, unless the supplier has refused it.
func (d *Desk) alone(number int64) error {
	var k known
	if _, err := d.record(numberOf(number), &k); errors.Is(err, errNo) {
		return nil
	} else if err != nil {
		return err
	}
	o, err := d.Order(k.ID)
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

// offered asks what the supplier offers now, and finds what the till chose among it.
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

// begin has the order on disk before the supplier hears of it: what is there after a crash is an order that nobody knows
// the end of.
func (d *Desk) begin(ctx context.Context, key string, o Order, fingerprint string) error {
	order, err := json.Marshal(o)
	if err != nil {
		return err
	}
	stands, err := json.Marshal(known{Type: "key", ID: o.ID, Fingerprint: fingerprint, At: o.CreatedAt})
	if err != nil {
		return err
	}
	_, err = d.cfg.Store.Commit(ctx, agent.Change{Puts: []agent.Record{
		{Bucket: d.cfg.Bucket, Key: o.ID, Value: order},
		{Bucket: d.cfg.Bucket, Key: keyOf(key), Value: stands},
		{Bucket: d.cfg.Bucket, Key: numberOf(o.OrderID), Value: stands, IfVersion: agent.AnyVersion},
	}})
	return err
}

// send sends the order, once, and writes what became of it.
func (d *Desk) send(ctx context.Context, key string, o Order, wire []byte) (Order, error) {
	result, refusal, err := d.cfg.Supplier.Order(ctx, wire)
	if err != nil {
		switch payments.FailureOf(err).Class {
		case payments.Away, payments.Unauthorized: // nothing was closed: as if nobody had asked
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
		return o, nil // on disk it is unknown, and that is what the till is told
	}
	return next, nil
}

// takeBack removes an order that was never sent.
func (d *Desk) takeBack(ctx context.Context, key string, o Order) error {
	_, err := d.cfg.Store.Commit(ctx, agent.Change{Puts: []agent.Record{
		{Bucket: d.cfg.Bucket, Key: o.ID, IfVersion: agent.AnyVersion}, {Bucket: d.cfg.Bucket, Key: keyOf(key), IfVersion: agent.AnyVersion}, {Bucket: d.cfg.Bucket, Key: numberOf(o.OrderID), IfVersion: agent.AnyVersion},
	}})
	return err
}

// save writes an order, and tells who watches.
func (d *Desk) save(ctx context.Context, o Order, version uint64) error {
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	data, err := json.Marshal(map[string]any{"id": o.ID, "order_id": o.OrderID, "state": o.State, "order_vendor_id": o.VendorID, "at": o.UpdatedAt})
	if err != nil {
		return err
	}
	_, err = d.cfg.Store.Commit(ctx, agent.Change{
		Puts: []agent.Record{{Bucket: d.cfg.Bucket, Key: o.ID, Value: raw, IfVersion: version}}, Events: []agent.Event{{Type: "order", Key: o.ID, Data: data, At: o.UpdatedAt}},
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

// Order gives one.
func (d *Desk) Order(id string) (Order, error) {
	o, _, err := d.find(id)
	return o, err
}

func (d *Desk) find(id string) (o Order, version uint64, err error) {
	version, err = d.record(id, &o)
	if err == nil && o.Type != "order" {
		err = errNo
	}
	return o, version, err
}

// Answer is what the supplier told a person about an order that nobody knew the end of.
type Answer struct {
	State    State  // Completed or Failed
	VendorID string // of a completed one
	By       string
	Reason   string
}

// Resolve closes an unknown order by what a person learned from the supplier.
func (d *Desk) Resolve(ctx context.Context, id string, answer Answer) (Order, error) {
	o, version, err := d.find(id)
	switch {
	case err != nil:
		return o, err
	case o.State != Unknown:
		return o, agent.Errorf(agent.CodeConflict, nil, "Este pedido não espera decisão de ninguém: está como %s.", o.State)
	}
	now := d.cfg.Now()
	o.State, o.VendorID, o.Attention, o.Detail, o.UpdatedAt = answer.State, answer.VendorID, false, "", now
	o.Closed = &payments.Resolution{By: answer.By, At: now, Reason: answer.Reason}
	return o, d.save(ctx, o, version)
}

// List gives orders, newest first.
func (d *Desk) List(attention bool, limit int) ([]Order, error) {
	var list []Order
	err := d.each(func(v agent.Value) error {
		var o Order
		if json.Unmarshal(v.Data, &o) == nil && o.Type == "order" && (!attention || o.Attention) {
			list = append(list, o)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b Order) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return list[:min(len(list), limit)], err
}

const page = 100

func (d *Desk) each(do func(agent.Value) error) error {
	for after := []byte(nil); ; {
		values, next, err := d.cfg.Store.Records(d.cfg.Bucket, after, page)
		if err != nil {
			return err
		}
		for _, v := range values {
			if err := do(v); err != nil {
				return err
			}
		}
		if after = next; next == nil {
			return nil
		}
	}
}

// Run raises the alarms of orders that a person must look at, those among them that were on their way when the agent ended.
func (d *Desk) Run(context.Context) error {
	list, err := d.List(true, page)
	if err != nil {
		d.cfg.Log.Error("orders_not_read", "error", err)
	}
	for _, o := range list {
		d.alarm(o)
	}
	return nil
}

// remembered is how long what has ended is kept.
const remembered = 400 * 24 * time.Hour

// Sweep drops what ended long ago.
func (d *Desk) Sweep(ctx context.Context) (dropped int, err error) {
	now := d.cfg.Now()
	err = d.each(func(v agent.Value) error {
		var old struct {
			At        time.Time `json:"at"`
			UpdatedAt time.Time `json:"updated_at"`
			Attention bool      `json:"attention"`
		}
		if json.Unmarshal(v.Data, &old) != nil || old.Attention || now.Sub(old.At) < remembered || now.Sub(old.UpdatedAt) < remembered {
			return ctx.Err()
		}
		_, err := d.cfg.Store.Commit(ctx, agent.Change{Puts: []agent.Record{{Bucket: d.cfg.Bucket, Ref: v.Ref, IfVersion: v.Version}}})
		if errors.Is(err, agent.ErrVersion) {
			return nil // a person has just looked at it
		}
		dropped++
		return err
	})
	return dropped, err
}
