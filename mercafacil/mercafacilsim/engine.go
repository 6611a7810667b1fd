package mercafacilsim

import "math/big"

// cartItem is one line of the basket as it came in.
type cartItem struct {
	SKU      code     `json:"sku"`
	EAN      code     `json:"ean"`
	Quantity decimal  `json:"quantity"`
	Packing  *decimal `json:"packing_quantity"`
	Gross    decimal  `json:"total_value"`
	Reduced  *decimal `json:"total_value_with_discount"`
}

// value is what the line costs before our offers: reduced by the till's own, where it says so (R26).
func (i cartItem) value() milli {
	if i.Reduced != nil {
		return i.Reduced.milli
	}
	return i.Gross.milli
}

func (i cartItem) is(product code) bool { return product == i.SKU || product == i.EAN }

// discounts are what the engine gives on a basket.
type discounts struct {
	lines    []milli // of each
	uses     map[string]milli
	absolute milli
	payment  milli
}

const unit = 1000

// discount finds the best offer for each product; offers never add up on one product. user is empty when the shopper is
// not identified, who has no limits that outlast the basket.
func (h *handler) discount(items []cartItem, user string) discounts {
	result := discounts{lines: make([]milli, len(items)), uses: make(map[string]milli)}
	member := h.members[user] != nil
	best := make(map[code]bid) // by sku
	var total milli
	for _, item := range items {
		total += item.value()
	}
	for _, offer := range h.offers {
		if !offer.isFor(user, member) {
			continue
		}
		switch offer.Type {
		case "absolute":
			result.absolute += offer.Value.milli
			continue
		case "payment":
			result.payment += offer.Value.milli
			continue
		}
		made := h.bid(offer, items, h.usage[offer.ID+"|"+user])
		if made.sum > best[made.product].sum {
			best[made.product] = made
		}
	}
	for _, made := range best {
		for i, discount := range made.lines {
			result.lines[i] += discount
			total -= discount
		}
		result.uses[made.offer] = made.used
	}
	result.absolute = min(result.absolute, total)
	result.payment = min(result.payment, total-result.absolute)
	return result
}

// bid is what one offer would give.
type bid struct {
	offer   string
	product code // the sku it is on
	lines   []milli
	sum     milli
	used    milli // units or groups
}

func (h *handler) bid(offer *Offer, items []cartItem, used milli) bid {
	made := bid{offer: offer.ID, lines: make([]milli, len(items))}
	var quantity milli
	for _, item := range items {
		if item.is(offer.Product) {
			quantity += item.Quantity.milli
			made.product = item.SKU
		}
	}
	switch offer.Type {
	case "percentage":
		units := h.percentageUnits(offer, quantity, used)
		made.give(items, offer.Product, units, offer.Percent.milli)
		made.used = units
	case "takepay":
		groups := offer.groups(quantity/milli(offer.Take*unit), used)
		made.give(items, offer.Product, groups*milli((offer.Take-offer.Pay)*unit), hundred)
		made.used = groups * unit
	case "combo":
		groups := min(offer.groups(offer.unlocked(items), used), quantity/unit)
		made.give(items, offer.Product, groups*unit, offer.Percent.milli)
		made.used = groups * unit
	}
	return made
}

// percentageUnits is how many units are discounted: none below the minimum, and no more than the shopper has left.
func (h *handler) percentageUnits(offer *Offer, quantity, used milli) milli {
	if quantity < offer.Minimum.milli {
		return 0
	}
	if offer.Maximum.milli == 0 {
		return quantity
	}
	left := max(offer.Maximum.milli-used, 0)
	if quantity > left && h.settings.AboveMaximum == "none" {
		return 0
	}
	return min(quantity, left)
}

// groups is how many of those wanted the shopper may still have.
func (o *Offer) groups(wanted, used milli) milli {
	if o.MaximumPerClient == 0 {
		return wanted
	}
	return min(wanted, max(milli(o.MaximumPerClient)-used/unit, 0))
}

// unlocked counts the groups of each trigger by itself: triggers do not mix (H35).
func (o *Offer) unlocked(items []cartItem) milli {
	var groups milli
	for _, trigger := range o.Triggers {
		var quantity milli
		for _, item := range items {
			if item.is(trigger.Product) {
				quantity += item.Quantity.milli
			}
		}
		groups += quantity / milli(trigger.Quantity*unit)
	}
	return groups
}

// give spends units on the product's lines in their order, at percent of each unit's price, rounded half up.
func (b *bid) give(items []cartItem, product code, units, percent milli) {
	for i, item := range items {
		if !item.is(product) || units <= 0 {
			continue
		}
		of := min(units, item.Quantity.milli)
		units -= of
		b.lines[i] = share(item.value(), of, item.Quantity.milli, percent)
		b.sum += b.lines[i]
	}
}

// share is value * of / all * percent, exact before it is rounded half up.
func share(value, of, all, percent milli) milli {
	exact := big.NewInt(int64(value))
	exact.Mul(exact, big.NewInt(int64(of))).Mul(exact, big.NewInt(int64(percent)*2))
	divisor := new(big.Int).Mul(big.NewInt(int64(all)), big.NewInt(hundred))
	exact.Add(exact, divisor).Quo(exact, divisor.Mul(divisor, big.NewInt(2)))
	return milli(exact.Int64())
}
