package mercafacil

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
)

// ErrAnswer says that an apply's answer is not of the contract's shape.
var ErrAnswer = errors.New("answer cannot be read")

// ReadOffered reads the answer to an apply (mercafacil.md 3.4): numbers or numeric strings; a discount that is null or missing
// is none; a value with discount under either spelling, or the difference.
func ReadOffered(answer rawjson.Value) (agent.Offered, error) {
	offered := agent.Offered{Exact: new(big.Rat)}
	items, _ := answer.Get(fieldItems)
	if items.Kind != rawjson.Array {
		return offered, fmt.Errorf("%w: no items", ErrAnswer)
	}
	for i, item := range items.Elements {
		line, exact, err := readOfferedLine(item)
		if err != nil {
			return offered, fmt.Errorf("items[%d]: %w", i, err)
		}
		offered.Lines = append(offered.Lines, line)
		offered.Exact.Add(offered.Exact, exact)
	}
	for _, total := range []struct {
		name string
		into *agent.Milli
	}{{"absolute", &offered.Absolute}, {"payment_discount", &offered.Payment}} {
		inner, ok := answer.Get(total.name)
		if !ok || nothing(inner) {
			continue
		}
		if inner.Kind != rawjson.Object {
			return offered, fmt.Errorf("%w: %s is no object", ErrAnswer, total.name)
		}
		r := offerReader{}
		value := r.amount(inner, "discount_value")
		if r.err != nil {
			return offered, fmt.Errorf("%s: %w", total.name, r.err)
		}
		*total.into = value.chargeable()
		offered.Exact.Add(offered.Exact, value.exact)
	}
	return offered, nil
}

// amount is one figure of the cloud's.
type amount struct {
	milli   agent.Milli
	cents   agent.Milli // rounded to whole cents
	rounded bool        // it has more than three decimals
	exact   *big.Rat
	there   bool
}

// chargeable is the figure as far as a till can charge it: a plain one as it is, a longer one in whole cents.
func (a amount) chargeable() agent.Milli {
	if a.rounded {
		return a.cents
	}
	return a.milli
}

// offerReader reads figures until one cannot be read.
type offerReader struct{ err error }

// amount reads a figure; one that is null or missing is zero.
func (r *offerReader) amount(v rawjson.Value, name string) amount {
	zero := amount{exact: new(big.Rat)}
	field, ok := v.Get(name)
	if !ok || nothing(field) && field.Kind != rawjson.Number || r.err != nil {
		return zero
	}
	text, ok := field.Text()
	if !ok {
		r.err = fmt.Errorf("%w: %s is no number", ErrAnswer, name)
		return zero
	}
	n, err := reading.ParseNumber(text)
	if err != nil {
		r.err = fmt.Errorf("%s: %w", name, err)
		return zero
	}
	a := amount{there: true}
	cents, _, centsErr := n.Scale(2)
	a.milli, a.rounded, err = n.Milli()
	exact, exactErr := n.Rat()
	if err = errors.Join(err, centsErr, exactErr); err == nil && (a.milli > maxAmount || a.milli < -maxAmount) {
		err = reading.ErrTooLarge
	}
	if err != nil {
		r.err = fmt.Errorf("%s: %w", name, err)
		return zero
	}
	a.cents, a.exact = agent.Milli(cents*10), exact
	if !a.rounded { // noise of a double is not the cloud's meaning
		a.exact = big.NewRat(int64(a.milli), 1000)
	}
	return a
}

// nothing tells a value that stands for none: null, false, 0, an empty text, and the empty list that PHP writes for an empty
// object.
func nothing(v rawjson.Value) bool {
	text, _ := v.Text()
	switch v.Kind {
	case rawjson.Null, rawjson.False:
		return true
	case rawjson.String:
		return strings.TrimSpace(text) == ""
	case rawjson.Number:
		n, err := reading.ParseNumber(text)
		return err == nil && n == reading.Number{}
	case rawjson.Array:
		return len(v.Elements) == 0
	}
	return false
}

// readOfferedLine reads a line, and what the cloud takes off it exactly.
func readOfferedLine(item rawjson.Value) (agent.OfferedLine, *big.Rat, error) {
	r := offerReader{}
	quantity, packing := r.amount(item, "quantity"), r.amount(item, fieldPacking)
	without, discount := r.amount(item, "total_value_without_discount"), r.amount(item, "discount_value")
	with := r.amount(item, "total_value_with_discount")
	if !with.there {
		with = r.amount(item, "total_value_with_discounts")
	}
	line := agent.OfferedLine{
		SKU: textOf(item, "sku"), EAN: textOf(item, "ean"), Quantity: quantity.milli, Packing: packing.milli,
		Without: without.milli, Discount: discount.milli, With: with.milli,
	}
	if discount.rounded {
		line.Rounded, line.InCents = true, discount.cents
	}
	off := discount.exact
	if with.there {
		off = new(big.Rat).Sub(without.exact, with.exact)
	} else {
		line.With = line.Without - line.Discount
	}
	if r.err == nil && (!quantity.there || !without.there) {
		r.err = fmt.Errorf("%w: quantity or value is missing", ErrAnswer)
	}
	return line, off, r.err
}

// Rounding gives what the till gives more (or less, with a minus) than the cloud's figures say, because a till charges cents:
// exact, in reais; empty for nothing.
func Rounding(offered agent.Offered, shares []agent.LineShare) string {
	given := offered.Payment
	for _, share := range shares {
		given += share.Discount + share.Absolute
	}
	more := new(big.Rat).Sub(big.NewRat(int64(given), 1000), offered.Exact)
	text := strings.TrimRight(strings.TrimRight(more.FloatString(6), "0"), ".")
	if text == "0" || text == "-0" || text == "" {
		return ""
	}
	return text
}
