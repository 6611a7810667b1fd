package settlement_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/paying/settlement"
	"pdvagent/payments/boleto"
	"pdvagent/payments/sicoob/sicoobsim"
	"pdvagent/store"
)

// teller is a bank whose files hold these records, in the window that ends today; it has none in others.
type teller struct {
	settlement.Bank
	records []boleto.Return
	told    boleto.Movements
	other   int
	windows int
}

// tell has the ledger read these records, with the bank's own right count.
func (s *shop) tell(records ...boleto.Return) *teller {
	s.Helper()
	bank := &teller{Bank: s.client, records: records, told: boleto.Movements{Readiness: boleto.Ready, Files: []int64{1}, Total: len(records), Count: 1}}
	s.tells = bank
	s.restart()
	s.settled()
	return bank
}

func (b *teller) Request(_ context.Context, _, to time.Time) (int64, error) {
	b.windows++
	if to.Format(time.DateOnly) == at(0) {
		return 1, nil
	}
	return 2, nil
}

func (b *teller) Files(_ context.Context, code int64) (boleto.Movements, error) {
	if code == 1 {
		return b.told, nil
	}
	return boleto.Movements{Readiness: boleto.Ready, Total: 0, Count: 0}, nil
}

func (b *teller) Read(_ context.Context, _, _ int64, each func(boleto.Return) error) (int, error) {
	for _, r := range b.records {
		if err := each(r); err != nil {
			return 0, err
		}
	}
	return b.other, nil
}

// today and yesterday are days of the simulated time.
func today() time.Time     { return date(0) }
func yesterday() time.Time { return date(-1) }

func date(days int) time.Time {
	day, _ := time.Parse(time.DateOnly, at(days)) // it was formatted so
	return day
}

// layouts gives one payment of a boleto as each layout and poll tells of it.
func layouts(b sicoobsim.Boleto) map[string]boleto.Return {
	json := boleto.Return{
		Client: 567890, Modality: 1, NossoNumero: int64(b.NossoNumero), SeuNumero: b.SeuNumero, Barcode: b.Barcode, Amount: agent.Cents(b.Amount), Received: agent.Cents(b.Amount),
		MovedOn: today(), PaidOn: yesterday(), Channel: "pix", Means: "Via Pix", Account: 102938,
	}
	little := json
	little.Account, little.Modality, little.Client, little.SeuNumero, little.Barcode = 0, 0, 0, b.SeuNumero[:5], ""
	noPaid := json
	noPaid.PaidOn, noPaid.MovedOn = today(), time.Time{}
	noMoved := json
	noMoved.MovedOn = time.Time{}
	noDays := json
	noDays.MovedOn, noDays.PaidOn = time.Time{}, time.Time{}
	c240 := boleto.Return{
		Modality: 1, NossoNumero: json.NossoNumero, SeuNumero: b.SeuNumero, Amount: json.Amount, Received: json.Received, PaidOn: yesterday(), CreditOn: today(), Channel: "bank",
		Means: "CNAB 240, movimento 06", Account: 1029380, Credited: json.Received - 135,
	}
	c400 := c240
	c400.Modality, c400.Account, c400.Credited, c400.SeuNumero, c400.Means = 0, 0, 0, b.SeuNumero[:10], "CNAB 400, comando 06"
	return map[string]boleto.Return{"json": json, "little": little, "no day of payment": noPaid, "no day of processing": noMoved, "no days": noDays, "cnab240": c240, "cnab400": c400}
}

func TestTheSameMoneyToldInAnotherWayIsKnown(t *testing.T) {
	names := []string{"json", "little", "no day of payment", "no day of processing", "no days", "cnab240", "cnab400"}
	names = names[:agenttest.Amount(len(names), 3)]
	for _, first := range names {
		for _, then := range names {
			payment := []string{"no day of processing", "cnab240", "cnab400"} // they tell the day of the payment only
			if processing := "no day of payment"; first == processing && slices.Contains(payment, then) || then == processing && slices.Contains(payment, first) {
				continue // one day each, and another one: nothing says that they are one payment
			}
			t.Run(first+" then "+then, func(t *testing.T) {
				world(t, func(s *shop) {
					b := s.known("PDV01-0045-LOJA", 15000, 5)
					s.tell(layouts(b)[first])
					s.tell(layouts(b)[then])
					if got := s.boleto(b.NossoNumero); got.Status != settlement.Paid || len(got.Receipts) != 1 || s.run.counts["known"]+s.run.counts["outside"] != 1 || s.run.counts["inconclusive"] != 0 {
						t.Errorf("%+v %+v", got, s.run.counts)
					}
				})
			})
		}
	}
}

// TestAStrangerToldInAnotherWayIsOne has the payment of a boleto that is not known here.
func TestAStrangerToldInAnotherWayIsOne(t *testing.T) {
	world(t, func(s *shop) {
		b := s.banks("PDV01-0045-LOJA", 15000, 5)
		ways := layouts(b)
		for _, name := range []string{"little", "json", "cnab240", "cnab400", "no days"} {
			s.tell(ways[name])
			if list := s.strangers(); len(list) != 1 {
				t.Fatalf("%s: %+v", name, list)
			}
		}
		s.tell(ways["json"], ways["json"])
		if list := s.strangers(); len(list) != 2 || s.run.counts["known"] != 1 || s.run.counts["unmatched"] != 1 {
			t.Errorf("two in one answer: %+v %+v", list, s.run.counts)
		}
		s.register(b)
		if got := s.boleto(b.NossoNumero); got.Status != settlement.Review || len(got.Receipts) != 2 || len(s.strangers()) != 0 {
			t.Errorf("%+v %+v", got, s.strangers())
		}
		s.tell(ways["cnab400"], ways["cnab240"])
		if got := s.boleto(b.NossoNumero); len(got.Receipts) != 2 || s.run.counts["known"] != 2 {
			t.Errorf("%+v %+v", got, s.run.counts)
		}
	})
}

// TestAStrangerWhoseBoletoALaterPollNamesIsNoStrangerAnyMore has a record whose value differs get its barcode later.
func TestAStrangerWhoseBoletoALaterPollNamesIsNoStrangerAnyMore(t *testing.T) {
	world(t, func(s *shop) {
		b := s.known("PDV01-0045-LOJA", 15000, 5)
		little := layouts(b)["little"]
		little.Amount, little.Received = 15100, 15100
		s.tell(little)
		if list := s.strangers(); len(list) != 1 || !strings.Contains(list[0].Reason, "Só um dos dados") {
			t.Fatalf("%+v", list)
		}
		whole := little
		whole.Barcode = b.Barcode
		for range 2 {
			s.tell(whole)
			if got := s.boleto(b.NossoNumero); got.Status != settlement.Paid || len(got.Receipts) != 1 || len(s.strangers()) != 0 {
				t.Errorf("%+v %+v", got, s.strangers())
			}
		}
	})
}

// TestEqualRecordsOfOneAnswerAreAsManyPayments mixes layouts and orders of two payments of one boleto.
func TestEqualRecordsOfOneAnswerAreAsManyPayments(t *testing.T) {
	world(t, func(s *shop) {
		b := s.known("PDV01-0045-LOJA", 15000, 5)
		ways := layouts(b)
		for i, names := range [][]string{{"json"}, {"json", "json"}, {"cnab240", "cnab240"}, {"json", "little"}, {"cnab400", "json"}, {"no days", "json"}, {"json"}, {"cnab240", "cnab240", "cnab240"}, {"json", "json", "json"}} {
			var records []boleto.Return
			for _, name := range names {
				records = append(records, ways[name])
			}
			s.tell(records...)
			want := []int{1, 2, 2, 2, 2, 2, 2, 3, 3}[i]
			if got := s.boleto(b.NossoNumero); len(got.Receipts) != want || got.Received() != agent.Cents(want*15000) {
				t.Errorf("%v: %d receipts, want %d: %+v", names, len(got.Receipts), want, s.run.counts)
			}
		}
		marks := make(map[string]bool)
		for _, r := range s.boleto(b.NossoNumero).Receipts {
			marks[r.Mark] = true
		}
		if len(marks) != 3 {
			t.Errorf("marks %v", marks)
		}
	})
}

func TestPaymentsThatDifferAreTwo(t *testing.T) {
	for name, change := range map[string]func(r *boleto.Return){
		"another value": func(r *boleto.Return) { r.Received++ },
		"another day":   func(r *boleto.Return) { r.PaidOn, r.MovedOn = date(-3), date(-2) },
	} {
		world(t, func(s *shop) {
			b := s.known("PDV01-0045-LOJA", 15000, 5)
			one := layouts(b)["json"]
			two := one
			change(&two)
			s.tell(one)
			s.tell(two)
			if got := s.boleto(b.NossoNumero); len(got.Receipts) != 2 {
				t.Errorf("%s: %+v", name, got)
			}
		})
	}
}

// TestWhatAnEarlierVersionStoredIsKnown has receipts and strangers under the marks of before, as that version wrote them: with
// all fields of the record in the mark, and the one day of a CNAB file twice.
func TestWhatAnEarlierVersionStoredIsKnown(t *testing.T) {
	world(t, func(s *shop) {
		paid, stranger := s.known("PDV01-0045-LOJA", 15000, 5), s.banks("PDV01-0046-LOJA", 8990, 5)
		cnab := s.known("PDV01-0047-LOJA", 500, 5)
		s.old(paid, `{"mark":"0123456789abcdef01234567","received":15000,"paid_on":"`+at(-1)+`","moved_on":"`+at(0)+`","channel":"pix","means":"Via Pix","matched_by":"nosso_numero","at":"2026-11-20T12:00:00Z"}`)
		s.old(cnab, `{"mark":"1123456789abcdef01234567","received":500,"paid_on":"`+at(-1)+`","moved_on":"`+at(-1)+`","channel":"bank","means":"CNAB 400, comando 06","matched_by":"nosso_numero","at":"2026-11-20T12:00:00Z"}`)
		const mark = "2123456789abcdef01234567"
		s.put("u:"+mark, fmt.Sprintf(`{"type":"stranger","mark":"%s","record":{"client":567890,"modality":1,"nosso_numero":%d,"amount":8990,"received":8990,"moved_on":"%sT00:00:00Z","paid_on":"%sT00:00:00Z"},"reason":"x","at":"2026-11-20T12:00:00Z"}`, mark, stranger.NossoNumero, at(0), at(-1)))
		s.put(fmt.Sprintf("w:%d", stranger.NossoNumero), `{"type":"index","marks":["`+mark+`"]}`)
		for _, name := range []string{"json", "cnab240", "cnab400", "little"} {
			s.tell(layouts(paid)[name], layouts(stranger)[name], layouts(cnab)[name])
			a, c := s.boleto(paid.NossoNumero), s.boleto(cnab.NossoNumero)
			if len(a.Receipts) != 1 || len(c.Receipts) != 1 || len(s.strangers()) != 1 || a.Status != settlement.Paid || s.run.counts["known"]+s.run.counts["outside"] != 3 {
				t.Errorf("%s: %+v %+v %+v %+v", name, a, c, s.strangers(), s.run.counts)
			}
		}
		s.register(stranger)
		if got := s.boleto(stranger.NossoNumero); got.Status != settlement.Paid || len(got.Receipts) != 1 || len(s.strangers()) != 0 {
			t.Errorf("%+v %+v", got, s.strangers())
		}
	})
}

// old gives a boleto of the store a receipt of an earlier version.
func (s *shop) old(b sicoobsim.Boleto, receipt string) {
	s.Helper()
	value, _, err := s.store.Record(store.BoletoRecords, fmt.Sprintf("n:%d", b.NossoNumero))
	if err != nil {
		s.Fatal(err)
	}
	text := strings.Replace(string(value), `"status":"open"`, `"status":"paid"`, 1)
	s.put(fmt.Sprintf("n:%d", b.NossoNumero), strings.Replace(text, `"attention":false`, `"receipts":[`+receipt+`],"attention":false`, 1))
}

func (s *shop) put(key, value string) {
	s.Helper()
	if !json.Valid([]byte(value)) {
		s.Fatal(value)
	}
	_, err := s.store.Store.Commit(s.Context(), agent.Change{Puts: []agent.Record{{Bucket: store.BoletoRecords, Key: key, Value: []byte(value), IfVersion: agent.AnyVersion}}})
	if err != nil {
		s.Fatal(err)
	}
}

// TestAWindowCountsOrIsInconclusive has one payment of a boleto, and what the bank counts.
func TestAWindowCountsOrIsInconclusive(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *teller)
		words  string // of the fault; empty: the window is read for good
		paid   bool
	}{
		"as many as the bank counts":  {func(*teller) {}, "", true},
		"no counter":                  {func(b *teller) { b.told.Total, b.told.Count = -1, -1 }, "", true},
		"three, and no file":          {func(b *teller) { b.told.Total, b.told.Files = 3, nil }, "conta 3 registros e os arquivos têm 0", false},
		"more than there are":         {func(b *teller) { b.told.Total = 2 }, "conta 2 registros e os arquivos têm 1", true},
		"fewer than there are":        {func(b *teller) { b.told.Total = 0 }, "conta 0 registros e os arquivos têm 1", true},
		"a file is missing":           {func(b *teller) { b.told.Total, b.told.Count = -1, 2 }, "conta 2 arquivos e deu 1", true},
		"another movement beside it":  {func(b *teller) { b.told.Total, b.other = 2, 1 }, "", true},
		"another movement, uncounted": {func(b *teller) { b.other = 1 }, "conta 1 registros e os arquivos têm 2", true},
		"a record that is not clear": {func(b *teller) {
			b.records[0].Unclear, b.records[0].Fault = true, "o tipo do movimento não se entende"
		}, "não dizem se são pagamentos", false},
	} {
		t.Run(name, func(t *testing.T) {
			world(t, func(s *shop) {
				b := s.known("PDV01-0045-LOJA", 15000, 5)
				bank := s.tell(layouts(b)["json"])
				s.put("windows", `{"type":"windows","asked":[],"covered":[],"nightly":""}`)
				if _, err := s.ledger.Boleto(int64(b.NossoNumero)); err != nil {
					t.Fatal(err)
				}
				c.change(bank)
				fresh := s.known("PDV01-0046-LOJA", 15000, 5)
				bank.records[0].NossoNumero, bank.records[0].Barcode = int64(fresh.NossoNumero), fresh.Barcode
				s.settled()
				if got := s.boleto(fresh.NossoNumero); (got.Status == settlement.Paid) != c.paid {
					t.Errorf("%+v", got)
				}
				doubtful := c.words != ""
				if s.run.counts["inconclusive"] != map[bool]int{false: 0, true: 1}[doubtful] || doubtful != (len(s.run.faults) == 1) || doubtful && !strings.Contains(s.run.faults[0], c.words) {
					t.Errorf("%+v %q", s.run.counts, s.run.faults)
				}
				if n := s.run.counts; n["records"] != n["paid"]+n["known"]+n["outside"]+n["unmatched"] {
					t.Errorf("%+v", n)
				}
				raised := slices.ContainsFunc(s.alarms.List(), func(a agent.Alarm) bool { return a.Code == agent.AlarmSettlement })
				if raised != doubtful {
					t.Errorf("alarms %+v", s.alarms.List())
				}
				s.tell(layouts(fresh)["json"])
				if len(s.alarms.List()) != 0 {
					t.Errorf("after a good run: %+v", s.alarms.List())
				}
			})
		})
	}
}

// TestAWindowInDoubtKeepsNoOtherFromBeingRead has a boleto of long ago, and every run's first window in doubt.
func TestAWindowInDoubtKeepsNoOtherFromBeingRead(t *testing.T) {
	world(t, func(s *shop) {
		if _, _, err := s.ledger.Register(s.Context(), settlement.Registration{NossoNumero: 1013, Amount: 100, Due: at(30), IssuedOn: at(-40)}); err != nil {
			t.Fatal(err)
		}
		bank := &teller{Bank: s.client, told: boleto.Movements{Readiness: boleto.Ready, Total: 3, Count: -1}}
		s.tells = bank
		s.restart()
		s.settled()
		if bank.windows != 3+18 || s.run.counts["inconclusive"] != 1 {
			t.Errorf("%d windows, %+v", bank.windows, s.run.counts)
		}
	})
}
