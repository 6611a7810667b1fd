// Package paymentstest has what every provider of payments must pass: [Exercise] takes payments through the real engine,
// over a real store, to a vendor's simulated cloud, in simulated time. Tests alone import it.
package paymentstest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/paying/checkout"
	"pdvagent/agent/records"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// Cloud is a vendor's simulator, as the exercise needs it.
type Cloud interface {
	http.Handler
	// Fault plays one of simkit's faults on the next requests of a kind of call: register, charge, status, known or confirm.
	// busy is a status with Retry-After: 20.
	Fault(call, fault string, status, times int)
	// Pay has the newest charge paid: with another amount where amount is not 0, after its expiry where late.
	Pay(amount agent.Cents, late bool) error
	// Tally counts payable charges, payments that came, and what the payers were given.
	Tally() (charges, paid, given int)
}

// Vendor is what is exercised.
type Vendor struct {
	Kind      payments.Kind
	Provider  func(t *testing.T, dial upstream.Dial) payments.Provider // its clouds are at http://127.0.0.1/
	Cloud     func(t *testing.T) Cloud
	Amount    agent.Cents
	Order     json.RawMessage
	NoAmounts bool // it does not say how much came
	Reuses    bool // a charge is somebody else's and is asked for, not made: asking twice gives the same
}

// bench is a vendor with an engine, in one world of simulated time.
type bench struct {
	*testing.T
	v      Vendor
	cloud  Cloud
	store  *store.Store
	power  *power
	flow   checkout.Flow
	alarms *agent.Alarms

	engine *checkout.Engine
	stop   func()
}

// power is a store that loses its power at a commit: before it, or just after it.
type power struct {
	records.Store
	mu    sync.Mutex
	count int
	at    int // 0: never
	after bool
	back  bool // it comes back at once: one commit failed, and nobody knows how
	cut   context.CancelFunc
}

var errPower = errors.New("no power")

func (p *power) Commit(ctx context.Context, change agent.Change) (agent.Committed, error) {
	p.mu.Lock()
	p.count++
	gone := p.at > 0 && p.count >= p.at
	first := p.count == p.at
	cut := p.cut
	if first && p.back {
		p.at, cut = 0, func() {}
	}
	p.mu.Unlock()
	if !gone {
		return p.Store.Commit(ctx, change)
	}
	if first && p.after {
		_, _ = p.Store.Commit(ctx, change) // it is written, and nobody knows
	}
	cut()
	return agent.Committed{}, errPower
}

func (p *power) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.count = 0, 0
}

// world runs a test in simulated time, with an engine at work.
func (v Vendor) world(t *testing.T, test func(b *bench)) {
	t.Helper()
	dir := storetest.Dir(t)
	synctest.Test(t, func(t *testing.T) {
		opened, err := store.Open(store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{T: t, v: v, cloud: v.Cloud(t), store: opened, alarms: new(agent.Alarms)}
		dial, hangUp := Network(b.cloud)
		provider := v.Provider(t, dial)
		b.power = &power{Store: opened}
		b.flow = checkout.Flow{Provider: provider, Vendor: "Nuvem"}
		b.start()
		test(b)
		b.stop()
		if closer, ok := provider.(interface{ Close() }); ok {
			closer.Close()
		}
		hangUp()
		storetest.Close(t, opened)
	})
}

// Network puts a simulated cloud where only dial reaches it: for tests in simulated time, which end with hangUp.
func Network(cloud http.Handler) (dial upstream.Dial, hangUp func()) {
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: cloud, ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }() // it ends with Close
	dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case l.conns <- far:
			return near, nil
		case <-l.closed:
			return nil, errors.New("refused")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return dial, func() {
		_ = server.Close() // ending
		<-served
	}
}

type listener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

const providerName = "vendor"

// start begins an engine over what the store holds.
func (b *bench) start() {
	b.Helper()
	engine, err := checkout.New(checkout.Config{
		Store: b.power, Bucket: store.PaymentRecords, Flows: map[checkout.FlowKey]checkout.Flow{{Kind: b.v.Kind, Provider: providerName}: b.flow},
		Alarms: b.alarms, Log: slog.New(slog.DiscardHandler), NewID: uuid.NewString,
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.power.mu.Lock()
	b.power.cut = cancel
	b.power.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	b.engine = engine
	b.stop = func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}

// order is the till's request under a key.
func (b *bench) order(key string) checkout.Order {
	return checkout.Order{
		Key: key, Kind: b.v.Kind, Provider: providerName, Amount: b.v.Amount, Reference: "cupom-1", ExpiresIn: 300, Text: "Pague e concorra.",
		Order: b.v.Order, Patience: 10 * time.Second,
	}
}

func (b *bench) create(key string) payments.Payment {
	b.Helper()
	p, _, err := b.engine.Create(context.Background(), b.order(key))
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// until waits for a state.
func (b *bench) until(id string, want payments.State, within time.Duration) payments.Payment {
	b.Helper()
	for end := time.Now().Add(within); ; {
		p, err := b.engine.Payment(id)
		if err != nil {
			b.Fatal(err)
		}
		if p.State == want {
			return p
		}
		if time.Now().After(end) {
			b.Fatalf("after %v it is %s %q, want %s: %+v", within, p.State, p.Detail, want, p.Events)
		}
		<-time.After(250 * time.Millisecond)
	}
}

func (b *bench) pay(amount agent.Cents, late bool) {
	b.Helper()
	if err := b.cloud.Pay(amount, late); err != nil {
		b.Fatal(err)
	}
}

// tally compares what the cloud counts.
func (b *bench) tally(paid, given int) {
	b.Helper()
	if _, gotPaid, gotGiven := b.cloud.Tally(); gotPaid != paid || gotGiven != given {
		b.Errorf("%d payments came and %d were given something, want %d and %d", gotPaid, gotGiven, paid, given)
	}
}

// given is what a paid sale brings with this vendor: 1 where it confirms.
func (b *bench) given() int {
	if _, ok := b.flow.Provider.(payments.Confirmer); ok {
		return 1
	}
	return 0
}

// Exercise takes payments through everything that can befall them.
func Exercise(t *testing.T, v Vendor) {
	cases := map[string]func(*bench){
		"success":                                   success,
		"the same key gives the same payment":       repeated,
		"a refusal ends it":                         refused,
		"failure, then success":                     failureThenSuccess,
		"the answer to a charge is lost":            lostCharge,
		"nothing but rubbish":                       rubbish,
		"notices twice and too early":               notices,
		"the money comes after the expiry":          late,
		"the money comes after it was canceled":     canceled,
		"another amount comes":                      conflicted,
		"nobody pays":                               expired,
		"the cloud is away while it is watched":     away,
		"the cloud does not know it any more":       unknown,
		"the answer to a confirm is lost":           lostConfirm,
		"a confirm does not arrive":                 noConfirm,
		"a registration is lost":                    lostRegister,
		"a registration is refused":                 refusedRegister,
		"the cloud asks for patience":               patience,
		"it is paid twice":                          twice,
		"the confirm is refused, then it succeeds":  refusedConfirm,
		"the vendor does not say what it has given": unlisted,
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { v.world(t, test) })
	}
	t.Run("no power at any commit", func(t *testing.T) { v.powerCuts(t) })
}
