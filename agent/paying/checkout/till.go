package checkout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
)

// Order is a payment that a till asks for.
type Order struct {
	Key         string            // the till's Idempotency-Key
	Fingerprint agent.Fingerprint // of what it asked for
	Kind        payments.Kind
	Provider    string
	Amount      agent.Cents
	Reference   string
	ExpiresIn   int // seconds
	Customer    payments.Customer
	Text        string          // what the payer reads
	Debt        string          // what is paid once however often it is charged: an invoice; empty: the charge itself
	Order       json.RawMessage // of the kind
	Patience    time.Duration   // that the till waits for its code
}

// errConflict refuses a key that was used for another request.
var errConflict = agent.Errorf(agent.CodeConflict, nil, "Esta Idempotency-Key já foi usada para outro pedido. Use uma nova para cada pagamento.")

func keyOf(key string) string { return "key:" + key }

// Repeated finds the payment of a key; nil for a new key.
func (e *Engine) Repeated(key string, fingerprint agent.Fingerprint) (*payments.Payment, error) {
	known, row, err := e.keys.Get(keyOf(key))
	if err != nil || !row.Known() {
		return nil, err
	}
	if known.Fingerprint != fingerprint {
		return nil, errConflict
	}
	p, err := e.Payment(known.Payment)
	return &p, err
}

// Create begins a payment. It waits until there is a code to show or it is clear that there is none, at most the order's
// Patience. The same key again gives the same payment.
func (e *Engine) Create(ctx context.Context, order Order) (p payments.Payment, replayed bool, err error) {
	if known, err := e.Repeated(order.Key, order.Fingerprint); known != nil || err != nil {
		if err == nil {
			p, err = e.await(ctx, known.ID, order.Patience, hasCode)
		}
		return p, true, err
	}
	now := e.cfg.Now()
	p = payments.Payment{
		ID: e.cfg.NewID(), Kind: order.Kind, Provider: order.Provider, Amount: order.Amount, Reference: order.Reference, ExpiresIn: order.ExpiresIn,
		Customer: order.Customer, Order: order.Order, Text: order.Text, Debt: order.Debt, State: payments.Created, CreatedAt: now, Step: payments.StepRegister, NextAt: now,
	}
	if flow, ok := e.cfg.Flows[FlowKey{p.Kind, p.Provider}]; !ok {
		return p, false, agent.Errorf(agent.CodeNotConfigured, nil, "Este provedor de pagamento não está configurado neste caixa.")
	} else if _, registers := flow.Provider.(payments.Registrar); !registers {
		p.Step = payments.StepCharge
	}
	p.Note(now, "api", "created", "")
	if err := e.claimDebt(ctx, p); err != nil {
		return p, false, err
	}
	key, err := e.keys.Put(keyOf(order.Key), tillRequest{p.ID, order.Fingerprint, now}, 0)
	if err != nil {
		return p, false, err
	}
	en := newEntry(p, 0)
	en.attendedUntil = now.Add(waitFor)
	e.mu.Lock()
	e.entries[p.ID] = en // before it is on disk: entryOf must find this entry, or two would work at the payment
	e.mu.Unlock()
	err = e.change(ctx, en, func(*payments.Payment) error { return nil }, key)
	if err != nil {
		e.mu.Lock()
		delete(e.entries, p.ID)
		e.mu.Unlock()
	}
	if errors.Is(err, agent.ErrVersion) { // the same key came twice at the same moment
		return e.Create(ctx, order)
	}
	if err != nil {
		return p, false, err
	}
	e.mu.Lock()
	e.schedule(en, now)
	e.mu.Unlock()
	p, err = e.await(ctx, p.ID, order.Patience, hasCode)
	return p, false, err
}

// claimDebt makes a payment the only one that watches its debt: the vendor's answer that the debt is paid would count for
// each. It is refused while another payment of the debt is not terminal; the late checks of earlier ones end.
func (e *Engine) claimDebt(ctx context.Context, p payments.Payment) error {
	if p.Debt == "" {
		return nil
	}
	e.mu.Lock()
	entries := slices.Collect(maps.Values(e.entries))
	e.mu.Unlock()
	for _, en := range entries {
		other, _ := en.now()
		if other.Debt != p.Debt || other.Provider != p.Provider || other.Step == payments.StepNone {
			continue
		}
		if !other.State.Terminal() {
			return agent.Errorf(agent.CodeConflict, nil, "Já há um pagamento em andamento para esta fatura (%s). Mostre o código dele, ou cancele-o antes de cobrar de novo.", other.ID)
		}
		err := e.change(ctx, en, func(p *payments.Payment) error {
			p.Step = payments.StepNone
			p.Note(e.cfg.Now(), "agent", "superseded", "")
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// hasCode tells whether there is a code, or never will be.
func hasCode(p payments.Payment) bool {
	return p.State != payments.Created && p.State != payments.Registering
}

// entryOf finds a payment in memory or on disk.
func (e *Engine) entryOf(id string) (*entry, error) {
	e.mu.Lock()
	en := e.entries[id]
	e.mu.Unlock()
	if en != nil {
		return en, nil
	}
	row, err := e.table.Row(id)
	if err != nil {
		return nil, err
	}
	p, ok := paymentIn(row)
	if !ok {
		return nil, agent.Errorf(agent.CodeNotFound, nil, "Não há pagamento com este id neste caixa.")
	}
	if p.Step != payments.StepNone { // a commit that had failed was written after all
		return e.put(p, row.Version, e.cfg.Now()), nil
	}
	return newEntry(p, row.Version), nil // it has no next step: only a person changes it
}

// Payment reads a payment.
func (e *Engine) Payment(id string) (payments.Payment, error) {
	en, err := e.entryOf(id)
	if err != nil {
		return payments.Payment{}, err
	}
	p, _ := en.now()
	return p, nil
}

// Watch reads a payment. With patience it waits until the state changes, unless the payment is terminal. From then on the
// payment counts as waited for: the vendor is asked more often.
func (e *Engine) Watch(ctx context.Context, id string, patience time.Duration) (payments.Payment, error) {
	en, err := e.entryOf(id)
	if err != nil {
		return payments.Payment{}, err
	}
	first, _ := en.now()
	if !first.State.Terminal() {
		flow := e.cfg.Flows[FlowKey{first.Kind, first.Provider}]
		e.attend(en, flow.poll())
	}
	if patience == 0 || first.State.Terminal() {
		return first, nil
	}
	return e.await(ctx, id, patience, func(p payments.Payment) bool { return p.State != first.State })
}

// await waits until done is true of a payment, at most patience.
func (e *Engine) await(ctx context.Context, id string, patience time.Duration, done func(payments.Payment) bool) (payments.Payment, error) {
	en, err := e.entryOf(id)
	if err != nil {
		return payments.Payment{}, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		p, committed := en.next()
		if done(p) || patience <= 0 {
			return p, nil
		}
		select {
		case <-committed:
		case <-timer.C:
			return p, nil
		case <-ctx.Done():
			return p, nil
		}
	}
}

// Cancel cancels a payment. A charge that was made is watched until it cannot be paid any more.
func (e *Engine) Cancel(ctx context.Context, id string) (payments.Payment, error) {
	return e.decide(ctx, id, func(p *payments.Payment) error {
		if p.State == payments.Canceled {
			return nil
		}
		if !p.Move(payments.Canceled, e.cfg.Now(), "api", "") {
			return agent.Errorf(agent.CodeConflict, nil, "Este pagamento não pode mais ser cancelado: a situação dele é %s.", p.State.Words())
		}
		p.Detail = "Cancelado no caixa. Se o cliente pagar mesmo assim, o pdvagent avisa."
		if p.Step == payments.StepRegister || p.Step == payments.StepCharge && !p.Begun {
			p.Step = payments.StepNone // nothing was charged
		}
		return nil
	})
}

// Resolve ends a payment's wait for a person.
func (e *Engine) Resolve(ctx context.Context, id, by, reason string) (payments.Payment, error) {
	return e.decide(ctx, id, func(p *payments.Payment) error {
		if !p.Attention {
			return agent.Errorf(agent.CodeConflict, nil, "Este pagamento não pede decisão de ninguém.")
		}
		now := e.cfg.Now()
		p.Attention, p.Resolution = false, &payments.Resolution{By: by, At: now, Reason: reason}
		p.Note(now, "operator", "resolved", "")
		return nil
	})
}

// decide changes a payment by do, unless do adds no event to it.
func (e *Engine) decide(ctx context.Context, id string, do func(*payments.Payment) error) (payments.Payment, error) {
	en, err := e.entryOf(id)
	if err != nil {
		return payments.Payment{}, err
	}
	err = e.change(ctx, en, func(p *payments.Payment) error {
		lines := len(p.Events)
		if err := do(p); err != nil {
			return err
		}
		if len(p.Events) == lines {
			return errNothing
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		err = nil
	}
	p, _ := en.now()
	return p, err
}

// errNothing ends a change that writes nothing: the decision was made before.
var errNothing = errors.New("nothing to write")

// Hint has the vendor asked now about the payment that a notice names, by the vendor's id or by our external id. A notice
// changes no payment by itself. It is false when the payment is not watched here.
func (e *Engine) Hint(gatewayID, externalID string) bool {
	e.mu.Lock()
	entries := make([]*entry, 0, len(e.entries))
	for _, en := range e.entries {
		entries = append(entries, en)
	}
	e.mu.Unlock()
	for _, en := range entries {
		p, _ := en.now()
		if p.Step != payments.StepWatch {
			continue
		}
		if slices.ContainsFunc(p.Attempts, func(a payments.Attempt) bool {
			return a.GatewayID == gatewayID && a.GatewayID != "" || a.ExternalID == externalID
		}) {
			e.hurry(en)
			return true
		}
	}
	return false
}

// Filter selects payments.
type Filter struct {
	State     payments.State // empty: any
	Kind      payments.Kind  // empty: any
	Since     time.Time
	Reference string
	Attention bool // only those that ask for a person
	Limit     int
}

// List reads payments, newest first.
func (e *Engine) List(f Filter) ([]payments.Payment, error) {
	var list []payments.Payment
	err := e.each(func(p payments.Payment, _ uint64) {
		if (f.State == "" || p.State == f.State) && (f.Kind == "" || p.Kind == f.Kind) && !p.UpdatedAt.Before(f.Since) && (f.Reference == "" || p.Reference == f.Reference) && (!f.Attention || p.Attention) {
			list = append(list, p)
		}
	})
	slices.SortFunc(list, func(a, b payments.Payment) int {
		if order := b.CreatedAt.Compare(a.CreatedAt); order != 0 {
			return order
		}
		return bytes.Compare([]byte(a.ID), []byte(b.ID))
	})
	return list[:min(len(list), f.Limit)], err
}
