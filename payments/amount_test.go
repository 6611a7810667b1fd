package payments_test

import (
	"testing"

	"pdvagent/agent"
	"pdvagent/payments"
)

func TestAmountsAsVendorsSpellThem(t *testing.T) {
	for text, want := range map[string]struct{ reais, cents agent.Cents }{ // -1: none
		"75": {7500, 75}, "75.0": {7500, 75}, "77.25": {7725, -1}, "77.25000000000001": {7725, -1}, "150.00000000000003": {15000, -1}, "7.725E+1": {7725, -1}, "1.5E+2": {15000, 150},
		"1.5000000000000000E+003": {150000, 1500}, "10.": {1000, 10}, "15.00": {1500, -1}, "0": {0, 0}, "77.255": {-1, -1}, "77,25": {-1, -1}, "-1": {-1, -1}, "": {-1, -1}, "R$ 10": {-1, -1}, "1e30": {-1, -1}, "true": {-1, -1},
	} {
		reais, isReais := payments.Reais(text)
		if isReais != (want.reais >= 0) || isReais && reais != want.reais {
			t.Errorf("%q in reais: %d %v", text, int64(reais), isReais)
		}
		cents, isCents := payments.Cents(text)
		if isCents != (want.cents >= 0) || isCents && cents != want.cents {
			t.Errorf("%q in cents: %d %v", text, int64(cents), isCents)
		}
	}
}
