package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments"
)

// remembered is for how long a payment and a till's key are known (till-api.md section 2: 400 days).
const remembered = 400 * 24 * time.Hour

// Sweep removes the personal data of payments that ended [Config].Keep ago, and payments and keys of more than 400 days
// ago altogether. A payment that is at work or asks for a person stays. It counts the records that it changed.
func (e *Engine) Sweep(ctx context.Context) (swept int, err error) {
	err = e.table.Each(func(row records.Row[payments.Payment]) error {
		put, due, err := e.swept(row)
		if err != nil {
			return err
		}
		if due {
			err = e.table.Write(ctx, put)
		}
		switch {
		case errors.Is(err, agent.ErrVersion): // a person resolved it meanwhile
		case err != nil:
			return err
		case due:
			swept++
		}
		return ctx.Err()
	})
	return swept, err
}

// swept makes the put by which a row is emptied or removed; false where it stays as it is.
func (e *Engine) swept(row records.Row[payments.Payment]) (put agent.Record, due bool, err error) {
	p, ok := paymentIn(row)
	if !ok {
		var key tillRequest
		known := json.Unmarshal(row.Raw, &key) == nil && key.Payment != ""
		return row.Delete(), known && e.cfg.Now().Sub(key.At) > remembered, nil
	}
	age := e.cfg.Now().Sub(p.UpdatedAt)
	switch {
	case p.Step != payments.StepNone || p.Attention:
		return put, false, nil
	case age > remembered:
		return row.Delete(), true, nil
	case age < e.cfg.Keep || (len(p.Order) == 0 && p.Customer == (payments.Customer{}) && len(p.Result) == 0):
		return put, false, nil
	}
	p.Order, p.Customer, p.Result, p.Known = nil, payments.Customer{}, nil, nil
	put, err = row.Put(p)
	return put, true, err
}
