package cardorder

import (
	"context"
	"errors"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments"
)

// Answer is the supplier's answer to a person about an unknown order.
type Answer struct {
	State    State  // Completed or Failed
	VendorID string // of a completed order
	By       string
	Reason   string
}

// Resolve ends an unknown order with the supplier's answer.
func (d *Desk) Resolve(ctx context.Context, id string, answer Answer) (Order, error) {
	o, row, err := d.find(id)
	switch {
	case err != nil:
		return o, err
	case o.State != Unknown:
		return o, agent.Errorf(agent.CodeConflict, nil, "Este pedido não espera decisão de ninguém: a situação dele é %s.", o.State.Words())
	}
	now := d.cfg.Now()
	o.State, o.VendorID, o.Attention, o.Detail, o.UpdatedAt = answer.State, answer.VendorID, false, "", now
	o.Closed = &payments.Resolution{By: answer.By, At: now, Reason: answer.Reason}
	return o, d.save(ctx, o, row.Version)
}

// List reads orders, newest first; with attention only those that wait for a person.
func (d *Desk) List(attention bool, limit int) ([]Order, error) {
	var list []Order
	err := d.orders.Each(func(row records.Row[Order]) error {
		if o, err := row.Value(); err == nil && o.Type == typeOrder && (!attention || o.Attention) {
			list = append(list, o)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b Order) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return list[:min(len(list), limit)], err
}

// Run raises the alarms of the orders that wait for a person, also of those that were being sent when the agent ended.
func (d *Desk) Run(context.Context) error {
	const most = 100
	list, err := d.List(true, most)
	if err != nil {
		d.cfg.Log.Error("orders_not_read", "error", err)
	}
	for _, o := range list {
		d.alarm(o)
	}
	return nil
}

// remembered is how long an order, its key and its number are kept after its end.
const remembered = 400 * 24 * time.Hour

// aged is the age of any value of the bucket.
type aged struct {
	At        time.Time `json:"at"`
	UpdatedAt time.Time `json:"updated_at"`
	Attention bool      `json:"attention"`
}

// Sweep drops orders that ended long ago, and their keys and numbers. It counts what it dropped.
func (d *Desk) Sweep(ctx context.Context) (dropped int, err error) {
	now := d.cfg.Now()
	everything := records.Table[aged]{Store: d.cfg.Store, Bucket: d.cfg.Bucket}
	err = everything.Each(func(row records.Row[aged]) error {
		old, err := row.Value()
		if err != nil || old.Attention || now.Sub(old.At) < remembered || now.Sub(old.UpdatedAt) < remembered {
			return ctx.Err()
		}
		switch err := everything.Write(ctx, row.Delete()); {
		case errors.Is(err, agent.ErrVersion): // a person resolved it meanwhile
		case err != nil:
			return err
		default:
			dropped++
		}
		return ctx.Err()
	})
	return dropped, err
}
