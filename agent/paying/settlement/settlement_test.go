package settlement_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/paying/settlement"
	"pdvagent/payments/paymentstest"
	"pdvagent/payments/sicoob"
	"pdvagent/payments/sicoob/sicoobsim"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// shop is a ledger over a real store, and the simulated bank over HTTP, in simulated time: 2026-11-20, noon in Brasília.
type shop struct {
	*testing.T
	bank   *sicoobsim.Sim
	client *sicoob.Client
	store  *flaky
	ledger *settlement.Ledger
	alarms *agent.Alarms
	run    *figures
	tells  settlement.Bank // instead of the simulated bank; nil: that
	before int             // requests that the bank had at the last call of anew
}

// flaky is a store of which one commit may fail, and commits may lose races.
type flaky struct {
	*store.Store
	mu     sync.Mutex
	failAt int // counted down; the commit at 1 fails
	after  bool
	count  int
	races  int    // counted down: commits with an event that are refused because something changed meanwhile
	lost   int    // of these
	before func() // runs before the next commit
}

var errPower = errors.New("no power")

func (f *flaky) Commit(ctx context.Context, change agent.Change) (agent.Committed, error) {
	f.mu.Lock()
	f.failAt--
	fails, after := f.failAt == 0, f.after
	f.count++
	raced, before := f.races > 0 && len(change.Events) > 0, f.before
	if f.before = nil; raced {
		f.races--
		f.lost++
	}
	f.mu.Unlock()
	if before != nil {
		before()
	}
	if raced {
		return agent.Committed{}, fmt.Errorf("%w: record in boleto", agent.ErrVersion)
	}
	if fails && !after {
		return agent.Committed{}, errPower
	}
	done, err := f.Store.Commit(ctx, change)
	if fails && err == nil {
		err = errPower
	}
	return done, err
}

// figures are the counts and faults of a run.
type figures struct {
	mu     sync.Mutex
	counts map[string]int
	faults []string
}

func (f *figures) Count(name string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[name] = n
}

func (f *figures) Fault(detail string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, detail)
}

func begin() time.Time { return time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC) }

func world(t *testing.T, test func(s *shop)) {
	t.Helper()
	dir := storetest.Dir(t)
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Until(begin()))
		opened, err := store.Open(store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		bank, err := sicoobsim.New(sicoobsim.Config{})
		if err != nil {
			t.Fatal(err)
		}
		dial, hangUp := paymentstest.Network(bank)
		client, err := sicoob.New(sicoob.Config{
			BaseURL: "http://127.0.0.1/cobranca-bancaria/v3", TokenURL: "http://127.0.0.1/auth/realms/cooperado/protocol/openid-connect/token", ClientID: "shop", Client: 567890, Account: 102938, Dial: dial,
		})
		if err != nil {
			t.Fatal(err)
		}
		s := &shop{T: t, bank: bank, client: client, store: &flaky{Store: opened}, alarms: new(agent.Alarms)}
		defer storetest.Close(t, opened)
		defer hangUp()
		defer client.Close()
		s.restart()
		test(s)
	})
}

// restart is another ledger over the same store.
func (s *shop) restart() {
	s.Helper()
	bank := s.tells
	if bank == nil {
		bank = s.client
	}
	ledger, err := settlement.New(settlement.Config{
		Store: s.store, Bucket: store.BoletoRecords, Bank: bank, Vendor: "Sicoob", Client: 567890, Modality: 1, Alarms: s.alarms, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		s.Fatal(err)
	}
	s.ledger = ledger
}

// settle runs the routine.
func (s *shop) settle() error {
	s.Helper()
	s.run = &figures{counts: make(map[string]int)}
	return s.ledger.Settle(s.Context(), s.run)
}

func (s *shop) settled() {
	s.Helper()
	if err := s.settle(); err != nil {
		s.Fatal(err)
	}
}

// at gives a day so many days from today.
func at(days int) string {
	return time.Now().Add(-3*time.Hour).AddDate(0, 0, days).Format(time.DateOnly)
}

// known gives the bank a boleto and registers it here.
func (s *shop) known(seu string, amount, due int) sicoobsim.Boleto {
	s.Helper()
	b := s.banks(seu, amount, due)
	s.register(b)
	return b
}

func (s *shop) banks(seu string, amount, due int) sicoobsim.Boleto {
	s.Helper()
	b, err := s.bank.AddBoleto(sicoobsim.Boleto{SeuNumero: seu, Amount: amount, Due: at(due)})
	if err != nil {
		s.Fatal(err)
	}
	return b
}

func (s *shop) register(b sicoobsim.Boleto) {
	s.Helper()
	_, _, err := s.ledger.Register(s.Context(), settlement.Registration{
		NossoNumero: int64(b.NossoNumero), SeuNumero: b.SeuNumero, Amount: agent.Cents(b.Amount), Due: b.Due, IssuedOn: at(0), Barcode: b.Barcode,
	})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *shop) pay(m sicoobsim.Movement) {
	s.Helper()
	if err := s.bank.Pay(m); err != nil {
		s.Fatal(err)
	}
}

func (s *shop) boleto(nosso int) settlement.Boleto {
	s.Helper()
	b, err := s.ledger.Boleto(int64(nosso))
	if err != nil {
		s.Fatal(err)
	}
	return b
}

// anew makes asked list the later requests only.
func (s *shop) anew() { s.before = len(s.bank.Received()) }

// asked gives the windows that the bank was asked for, as days from today.
func (s *shop) asked() (list []string) {
	for _, a := range s.bank.Received()[s.before:] {
		if a.Route != "request" {
			continue
		}
		var in struct{ DataInicial, DataFinal string }
		if err := json.Unmarshal(a.Body, &in); err != nil {
			s.Fatal(err)
		}
		days := func(text string) int {
			day, _ := time.Parse(time.DateOnly, text)
			today, _ := time.Parse(time.DateOnly, at(0))
			return int(day.Sub(today).Hours() / 24)
		}
		list = append(list, fmt.Sprintf("%d..%d", days(in.DataInicial), days(in.DataFinal)))
	}
	return list
}

func (s *shop) strangers() []settlement.Stranger {
	s.Helper()
	list, err := s.ledger.Strangers(100)
	if err != nil {
		s.Fatal(err)
	}
	return list
}

func (s *shop) events() (list []string) {
	events, err := s.store.Events(0, 100)
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range events {
		if e.Type == "boleto" {
			var data struct{ Status, NossoNumero string }
			if err := json.Unmarshal(e.Data, &data); err != nil {
				s.Fatal(err)
			}
			list = append(list, data.Status)
		}
	}
	return list
}

func TestPaidBoletosAreFoundOnceWithWhatCame(t *testing.T) {
	world(t, func(s *shop) {
		pix, late, open := s.known("A", 15000, 5), s.known("B", 8990, -2), s.known("C", 100, 5)
		s.pay(sicoobsim.Movement{NossoNumero: pix.NossoNumero, Means: 212, CreditOn: at(1)})
		s.pay(sicoobsim.Movement{NossoNumero: late.NossoNumero, Amount: 9175, PaidOn: at(-1)})
		for range 3 {
			s.settled()
		}
		a, b := s.boleto(pix.NossoNumero), s.boleto(late.NossoNumero)
		if a.Status != settlement.Paid || a.Received() != 15000 || a.Difference() != 0 || a.Last().Channel != "pix" || a.Last().PaidOn != at(0) || a.Last().CreditOn != at(1) || a.Last().By != "nosso_numero" {
			t.Errorf("by Pix: %+v", a)
		}
		if b.Status != settlement.Paid || b.Received() != 9175 || b.Difference() != 185 || b.Last().Channel != "bank" || b.Last().PaidOn != at(-1) || b.Last().CreditOn != "" {
			t.Errorf("late: %+v", b)
		}
		if c := s.boleto(open.NossoNumero); c.Status != settlement.Open {
			t.Errorf("open: %+v", c)
		}
		if len(a.Receipts) != 1 || len(b.Receipts) != 1 || s.run.counts["known"] != 2 || s.run.counts["paid"] != 0 {
			t.Errorf("read again: %+v", s.run.counts)
		}
		if got := s.events(); !slices.Equal(got, []string{"open", "open", "open", "paid", "paid"}) {
			t.Errorf("events: %v", got)
		}
	})
}

func TestARegistrationIsOneByItsNumber(t *testing.T) {
	world(t, func(s *shop) {
		r := settlement.Registration{NossoNumero: 1013, SeuNumero: "A", Amount: 15000, Due: at(-10)}
		if _, replayed, err := s.ledger.Register(s.Context(), r); replayed || err != nil {
			t.Fatal(err)
		}
		if _, replayed, err := s.ledger.Register(s.Context(), r); !replayed || err != nil {
			t.Errorf("the same again: %v %v", replayed, err)
		}
		r.Amount++
		if _, _, err := s.ledger.Register(s.Context(), r); agent.CodeOf(err) != agent.CodeConflict {
			t.Errorf("another amount: %v", err)
		}
	})
}

// TestAPowerCutAtEveryCommitLosesNothing fails each commit of a run in turn, before and after it was written.
func TestAPowerCutAtEveryCommitLosesNothing(t *testing.T) {
	for n := 1; ; n++ {
		ended := false
		for _, after := range []bool{false, true} {
			world(t, func(s *shop) {
				b := s.known("A", 15000, 5)
				s.pay(sicoobsim.Movement{NossoNumero: b.NossoNumero})
				s.store.failAt, s.store.after = n, after
				err := s.settle()
				ended = err == nil
				if !ended && !errors.Is(err, errPower) {
					t.Fatal(err)
				}
				s.store.failAt = 0
				s.restart()
				s.settled()
				if got := s.boleto(b.NossoNumero); got.Status != settlement.Paid || len(got.Receipts) != 1 || len(s.strangers()) != 0 {
					t.Errorf("commit %d, after %v: %+v", n, after, got)
				}
			})
		}
		if ended {
			if n < 8 {
				t.Errorf("a run has only %d commits", n-1)
			}
			return
		}
	}
}

func TestTheLedgerForgetsWhatEndedLongAgo(t *testing.T) {
	world(t, func(s *shop) {
		paid, open := s.known("A", 15000, 5), s.known("B", 100, 5)
		s.pay(sicoobsim.Movement{NossoNumero: paid.NossoNumero})
		s.pay(sicoobsim.Movement{NossoNumero: 9990, Amount: 5, SeuNumero: "Z"})
		s.settled()
		if n, err := s.ledger.Sweep(s.Context()); n != 0 || err != nil {
			t.Fatalf("at once: %d %v", n, err)
		}
		<-time.After(401 * 24 * time.Hour)
		if n, err := s.ledger.Sweep(s.Context()); n != 2 || err != nil {
			t.Errorf("dropped %d %v", n, err)
		}
		if _, err := s.ledger.Boleto(int64(paid.NossoNumero)); agent.CodeOf(err) != agent.CodeNotFound || s.boleto(open.NossoNumero).Status != settlement.Open {
			t.Errorf("got %v", err)
		}
	})
}

func TestABoletoThatChangesDuringASweepStaysAndTheOthersGo(t *testing.T) {
	world(t, func(s *shop) {
		changing, other := s.known("A", 15000, 5), s.known("B", 100, 5)
		s.pay(sicoobsim.Movement{NossoNumero: changing.NossoNumero})
		s.pay(sicoobsim.Movement{NossoNumero: other.NossoNumero})
		s.settled()
		<-time.After(401 * 24 * time.Hour)
		s.store.before = func() {
			key := fmt.Sprintf("n:%d", changing.NossoNumero)
			value, _, err := s.store.Record(store.BoletoRecords, key)
			if err != nil {
				t.Fatal(err)
			}
			again := agent.Record{Bucket: store.BoletoRecords, Key: key, Value: value, IfVersion: agent.AnyVersion}
			if _, err := s.store.Store.Commit(s.Context(), agent.Change{Puts: []agent.Record{again}}); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := s.ledger.Sweep(s.Context()); n != 1 || err != nil {
			t.Errorf("dropped %d %v, want the one that did not change", n, err)
		}
		if _, err := s.ledger.Boleto(int64(other.NossoNumero)); agent.CodeOf(err) != agent.CodeNotFound || s.boleto(changing.NossoNumero).Status != settlement.Paid {
			t.Errorf("got %v", err)
		}
		if n, err := s.ledger.Sweep(s.Context()); n != 1 || err != nil {
			t.Errorf("the next sweep dropped %d %v", n, err)
		}
	})
}

func TestTheCertificatesEndIsToldThreeTimes(t *testing.T) {
	dir := storetest.Dir(t)
	synctest.Test(t, func(t *testing.T) {
		ends := time.Now().AddDate(0, 0, 40)
		alarms := new(agent.Alarms)
		opened, err := store.Open(store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer storetest.Close(t, opened)
		l, err := settlement.New(settlement.Config{
			Store: opened, Bucket: store.BoletoRecords, Bank: new(sicoob.Client), Vendor: "Sicoob", Client: 1, Modality: 1, Alarms: alarms, Log: slog.New(slog.DiscardHandler),
			Ends: func() (time.Time, error) {
				if time.Now().After(ends) {
					return ends, &url.Error{}
				}
				return ends, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		for _, step := range []struct {
			days int
			want string
		}{{1, ""}, {10, "30"}, {15, "15"}, {10, "5"}, {5, "invalid"}} {
			<-time.After(time.Duration(step.days) * 24 * time.Hour)
			got := ""
			for _, a := range alarms.List() {
				got += a.Subject
			}
			if got != step.want {
				t.Errorf("after %d days more: %q, want %q", step.days, got, step.want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
