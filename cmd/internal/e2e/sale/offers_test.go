package sale

import (
	"slices"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// The table of expected numbers: unit price 10.00 unless said, the limit counts units for percentage, groups otherwise.
// Each row is played in both dialects, with each product in one line and with a line per unit, against an answer per
// line and against a merged one.
func TestOffersGiveTheExpectedNumbers(t *testing.T) {
	const (
		percent = `{"id":"p","type":"percentage","product":"A","percent":10,"minimum":2,"maximum":4}`
		second  = `{"id":"q","type":"percentage","product":"A","percent":15,"minimum":2}`
		three   = `{"id":"t","type":"takepay","product":"A","take":3,"pay":2,"maximum_per_client":2}`
		four    = `{"id":"t","type":"takepay","product":"A","take":4,"pay":2,"maximum_per_client":2}`
		forty   = `{"id":"q","type":"percentage","product":"A","percent":40}`
		combo   = `{"id":"c","type":"combo","product":"T","percent":10,"triggers":[{"product":"A","quantity":3},{"product":"B","quantity":3}],"maximum_per_client":2}`
	)
	a := func(n int) e2e.Line { return e2e.Units("A", n, "10.00") }
	b := func(n int) e2e.Line { return e2e.Units("B", n, "10.00") }
	target := func(n int) e2e.Line { return e2e.Units("T", n, "20.00") }
	for i, row := range []struct {
		name   string
		offers []string
		before []e2e.Line // a sale made before, if any
		end    string     // and how it ended
		basket []e2e.Line
		want   string
		set    string
	}{
		{name: "percentage, below the minimum", offers: []string{percent}, basket: []e2e.Line{a(1)}, want: "0.00"},
		{name: "percentage, 2", offers: []string{percent}, basket: []e2e.Line{a(2)}, want: "2.00"},
		{name: "percentage, 4", offers: []string{percent}, basket: []e2e.Line{a(4)}, want: "4.00"},
		{name: "percentage, above the maximum", offers: []string{percent}, basket: []e2e.Line{a(5)}, want: "4.00"},
		{name: "percentage, above the maximum, by the other reading", offers: []string{percent}, basket: []e2e.Line{a(5)}, want: "0.00", set: `{"above_maximum":"none"}`},
		{name: "a second, larger offer on the product", offers: []string{percent, second}, basket: []e2e.Line{a(2)}, want: "3.00"},
		{name: "a second, smaller offer on the product", offers: []string{second, percent}, basket: []e2e.Line{a(2)}, want: "3.00"},
		{name: "percentage, after a confirmed sale of 2", offers: []string{percent}, before: []e2e.Line{a(2)}, end: "confirm", basket: []e2e.Line{a(4)}, want: "2.00"},
		{name: "percentage, after a cancelled sale of 2", offers: []string{percent}, before: []e2e.Line{a(2)}, end: "cancel", basket: []e2e.Line{a(4)}, want: "4.00"},
		{name: "take 3 pay 2, 2", offers: []string{three}, basket: []e2e.Line{a(2)}, want: "0.00"},
		{name: "take 3 pay 2, 3", offers: []string{three}, basket: []e2e.Line{a(3)}, want: "10.00"},
		{name: "take 3 pay 2, 6", offers: []string{three}, basket: []e2e.Line{a(6)}, want: "20.00"},
		{name: "take 3 pay 2, 9", offers: []string{three}, basket: []e2e.Line{a(9)}, want: "20.00"},
		{name: "take 3 pay 2, after a confirmed sale of 3", offers: []string{three}, before: []e2e.Line{a(3)}, end: "confirm", basket: []e2e.Line{a(6)}, want: "10.00"},
		{name: "take 4 pay 2, 3", offers: []string{four}, basket: []e2e.Line{a(3)}, want: "0.00"},
		{name: "take 4 pay 2, 4", offers: []string{four}, basket: []e2e.Line{a(4)}, want: "20.00"},
		{name: "take 4 pay 2, 8", offers: []string{four}, basket: []e2e.Line{a(8)}, want: "40.00"},
		{name: "take 4 pay 2, 12", offers: []string{four}, basket: []e2e.Line{a(12)}, want: "40.00"},
		{name: "take 3 pay 2 and 40 % on the product", offers: []string{three, forty}, basket: []e2e.Line{a(3)}, want: "12.00"},
		{name: "combo, 3A+1T", offers: []string{combo}, basket: []e2e.Line{a(3), target(1)}, want: "2.00"},
		{name: "combo, 3B+1T", offers: []string{combo}, basket: []e2e.Line{b(3), target(1)}, want: "2.00"},
		{name: "combo, 2A+1T", offers: []string{combo}, basket: []e2e.Line{a(2), target(1)}, want: "0.00"},
		{name: "combo, 2A+1B+1T", offers: []string{combo}, basket: []e2e.Line{a(2), b(1), target(1)}, want: "0.00"},
		{name: "combo, 9A+3T", offers: []string{combo}, basket: []e2e.Line{a(9), target(3)}, want: "4.00"},
		{name: "combo, 6A+1T", offers: []string{combo}, basket: []e2e.Line{a(6), target(1)}, want: "2.00"},
		{name: "combo, 6A+2T", offers: []string{combo}, basket: []e2e.Line{a(6), target(2)}, want: "4.00"},
		{name: "combo, after a confirmed sale of one group", offers: []string{combo}, before: []e2e.Line{a(3), target(1)}, end: "confirm", basket: []e2e.Line{a(6), target(2)}, want: "2.00"},
		{name: "weighed, 10 %", offers: []string{`{"id":"w","type":"percentage","product":"W","percent":10}`}, basket: []e2e.Line{{SKU: "W", Quantity: "1.235", Total: "36.927"}}, want: "3.693"},
		{name: "weighed, the till's rounding", offers: []string{`{"id":"w","type":"percentage","product":"W","percent":10}`}, basket: []e2e.Line{{SKU: "W", Quantity: "1.235", Total: "36.93"}}, want: "3.693"},
	} {
		if i%agenttest.Amount(1, 6) != 0 {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			s := e2e.NewSite(t).Start()
			s.AddMember(e2e.Maria, "Maria")
			for _, dialect := range []string{"v2", "v2.2"} {
				for _, arranged := range []string{"per_line", "merged", "reordered"} {
					for layout, basket := range map[string][]e2e.Line{"one line": row.basket, "separate lines": apart(row.basket)} {
						s.Clouds.Mercafacil.DropOffers()
						for _, offer := range row.offers {
							s.AddOffer(offer)
						}
						s.SetCloud(`{"above_maximum":"cap","items":"per_line"}`)
						if row.set != "" {
							s.SetCloud(row.set)
						}
						if row.before != nil {
							earlier := s.Begin(dialect, e2e.Maria)
							earlier.Apply(row.before...)
							earlier.End(row.end)
							s.WaitDrained()
						}
						s.SetCloud(`{"items":"` + arranged + `"}`)
						now := s.Begin(dialect, e2e.Maria)
						got := now.Apply(basket...)
						g := got.Discounts(t)
						if got.Status != 200 || g.Agent.Delivery != "live" || len(g.Agent.Lines) != len(basket) || g.LineSum(t) != row.want {
							t.Errorf("%s, %s, %s: got %s of %+v, want %s\n%s", dialect, arranged, layout, g.LineSum(t), basket, row.want, got.Body)
						}
						now.End("cancel")
					}
				}
			}
		})
	}
}

func TestAGeneralOfferAppliesToAShopperWhoIsNotIdentified(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddOffer(`{"id":"all","type":"percentage","product":"A","percent":10}`)
		if g := s.Begin(dialect, "0").Apply(e2e.Units("A", 1, "10.00")).Discounts(t); g.LineSum(t) != "1.00" || g.Agent.Delivery != "live" {
			t.Errorf("got %+v", g)
		}
	})
}

func TestAPersonalisedOfferIsForItsShopperOnly(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddMember(e2e.Maria, "Maria")
		s.AddMember(e2e.Stranger, "José")
		s.AddOffer(`{"id":"hers","type":"percentage","product":"A","percent":20,"documents":["` + e2e.Maria + `"]}`)
		for shopper, want := range map[string]string{e2e.Maria: "2.00", e2e.Stranger: "0.00", "0": "0.00"} {
			if g := s.Begin(dialect, shopper).Apply(e2e.Units("A", 1, "10.00")).Discounts(t); g.LineSum(t) != want || g.Agent.Delivery != "live" {
				t.Errorf("%s: got %+v, want %s", shopper, g, want)
			}
		}
	})
}

func TestAbsoluteIsSharedAmongTheLinesExactly(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddOffer(`{"id":"five","type":"absolute","value":5.00}`)
		g := s.Begin(dialect, "0").Apply(e2e.Line{SKU: "A", Quantity: "1", Total: "10.00"}, e2e.Line{SKU: "W", Quantity: "1.235", Total: "36.93"}, e2e.Line{SKU: "B", Quantity: "1", Total: "5.01"}).Discounts(t)
		if want := []string{"0.96", "3.56", "0.48"}; !slices.Equal(shares(g), want) || g.Absolute.Discount != 5.0 {
			t.Errorf("got %v of %v, want %v", shares(g), g.Absolute.Discount, want)
		}
		if g.Agent.Lines[1].Total != "33.37" {
			t.Errorf("the weighed line costs %s, want 33.37", g.Agent.Lines[1].Total)
		}
	})
}

func TestPaymentLeavesTheLinesAsTheyAre(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddOffer(`{"id":"five","type":"payment","value":5.00}`)
		g := s.Begin(dialect, "0").Apply(e2e.Line{SKU: "A", Quantity: "1", Total: "10.00"}).Discounts(t)
		if g.Payment.Discount != 5.0 || g.LineSum(t) != "0.00" || g.Agent.Lines[0].Total != "10.00" || g.Agent.Lines[0].Share != "0.00" {
			t.Errorf("got %+v", g)
		}
	})
}
