package settlement_test

import (
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/paying/settlement"
	"pdvagent/payments/sicoob/sicoobsim"
)

// TestHowASettlementIsMatched has one boleto of R$ 150,00 and what the bank may tell of it.
func TestHowASettlementIsMatched(t *testing.T) {
	type movement = sicoobsim.Movement
	for name, c := range map[string]struct {
		tell     func(b sicoobsim.Boleto) movement
		want     settlement.Status
		by       string
		stranger string // why it is kept; empty: it is not
	}{
		"number, barcode and amount":        {func(b sicoobsim.Boleto) movement { return movement{NossoNumero: b.NossoNumero} }, settlement.Paid, "nosso_numero", ""},
		"number and amount":                 {func(b sicoobsim.Boleto) movement { return movement{NossoNumero: b.NossoNumero, NoBarcode: true} }, settlement.Paid, "nosso_numero", ""},
		"number and barcode, another value": {func(b sicoobsim.Boleto) movement { return movement{NossoNumero: b.NossoNumero, BoletoValue: 1} }, settlement.Paid, "nosso_numero", ""},
		"number only": {func(b sicoobsim.Boleto) movement {
			return movement{NossoNumero: b.NossoNumero, BoletoValue: 1, NoBarcode: true, SeuNumero: "Z"}
		}, settlement.Open, "", "Só um dos dados"},
		"no number, barcode and amount": {func(b sicoobsim.Boleto) movement { return movement{NossoNumero: b.NossoNumero, NoNumber: true} }, settlement.Paid, "barcode", ""},
		"no number, barcode only": {func(b sicoobsim.Boleto) movement {
			return movement{NossoNumero: b.NossoNumero, NoNumber: true, BoletoValue: 1, SeuNumero: "Z"}
		}, settlement.Open, "", "Só um dos dados"},
		"no number, own number and amount": {func(b sicoobsim.Boleto) movement {
			return movement{NossoNumero: b.NossoNumero, NoNumber: true, NoBarcode: true}
		}, settlement.Paid, "seu_numero", ""},
		"own number only": {func(b sicoobsim.Boleto) movement {
			return movement{NossoNumero: b.NossoNumero, NoNumber: true, NoBarcode: true, BoletoValue: 1}
		}, settlement.Open, "", "Só um dos dados"},
		"another's number, the same seu": {func(sicoobsim.Boleto) movement {
			return movement{NossoNumero: 9990, Amount: 15000, BoletoValue: 15000, SeuNumero: "A"}
		}, settlement.Open, "", "Nenhum boleto"},
		"unknown altogether":        {func(sicoobsim.Boleto) movement { return movement{NossoNumero: 9990, Amount: 15000, SeuNumero: "Z"} }, settlement.Open, "", "Nenhum boleto"},
		"another's contract":        {func(b sicoobsim.Boleto) movement { return movement{NossoNumero: b.NossoNumero, Client: 1} }, settlement.Open, "", "outro contrato"},
		"money with four decimals":  {func(b sicoobsim.Boleto) movement { return movement{NossoNumero: b.NossoNumero, Value: "150.0010"} }, settlement.Open, "", "não pôde ser lido"},
		"money with two zeros more": {func(b sicoobsim.Boleto) movement { return movement{NossoNumero: b.NossoNumero, Value: "150.0000"} }, settlement.Paid, "nosso_numero", ""},
		"a day nobody asked about": {func(b sicoobsim.Boleto) movement {
			return movement{NossoNumero: b.NossoNumero, PaidOn: at(-40), Abroad: true}
		}, settlement.Paid, "nosso_numero", ""},
		"another kind of movement": {func(b sicoobsim.Boleto) movement { return movement{NossoNumero: b.NossoNumero, Sigla: "BAIX"} }, settlement.Open, "", ""},
		"twice in one file":        {func(b sicoobsim.Boleto) movement { return movement{NossoNumero: b.NossoNumero, Twice: true} }, settlement.Review, "nosso_numero", ""},
	} {
		t.Run(name, func(t *testing.T) {
			world(t, func(s *shop) {
				b := s.known("A", 15000, 5)
				s.pay(c.tell(b))
				for range 2 {
					s.settled()
				}
				got := s.boleto(b.NossoNumero)
				if got.Status != c.want || (c.by != "" && got.Receipts[0].By != c.by) || c.by == "" && len(got.Receipts) > 0 {
					t.Errorf("got %+v", got)
				}
				if list := s.strangers(); (c.stranger == "") != (len(list) == 0) || len(list) > 0 && (len(list) != 1 || !strings.Contains(list[0].Reason, c.stranger)) {
					t.Errorf("kept: %+v", list)
				}
				if name == "a day nobody asked about" && (!got.Receipts[0].Outside || s.run.counts["outside"] == 0) {
					t.Errorf("it is not noted: %+v %+v", got, s.run.counts)
				}
				if name == "twice in one file" && (len(got.Receipts) != 2 || got.Difference() != 15000) {
					t.Errorf("got %+v", got)
				}
			})
		})
	}
}

func TestWhatAPersonMustLookAtAsksForOne(t *testing.T) {
	world(t, func(s *shop) {
		twice, off := s.known("A", 15000, 5), s.known("B", 8000, 5)
		if b, err := s.ledger.WriteOff(s.Context(), int64(off.NossoNumero)); err != nil || b.Status != settlement.WrittenOff {
			t.Fatal(err)
		}
		s.pay(sicoobsim.Movement{NossoNumero: twice.NossoNumero})
		s.pay(sicoobsim.Movement{NossoNumero: twice.NossoNumero, PaidOn: at(-1)})
		s.pay(sicoobsim.Movement{NossoNumero: off.NossoNumero})
		s.settled()
		for nosso, words := range map[int]string{twice.NossoNumero: "mais de uma vez", off.NossoNumero: "depois de baixado"} {
			if b := s.boleto(nosso); b.Status != settlement.Review || !b.Attention || !strings.Contains(b.Detail, words) {
				t.Errorf("got %+v", b)
			}
		}
		if n := len(s.alarms.List()); n != 2 {
			t.Errorf("%d alarms", n)
		}
		if b, err := s.ledger.Resolve(s.Context(), int64(twice.NossoNumero), "maria", "devolvido"); err != nil || b.Status != settlement.Paid || b.Attention || b.Resolution.By != "maria" {
			t.Errorf("resolved: %+v %v", b, err)
		}
		if _, err := s.ledger.Resolve(s.Context(), int64(twice.NossoNumero), "maria", "devolvido"); agent.CodeOf(err) != agent.CodeConflict {
			t.Errorf("again: %v", err)
		}
		s.settled()
		if b := s.boleto(twice.NossoNumero); b.Attention || len(b.Receipts) != 2 {
			t.Errorf("read again: %+v", b)
		}
		s.alarms = new(agent.Alarms)
		s.restart()
		if err := s.ledger.Run(s.Context()); err != nil || len(s.alarms.List()) != 1 {
			t.Errorf("after a restart: %v %v", s.alarms.List(), err)
		}
	})
}

func TestMoneyThatCameBeforeItsBoletoWasKnownIsFoundAtOnce(t *testing.T) {
	world(t, func(s *shop) {
		b := s.banks("A", 15000, 5)
		s.pay(sicoobsim.Movement{NossoNumero: b.NossoNumero})
		s.settled()
		if len(s.strangers()) != 1 {
			t.Fatalf("kept: %+v", s.strangers())
		}
		s.register(b)
		if got := s.boleto(b.NossoNumero); got.Status != settlement.Paid || len(s.strangers()) != 0 {
			t.Errorf("%+v, kept %+v", got, s.strangers())
		}
		s.settled()
		if got := s.boleto(b.NossoNumero); len(got.Receipts) != 1 || len(s.strangers()) != 0 {
			t.Errorf("read again: %+v", got)
		}
	})
}

func TestABoletoPaidInPartsIsPaidAndSaysSo(t *testing.T) {
	type movement = sicoobsim.Movement
	for name, c := range map[string]struct {
		pay    []movement
		want   settlement.Status
		detail string
	}{
		"two parts":           {[]movement{{Amount: 10000}, {Amount: 5000}}, settlement.Paid, "Foi pago em 2 partes (R$ 100,00 + R$ 50,00)."},
		"two equal parts":     {[]movement{{Amount: 7500, Twice: true}}, settlement.Paid, "Foi pago em 2 partes (R$ 75,00 + R$ 75,00)."},
		"parts with less":     {[]movement{{Amount: 10000}, {Amount: 2000}}, settlement.Paid, "Foi pago em 2 partes (R$ 100,00 + R$ 20,00). Faltam R$ 30,00."},
		"parts that are more": {[]movement{{Amount: 10000}, {Amount: 5001}}, settlement.Review, "mais de uma vez"},
		"nothing came":        {[]movement{{Value: "0"}}, settlement.Review, "R$ 0,00 recebidos"},
		"nothing, then all":   {[]movement{{Value: "0.00"}, {Amount: 15000}}, settlement.Review, "uma vez com R$ 0,00 recebidos e outra com R$ 150,00"},
	} {
		t.Run(name, func(t *testing.T) {
			world(t, func(s *shop) {
				b := s.known("A", 15000, 5)
				for _, m := range c.pay {
					m.NossoNumero = b.NossoNumero
					s.pay(m)
				}
				for range 2 {
					s.settled()
				}
				if got := s.boleto(b.NossoNumero); got.Status != c.want || !strings.Contains(got.Detail, c.detail) || got.Attention != (c.want == settlement.Review) {
					t.Errorf("%s %q, attention %v", got.Status, got.Detail, got.Attention)
				}
			})
		})
	}
}
