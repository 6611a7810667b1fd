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
	Debt        string          // what is paid once, however often it is charged: an invoice; empty: the charge itself
	Order       json.RawMessage // of the kind
	Patience    time.Duration   // that the till waits for its code
}

// ErrConflict says that the key stands for something else.
var errConflict = agent.Errorf(agent.CodeConflict, nil, "Esta Idempotency-Key já foi usada para outro pedido. Use uma nova para cada pagamento.")

func keyOf(key string) string { return "key:" + key }

// Repeated finds the payment that a key stands for already: nil where it is new.
func (e *Engine) Repeated(key string, fingerprint agent.Fingerprint) (*payments.Payment, error) {
	raw, _, err := e.cfg.Store.Record(e.cfg.Bucket, keyOf(key))
	if errors.Is(err, agent.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var known asked
	if err := json.Unmarshal(raw, &known); err != nil {
		return nil, err
	}
	if known.Fingerprint != fingerprint {
		return nil, errConflict
	}
	p, err := e.Payment(known.Payment)
	return &p, err
}

// Create begins a payment and waits until there is a code to show, or until it is clear that there is none, or as long as
// the order says. The same key again gives the same payment.
func (e *Engine) Create(ctx context.Context, order Order) (p payments.Payment, replayed bool, err error) {
	if known, err := e.Repeated(order.Key, order.Fingerprint); known != nil || err != nil {
		if err == nil {
			p, err = e.await(ctx, known.ID, order.Patience, made)
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
	if err := e.alone(ctx, p); err != nil {
		return p, false, err
	}
	key, err := json.Marshal(asked{p.ID, order.Fingerprint, now})
	if err != nil {
		return p, false, err
	}
	en := newEntry(p, 0)
	en.waiting = now.Add(waitFor)
	e.mu.Lock()
	e.entries[p.ID] = en // before it is on disk: who finds it there must find this one, or it would be worked at twice
	e.mu.Unlock()
	err = e.change(ctx, en, func(*payments.Payment) error { return nil }, agent.Record{Bucket: e.cfg.Bucket, Key: keyOf(order.Key), Value: key})
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
	p, err = e.await(ctx, p.ID, order.Patience, made)
	return p, false, err
}

// alone sees that one payment at a time watches a debt: its vendor's word that it was paid would count for each of them.
// Those before, of which only late money was awaited, are let go.
func (e *Engine) alone(ctx context.Context, p payments.Payment) error {
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

// made tells that there is a code, or never will be.
func made(p payments.Payment) bool {
	return p.State != payments.Created && p.State != payments.Registering
}

// entryOf finds a payment, at work or not.
func (e *Engine) entryOf(id string) (*entry, error) {
	e.mu.Lock()
	en := e.entries[id]
	e.mu.Unlock()
	if en != nil {
		return en, nil
	}
	raw, version, err := e.cfg.Store.Record(e.cfg.Bucket, id)
	if errors.Is(err, agent.ErrNotFound) {
		return nil, agent.Errorf(agent.CodeNotFound, nil, "Não há pagamento com este id neste caixa.")
	}
	if err != nil {
		return nil, err
	}
	p, ok := decode(raw)
	if !ok {
		return nil, agent.Errorf(agent.CodeNotFound, nil, "Não há pagamento com este id neste caixa.")
	}
	if p.Step != payments.StepNone { // its commit was written after all
		return e.put(p, version, e.cfg.Now()), nil
	}
	return newEntry(p, version), nil // it has ended: nothing changes it but a person
}

// Payment gives a payment as it is.
func (e *Engine) Payment(id string) (payments.Payment, error) {
	en, err := e.entryOf(id)
	if err != nil {
		return payments.Payment{}, err
	}
	p, _ := en.now()
	return p, nil
}

// Watch gives a payment: at once without patience or when it has ended, else when its state changes or patience is over.
// Whoever calls it waits: the vendor is asked more often.
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

// await waits until what is true of a payment.
func (e *Engine) await(ctx context.Context, id string, patience time.Duration, what func(payments.Payment) bool) (payments.Payment, error) {
	en, err := e.entryOf(id)
	if err != nil {
		return payments.Payment{}, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		p, changed := en.next()
		if what(p) || patience <= 0 {
			return p, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return p, nil
		case <-ctx.Done():
			return p, nil
		}
	}
}

// Cancel stops showing a payment. It is watched until it cannot be paid any more.
func (e *Engine) Cancel(ctx context.Context, id string) (payments.Payment, error) {
	return e.decide(ctx, id, func(p *payments.Payment) error {
		if p.State == payments.Canceled {
			return nil
		}
		if !p.Move(payments.Canceled, e.cfg.Now(), "api", "") {
			return agent.Errorf(agent.CodeConflict, nil, "Este pagamento não pode mais ser cancelado: ele está como %s.", p.State)
		}
		p.Detail = "Cancelado no caixa. Se o cliente pagar mesmo assim, o pdvagent avisa."
		if p.Step == payments.StepRegister || p.Step == payments.StepCharge && !p.Begun {
			p.Step = payments.StepNone // nothing was charged
		}
		return nil
	})
}

// Resolve closes what asked for a person.
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

// errNothing says that a decision was made already.
var errNothing = errors.New("nothing to write")

// Hint has a payment looked at now that a notice speaks of, by the vendor's id or its own external one. It believes nothing
// of the notice: the vendor is asked.
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

// Filter says which payments a list has.
type Filter struct {
	State     payments.State // empty: any
	Kind      payments.Kind  // empty: any
	Since     time.Time
	Reference string
	Attention bool // only those that ask for a person
	Limit     int
}

// List gives payments, newest first.
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
