package checkout_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/paying/checkout"
	"pdvagent/payments"
	"pdvagent/payments/pix"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// scripted is a vendor that registers, charges and confirms as the test says.
type scripted struct {
	mu       sync.Mutex
	fails    map[string][]*payments.Failure // by step: one is used up by each call
	received agent.Cents                    // 0: nobody has paid
	amount   agent.Cents                    // of the code, when it is not what was asked for
	calls    []string
}

func (s *scripted) call(step string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, step)
	if list := s.fails[step]; len(list) > 0 {
		s.fails[step] = list[1:]
		return list[0]
	}
	return nil
}

func (s *scripted) pay(amount agent.Cents) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = amount
}

// count tells how often a step was called.
func (s *scripted) count(step string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c == step {
			n++
		}
	}
	return n
}

func (s *scripted) Register(context.Context, payments.Payment) (string, error) {
	return "P-1", s.call("register")
}

func (s *scripted) Charge(_ context.Context, p payments.Payment) (payments.Charge, error) {
	amount := p.Amount
	if s.amount != 0 {
		amount = s.amount
	}
	code, err := pix.Build(pix.Static{Key: "k", Name: "LOJA", City: "SAO", Amount: amount})
	if failed := s.call("charge"); failed != nil {
		return payments.Charge{}, failed
	}
	return payments.Charge{GatewayID: "g-" + p.Last().ExternalID, BRCode: code + "\r\n"}, err // as some vendors end it
}

func (s *scripted) Status(context.Context, payments.Payment, payments.Attempt) (payments.Status, error) {
	if err := s.call("status"); err != nil {
		return payments.Status{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.received > 0 {
		return payments.Status{Condition: payments.Received, Amount: s.received, Word: "paid"}, nil
	}
	return payments.Status{Condition: payments.Pending, Word: "pending"}, nil
}

func (s *scripted) Known(context.Context, payments.Payment) ([]string, error) {
	return nil, s.call("known")
}

func (s *scripted) Confirm(context.Context, payments.Payment) (json.RawMessage, error) {
	return json.RawMessage(`{"title":"1"}`), s.call("confirm")
}

func (s *scripted) Confirmed(context.Context, payments.Payment) (json.RawMessage, error) {
	return nil, s.call("confirmed")
}

var (
	_ payments.Registrar = (*scripted)(nil)
	_ payments.Confirmer = (*scripted)(nil)
)

// till is an engine at work over a real store, in simulated time.
type till struct {
	*testing.T
	engine *checkout.Engine
	vendor *scripted
	alarms *agent.Alarms
}

func inTime(t *testing.T, test func(*till)) {
	t.Helper()
	dir := storetest.Dir(t)
	synctest.Test(t, func(t *testing.T) {
		opened, err := store.Open(store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer storetest.Close(t, opened)
		s := &till{T: t, vendor: &scripted{fails: make(map[string][]*payments.Failure)}, alarms: new(agent.Alarms)}
		engine, stop := beginWith(t, opened, s.vendor, s.alarms)
		defer stop()
		s.engine = engine
		test(s)
	})
}

func (s *till) create(change func(*checkout.Order)) (payments.Payment, error) {
	order := checkout.Order{Key: "a", Kind: payments.KindPix, Provider: "v", Amount: 1000, ExpiresIn: 300, Patience: 30 * time.Second}
	if change != nil {
		change(&order)
	}
	p, _, err := s.engine.Create(context.Background(), order)
	return p, err
}

func (s *till) charged() payments.Payment {
	s.Helper()
	p, err := s.create(nil)
	if err != nil || p.State != payments.AwaitingPayment || p.Shown() == nil {
		s.Fatalf("got %+v %v", p, err)
	}
	return p
}

func (s *till) payment(id string) payments.Payment {
	s.Helper()
	p, err := s.engine.Payment(id)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

func TestAPaymentIsRegisteredChargedWatchedAndConfirmed(t *testing.T) {
	inTime(t, func(s *till) {
		p := s.charged()
		if code := p.Shown().BRCode; pix.Check(code, 1000) != nil || strings.TrimSpace(code) != code {
			t.Errorf("shown: %q", code)
		}
		s.vendor.pay(1000)
		got, err := s.engine.Watch(context.Background(), p.ID, time.Minute)
		if err != nil || got.State == payments.AwaitingPayment {
			t.Errorf("watched: %s %v", got.State, err)
		}
		<-time.After(time.Minute)
		if got := s.payment(p.ID); got.State != payments.Completed || string(got.Result) != `{"title":"1"}` || got.Received != 1000 || s.vendor.count("confirm") != 1 || s.vendor.count("register") != 1 {
			t.Errorf("got %+v, calls %v", got, s.vendor.calls)
		}
	})
}

func TestAnAmountThatIsNotTheOrdersAsksForAPerson(t *testing.T) {
	inTime(t, func(s *till) {
		p := s.charged()
		s.vendor.pay(900)
		<-time.After(time.Minute)
		if got := s.payment(p.ID); got.State != payments.Conflicted || !got.Attention || len(s.alarms.List()) != 1 || s.vendor.count("confirm") != 0 {
			t.Errorf("got %+v, alarms %+v", got, s.alarms.List())
		}
		ctx := context.Background()
		if got, err := s.engine.Resolve(ctx, p.ID, "maria", "devolvido"); err != nil || got.Attention || got.Resolution.By != "maria" || len(s.alarms.List()) != 0 {
			t.Errorf("resolved: %+v %v", got, err)
		}
		if _, err := s.engine.Resolve(ctx, p.ID, "maria", "de novo"); agent.CodeOf(err) != agent.CodeConflict {
			t.Errorf("again: %v", err)
		}
		if list, err := s.engine.List(checkout.Filter{State: payments.Conflicted, Kind: payments.KindPix, Limit: 9}); err != nil || len(list) != 1 {
			t.Errorf("list: %+v %v", list, err)
		}
		if list, err := s.engine.List(checkout.Filter{Attention: true, Limit: 9}); err != nil || len(list) != 0 {
			t.Errorf("list of those that wait for a person: %+v %v", list, err)
		}
	})
}

func TestACanceledPaymentIsWatchedAndItsMoneyIsLate(t *testing.T) {
	inTime(t, func(s *till) {
		p := s.charged()
		for range 2 { // the second time changes nothing
			if got, err := s.engine.Cancel(context.Background(), p.ID); err != nil || got.State != payments.Canceled {
				t.Fatalf("got %s %v", got.State, err)
			}
		}
		s.vendor.pay(1000)
		<-time.After(2 * time.Minute)
		if got := s.payment(p.ID); got.State != payments.PaidLate || !got.Attention || s.vendor.count("confirm") != 0 {
			t.Errorf("got %+v", got)
		}
		if _, err := s.engine.Cancel(context.Background(), p.ID); agent.CodeOf(err) != agent.CodeConflict {
			t.Errorf("canceled after it was paid: %v", err)
		}
	})
}

func TestAPaymentThatNobodyPaysExpiresAndIsCheckedForADay(t *testing.T) {
	inTime(t, func(s *till) {
		p := s.charged()
		<-time.After(6 * time.Minute)
		if got := s.payment(p.ID); got.State != payments.Expired {
			t.Errorf("got %s", got.State)
		}
		<-time.After(48 * time.Hour)
		asked := s.vendor.count("status")
		if got := s.payment(p.ID); got.Step != payments.StepNone {
			t.Errorf("got %+v", got)
		}
		<-time.After(48 * time.Hour)
		if more := s.vendor.count("status") - asked; more != 0 {
			t.Errorf("asked %d times more after the last check", more)
		}
	})
}

func TestARefusalEndsAPaymentAndALostAnswerDoesNot(t *testing.T) {
	inTime(t, func(s *till) {
		s.vendor.fails["charge"] = []*payments.Failure{{Class: payments.Lost, Detail: "lost"}}
		p := s.charged()
		if len(p.Attempts) < 2 || p.Attempts[0].ExternalID == p.Last().ExternalID {
			t.Errorf("a second charge under the first id: %+v", p.Attempts)
		}
		s.vendor.fails["register"] = []*payments.Failure{{Class: payments.Unauthorized}}
		refused, err := s.create(func(o *checkout.Order) { o.Key = "b" })
		if err != nil || refused.State != payments.Failed || refused.Step != payments.StepNone || len(s.alarms.List()) != 1 || s.alarms.List()[0].Code != agent.AlarmUnauthorized {
			t.Errorf("got %+v %v, alarms %+v", refused, err, s.alarms.List())
		}
		if _, err := s.create(func(o *checkout.Order) { o.Key = "c" }); err != nil || len(s.alarms.List()) != 0 {
			t.Errorf("after the key is right: %v, alarms %+v", err, s.alarms.List())
		}
	})
}

func TestACodeOfAnotherAmountIsNotShown(t *testing.T) {
	inTime(t, func(s *till) {
		s.vendor.amount = 1
		if p, err := s.create(nil); err != nil || p.State != payments.Failed || p.Shown() != nil {
			t.Errorf("got %+v %v", p, err)
		}
	})
}

func TestAConfirmThatIsRefusedIsTriedOnAndAsksForAPerson(t *testing.T) {
	inTime(t, func(s *till) {
		refusal, lost := &payments.Failure{Class: payments.Declined}, &payments.Failure{Class: payments.Lost}
		s.vendor.fails["confirm"] = []*payments.Failure{refusal, lost}
		p := s.charged()
		s.vendor.pay(1000)
		seen := false
		for range 100 {
			<-time.After(100 * time.Millisecond)
			seen = seen || s.payment(p.ID).Attention
		}
		<-time.After(5 * time.Minute)
		if got := s.payment(p.ID); !seen || got.State != payments.Completed || got.Attention || s.vendor.count("confirm") != 3 || s.vendor.count("confirmed") == 0 || len(s.alarms.List()) != 0 {
			t.Errorf("got %+v, calls %v", got, s.vendor.calls)
		}
	})
}

func TestADebtIsWatchedByOnePayment(t *testing.T) {
	inTime(t, func(s *till) {
		debt := func(key string) (payments.Payment, error) {
			return s.create(func(o *checkout.Order) { o.Key, o.Debt = key, "invoice-1" })
		}
		first, err := debt("a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := debt("b"); agent.CodeOf(err) != agent.CodeConflict {
			t.Errorf("two at a time: %v", err)
		}
		if _, err := s.engine.Cancel(context.Background(), first.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := debt("c"); err != nil || s.payment(first.ID).Step != payments.StepNone {
			t.Errorf("after the first was canceled: %v, %+v", err, s.payment(first.ID))
		}
	})
}

func TestAKeyIsForOneRequest(t *testing.T) {
	inTime(t, func(s *till) {
		p := s.charged()
		again, replayed, err := s.engine.Create(context.Background(), checkout.Order{Key: "a", Kind: payments.KindPix, Provider: "v", Amount: 1000, ExpiresIn: 300})
		if err != nil || !replayed || again.ID != p.ID || s.vendor.count("charge") != 1 {
			t.Errorf("again: %+v %v %v", again, replayed, err)
		}
		if _, err := s.create(func(o *checkout.Order) { o.Fingerprint[0] = 1 }); agent.CodeOf(err) != agent.CodeConflict {
			t.Errorf("for another request: %v", err)
		}
		if _, err := s.create(func(o *checkout.Order) { o.Key, o.Provider = "b", "w" }); agent.CodeOf(err) != agent.CodeNotConfigured {
			t.Errorf("for another provider: %v", err)
		}
		for _, id := range []string{"nothing", "key:a"} {
			if _, err := s.engine.Payment(id); agent.CodeOf(err) != agent.CodeNotFound {
				t.Errorf("%s: %v", id, err)
			}
		}
	})
}

func TestANoticeHasItsPaymentAskedAboutAtOnce(t *testing.T) {
	inTime(t, func(s *till) {
		p := s.charged()
		<-time.After(4 * time.Minute) // the questions are far apart by now
		s.vendor.pay(1000)
		if s.engine.Hint("another", "one") || !s.engine.Hint("", p.Last().ExternalID) {
			t.Error("the notice finds another payment, or not its own")
		}
		<-time.After(time.Second)
		if got := s.payment(p.ID).State; !slices.Contains([]payments.State{payments.Confirming, payments.Completed}, got) {
			t.Errorf("a second after the notice it is %s", got)
		}
	})
}
