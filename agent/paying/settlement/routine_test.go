package settlement_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/paying/settlement"
	"pdvagent/agent/simkit"
	"pdvagent/payments/sicoob/sicoobsim"
)

func TestTheWindowsOverlapAndTheSecondLookIsDaily(t *testing.T) {
	world(t, func(s *shop) {
		s.settled()
		want := []string{"-1..0", "-3..-2", "-5..-4"}
		if got := s.asked(); !slices.Equal(got, want) {
			t.Errorf("first run: %v", got)
		}
		<-time.After(time.Hour)
		s.settled()
		if got := s.asked(); !slices.Equal(got, append(want, "-1..0")) {
			t.Errorf("an hour later: %v", got)
		}
		s.anew()
		<-time.After(24 * time.Hour)
		s.settled()
		if got := s.asked(); !slices.Equal(got, want) {
			t.Errorf("the next day: %v", got)
		}
	})
}

// TestLongAgoIsCaughtUpNewestFirst has a boleto that is open for 17 days without a run.
func TestLongAgoIsCaughtUpNewestFirst(t *testing.T) {
	world(t, func(s *shop) {
		b := s.known("A", 15000, 30)
		s.settled() // covers what is four and five days old
		s.anew()
		<-time.After(17 * 24 * time.Hour)
		s.pay(sicoobsim.Movement{NossoNumero: b.NossoNumero, PaidOn: at(-16)})
		s.settled()
		want := []string{"-1..0", "-3..-2", "-5..-4", "-7..-6", "-9..-8", "-11..-10", "-13..-12", "-15..-14", "-17..-16"}
		if got := s.asked(); !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		if s.boleto(b.NossoNumero).Status != settlement.Paid {
			t.Errorf("got %+v", s.boleto(b.NossoNumero))
		}
		s.anew()
		s.known("B", 100, 5)
		s.settled()
		if got := s.asked(); !slices.Equal(got, []string{"-1..0"}) {
			t.Errorf("what was told of for good is asked about again: %v", got)
		}
	})
}

// TestADayThatWasYoungWhenItWasToldOfIsAskedAboutAgain has an outage begin after the first look at the last days.
func TestADayThatWasYoungWhenItWasToldOfIsAskedAboutAgain(t *testing.T) {
	world(t, func(s *shop) {
		if _, _, err := s.ledger.Register(s.Context(), settlement.Registration{NossoNumero: 1013, Amount: 100, Due: at(30), IssuedOn: at(-6)}); err != nil {
			t.Fatal(err)
		}
		s.settled() // covers 4, 5 and 6 days ago, and no younger day
		s.anew()
		<-time.After(10 * 24 * time.Hour)
		s.settled()
		want := []string{"-1..0", "-3..-2", "-5..-4", "-7..-6", "-9..-8", "-11..-10", "-13..-12"}
		if got := s.asked(); !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
	})
}

func TestCatchingUpEndsAYearAgo(t *testing.T) {
	world(t, func(s *shop) {
		_, _, err := s.ledger.Register(s.Context(), settlement.Registration{NossoNumero: 1013, Amount: 100, Due: at(-500), IssuedOn: at(-520)})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // a run has 30 minutes for it
			s.settled()
		}
		got := s.asked()
		if last := got[len(got)-3]; len(got) != 3+180+2 || last != "-364..-364" {
			t.Errorf("%d windows, the last %s: %v", len(got), last, got)
		}
		for _, w := range got {
			if n := slices.Index(got, w); w != "-1..0" && slices.Contains(got[n+1:], w) {
				t.Errorf("%s was asked twice", w)
			}
		}
	})
}

func TestARestartAsksForNoSecondFile(t *testing.T) {
	world(t, func(s *shop) {
		b := s.known("A", 15000, 5)
		s.pay(sicoobsim.Movement{NossoNumero: b.NossoNumero})
		s.bank.Set(func(c *sicoobsim.Settings) { c.ReadyAfter = 60 })
		ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
		defer cancel()
		if err := s.ledger.Settle(ctx, &figures{counts: make(map[string]int)}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		s.restart()
		s.settled()
		if got := s.asked(); !slices.Equal(got, []string{"-1..0", "-3..-2", "-5..-4"}) || s.boleto(b.NossoNumero).Status != settlement.Paid {
			t.Errorf("got %v, %+v", got, s.boleto(b.NossoNumero))
		}
	})
}

func TestABatchIsMatchedAnewAfterALostRace(t *testing.T) {
	world(t, func(s *shop) {
		b := s.known("A", 15000, 5)
		s.pay(sicoobsim.Movement{NossoNumero: b.NossoNumero})
		s.store.races = 3
		s.settled()
		if got := s.boleto(b.NossoNumero); s.store.lost != 3 || got.Status != settlement.Paid || len(got.Receipts) != 1 || s.run.counts["paid"] != 1 {
			t.Errorf("%d races lost, %+v %+v", s.store.lost, got, s.run.counts)
		}
	})
}

// TestARunThatLosesEveryRaceEnds has a commit refused each time: the run ends, and the next reads the bank's same file.
func TestARunThatLosesEveryRaceEnds(t *testing.T) {
	world(t, func(s *shop) {
		b := s.known("A", 15000, 5)
		s.pay(sicoobsim.Movement{NossoNumero: b.NossoNumero})
		s.store.races = 1000
		if err := s.settle(); !errors.Is(err, agent.ErrVersion) || s.store.lost > 20 {
			t.Errorf("%v after %d races", err, s.store.lost)
		}
		if got := s.boleto(b.NossoNumero); got.Status != settlement.Open || s.run.counts["paid"] != 0 {
			t.Errorf("%+v %+v", got, s.run.counts)
		}
		s.store.races = 0
		s.settled()
		if got := s.asked(); s.boleto(b.NossoNumero).Status != settlement.Paid || !slices.Equal(got, []string{"-1..0", "-3..-2", "-5..-4"}) {
			t.Errorf("%+v, asked %v", s.boleto(b.NossoNumero), got)
		}
	})
}

func TestAWindowThatIsNotToldOfIsAskedAgain(t *testing.T) {
	for name, set := range map[string]func(*sicoobsim.Settings){
		"never ready":             func(c *sicoobsim.Settings) { c.ReadyAfter = -1 },
		"204 all the time":        func(c *sicoobsim.Settings) { c.ReadyAfter, c.Pending = -1, "204" },
		"404 all the time":        func(c *sicoobsim.Settings) { c.ReadyAfter, c.Pending = -1, "404" },
		"nothing in the answer":   func(c *sicoobsim.Settings) { c.ReadyAfter, c.Pending = -1, "empty" },
		"half a base64":           func(c *sicoobsim.Settings) { c.Encoding = "truncated" },
		"a bomb":                  func(c *sicoobsim.Settings) { c.Archive = "bomb" },
		"a name that means a way": func(c *sicoobsim.Settings) { c.Archive = "slip" },
		"encrypted":               func(c *sicoobsim.Settings) { c.Archive = "encrypted" },
		"damaged":                 func(c *sicoobsim.Settings) { c.Archive = "cut" },
		"neither JSON nor CNAB":   func(c *sicoobsim.Settings) { c.Content = "text" },
	} {
		t.Run(name, func(t *testing.T) {
			world(t, func(s *shop) {
				b := s.known("A", 15000, 5)
				s.pay(sicoobsim.Movement{NossoNumero: b.NossoNumero})
				s.pay(sicoobsim.Movement{NossoNumero: b.NossoNumero, Client: 1, PaidOn: at(-3)}) // another's: every window has a file
				s.pay(sicoobsim.Movement{NossoNumero: b.NossoNumero, Client: 1, PaidOn: at(-5)})
				s.bank.Set(set)
				s.settled()
				if s.boleto(b.NossoNumero).Status != settlement.Open || s.run.counts["inconclusive"] != 3 || len(s.run.faults) != 3 || !strings.Contains(s.run.faults[0], "será pedida de novo") {
					t.Fatalf("%+v %+v %q", s.boleto(b.NossoNumero), s.run.counts, s.run.faults)
				}
				s.bank.Set(func(c *sicoobsim.Settings) {
					c.ReadyAfter, c.Encoding, c.Archive, c.Content = 2, "right", "right", "json"
				})
				s.settled()
				if got := s.asked(); s.boleto(b.NossoNumero).Status != settlement.Paid || !slices.Equal(got[3:], []string{"-1..0", "-3..-2", "-5..-4"}) {
					t.Errorf("%+v %v", s.boleto(b.NossoNumero), got)
				}
			})
		})
	}
}

func TestTroubleOnTheWayIsGotOver(t *testing.T) {
	for name, fault := range map[string]simkit.Fault{
		"busy at the request":   {Route: "request", Fault: "status", Status: 429, RetryAfter: 3, Times: 2},
		"busy at the status":    {Route: "status", Fault: "status", Status: 429, RetryAfter: 3, Times: 2},
		"busy at the download":  {Route: "download", Fault: "status", Status: 429, Times: 2},
		"failed download":       {Route: "download", Fault: "status", Status: 500, Times: 2},
		"lost request":          {Route: "request", Fault: "lost", Times: 1},
		"lost status":           {Route: "status", Fault: "lost", Times: 1},
		"a portal's page":       {Route: "status", Fault: "html", Times: 2},
		"a token that is ended": {Route: "status", Fault: "status", Status: 401, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			world(t, func(s *shop) {
				b := s.known("A", 15000, 5)
				s.pay(sicoobsim.Movement{NossoNumero: b.NossoNumero})
				if err := s.bank.Add(fault); err != nil {
					t.Fatal(err)
				}
				s.settled()
				if got := s.boleto(b.NossoNumero); got.Status != settlement.Paid || len(got.Receipts) != 1 || s.run.counts["inconclusive"] != 0 {
					t.Errorf("%+v %+v %q", got, s.run.counts, s.run.faults)
				}
			})
		})
	}
}

func TestTheBankThatIsNotThereOrRefusesUsEndsTheRunInWords(t *testing.T) {
	for name, c := range map[string]struct {
		fault simkit.Fault
		want  string
	}{
		"no token": {simkit.Fault{Route: "token", Fault: "status", Status: 401}, "não deu acesso"}, "gone": {simkit.Fault{Route: "token", Fault: "reset"}, "não respondeu"},
	} {
		t.Run(name, func(t *testing.T) {
			world(t, func(s *shop) {
				if err := s.bank.Add(c.fault); err != nil {
					t.Fatal(err)
				}
				if err := s.settle(); err == nil || !strings.Contains(agent.Sentence(err), c.want) || len(s.asked()) != 0 {
					t.Errorf("got %v, %v", err, s.asked())
				}
			})
		})
	}
	world(t, func(s *shop) {
		if err := s.bank.Add(simkit.Fault{Route: "request", Fault: "status", Status: 400, Body: `{"mensagens":[{"mensagem":"Número do contrato do beneficiário inválido.","codigo":3}]}`}); err != nil {
			t.Fatal(err)
		}
		s.settled()
		if len(s.run.faults) != 3 || !strings.Contains(s.run.faults[0], "contrato do beneficiário inválido") {
			t.Errorf("a number that is not the shop's: %q", s.run.faults)
		}
	})
}
