package settlement_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/paying/settlement"
	"pdvagent/agent/simkit"
	"pdvagent/payments/boleto"
	"pdvagent/payments/sicoob/sicoobsim"
)

func order(seu string) settlement.Order {
	day, _ := time.Parse(time.DateOnly, at(10))
	today, _ := time.Parse(time.DateOnly, at(0))
	return settlement.Order{Key: seu, Order: boleto.Order{
		SeuNumero: seu, Amount: 15000, IssuedOn: today, Due: day,
		Payer: boleto.Payer{Document: "12345678909", Name: "CLIENTE TESTE", Address: "RUA A 1", District: "CENTRO", City: "GOIANIA", ZIP: "74000000", State: "GO"},
	}}
}

func TestABoletoIsIssuedOnceWhateverIsLost(t *testing.T) {
	for _, nosso := range []int64{0, 1013} {
		for _, fault := range []string{"", "lost", "silence", "reset"} {
			t.Run(fmt.Sprintf("%d %s", nosso, fault), func(t *testing.T) {
				world(t, func(s *shop) {
					o := order("A")
					o.NossoNumero = nosso
					if fault != "" {
						if err := s.bank.Add(simkit.Fault{Route: "issue", Fault: fault, Times: 1}); err != nil {
							t.Fatal(err)
						}
						if _, _, err := s.ledger.Issue(s.Context(), o); agent.CodeOf(err) != agent.CodeCloudAway && fault != "reset" || err == nil {
							t.Fatalf("got %v", err)
						}
						s.restart()
					}
					b, _, err := s.ledger.Issue(s.Context(), o)
					if err != nil || b.NossoNumero != 1013 || b.Barcode == "" || b.Line == "" || b.BRCode == "" || b.Status != settlement.Open || b.IssuedOn != at(0) {
						t.Fatalf("got %+v %v", b, err)
					}
					again, replayed, err := s.ledger.Issue(s.Context(), o)
					if err != nil || !replayed || again.NossoNumero != b.NossoNumero || len(s.bank.Boletos()) != 1 {
						t.Errorf("again: %+v %v %v, the bank has %d", again, replayed, err, len(s.bank.Boletos()))
					}
					o.Fingerprint[0]++
					if _, _, err := s.ledger.Issue(s.Context(), o); agent.CodeOf(err) != agent.CodeConflict {
						t.Errorf("the key for another: %v", err)
					}
				})
			})
		}
	}
}

func TestAnotherBoletoOfTheSamePayerIsNotTakenForALostOne(t *testing.T) {
	world(t, func(s *shop) {
		first, _, err := s.ledger.Issue(s.Context(), order("A"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.bank.Add(simkit.Fault{Route: "issue", Fault: "silence", Times: 1}); err != nil {
			t.Fatal(err)
		}
		second := order("A")
		second.Key = "another"
		if _, _, err := s.ledger.Issue(s.Context(), second); err == nil {
			t.Fatal("it answered")
		}
		b, _, err := s.ledger.Issue(s.Context(), second)
		if err != nil || b.NossoNumero == first.NossoNumero || len(s.bank.Boletos()) != 2 {
			t.Errorf("got %+v %v", b, err)
		}
	})
}

// TestALostBoletoIsLookedForUntilThereIsOne has a second try be refused before it was read: the first may still come.
func TestALostBoletoIsLookedForUntilThereIsOne(t *testing.T) {
	world(t, func(s *shop) {
		for _, f := range []simkit.Fault{{Route: "issue", Fault: "silence", Times: 1}, {Route: "issue", Fault: "status", Status: 503, Times: 1}} {
			if err := s.bank.Add(f); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.ledger.Issue(s.Context(), order("A")); err == nil {
				t.Fatal("it was issued")
			}
		}
		if _, _, err := s.ledger.Issue(s.Context(), order("A")); err != nil {
			t.Fatal(err)
		}
		looked := 0
		for _, a := range s.bank.Received() {
			if a.Route == "payer" {
				looked++
			}
		}
		if looked != 2 {
			t.Errorf("it was looked for %d times", looked)
		}
	})
}

func TestARefusedBoletoLeavesItsKeyFree(t *testing.T) {
	world(t, func(s *shop) {
		o := order("A")
		o.Payer.Document = "00000000000"
		if _, _, err := s.ledger.Issue(s.Context(), o); err == nil || !strings.Contains(fmt.Sprint(err), "declined") {
			t.Fatalf("got %v", err)
		}
		if _, _, err := s.ledger.Issue(s.Context(), order("A")); err != nil {
			t.Errorf("got %v", err)
		}
	})
}

func TestAWriteOffThatGotNoAnswerIsLookedAt(t *testing.T) {
	for _, fault := range []string{"lost", "silence"} {
		world(t, func(s *shop) {
			b := s.known("A", 15000, 5)
			if err := s.bank.Add(simkit.Fault{Route: "write-off", Fault: fault, Times: 1}); err != nil {
				t.Fatal(err)
			}
			got, err := s.ledger.WriteOff(s.Context(), int64(b.NossoNumero))
			if done := fault == "lost"; done != (err == nil) || done != (got.Status == settlement.WrittenOff) {
				t.Errorf("%s: %+v %v", fault, got, err)
			}
			if got, err := s.ledger.WriteOff(s.Context(), int64(b.NossoNumero)); err != nil || got.Status != settlement.WrittenOff {
				t.Errorf("%s, again: %+v %v", fault, got, err)
			}
		})
	}
	world(t, func(s *shop) {
		b := s.known("A", 15000, 5)
		s.pay(sicoobsim.Movement{NossoNumero: b.NossoNumero})
		if _, err := s.ledger.WriteOff(s.Context(), int64(b.NossoNumero)); agent.CodeOf(err) != agent.CodeConflict || s.boleto(b.NossoNumero).Status != settlement.Open {
			t.Errorf("one that was paid: %v", err)
		}
		if _, situation, err := s.ledger.Ask(s.Context(), int64(b.NossoNumero)); err != nil || situation != boleto.Settled || s.boleto(b.NossoNumero).Status != settlement.Open {
			t.Errorf("asked: %s %v", situation, err)
		}
	})
}
