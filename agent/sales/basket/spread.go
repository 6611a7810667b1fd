package basket

import (
	"cmp"
	"math/bits"
	"slices"

	"pdvagent/agent"
)

// part is one line while an amount is being spread.
type part struct {
	at    int         // of the line
	value agent.Milli // what it can take at most
	share agent.Milli
	rest  uint64 // what rounding to whole cents took from it, as a multiple of 1/total
}

// Spread divides amount over the lines in proportion to their values, by largest remainder. The shares add up to amount
// exactly and none is larger than its line. They are whole cents as far as amount and the lines allow it: a line of
// whole cents keeps whole cents unless nothing else can take the thousandths. The first of equal lines gets more.
func Spread(amount agent.Milli, values []agent.Milli) ([]agent.Milli, error) {
	var total agent.Milli
	for _, value := range values {
		if value < 0 {
			return nil, ErrNegative
		}
		total += value
	}
	switch {
	case amount < 0:
		return nil, ErrNegative
	case amount > total:
		return nil, ErrTotal
	}
	shares := make([]agent.Milli, len(values))
	if amount == 0 {
		return shares, nil
	}
	parts := make([]part, len(values))
	left := amount
	for i, value := range values {
		parts[i] = floor(i, amount, value, total)
		left -= parts[i].share
	}
	left = giveCents(parts, left)
	giveThousandths(parts, left)
	for _, p := range parts {
		shares[p.at] = p.share
	}
	return shares, nil
}

// floor is a line's share in whole cents, rounded down.
func floor(at int, amount, value, total agent.Milli) part {
	high, low := bits.Mul64(uint64(amount), uint64(value))
	exact, rest := bits.Div64(high, low, uint64(total)) // value <= total: the quotient fits
	share := agent.Milli(exact) - agent.Milli(exact)%cent
	return part{at: at, value: value, share: share, rest: (exact-uint64(share))*uint64(total) + rest}
}

// giveCents hands out what is left, a cent at a time, to those whom rounding took most from.
func giveCents(parts []part, left agent.Milli) agent.Milli {
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.rest, a.rest) })
	for given := true; given && left >= cent; {
		given = false
		for i := range parts {
			if left >= cent && parts[i].share+cent <= parts[i].value {
				parts[i].share += cent
				left -= cent
				given = true
			}
		}
	}
	return left
}

// giveThousandths hands out the rest to lines that are not whole cents themselves, such as weighed ones, then to the
// others.
func giveThousandths(parts []part, left agent.Milli) {
	slices.SortStableFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(whole(a.value), whole(b.value)), cmp.Compare(b.value-b.share, a.value-a.share))
	})
	for i := range parts {
		give := min(left, parts[i].value-parts[i].share)
		parts[i].share += give
		left -= give
	}
}

func whole(value agent.Milli) int {
	if value%cent == 0 {
		return 1
	}
	return 0
}
