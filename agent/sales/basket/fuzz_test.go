package basket_test

import (
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/sales/basket"
	"pdvagent/mercafacil"
)

// FuzzShares: any basket with any answer is refused, or shared so that no line is negative and the sums are the cloud's.
func FuzzShares(f *testing.F) {
	for _, cart := range agenttest.Samples() {
		for _, answer := range agenttest.Samples() {
			f.Add([]byte(cart), []byte(answer))
		}
	}
	f.Fuzz(func(t *testing.T, cartText, answerText []byte) {
		cartBody, err := rawjson.Parse(cartText)
		if err != nil {
			return
		}
		answer, err := rawjson.Parse(answerText)
		if err != nil {
			return
		}
		cart, form := mercafacil.ReadCart(cartBody)
		if len(form.Faults) > 0 {
			return
		}
		offered, err := mercafacil.ReadOffered(answer)
		if err != nil {
			return
		}
		shares, err := basket.Shares(cart.Lines, offered)
		if err != nil {
			return
		}
		var absolute agent.Milli
		for i, share := range shares {
			returned := cart.Lines[i].Gross < 0 || cart.Lines[i].Net < 0
			if (share.Total < 0 && !returned) || share.Discount < 0 || share.Absolute < 0 {
				t.Fatalf("line %d: %+v of %s and %s", i, share, cartText, answerText)
			}
			absolute += share.Absolute
		}
		short := offered.Absolute - absolute // a discount on more than there is, by the rounding of the lines
		if len(shares) != len(cart.Lines) || short < 0 || short >= agent.Milli(10*len(cart.Lines)) && short > 0 {
			t.Fatalf("%d shares of %d lines, %v of %v", len(shares), len(cart.Lines), absolute, offered.Absolute)
		}
	})
}
