package checkout

import (
	"context"
	"math/rand/v2"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
	"pdvagent/payments/pix"
)

// work does one step of a payment.
func (e *Engine) work(ctx context.Context, en *entry) {
	defer e.done(en)
	p, _ := en.now()
	flow, ok := e.cfg.Flows[FlowKey{p.Kind, p.Provider}]
	if !ok { // this kind is no longer configured
		e.note(ctx, en, func(p *payments.Payment) { p.NextAt = e.cfg.Now().Add(time.Hour) })
		return
	}
	ctx = agent.WithRef(ctx, p.ID)
	switch p.Step {
	case payments.StepRegister:
		e.register(ctx, en, flow)
	case payments.StepCharge:
		e.charge(ctx, en, flow)
	case payments.StepWatch:
		e.watch(ctx, en, flow)
	case payments.StepConfirm:
		e.confirm(ctx, en, flow)
	case payments.StepNone:
	}
}

// note writes the result of a step; false when it cannot be written. Then the step is done again soon, and the vendor, which
// knows the result, is asked for it.
func (e *Engine) note(ctx context.Context, en *entry, do func(*payments.Payment)) bool {
	err := e.change(ctx, en, func(p *payments.Payment) error { do(p); return nil })
	if err == nil {
		return true
	}
	e.cfg.Log.Error("payment_not_written", "id", en.id, "error", err)
	en.mu.Lock()
	defer en.mu.Unlock()
	en.p.NextAt = e.cfg.Now().Add(time.Second)
	return false
}

// begin writes the intent of a step, with a new external id for an attempt; false when the step must not be done.
func (e *Engine) begin(ctx context.Context, en *entry, step payments.Step, attempt bool) (payments.Payment, bool) {
	p, _ := en.now()
	wanted := p.Step == step && !p.State.Terminal()
	if !wanted {
		return p, false
	}
	written := e.note(ctx, en, func(p *payments.Payment) {
		now := e.cfg.Now()
		if wanted = !p.State.Terminal(); !wanted { // the cashier gave up meanwhile
			p.Step = payments.StepNone
			return
		}
		p.Move(payments.Registering, now, "agent", "")
		if attempt {
			protocol := ""
			if last := p.Last(); last != nil {
				last.Unanswered = last.Unanswered || p.Begun
				protocol = last.Protocol
			}
			p.Attempts = append(p.Attempts, payments.Attempt{ExternalID: e.externalID(), Protocol: protocol, At: now})
		}
		p.Begun = true
		p.Note(now, "agent", string(step), "")
	})
	p, _ = en.now()
	return p, written && wanted
}

// externalID is 32 letters and digits (contracts/ideamaker.md 1.2: 26 to 35).
func (e *Engine) externalID() string {
	id := make([]byte, 0, 32)
	for _, c := range []byte(e.cfg.NewID()) {
		if c != '-' {
			id = append(id, c)
		}
	}
	return string(id)
}

// backoff is the wait between two tries of a step. The shopper stands at the till, so the first waits are short.
func backoff(tries int) time.Duration {
	steps := []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute}
	wait := steps[min(max(tries-1, 0), len(steps)-1)]
	if tries > 3 {
		wait = jittered(wait)
	}
	return wait
}

// jittered spreads a wait over 75 % to 125 % of itself.
func jittered(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1) //nolint:gosec // spreads tills, hides nothing
}

func (e *Engine) register(ctx context.Context, en *entry, flow Flow) {
	registrar, ok := flow.Provider.(payments.Registrar)
	if !ok {
		e.note(ctx, en, func(p *payments.Payment) { p.Step, p.NextAt = payments.StepCharge, e.cfg.Now() })
		return
	}
	p, ok := e.begin(ctx, en, payments.StepRegister, true)
	if !ok {
		return
	}
	protocol, err := registrar.Register(ctx, p)
	e.note(ctx, en, func(p *payments.Payment) {
		now := e.cfg.Now()
		p.Begun = false
		if p.State.Terminal() { // the cashier gave up meanwhile: nothing was charged
			p.Step = payments.StepNone
			return
		}
		if err != nil {
			e.notMade(p, flow, payments.FailureOf(err), now)
			return
		}
		p.Last().Protocol = protocol
		p.Note(now, "agent", "registered", "")
		p.Step, p.NextAt, p.Tries = payments.StepCharge, now, 0
	})
}

// notMade takes the failure of a register or a charge. A refusal ends the payment; else the step is tried again until the
// payment would have expired.
func (e *Engine) notMade(p *payments.Payment, flow Flow, f *payments.Failure, now time.Time) {
	p.Tries++
	e.refusedKey(p.Provider, flow.Vendor, f)
	last := p.Last()
	last.Unanswered = f.Class == payments.Lost
	p.Note(now, "agent", "not_"+string(p.Step), string(f.Class)+": "+f.Detail)
	wait := max(backoff(p.Tries), f.RetryAfter)
	if !refuses(f) && now.Add(wait).Before(p.CreatedAt.Add(time.Duration(p.ExpiresIn)*time.Second)) {
		p.NextAt = now.Add(wait)
		return
	}
	p.Detail = f.Words(flow.Vendor)
	p.Move(payments.Failed, now, "agent", string(f.Class))
	p.Step = payments.StepNone
}

// refusedKey raises the alarm of a provider that refuses the shop's key, and clears it with any other answer.
func (e *Engine) refusedKey(provider, vendor string, f *payments.Failure) {
	if f.Class != payments.Unauthorized {
		e.cfg.Alarms.Clear(agent.AlarmUnauthorized, provider)
		return
	}
	e.cfg.Alarms.Raise(agent.Alarm{
		Code: agent.AlarmUnauthorized, Subject: provider, Since: e.cfg.Now(),
		Detail: "A " + vendor + " recusou a chave desta loja: nenhum pagamento por ela passa. Confira a seção payments da configuração.",
	})
}

func (e *Engine) charge(ctx context.Context, en *entry, flow Flow) {
	before, _ := en.now()
	fresh := before.Last() == nil || before.Tries > 0 || before.Begun // the registration's external id serves once
	p, ok := e.begin(ctx, en, payments.StepCharge, fresh)
	if !ok {
		return
	}
	got, err := flow.Provider.Charge(ctx, p)
	e.note(ctx, en, func(p *payments.Payment) { e.charged(p, flow, got, err) })
}

// charged takes a vendor's answer to a charge. A charge that exists is watched, whatever became of the payment.
func (e *Engine) charged(p *payments.Payment, flow Flow, got payments.Charge, err error) {
	now := e.cfg.Now()
	p.Begun = false
	if err != nil {
		if p.State.Terminal() {
			p.Step = payments.StepNone
			return
		}
		e.notMade(p, flow, payments.FailureOf(err), now)
		return
	}
	e.refusedKey(p.Provider, flow.Vendor, &payments.Failure{})
	last := p.Last()
	last.GatewayID, last.QR = got.GatewayID, got.QR
	p.ExpiresAt = now.Add(time.Duration(p.ExpiresIn) * time.Second)
	if !got.ExpiresAt.IsZero() {
		p.ExpiresAt = got.ExpiresAt
	}
	p.Step, p.Tries, p.NextAt = payments.StepWatch, 0, now.Add(flow.poll())
	got.BRCode = pix.Clean(got.BRCode)
	if fault := unfit(p.Amount, got); fault != nil {
		p.Detail = "A " + flow.Vendor + " devolveu um código Pix que não confere com o pedido. Não foi mostrado; tente de novo."
		p.Move(payments.Failed, now, "agent", fault.Error())
		return
	}
	last.BRCode = got.BRCode
	p.Move(payments.AwaitingPayment, now, "agent", "")
}

func (f Flow) poll() time.Duration {
	if f.Poll == 0 {
		return 2 * time.Second
	}
	return f.Poll
}

// checks is how often the vendor is asked for a lost confirm before it is sent again. The vendor knows it by its protocol.
const checks = 5

func (e *Engine) confirm(ctx context.Context, en *entry, flow Flow) {
	confirmer, ok := flow.Provider.(payments.Confirmer)
	if !ok {
		e.note(ctx, en, func(p *payments.Payment) { e.completed(p, nil) })
		return
	}
	p, _ := en.now()
	switch {
	case p.Begun && p.Known != nil && p.Tries <= checks:
		found, err := confirmer.Confirmed(ctx, p)
		if err != nil && !refuses(payments.FailureOf(err)) || found != nil {
			e.note(ctx, en, func(p *payments.Payment) { e.confirmAnswered(p, flow, found, err, true) })
			return
		}
	case !p.Begun && p.Tries == 0: // what the vendor has before the first confirm, to tell what the confirm brings from it
		known, err := confirmer.Known(ctx, p)
		if err == nil && known == nil {
			known = []string{}
		}
		if err != nil {
			known = nil // without the answer it is confirmed all the same
		}
		if !e.note(ctx, en, func(p *payments.Payment) { p.Known = known }) {
			return
		}
	}
	p, ok = e.begin(ctx, en, payments.StepConfirm, false)
	if !ok {
		return
	}
	result, err := confirmer.Confirm(ctx, p)
	e.note(ctx, en, func(p *payments.Payment) { e.confirmAnswered(p, flow, result, err, false) })
}

// refuses tells a vendor's refusal from a vendor that is not reached.
func refuses(f *payments.Failure) bool {
	return f.Class == payments.Declined || f.Class == payments.Unauthorized || f.Class == payments.NotFound
}

// confirmAnswered takes the answer to a confirm, or, with asked, to the question whether one arrived. The money has come, so
// the confirm is tried without end.
func (e *Engine) confirmAnswered(p *payments.Payment, flow Flow, result []byte, err error, asked bool) {
	now := e.cfg.Now()
	if err == nil {
		e.completed(p, result)
		return
	}
	f := payments.FailureOf(err)
	p.Begun = p.Begun && (asked || f.Class == payments.Lost)
	p.Tries++
	p.NextAt = now.Add(max(backoff(p.Tries), f.RetryAfter))
	p.Note(now, "agent", "not_confirmed", string(f.Class)+": "+f.Detail)
	if refuses(f) && !p.Attention {
		p.Attention, p.Detail = true, "Está pago, mas a "+flow.Vendor+" recusou a confirmação; o pdvagent continua tentando."
	}
}

func (e *Engine) completed(p *payments.Payment, result []byte) {
	p.Begun, p.Tries, p.Step = false, 0, payments.StepNone
	p.Result, p.Detail, p.Attention = result, "", false
	p.Move(payments.Completed, e.cfg.Now(), "agent", "")
}
