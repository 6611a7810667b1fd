package checkout

import (
	"context"
	"fmt"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
	"pdvagent/payments/pix"
)

// unfit is the fault of a charge that must not be shown; nil for a right one.
func unfit(amount agent.Cents, got payments.Charge) error {
	if got.Amount != 0 && got.Amount != amount {
		return fmt.Errorf("%w: %s were asked for", pix.ErrAmount, amount)
	}
	return pix.Check(got.BRCode, amount)
}

// watch asks the vendor about every charge of the payment.
func (e *Engine) watch(ctx context.Context, en *entry, flow Flow) {
	p, _ := en.now()
	for n, attempt := range p.Attempts {
		if attempt.GatewayID == "" {
			continue
		}
		status, err := flow.Provider.Status(ctx, p, attempt)
		if err == nil && status.Condition == payments.Received {
			e.note(ctx, en, func(p *payments.Payment) { e.paid(p, flow, status) })
			return
		}
		if n == len(p.Attempts)-1 || err != nil {
			e.note(ctx, en, func(p *payments.Payment) { e.notPaid(p, en, flow, status, err) })
			return
		}
	}
	e.note(ctx, en, func(p *payments.Payment) { e.notPaid(p, en, flow, payments.Status{Condition: payments.Pending}, nil) })
}

// paid takes the vendor's answer that money came.
func (e *Engine) paid(p *payments.Payment, flow Flow, status payments.Status) {
	now := e.cfg.Now()
	p.Received, p.PaidAt, p.Step, p.Tries, p.Begun = status.Amount, status.PaidAt, payments.StepNone, 0, false
	if p.PaidAt.IsZero() {
		p.PaidAt = now
	}
	switch {
	case p.State.Terminal():
		p.Detail = "O dinheiro chegou depois que o pagamento já não era esperado. Entregue o que foi vendido ou devolva o valor."
		if status.Amount != p.Amount {
			p.Detail += fmt.Sprintf(" Atenção: vieram %s, e não %s.", status.Amount.Reais(), p.Amount.Reais())
		}
		p.Move(payments.PaidLate, now, "poll", status.Word)
	case status.Amount != p.Amount:
		p.Detail = fmt.Sprintf("Foram pagos %s, e não %s. Decida com o cliente: complete, entregue ou devolva.", status.Amount.Reais(), p.Amount.Reais())
		p.Move(payments.Conflicted, now, "poll", status.Word)
	default:
		p.Detail = ""
		p.Move(payments.Paid, now, "poll", status.Word)
		if _, ok := flow.Provider.(payments.Confirmer); ok {
			p.Move(payments.Confirming, now, "agent", "")
			p.Step, p.NextAt = payments.StepConfirm, now
			return
		}
		p.Move(payments.Completed, now, "agent", "")
	}
}

// notPaid takes the vendor's answer that no money came, or a failure: it plans the next question, and expires the payment.
func (e *Engine) notPaid(p *payments.Payment, en *entry, flow Flow, status payments.Status, err error) {
	now := e.cfg.Now()
	var retryAfter time.Duration
	var failure *payments.Failure
	if err != nil {
		failure = payments.FailureOf(err)
		retryAfter = failure.RetryAfter
	}
	e.doubt(p, flow, failure, now)
	over := now.Sub(p.ExpiresAt)
	if over >= e.cfg.Grace && (p.State == payments.AwaitingPayment || p.State == payments.Unknown) && failure == nil {
		p.Detail = "O prazo do Pix acabou sem pagamento."
		p.Move(payments.Expired, now, "agent", status.Word)
		p.Tries = 0
	}
	p.Tries++
	switch {
	case over < e.cfg.Linger:
		p.NextAt = now.Add(max(e.pause(p, en, flow, now), retryAfter))
	default:
		e.later(p, now, failure, retryAfter)
	}
}

// doubt moves a payment to unknown when the vendor does not know its charge any more or does not answer after the expiry,
// and back when the vendor knows it again.
func (e *Engine) doubt(p *payments.Payment, flow Flow, failure *payments.Failure, now time.Time) {
	switch {
	case failure == nil && p.State == payments.Unknown:
		p.Detail, p.Attention = "", false
		p.Move(payments.AwaitingPayment, now, "poll", "")
	case failure != nil && p.State == payments.AwaitingPayment && now.Sub(p.ExpiresAt) >= e.cfg.Grace:
		p.Detail = "O prazo do Pix acabou e a " + flow.Vendor + " não responde: não se sabe se foi pago. O pdvagent continua perguntando; não cobre de novo sem conferir."
		p.Move(payments.Unknown, now, "poll", failure.Detail)
	case failure != nil && failure.Class == payments.NotFound && p.State == payments.AwaitingPayment:
		p.Detail = "A " + flow.Vendor + " não encontra mais esta cobrança; o pdvagent continua perguntando. Não cobre de novo sem conferir."
		p.Move(payments.Unknown, now, "poll", failure.Detail)
	}
}

// pause is the wait until the next question: short while a till waits, else longer with each question and jittered, so that
// tills do not ask in step. It ends no later than the payment expires.
func (e *Engine) pause(p *payments.Payment, en *entry, flow Flow, now time.Time) time.Duration {
	const slowest = 30 * time.Second
	wait := flow.poll()
	if !e.attended(en) {
		for n := 1; n < p.Tries && wait < slowest; n++ {
			wait = wait * 3 / 2
		}
		wait = jittered(min(wait, slowest))
	}
	if end := p.ExpiresAt.Add(e.cfg.Grace).Sub(now); end > 0 && !p.State.Terminal() {
		wait = min(wait, end)
	}
	return wait
}

// lateChecks is when the vendor is asked for late money, from the end of Linger on.
func lateChecks() []time.Duration {
	return []time.Duration{5 * time.Minute, time.Hour, 24 * time.Hour}
}

// later plans the next late check. A check that failed is repeated, for at most a week.
func (e *Engine) later(p *payments.Payment, now time.Time, failure *payments.Failure, retryAfter time.Duration) {
	end := p.ExpiresAt.Add(e.cfg.Linger)
	p.Attention = p.Attention || p.State == payments.Unknown
	if failure != nil && now.Sub(end) > 24*time.Hour {
		p.NextAt = now.Add(max(jittered(time.Hour), retryAfter))
		if now.Sub(end) > 7*24*time.Hour {
			p.Step = payments.StepNone
			p.Attention = !p.State.Terminal()
			if p.Attention {
				p.Detail = "O provedor não respondeu por uma semana: ninguém sabe se este pagamento chegou. Confira no extrato."
			}
		}
		return
	}
	for _, check := range lateChecks() {
		if at := end.Add(check); at.After(now) {
			p.NextAt = at
			if failure != nil {
				p.NextAt = minTime(at, now.Add(max(jittered(5*time.Minute), retryAfter)))
			}
			return
		}
	}
	p.Step = payments.StepNone
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
