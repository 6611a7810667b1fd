package paymentstest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
)

func success(b *bench) {
	p := b.create("a")
	shown := p.Shown()
	if p.State != payments.AwaitingPayment || shown == nil || shown.BRCode == "" || p.ExpiresAt.IsZero() {
		b.Fatalf("created as %s: %+v", p.State, p.Attempts)
	}
	begun := time.Now()
	waited := make(chan payments.Payment)
	go func() {
		got, err := b.engine.Watch(context.Background(), p.ID, 25*time.Second)
		if err != nil {
			b.Error(err)
		}
		waited <- got
	}()
	<-time.After(3 * time.Second)
	b.pay(0, false)
	if got := <-waited; got.State == payments.AwaitingPayment || time.Since(begun) > 3*time.Second+2500*time.Millisecond {
		b.Errorf("who waits got %s after %v", got.State, time.Since(begun))
	}
	p = b.until(p.ID, payments.Completed, time.Minute)
	if p.Received != p.Amount || p.PaidAt.IsZero() || p.Attention {
		b.Errorf("got %+v", p)
	}
	if b.given() == 1 && len(p.Result) == 0 {
		b.Error("confirmed, and nothing for the receipt")
	}
	b.tally(1, b.given())
}

func repeated(b *bench) {
	var ids [8]string
	var all sync.WaitGroup
	for n := range ids {
		all.Go(func() { ids[n] = b.create("same").ID })
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			b.Fatalf("one key, two payments: %v", ids)
		}
	}
	if charges, _, _ := b.cloud.Tally(); charges != 1 {
		b.Errorf("%d charges", charges)
	}
	other := b.order("same")
	other.Fingerprint[0] = 1
	if _, _, err := b.engine.Create(context.Background(), other); agent.CodeOf(err) != agent.CodeConflict {
		b.Errorf("the key with another order: %v", err)
	}
}

func refused(b *bench) {
	b.cloud.Fault("charge", "status", 422, 1)
	p := b.create("a")
	if p.State != payments.Failed || p.Detail == "" || p.Shown() != nil {
		b.Errorf("got %s %q", p.State, p.Detail)
	}
	<-time.After(time.Hour)
	b.tally(0, 0)
}

func failureThenSuccess(b *bench) {
	b.cloud.Fault("charge", "status", 503, 1)
	b.cloud.Fault("charge", "reset", 0, 1)
	p := b.create("a")
	if p.State != payments.AwaitingPayment {
		b.Fatalf("got %s: %+v", p.State, p.Events)
	}
	b.pay(0, false)
	b.until(p.ID, payments.Completed, time.Minute)
	b.tally(1, b.given())
}

func lostCharge(b *bench) {
	b.cloud.Fault("charge", "lost", 0, 1)
	p := b.create("a")
	if p.State != payments.AwaitingPayment || (len(p.Attempts) < 2 && !b.v.Reuses) {
		b.Fatalf("got %s after %d attempts", p.State, len(p.Attempts))
	}
	ids := make(map[string]bool)
	for _, attempt := range p.Attempts {
		if ids[attempt.ExternalID] {
			b.Errorf("the external id %s was used twice", attempt.ExternalID)
		}
		ids[attempt.ExternalID] = true
	}
	b.pay(0, false)
	b.until(p.ID, payments.Completed, time.Minute)
	b.tally(1, b.given())
}

func rubbish(b *bench) {
	for _, fault := range []string{"html", "error200", "silence"} {
		b.cloud.Fault("status", fault, 0, 1)
	}
	b.cloud.Fault("charge", "html", 0, 1)
	p := b.create("a")
	if p.State != payments.AwaitingPayment {
		b.Fatalf("got %s: %+v", p.State, p.Events)
	}
	b.pay(0, false)
	b.until(p.ID, payments.Completed, 2*time.Minute)
	b.tally(1, b.given())
}

func notices(b *bench) {
	p := b.create("a")
	attempt := *p.Shown()
	for range 5 { // forged, or before the money
		b.engine.Hint(attempt.GatewayID, attempt.ExternalID)
	}
	<-time.After(5 * time.Second)
	if got, err := b.engine.Payment(p.ID); err != nil || got.State != payments.AwaitingPayment {
		b.Fatalf("a notice moved it: %s %v", got.State, err)
	}
	b.pay(0, false)
	if !b.engine.Hint(attempt.GatewayID, "") {
		b.Error("a notice about a watched charge was not understood")
	}
	p = b.until(p.ID, payments.Completed, 20*time.Second)
	for range 5 {
		b.engine.Hint(attempt.GatewayID, attempt.ExternalID)
	}
	<-time.After(time.Minute)
	if got, err := b.engine.Payment(p.ID); err != nil || got.State != payments.Completed || len(got.Events) != len(p.Events) {
		b.Errorf("after late notices: %s %v", got.State, err)
	}
	if b.engine.Hint("another", "") {
		b.Error("a notice about another's charge was taken")
	}
	b.tally(1, b.given())
}

func late(b *bench) {
	p := b.create("a")
	b.until(p.ID, payments.Expired, 6*time.Minute)
	<-time.After(40 * time.Minute)
	b.pay(0, true)
	p = b.until(p.ID, payments.PaidLate, 90*time.Minute)
	b.attended(p)
	b.tally(1, 0)
}

// attended asks for a person, until one says what became of it.
func (b *bench) attended(p payments.Payment) {
	b.Helper()
	if !p.Attention || p.Detail == "" || len(b.alarms.List()) != 1 {
		b.Errorf("nobody is asked about %s: %v %q %v", p.State, p.Attention, p.Detail, b.alarms.List())
	}
	got, err := b.engine.Resolve(context.Background(), p.ID, "suporte", "devolvido")
	if err != nil || got.State != p.State || got.Attention || got.Resolution == nil || len(b.alarms.List()) != 0 {
		b.Errorf("resolved: %+v %v %v", got, err, b.alarms.List())
	}
	if _, err := b.engine.Resolve(context.Background(), p.ID, "suporte", "de novo"); err == nil {
		b.Error("it was resolved twice")
	}
}

func canceled(b *bench) {
	p := b.create("a")
	if got, err := b.engine.Cancel(context.Background(), p.ID); err != nil || got.State != payments.Canceled {
		b.Fatalf("got %s %v", got.State, err)
	}
	b.pay(0, false)
	p = b.until(p.ID, payments.PaidLate, time.Minute)
	b.attended(p)
	if _, err := b.engine.Cancel(context.Background(), p.ID); agent.CodeOf(err) != agent.CodeConflict {
		b.Errorf("a paid one was canceled: %v", err)
	}
	b.tally(1, 0)
}

func conflicted(b *bench) {
	if b.v.NoAmounts {
		return // nobody can know
	}
	p := b.create("a")
	b.pay(b.v.Amount-1, false)
	p = b.until(p.ID, payments.Conflicted, time.Minute)
	if p.Received != b.v.Amount-1 {
		b.Errorf("received %d", p.Received)
	}
	b.attended(p)
	b.tally(1, 0)
}

func expired(b *bench) {
	p := b.create("a")
	<-time.After(5*time.Minute + 15*time.Second)
	p = b.until(p.ID, payments.Expired, 30*time.Second)
	<-time.After(48 * time.Hour)
	p, err := b.engine.Payment(p.ID)
	if err != nil || p.Step != payments.StepNone || p.State != payments.Expired || p.Attention {
		b.Errorf("two days later: %s %s %v", p.State, p.Step, err)
	}
	b.tally(0, 0)
}

func away(b *bench) {
	p := b.create("a")
	b.cloud.Fault("status", "status", 503, 0)
	b.pay(0, false)
	<-time.After(4 * time.Minute)
	if got, err := b.engine.Payment(p.ID); err != nil || got.State != payments.AwaitingPayment {
		b.Errorf("while the cloud is away: %s %v", got.State, err)
	}
	p = b.until(p.ID, payments.Unknown, 5*time.Minute) // it is over, and nobody knows how it ended
	if p.Detail == "" {
		b.Error("unknown, without a word")
	}
	b.cloud.Fault("status", "", 0, 0)
	b.until(p.ID, payments.Completed, 10*time.Minute)
	b.tally(1, b.given())
}

func unknown(b *bench) {
	p := b.create("a")
	b.cloud.Fault("status", "status", 404, 0)
	b.until(p.ID, payments.Unknown, time.Minute)
	b.cloud.Fault("status", "", 0, 0)
	b.until(p.ID, payments.AwaitingPayment, time.Minute)
	b.pay(0, false)
	b.until(p.ID, payments.Completed, time.Minute)
	b.tally(1, b.given())
}

func lostConfirm(b *bench) {
	if b.given() == 0 {
		return // this vendor has no confirm
	}
	p := b.create("a")
	b.cloud.Fault("confirm", "lost", 0, 1)
	b.pay(0, false)
	p = b.until(p.ID, payments.Completed, time.Minute)
	if len(p.Result) == 0 {
		b.Error("nothing for the receipt")
	}
	b.tally(1, 1)
}

func noConfirm(b *bench) {
	if b.given() == 0 {
		return // this vendor has no confirm
	}
	p := b.create("a")
	b.cloud.Fault("confirm", "reset", 0, 2)
	b.pay(0, false)
	b.until(p.ID, payments.Completed, time.Minute)
	b.tally(1, 1)
}

func (b *bench) registers() bool {
	_, ok := b.flow.Provider.(payments.Registrar)
	return ok
}

func lostRegister(b *bench) {
	if !b.registers() {
		return // this vendor has no registration
	}
	b.cloud.Fault("register", "lost", 0, 1)
	b.cloud.Fault("register", "reset", 0, 1)
	p := b.create("a")
	if p.State != payments.AwaitingPayment || len(p.Attempts) < 3 {
		b.Fatalf("got %s after %d attempts", p.State, len(p.Attempts))
	}
	b.pay(0, false)
	b.until(p.ID, payments.Completed, time.Minute)
	b.tally(1, b.given())
}

func refusedRegister(b *bench) {
	if !b.registers() {
		return // as above
	}
	b.cloud.Fault("register", "status", 400, 1)
	if p := b.create("a"); p.State != payments.Failed || p.Detail == "" {
		b.Errorf("got %s %q", p.State, p.Detail)
	}
	if charges, _, _ := b.cloud.Tally(); charges != 0 {
		b.Errorf("%d charges", charges)
	}
}

func patience(b *bench) {
	p := b.create("a")
	b.cloud.Fault("status", "busy", 429, 1)
	<-time.After(5 * time.Second)
	b.pay(0, false)
	<-time.After(10 * time.Second)
	if got, err := b.engine.Payment(p.ID); err != nil || got.State != payments.AwaitingPayment {
		b.Errorf("it was asked before its time: %s %v", got.State, err)
	}
	b.until(p.ID, payments.Completed, 30*time.Second)
	b.tally(1, b.given())
}

func twice(b *bench) {
	if b.v.NoAmounts {
		return // nobody can know
	}
	p := b.create("a")
	b.pay(0, false)
	b.pay(0, false)
	p = b.until(p.ID, payments.Conflicted, time.Minute)
	if p.Received != 2*b.v.Amount || !p.Attention {
		b.Errorf("received %d", p.Received)
	}
}

func unlisted(b *bench) {
	if b.given() == 0 {
		return // as above
	}
	for n, status := range []int{404, 500, 500} {
		p := b.create(fmt.Sprint(n))
		if n == 2 {
			b.cloud.Fault("known", "slow", 0, 1) // it says it before the first confirm, and never afterwards
		}
		b.cloud.Fault("known", "status", status, 0)
		b.cloud.Fault("confirm", "lost", 0, 1)
		b.pay(0, false)
		b.until(p.ID, payments.Completed, 5*time.Minute)
		b.cloud.Fault("known", "", 0, 0)
	}
	b.tally(3, 3)
}

func refusedConfirm(b *bench) {
	if b.given() == 0 {
		return // as above
	}
	p := b.create("a")
	b.cloud.Fault("confirm", "status", 400, 0)
	b.pay(0, false)
	b.until(p.ID, payments.Confirming, time.Minute)
	<-time.After(time.Hour)
	if got, err := b.engine.Payment(p.ID); err != nil || got.State != payments.Confirming || !got.Attention {
		b.Errorf("after an hour of refusals: %s, attention %v, %v", got.State, got.Attention, err)
	}
	b.cloud.Fault("confirm", "", 0, 0)
	p = b.until(p.ID, payments.Completed, time.Hour)
	if p.Attention || len(b.alarms.List()) != 0 {
		b.Errorf("completed, and still asks: %v", b.alarms.List())
	}
	b.tally(1, 1)
}

// powerCuts ends the agent at every commit of a sale, before it and after it: the customer pays once and is given once.
func (v Vendor) powerCuts(t *testing.T) {
	for n := 1; ; n++ {
		whole := false
		for _, after := range []bool{false, true} {
			for _, back := range []bool{false, true} {
				t.Run(fmt.Sprintf("commit %d, written %v, the agent goes on %v", n, after, back), func(t *testing.T) {
					v.world(t, func(b *bench) { whole = powerCut(b, n, after, back) })
				})
			}
		}
		if whole || t.Failed() {
			if n < 3 {
				t.Errorf("a sale of %d commits", n)
			}
			return
		}
	}
}

// powerCut tells whether the sale was over before the power went.
func powerCut(b *bench, n int, after, back bool) (whole bool) {
	b.power.mu.Lock()
	b.power.at, b.power.after, b.power.back = n, after, back
	b.power.mu.Unlock()
	paid := false
	for range 600 { // the till asks again under its key until there is a code; the customer pays the code that is shown, once
		p, _, err := b.engine.Create(context.Background(), b.order("sale"))
		if err != nil && back {
			continue // the till repeats its call
		}
		if err != nil { // the power is gone
			b.stop()
			b.power.restore()
			b.start()
			continue
		}
		if !paid && p.State == payments.AwaitingPayment {
			b.pay(0, false)
			paid = true
		}
		if p.State == payments.Completed {
			break
		}
		<-time.After(time.Second)
		b.power.mu.Lock()
		gone := b.power.at > 0 && b.power.count >= b.power.at
		b.power.mu.Unlock()
		if gone {
			b.stop()
			b.power.restore()
			b.start()
		}
	}
	p, _, err := b.engine.Create(context.Background(), b.order("sale"))
	if err != nil || p.State != payments.Completed {
		b.Fatalf("it is %s %v: %+v", p.State, err, p.Events)
	}
	b.tally(1, b.given())
	b.power.mu.Lock()
	defer b.power.mu.Unlock()
	return b.power.at > 0 // it never went
}
