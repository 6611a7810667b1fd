package basket_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/reading"
	"pdvagent/agent/sales/basket"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func milli(t *testing.T, text string) agent.Milli {
	t.Helper()
	value, _, err := reading.Milli(text)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestAbsoluteOfFiveOverThreeLines(t *testing.T) {
	shares, err := basket.Spread(5000, []agent.Milli{10000, 36930, 5010})
	if want := []agent.Milli{960, 3560, 480}; err != nil || !slices.Equal(shares, want) {
		t.Errorf("got %v, %v, want %v", shares, err, want)
	}
}

func TestSharesOfEqualLinesAreWholeCentsAndTheFirstGetsMore(t *testing.T) {
	shares, err := basket.Spread(10000, []agent.Milli{10000, 10000, 10000})
	if want := []agent.Milli{3340, 3330, 3330}; err != nil || !slices.Equal(shares, want) {
		t.Errorf("got %v, %v, want %v", shares, err, want)
	}
}

func TestThousandthsGoToTheWeighedLine(t *testing.T) {
	shares, err := basket.Spread(5003, []agent.Milli{10000, 36927})
	if err != nil || shares[0]%10 != 0 || shares[0]+shares[1] != 5003 {
		t.Errorf("got %v, %v", shares, err)
	}
}

func TestSpreadOfMoreThanThereIsIsRefused(t *testing.T) {
	if _, err := basket.Spread(10001, []agent.Milli{10000}); !errors.Is(err, basket.ErrTotal) {
		t.Errorf("got %v", err)
	}
	if _, err := basket.Spread(-1, []agent.Milli{10000}); !errors.Is(err, basket.ErrNegative) {
		t.Errorf("got %v", err)
	}
	if _, err := basket.Spread(1, []agent.Milli{-5, 10}); !errors.Is(err, basket.ErrNegative) {
		t.Errorf("got %v", err)
	}
}

// Properties of Spread: the sum is exact, no share is above its line or below zero, lines of whole cents keep whole
// cents where the amount is one, and every share is within two cents of its proportion, but for what lines
// of less than a cent cannot take.
func TestSpreadAddsUpWhateverTheLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		largest := rapid.SampledFrom([]int64{30, 1000, 100_000, 1_000_000_000_000}).Draw(t, "largest")
		values := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) agent.Milli {
			value := agent.Milli(rapid.Int64Range(0, largest).Draw(t, "value"))
			if rapid.Bool().Draw(t, "cents") {
				value -= value % 10
			}
			return value
		}), 1, 60).Draw(t, "values")
		var total, crumbs agent.Milli // crumbs: lines of less than a cent, which give their share to others
		cents := true
		for _, value := range values {
			total += value
			if value < 10 {
				crumbs += value
			}
			cents = cents && value%10 == 0
		}
		amount := agent.Milli(rapid.Int64Range(0, int64(total)).Draw(t, "amount"))
		if cents && rapid.Bool().Draw(t, "amount in cents") {
			amount -= amount % 10
		}
		shares, err := basket.Spread(amount, values)
		if err != nil {
			t.Fatal(err)
		}
		var sum agent.Milli
		for i, share := range shares {
			sum += share
			if share < 0 || share > values[i] {
				t.Fatalf("share %d of line %d", share, values[i])
			}
			if cents && amount%10 == 0 && share%10 != 0 {
				t.Fatalf("share %d is not whole cents", share)
			}
			if exact := float64(amount) * float64(values[i]) / float64(total); largest <= 100_000 && total > 0 {
				if distance, most := float64(share)-exact, 20+float64(crumbs); distance > most || distance < -most {
					t.Fatalf("share %d is far from %f", share, exact)
				}
			}
		}
		if sum != amount {
			t.Fatalf("shares add up to %d, want %d", sum, amount)
		}
	})
}

// drawBasket makes lines, several of them of one product, and what a cloud may give on each.
func drawBasket(t *rapid.T) ([]agent.CartLine, []agent.OfferedLine) {
	count := rapid.IntRange(1, 12).Draw(t, "lines")
	lines, offered := make([]agent.CartLine, count), make([]agent.OfferedLine, count)
	for i := range count {
		sku := rapid.SampledFrom([]string{"80215", "411", "7"}).Draw(t, "sku")
		price := map[string]agent.Milli{"80215": 10_000, "411": 29_900, "7": 3_330}[sku]
		quantity := agent.Milli(rapid.Int64Range(1, 9).Draw(t, "units") * 1000)
		if sku == "411" {
			quantity = agent.Milli(rapid.Int64Range(1, 9000).Draw(t, "grams"))
		}
		gross := quantity * price / 1000
		discount := agent.Milli(rapid.Int64Range(0, int64(gross)).Draw(t, "discount"))
		lines[i] = agent.CartLine{SKU: sku, EAN: "00" + sku, Quantity: quantity, Gross: gross, Net: gross}
		offered[i] = agent.OfferedLine{SKU: sku, EAN: sku, Quantity: quantity, Without: gross, Discount: discount, With: gross - discount}
	}
	return lines, offered
}

func discounts(shares []agent.LineShare) (sum, absolute, total agent.Milli) {
	for _, share := range shares {
		sum, absolute, total = sum+share.Discount, absolute+share.Absolute, total+share.Total
	}
	return sum, absolute, total
}

// The order of the cloud's lines and of the till's, and merged lines of the cloud, do not change the result.
func TestOrderAndMergingOfLinesDoNotMatterToTheSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines, offered := drawBasket(t)
		var gross, want agent.Milli
		for i := range offered {
			gross, want = gross+offered[i].Without, want+offered[i].Discount
		}
		absolute := agent.Milli(rapid.Int64Range(0, int64(gross-want)).Draw(t, "absolute"))
		turned := rapid.Permutation(lines).Draw(t, "till's order")
		for name, answer := range map[string][]agent.OfferedLine{
			"as sent": offered, "reordered": rapid.Permutation(offered).Draw(t, "cloud's order"), "merged": merge(offered),
			"without EANs":         without(offered, func(line *agent.OfferedLine) { line.EAN = "" }),
			"without SKUs":         without(offered, func(line *agent.OfferedLine) { line.SKU = "" }),
			"merged, without EANs": without(merge(offered), func(line *agent.OfferedLine) { line.EAN = "" }),
		} {
			for _, basketLines := range [][]agent.CartLine{lines, turned} {
				shares, err := basket.Shares(basketLines, agent.Offered{Lines: answer, Absolute: absolute})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for i, share := range shares {
					if share.Total < 0 || share.Discount < 0 || share.Absolute < 0 || share.Discount+share.Absolute+share.Total != basketLines[i].Gross {
						t.Fatalf("%s: line %+v got %+v", name, basketLines[i], share)
					}
				}
				if sum, parts, total := discounts(shares); sum != want || parts != absolute || total != gross-want-absolute {
					t.Fatalf("%s: got %d + %d, left %d; want %d + %d of %d", name, sum, parts, total, want, absolute, gross)
				}
			}
		}
	})
}

func without(lines []agent.OfferedLine, drop func(*agent.OfferedLine)) []agent.OfferedLine {
	lines = slices.Clone(lines)
	for i := range lines {
		drop(&lines[i])
	}
	return lines
}

func merge(lines []agent.OfferedLine) []agent.OfferedLine {
	var merged []agent.OfferedLine
	for _, line := range lines {
		i := slices.IndexFunc(merged, func(other agent.OfferedLine) bool { return other.SKU == line.SKU })
		if i < 0 {
			merged = append(merged, line)
			continue
		}
		sum := &merged[i]
		sum.Quantity, sum.Without, sum.Discount, sum.With = sum.Quantity+line.Quantity, sum.Without+line.Without, sum.Discount+line.Discount, sum.With+line.With
	}
	return merged
}

func line(sku, quantity, gross string, t *testing.T) agent.CartLine {
	value := milli(t, gross)
	return agent.CartLine{SKU: sku, EAN: sku, Quantity: milli(t, quantity), Gross: value, Net: value}
}

func given(sku, quantity, without, discount, with string, t *testing.T) agent.OfferedLine {
	return agent.OfferedLine{
		SKU: sku, EAN: sku, Quantity: milli(t, quantity), Without: milli(t, without), Discount: milli(t, discount), With: milli(t, with),
	}
}

func TestArithmeticThatDoesNotHoldIsRefused(t *testing.T) {
	lines := []agent.CartLine{line("1", "2", "20", t), line("2", "1", "5", t)}
	second := given("2", "1", "5", "0", "5", t)
	for name, c := range map[string]struct {
		offered agent.Offered
		want    error
	}{
		"a line larger than its discount": {agent.Offered{Lines: []agent.OfferedLine{{SKU: "1", EAN: "1", Quantity: 2000, Without: 20000, Discount: 25000, With: 0}, second}}, basket.ErrLine},
		"a negative line":                 {agent.Offered{Lines: []agent.OfferedLine{given("1", "2", "20", "25", "-5", t), second}}, basket.ErrNegative},
		"a negative discount":             {agent.Offered{Lines: []agent.OfferedLine{given("1", "2", "20", "-5", "25", t), second}}, basket.ErrNegative},
		"a sum that is off":               {agent.Offered{Lines: []agent.OfferedLine{given("1", "2", "20", "5", "14.99", t), second}}, basket.ErrLine},
		"another quantity":                {agent.Offered{Lines: []agent.OfferedLine{given("1", "3", "20", "5", "15", t), second}}, basket.ErrUnmatched},
		"another value":                   {agent.Offered{Lines: []agent.OfferedLine{given("1", "2", "30", "5", "25", t), second}}, basket.ErrUnmatched},
		"another product":                 {agent.Offered{Lines: []agent.OfferedLine{given("3", "2", "20", "5", "15", t), second}}, basket.ErrUnmatched},
		"a line is missing":               {agent.Offered{Lines: []agent.OfferedLine{given("1", "2", "20", "5", "15", t)}}, basket.ErrUnmatched},
		"a line too many":                 {agent.Offered{Lines: []agent.OfferedLine{given("1", "2", "20", "5", "15", t), second, given("9", "1", "1", "0", "1", t)}}, basket.ErrUnmatched},
		"no lines":                        {agent.Offered{}, basket.ErrUnmatched},
		"absolute above the total":        {agent.Offered{Lines: []agent.OfferedLine{given("1", "2", "20", "5", "15", t), second}, Absolute: 20_020}, basket.ErrTotal},
		"a negative absolute":             {agent.Offered{Lines: []agent.OfferedLine{given("1", "2", "20", "5", "15", t), second}, Absolute: -1}, basket.ErrNegative},
		"payment above what is left":      {agent.Offered{Lines: []agent.OfferedLine{given("1", "2", "20", "5", "15", t), second}, Absolute: 5000, Payment: 15_020}, basket.ErrTotal},
	} {
		if shares, err := basket.Shares(lines, c.offered); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, %v, want %v", name, shares, err, c.want)
		}
	}
}

func TestPaymentDiscountLeavesTheLinesAlone(t *testing.T) {
	shares, err := basket.Shares([]agent.CartLine{line("1", "2", "20", t)},
		agent.Offered{Lines: []agent.OfferedLine{given("1", "2", "20", "0", "20", t)}, Payment: 5000})
	if err != nil || shares[0] != (agent.LineShare{Total: 20_000}) {
		t.Errorf("got %+v, %v", shares, err)
	}
}

// The cloud's product of price and weight has three decimals, the till's line two.
func TestRoundingOfAWeighedLineIsTheTills(t *testing.T) {
	for _, gross := range []string{"36.927", "36.93", "36.92"} {
		shares, err := basket.Shares([]agent.CartLine{line("411", "1.235", gross, t)},
			agent.Offered{Lines: []agent.OfferedLine{given("411", "1.235", "36.927", "3.693", "33.234", t)}})
		if err != nil || shares[0].Discount != 3693 || shares[0].Total != milli(t, gross)-3693 {
			t.Errorf("%s: got %+v, %v", gross, shares, err)
		}
	}
}

func TestAWeighedLineGivenAwayDoesNotFallBelowZero(t *testing.T) {
	shares, err := basket.Shares([]agent.CartLine{line("411", "1.235", "36.92", t)},
		agent.Offered{Lines: []agent.OfferedLine{given("411", "1.235", "36.927", "36.927", "0", t)}})
	if err != nil || shares[0].Total != 0 {
		t.Errorf("got %+v, %v", shares, err)
	}
}

// R26: the till's own offer has reduced the line, and the cloud reckons on either value.
func TestTheTillsOwnOfferIsTheBaseWhenTheCloudReckonsOnIt(t *testing.T) {
	reduced := agent.CartLine{SKU: "1", EAN: "1", Quantity: 1000, Gross: 10_000, Net: 8_000}
	for without, want := range map[string]agent.Milli{"8": 7_000, "10": 9_000} {
		base := milli(t, without)
		shares, err := basket.Shares([]agent.CartLine{reduced}, agent.Offered{Lines: []agent.OfferedLine{
			{SKU: "1", EAN: "1", Quantity: 1000, Without: base, Discount: 1000, With: base - 1000},
		}})
		if err != nil || shares[0].Total != want {
			t.Errorf("on %s: got %+v, %v, want %d", without, shares, err, want)
		}
	}
}

func TestLinesOfOneProductWithDifferentPackingsStayApart(t *testing.T) {
	pack := agent.CartLine{SKU: "1", EAN: "1", Packing: 12_000, Quantity: 1000, Gross: 100_000, Net: 100_000}
	single := agent.CartLine{SKU: "1", EAN: "1", Packing: 1000, Quantity: 1000, Gross: 10_000, Net: 10_000}
	shares, err := basket.Shares([]agent.CartLine{pack, single}, agent.Offered{Lines: []agent.OfferedLine{
		{SKU: "1", EAN: "1", Packing: 1000, Quantity: 1000, Without: 10_000, Discount: 0, With: 10_000},
		{SKU: "1", EAN: "1", Packing: 12_000, Quantity: 1000, Without: 100_000, Discount: 12_000, With: 88_000},
	}})
	if err != nil || shares[0].Discount != 12_000 || shares[1].Discount != 0 {
		t.Errorf("got %+v, %v", shares, err)
	}
}

// The cloud rounds a discount on one side only, or not at all: the member gets it, in what a till can charge.
func TestADiscountThatTheCloudRoundsOnOneSideIsGiven(t *testing.T) {
	for name, c := range map[string]struct {
		offered  agent.OfferedLine
		discount agent.Milli
	}{
		"7 % of 1.15":                 {agent.OfferedLine{Without: 1150, Discount: 81, With: 1070, Rounded: true, InCents: 80}, 80},
		"10 %, the discount rounded":  {agent.OfferedLine{Without: 1150, Discount: 120, With: 1035}, 120},
		"10 %, what is left rounded":  {agent.OfferedLine{Without: 1150, Discount: 115, With: 1040}, 115},
		"a cent is off: not the same": {agent.OfferedLine{Without: 1150, Discount: 120, With: 1040}, -1},
	} {
		c.offered.SKU, c.offered.EAN, c.offered.Quantity = "1", "1", 1000
		lines := []agent.CartLine{{SKU: "1", EAN: "1", Quantity: 1000, Gross: 1150, Net: 1150}}
		shares, err := basket.Shares(lines, agent.Offered{Lines: []agent.OfferedLine{c.offered}})
		if c.discount < 0 {
			if !errors.Is(err, basket.ErrLine) {
				t.Errorf("%s: got %v, %v", name, shares, err)
			}
			continue
		}
		if err != nil || shares[0].Discount != c.discount || shares[0].Total != 1150-c.discount {
			t.Errorf("%s: got %v, %v", name, shares, err)
		}
	}
}

func TestARoundedDiscountOfAProductOnTwoLinesIsWholeCents(t *testing.T) {
	lines := []agent.CartLine{line("1", "1", "1.15", t), line("2", "1", "5", t), line("1", "1", "1.15", t)}
	shares, err := basket.Shares(lines, agent.Offered{Lines: []agent.OfferedLine{
		given("2", "1", "5", "0", "5", t),
		{SKU: "1", EAN: "1", Quantity: 2000, Without: 2300, Discount: 161, With: 2139, Rounded: true, InCents: 160},
	}})
	if err != nil || shares[0].Discount != 80 || shares[2].Discount != 80 || shares[1].Discount != 0 {
		t.Errorf("got %v, %v", shares, err)
	}
}

// The till's weight is total / price, 0.50056; the cloud cuts it where the till's is rounded.
func TestAQuantityMayBeRoundedInTwoWays(t *testing.T) {
	label := line("411", "0.501", "45", t)
	for _, c := range []struct {
		cloud string
		err   error
	}{{"0.500", nil}, {"0.502", nil}, {"0.503", basket.ErrUnmatched}} {
		shares, err := basket.Shares([]agent.CartLine{label}, agent.Offered{Lines: []agent.OfferedLine{given("411", c.cloud, "45", "4.5", "40.5", t)}})
		if !errors.Is(err, c.err) || (err == nil && shares[0].Discount != 4500) {
			t.Errorf("%s: got %v, %v", c.cloud, shares, err)
		}
	}
	merged := agent.Offered{Lines: []agent.OfferedLine{given("411", "1.000", "90", "9", "81", t)}}
	if shares, err := basket.Shares([]agent.CartLine{label, label}, merged); err != nil || shares[0].Discount != 4500 || shares[1].Discount != 4500 {
		t.Errorf("merged: got %v, %v", shares, err)
	}
}

// A returned bottle lies in the basket as a line of less than nothing: the other lines keep their discounts.
func TestALineOfLessThanNothingGetsNoDiscount(t *testing.T) {
	bottle := agent.CartLine{SKU: "9", EAN: "9", Quantity: -1000, Gross: -2000, Net: -2000}
	shares, err := basket.Shares([]agent.CartLine{line("1", "2", "20", t), bottle}, agent.Offered{Absolute: 1000, Lines: []agent.OfferedLine{
		given("1", "2", "20", "5", "15", t), {SKU: "9", EAN: "9", Quantity: -1000, Without: -2000, With: -2000},
	}})
	if err != nil || shares[0] != (agent.LineShare{Discount: 5000, Absolute: 1000, Total: 14_000}) || shares[1] != (agent.LineShare{Total: -2000}) {
		t.Errorf("got %v, %v", shares, err)
	}
}
