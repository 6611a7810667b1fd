package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
)

// remembered is for how long a payment and a till's key are known (till-api.md section 2: 400 days).
const remembered = 400 * 24 * time.Hour

// sweepPage is how many values are looked at between two commits.
const sweepPage = 256

// Sweep drops personal data of payments that have ended, and forgets those of more than 400 days ago with their keys. It
// tells how many it changed. What is at work, or asks for a person, stays as it is.
func (e *Engine) Sweep(ctx context.Context) (changed int, err error) {
	for after := []byte(nil); ctx.Err() == nil; {
		values, next, err := e.cfg.Store.Records(e.cfg.Bucket, after, sweepPage)
		if err != nil {
			return changed, err
		}
		for _, value := range values {
			put, worth, err := e.swept(value)
			if err != nil {
				return changed, err
			}
			if !worth {
				continue
			}
			switch _, err := e.cfg.Store.Commit(ctx, agent.Change{Puts: []agent.Record{put}}); {
			case errors.Is(err, agent.ErrVersion): // a person has just looked at it
			case err != nil:
				return changed, err
			default:
				changed++
			}
		}
		if after = next; next == nil {
			break
		}
	}
	return changed, ctx.Err()
}

// swept gives what becomes of a value, if anything.
func (e *Engine) swept(value agent.Value) (put agent.Record, worth bool, err error) {
	put = agent.Record{Bucket: e.cfg.Bucket, Ref: value.Ref, IfVersion: value.Version}
	p, ok := decode(value.Data)
	if !ok {
		var key asked
		known := json.Unmarshal(value.Data, &key) == nil && key.Payment != ""
		return put, known && e.cfg.Now().Sub(key.At) > remembered, nil
	}
	age := e.cfg.Now().Sub(p.UpdatedAt)
	switch {
	case p.Step != payments.StepNone || p.Attention:
		return put, false, nil
	case age > remembered:
		return put, true, nil
	case age < e.cfg.Keep || (len(p.Order) == 0 && p.Customer == (payments.Customer{}) && len(p.Result) == 0):
		return put, false, nil
	}
	p.Order, p.Customer, p.Result, p.Known = nil, payments.Customer{}, nil, nil
	put.Value, _, err = encode(p)
	return put, true, err
}
