package settlement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
)

// Order is a boleto that a till wants issued.
type Order struct {
	Key         string            // the till's Idempotency-Key
	Fingerprint agent.Fingerprint // of its request
	boleto.Order
}

// issue is the intent to have a boleto made. It is on disk before the bank is asked.
type issue struct {
	Type        string            `json:"type"` // issue
	Fingerprint agent.Fingerprint `json:"fingerprint"`
	NossoNumero int64             `json:"nosso_numero,omitempty"` // its result
	Order       *boleto.Order     `json:"order,omitempty"`        // until there is a result; personal
	At          time.Time         `json:"at"`
}

// errUnsure is the refusal after a lost answer: the bank may have made the boleto.
func (l *Ledger) errUnsure(cause error) error {
	what := "não respondeu"
	if payments.FailureOf(cause).Misread {
		what = "deu uma resposta que não se entende"
	}
	return agent.Errorf(agent.CodeCloudAway, cause, "O %s "+what+" e não se sabe se o boleto foi emitido. Repita a mesma chamada, com a mesma Idempotency-Key: o pdvagent procura o boleto antes de emitir outro.", l.cfg.Vendor)
}

// Issue has the bank make a boleto. The same key again gives the same boleto; after a lost answer the bank is asked for it
// before another is made.
func (l *Ledger) Issue(ctx context.Context, o Order) (b Boleto, replayed bool, err error) {
	ctx = context.WithoutCancel(ctx) // a till that hangs up must not leave an unknown boleto at the bank
	known, row, err := l.issues.Get(issueKey(o.Key))
	switch {
	case err != nil:
		return b, false, err
	case row.Known() && known.Fingerprint != o.Fingerprint:
		return b, false, agent.Errorf(agent.CodeConflict, nil, "Esta Idempotency-Key já foi usada para outro boleto. Use uma nova para cada boleto.")
	case row.Known() && known.NossoNumero > 0:
		b, _, err = l.find(known.NossoNumero)
		return b, true, err
	case row.Known():
		issued, err := l.lookFor(ctx, o.Order)
		if err != nil {
			return b, false, l.errUnsure(err)
		}
		if issued != nil {
			b, err = l.issued(ctx, o, *issued, row.Version)
			return b, true, err
		}
	}
	if o.NossoNumero > 0 {
		if _, taken, err := l.boletos.Get(keyOf(o.NossoNumero)); err != nil {
			return b, false, err
		} else if taken.Known() {
			return b, false, agent.Errorf(agent.CodeConflict, nil, "O nosso número %d já é de outro boleto.", o.NossoNumero)
		}
	}
	if err := l.intend(ctx, o, row); err != nil {
		return b, false, err
	}
	issued, err := l.cfg.Bank.Issue(ctx, o.Order)
	if err != nil {
		return b, false, l.notIssued(ctx, o, row.Version, err)
	}
	b, err = l.issued(ctx, o, issued, row.Version+1)
	return b, false, err
}

// intend writes the intent before the bank is asked.
func (l *Ledger) intend(ctx context.Context, o Order, row records.Row[issue]) error {
	put, err := row.Put(issue{Type: typeIssue, Fingerprint: o.Fingerprint, Order: &o.Order, At: l.cfg.Now()})
	if err != nil {
		return err
	}
	err = l.issues.Write(ctx, put)
	if errors.Is(err, agent.ErrVersion) {
		err = agent.Errorf(agent.CodeInFlight, err, "Este boleto está sendo emitido agora. Repita a mesma chamada em instantes.")
	}
	return err
}

// notIssued removes the intent when the bank refused the boleto or was not reached. An intent of an earlier call stays:
// what that call sent may still be done. before is the version of the earlier intent; 0: there is none.
func (l *Ledger) notIssued(ctx context.Context, o Order, before uint64, cause error) error {
	if payments.FailureOf(cause).Class == payments.Lost {
		return l.errUnsure(cause)
	}
	if before > 0 {
		return cause
	}
	if err := l.issues.Write(ctx, l.issues.Delete(issueKey(o.Key), before+1)); err != nil {
		return err
	}
	return cause
}

// lookFor asks the bank for a boleto whose issuing was not answered; nil where it has none.
func (l *Ledger) lookFor(ctx context.Context, o boleto.Order) (*boleto.Issued, error) {
	if o.NossoNumero > 0 {
		found, err := l.cfg.Bank.Find(ctx, o.NossoNumero)
		if err == nil {
			return &found, nil
		}
		if payments.FailureOf(err).Class == payments.NotFound {
			return nil, nil
		}
		return nil, err
	}
	list, err := l.cfg.Bank.FindOf(ctx, o.Payer.Document, o.Due)
	if err != nil {
		return nil, err
	}
	for _, found := range list {
		_, here, err := l.boletos.Get(keyOf(found.NossoNumero))
		if err != nil {
			return nil, err
		}
		if !here.Known() && found.SeuNumero == o.SeuNumero && (found.Amount == o.Amount || found.Amount == 0) { // 0: not told
			return &found, nil
		}
	}
	return nil, nil
}

// issued writes the boleto that the bank made together with the intent's result. version is the intent's.
func (l *Ledger) issued(ctx context.Context, o Order, made boleto.Issued, version uint64) (Boleto, error) {
	now := l.cfg.Now()
	b := Boleto{
		NossoNumero: made.NossoNumero, SeuNumero: o.SeuNumero, Amount: o.Amount, Due: o.Due.Format(time.DateOnly), IssuedOn: o.IssuedOn.Format(time.DateOnly),
		Barcode: made.Barcode, Line: made.Line, BRCode: made.BRCode, Status: Open, CreatedAt: now,
	}
	if made.Amount != o.Amount || o.NossoNumero > 0 && made.NossoNumero != o.NossoNumero {
		b.Status, b.Attention = Review, true
		b.Detail = fmt.Sprintf("O %s emitiu o boleto %d sem dizer por quanto. Confira antes de entregar.", l.cfg.Vendor, made.NossoNumero)
	}
	if b.Attention && made.Amount != 0 {
		b.Detail = fmt.Sprintf("O %s emitiu o boleto %d por %s, e não como foi pedido. Confira antes de entregar.", l.cfg.Vendor, made.NossoNumero, made.Amount.Reais())
	}
	done, err := l.issues.Put(issueKey(o.Key), issue{Type: typeIssue, Fingerprint: o.Fingerprint, NossoNumero: made.NossoNumero, At: now}, version)
	if err != nil {
		return b, err
	}
	l.turn.Lock()
	defer l.turn.Unlock()
	there, row, err := l.boletos.Get(keyOf(b.NossoNumero))
	if err != nil {
		return b, err
	}
	if row.Known() { // registered here before the bank gave its number to this one
		there.Status, there.Attention = Review, true
		there.Detail = fmt.Sprintf("O nosso número %d estava registrado aqui e o %s o deu agora a outro boleto (%s, %s). Confira qual dos dois vale.", b.NossoNumero, l.cfg.Vendor, b.SeuNumero, b.Amount.Reais())
		return there, l.save(ctx, &there, row, done)
	}
	return b, l.add(ctx, &b, row, done)
}
