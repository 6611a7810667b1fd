package checkout_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/paying/checkout"
	"pdvagent/agent/records"
	"pdvagent/payments"
	"pdvagent/payments/pix"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// vendor charges at once and never sees money.
type vendor struct {
	asked, charged atomic.Int64
	takes          time.Duration // to charge
}

func (v *vendor) Charge(ctx context.Context, p payments.Payment) (payments.Charge, error) {
	v.charged.Add(1)
	agenttest.Takes(ctx, v.takes)
	code, err := pix.Build(pix.Static{Key: "k", Name: "LOJA", City: "SAO", Amount: p.Amount})
	return payments.Charge{GatewayID: p.Last().ExternalID, BRCode: code}, err
}

func (v *vendor) Status(context.Context, payments.Payment, payments.Attempt) (payments.Status, error) {
	v.asked.Add(1)
	return payments.Status{Condition: payments.Pending, Word: "pending"}, nil
}

// begin runs an engine over a store until the result is called.
func begin(t *testing.T, over records.Store, v *vendor, perSecond float64) (engine *checkout.Engine, stop func()) {
	t.Helper()
	return work(t, checkout.Config{
		Store: over, Alarms: new(agent.Alarms), PerSecond: perSecond,
		Flows: map[checkout.FlowKey]checkout.Flow{{Kind: payments.KindPix, Provider: "v"}: {Provider: v, Vendor: "V"}},
	})
}

// beginWith is begin with a vendor of the test's and its alarms.
func beginWith(t *testing.T, over records.Store, v payments.Provider, alarms *agent.Alarms) (engine *checkout.Engine, stop func()) {
	t.Helper()
	return work(t, checkout.Config{
		Store: over, Alarms: alarms, Flows: map[checkout.FlowKey]checkout.Flow{{Kind: payments.KindPix, Provider: "v"}: {Provider: v, Vendor: "V"}},
	})
}

func work(t *testing.T, cfg checkout.Config) (engine *checkout.Engine, stop func()) {
	t.Helper()
	cfg.Bucket, cfg.Log, cfg.NewID = store.PaymentRecords, slog.New(slog.DiscardHandler), uuid.NewString
	engine, err := checkout.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	return engine, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestAThousandWatchedPaymentsAreOneScheduleAndKeepThePace(t *testing.T) {
	dir := storetest.Dir(t)
	synctest.Test(t, func(t *testing.T) {
		opened, err := store.Open(store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer storetest.Close(t, opened)
		v := &vendor{}
		engine, stop := begin(t, opened, v, 50)
		before := runtime.NumGoroutine()
		n := agenttest.Amount(1000, 600)
		for i := range n {
			order := checkout.Order{Key: fmt.Sprint(i), Kind: payments.KindPix, Provider: "v", Amount: 100, ExpiresIn: 3600}
			if _, _, err := engine.Create(context.Background(), order); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(30 * time.Second) // charged at 50 a second
		if list, err := engine.List(checkout.Filter{State: payments.AwaitingPayment, Limit: n + 1}); err != nil || len(list) != n {
			t.Fatalf("%d of %d are watched, %v", len(list), n, err)
		}
		if more := runtime.NumGoroutine() - before; more > 20 {
			t.Errorf("%d more goroutines for %d watched payments", more, n)
		}
		for what, second := range map[string]func(){"watched": func() {}, "after a restart": func() { stop(); engine, stop = begin(t, opened, v, 50) }} {
			second()
			v.asked.Store(0)
			<-time.After(30 * time.Second)
			if asked := v.asked.Load(); asked > 50*30+50 || asked < 500 {
				t.Errorf("%s: %d questions in 30 s, want at most 50 a second", what, asked)
			}
		}
		p, err := engine.Watch(context.Background(), mustID(t, engine), 0)
		if err != nil || p.State != payments.AwaitingPayment {
			t.Errorf("got %+v %v", p.State, err)
		}
		stop()
	})
}

func mustID(t *testing.T, engine *checkout.Engine) string {
	t.Helper()
	list, err := engine.List(checkout.Filter{Limit: 1})
	if err != nil || len(list) != 1 {
		t.Fatal(err)
	}
	return list[0].ID
}

func TestWhatHasEndedLosesItsPersonalDataAfterAWeek(t *testing.T) {
	dir := storetest.Dir(t)
	synctest.Test(t, func(t *testing.T) {
		opened, err := store.Open(store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer storetest.Close(t, opened)
		v := &vendor{}
		engine, stop := begin(t, opened, v, 0)
		ctx := context.Background()
		p, _, err := engine.Create(ctx, checkout.Order{
			Key: "a", Kind: payments.KindPix, Provider: "v", Amount: 100, ExpiresIn: 60, Patience: time.Second, Customer: payments.Customer{Name: "Maria", Document: agenttest.CPF},
		})
		if err != nil {
			t.Fatal(err)
		}
		for day, want := range []int{0, 0, 1, 0} {
			if dropped, err := engine.Sweep(ctx); err != nil || dropped != want {
				t.Errorf("sweep %d: dropped %d %v, want %d", day, dropped, err, want)
			}
			<-time.After(4 * 24 * time.Hour)
		}
		if got, err := engine.Payment(p.ID); err != nil || got.Customer != (payments.Customer{}) || got.State != payments.Expired || got.Amount != 100 {
			t.Errorf("got %+v %v", got, err)
		}
		<-time.After(400 * 24 * time.Hour)
		if dropped, err := engine.Sweep(ctx); err != nil || dropped != 2 { // the payment, and its key
			t.Errorf("after 400 days: dropped %d %v", dropped, err)
		}
		if _, err := engine.Payment(p.ID); agent.CodeOf(err) != agent.CodeNotFound {
			t.Errorf("it is still known: %v", err)
		}
		if known, err := engine.Repeated("a", agent.Fingerprint{}); known != nil || err != nil {
			t.Errorf("its key is still known: %v %v", known, err)
		}
		stop()
	})
}

// late is a store whose first commit returns a second after it is on disk.
type late struct {
	*store.Store
	delayed atomic.Bool
}

func (l *late) Commit(ctx context.Context, change agent.Change) (agent.Committed, error) {
	committed, err := l.Store.Commit(ctx, change)
	if l.delayed.CompareAndSwap(false, true) {
		<-time.After(time.Second)
	}
	return committed, err
}

func TestAPaymentThatIsFoundOnDiskBeforeItsMakerIsToldIsChargedOnce(t *testing.T) {
	dir := storetest.Dir(t)
	synctest.Test(t, func(t *testing.T) {
		opened, err := store.Open(store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer storetest.Close(t, opened)
		v := &vendor{takes: 3 * time.Second}
		engine, stop := begin(t, &late{Store: opened}, v, 0)
		ctx := context.Background()
		order := checkout.Order{Key: "a", Kind: payments.KindPix, Provider: "v", Amount: 100, ExpiresIn: 60, Patience: 5 * time.Second}
		ids := make(chan string, 2)
		for n := range 2 {
			go func() {
				agenttest.Takes(ctx, time.Duration(n)*500*time.Millisecond)
				p, _, err := engine.Create(ctx, order)
				if err != nil {
					t.Error(err)
				}
				ids <- p.ID
			}()
		}
		if first, second := <-ids, <-ids; first != second || v.charged.Load() != 1 {
			t.Errorf("%s and %s, charged %d times", first, second, v.charged.Load())
		}
		stop()
	})
}
