// Package basket is the arithmetic of discounts: it matches the cloud's lines with the till's, divides a discount given on
// several lines together, prorates a discount on the total, and refuses figures that do not add up. It is pure: exact
// thousandths in, exact thousandths out. Package loyalty calls it and decides what a refusal means; it calls nothing.
package basket

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"pdvagent/agent"
)

// Reasons why the cloud's discounts cannot be used (contracts/mercafacil.md 3.0, "Validation order of arithmetic").
var (
	ErrLine      = errors.New("a line does not add up")
	ErrNegative  = errors.New("a value is negative")
	ErrUnmatched = errors.New("lines do not match the basket")
	ErrTotal     = errors.New("a discount is larger than what it is on")
)

// cent is how far the cloud's rounding of a line may be from the till's, and must be less within a line of the cloud's own.
const cent = 10

// thousandth is how far the cloud's rounding of a line's quantity may be from the till's: 0.5005 is 0.501 to one and 0.500 to
// the other.
const thousandth = 1

// Shares checks what the cloud offers on the till's lines and gives each line its part, in the till's order. The line
// discounts add up to the cloud's, the shares of the absolute discount to exactly that, and no line falls below zero.
//
// Lines are matched by position where product, quantity (to the thousandth) and value (to the cent) agree at each; otherwise
// by product (SKU, EAN and packing, as far as the cloud says them), when quantity and value of all its lines together agree.
func Shares(lines []agent.CartLine, offered agent.Offered) ([]agent.LineShare, error) {
	if err := check(offered); err != nil {
		return nil, err
	}
	if len(offered.Lines) == 0 && len(lines) > 0 {
		return nil, fmt.Errorf("%w: the cloud gives none", ErrUnmatched)
	}
	shares, err := byPosition(lines, offered.Lines)
	if err != nil {
		if shares, err = byProduct(lines, offered.Lines); err != nil {
			return nil, err
		}
	}
	totals := make([]agent.Milli, len(shares))
	var worth agent.Milli
	for i := range shares {
		totals[i] = max(shares[i].Total, 0)
		worth += totals[i]
	}
	slack := agent.Milli(cent * len(lines))
	absolute, err := Spread(upTo(offered.Absolute, worth, slack), totals)
	if err != nil {
		return nil, fmt.Errorf("absolute: %w", err)
	}
	var left agent.Milli
	for i := range shares {
		shares[i].Absolute = absolute[i]
		shares[i].Total -= absolute[i]
		left += shares[i].Total
	}
	if upTo(offered.Payment, max(left, 0), slack) > max(left, 0) {
		return nil, fmt.Errorf("payment: %w", ErrTotal)
	}
	return shares, nil
}

// upTo gives a discount on the total, which may exceed what is left by the rounding of the lines.
func upTo(discount, left, slack agent.Milli) agent.Milli {
	if discount > left && discount < left+slack {
		return left
	}
	return discount
}

// check checks each of the cloud's figures alone.
func check(offered agent.Offered) error {
	for i, line := range offered.Lines {
		returned := line.Without < 0 && line.Discount == 0
		if !returned && (line.Quantity < 0 || line.Without < 0 || line.Discount < 0 || line.With < 0) {
			return fmt.Errorf("line %d: %w", i, ErrNegative)
		}
		if apart(line.Without-line.Discount, line.With) >= cent {
			return fmt.Errorf("line %d: %w", i, ErrLine)
		}
	}
	if offered.Absolute < 0 || offered.Payment < 0 {
		return ErrNegative
	}
	return nil
}

func apart(a, b agent.Milli) agent.Milli { return max(a-b, b-a) }

// byPosition matches line by line.
func byPosition(lines []agent.CartLine, offered []agent.OfferedLine) ([]agent.LineShare, error) {
	if len(lines) != len(offered) {
		return nil, ErrUnmatched
	}
	shares := make([]agent.LineShare, len(lines))
	for i, line := range lines {
		given := offered[i]
		if !same(line, given) || apart(line.Quantity, given.Quantity) > thousandth {
			return nil, ErrUnmatched
		}
		values, ok := base([]agent.CartLine{line}, given.Without)
		if !ok {
			return nil, ErrUnmatched
		}
		discount := given.Discount
		if values[0]%cent == 0 {
			discount = inCents(given)
		}
		discount, err := within(discount, values[0])
		if err != nil {
			return nil, err
		}
		shares[i] = agent.LineShare{Discount: discount, Total: values[0] - discount}
	}
	return shares, nil
}

// same tells that a line of the cloud's is of the till's product. A code that the cloud leaves out does not count, but it
// must say one.
func same(line agent.CartLine, given agent.OfferedLine) bool {
	sku, ean := code(line.SKU) == code(given.SKU), code(line.EAN) == code(given.EAN)
	return sku && ean || sku && given.SKU != "" && given.EAN == "" || ean && given.EAN != "" && given.SKU == ""
}

// inCents is a line's discount as far as a line of whole cents can have it: one of more than three decimals is rounded.
func inCents(line agent.OfferedLine) agent.Milli {
	if line.Rounded {
		return line.InCents
	}
	return line.Discount
}

// base gives the value of the till's lines that the cloud based its discount on: the one reduced by the till's own offers, or
// the gross one. Each line may be rounded by a cent.
func base(lines []agent.CartLine, without agent.Milli) ([]agent.Milli, bool) {
	var net, gross agent.Milli
	for _, line := range lines {
		net, gross = net+line.Net, gross+line.Gross
	}
	slack := agent.Milli(cent * len(lines))
	values := make([]agent.Milli, len(lines))
	for i, line := range lines {
		values[i] = line.Net
		if apart(without, net) > slack {
			values[i] = line.Gross
		}
	}
	return values, apart(without, net) <= slack || apart(without, gross) <= slack
}

// within accepts a discount that exceeds its line by no more than the rounding of the line.
func within(discount, line agent.Milli) (agent.Milli, error) {
	if room := max(line, 0); discount <= room+cent {
		return min(discount, room), nil
	}
	return 0, ErrTotal
}

// naming tells what names a product in an answer: a code that stands in none of the cloud's lines does not, unless neither does.
type naming struct{ sku, ean, packed bool }

func namingOf(offered []agent.OfferedLine) naming {
	sku := slices.ContainsFunc(offered, func(line agent.OfferedLine) bool { return line.SKU != "" })
	ean := slices.ContainsFunc(offered, func(line agent.OfferedLine) bool { return line.EAN != "" })
	packed := !slices.ContainsFunc(offered, func(line agent.OfferedLine) bool { return line.Packing == 0 })
	return naming{sku: sku || !ean, ean: ean || !sku, packed: packed}
}

// product gives the key of a line's product.
func (by naming) product(sku, ean string, packing agent.Milli) string {
	name := ""
	if by.sku {
		name += code(sku)
	}
	if name += "\x00"; by.ean {
		name += code(ean)
	}
	if by.packed {
		name += "\x00" + packing.String()
	}
	return name
}

// code is an id without leading zeros, which a number loses on its way.
func code(text string) string {
	if trimmed := strings.TrimLeft(text, "0"); trimmed != "" {
		return trimmed
	}
	return text
}

// byProduct matches all lines of a product together and divides their discount in proportion to their values.
func byProduct(lines []agent.CartLine, offered []agent.OfferedLine) ([]agent.LineShare, error) {
	by := namingOf(offered)
	sums := make(map[string]agent.OfferedLine)
	for _, line := range offered {
		name := by.product(line.SKU, line.EAN, line.Packing)
		sum := sums[name]
		sum.Quantity, sum.Without = sum.Quantity+line.Quantity, sum.Without+line.Without
		sum.Discount, sum.InCents, sum.Rounded = sum.Discount+line.Discount, sum.InCents+inCents(line), true
		sums[name] = sum
	}
	groups := make(map[string][]int)
	for i, line := range lines {
		packing := line.Packing
		if packing == 0 {
			packing = 1000
		}
		name := by.product(line.SKU, line.EAN, packing)
		groups[name] = append(groups[name], i)
	}
	if len(groups) != len(sums) {
		return nil, ErrUnmatched
	}
	shares := make([]agent.LineShare, len(lines))
	for name, members := range groups {
		sum, ok := sums[name]
		if !ok {
			return nil, ErrUnmatched
		}
		if err := divide(shares, lines, members, sum); err != nil {
			return nil, err
		}
	}
	return shares, nil
}

// divide gives the lines of one product their parts of its discount.
func divide(shares []agent.LineShare, lines []agent.CartLine, members []int, sum agent.OfferedLine) error {
	picked := make([]agent.CartLine, len(members))
	var quantity agent.Milli
	for i, at := range members {
		picked[i] = lines[at]
		quantity += lines[at].Quantity
	}
	values, ok := base(picked, sum.Without)
	if !ok || apart(quantity, sum.Quantity) > thousandth*agent.Milli(len(members)) {
		return ErrUnmatched
	}
	var worth agent.Milli
	room := make([]agent.Milli, len(values))
	discount := sum.InCents
	for i, value := range values {
		room[i] = max(value, 0)
		worth += room[i]
		if value%cent != 0 {
			discount = sum.Discount
		}
	}
	if discount > worth && discount <= worth+agent.Milli(cent*len(members)) {
		discount = worth
	}
	parts, err := Spread(discount, room)
	if err != nil {
		return err
	}
	for i, at := range members {
		shares[at] = agent.LineShare{Discount: parts[i], Total: values[i] - parts[i]}
	}
	return nil
}
