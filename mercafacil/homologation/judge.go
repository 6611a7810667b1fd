package homologation

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

// Verdict is what the judges say of an item.
type Verdict string

// The verdicts.
const (
	Open     Verdict = "open"     // it has not passed yet, or not all of it
	Passed   Verdict = "passed"   // it passed, and was right
	Failed   Verdict = "failed"   // it passed, and was wrong
	Answered Verdict = "answered" // an assumption: what passed shows what the cloud does
)

// Finding is what a judge found.
type Finding struct {
	Verdict Verdict
	Words   string // Portuguese: what was seen, what was wrong, or what is missing
	Proof   []int  // indexes of the exchanges that show it
}

// Facts are what no exchange shows.
type Facts struct {
	TokenLength int
	BaseURL     string
	Zone        *time.Location // of the shop
	Asked       bool           // the item is being done now: what passes is meant for it
}

// question is what a judge decides on.
type question struct {
	*Traffic
	plan  *Plan
	item  Item
	facts Facts
}

// Judge tells what the exchanges show of an item.
func (p *Plan) Judge(item Item, t *Traffic, facts Facts) Finding {
	decide := judges()[item.Judge]
	if decide == nil {
		return Finding{Verdict: Open, Words: "Só uma pessoa pode confirmar."}
	}
	if facts.Zone == nil {
		facts.Zone = time.UTC
	}
	found := decide(&question{t, p, item, facts})
	if found.Verdict == Failed && !facts.Asked && slices.Contains([]string{"offers", "absolute", "cashback"}, item.Judge) {
		found.Verdict = Open // which offers ran at the time nobody knows
	}
	slices.Sort(found.Proof)
	found.Proof = slices.Compact(found.Proof)
	return found
}

// judges are all that an item may name.
func judges() map[string]func(*question) Finding {
	return map[string]func(*question) Finding{
		"offers": (*question).offers, "absolute": (*question).absolute, "cashback": (*question).cashback, "contingency": (*question).contingency,
		"finish": (*question).finish, "delivered": (*question).delivered, "client": (*question).client, "unique": (*question).unique,
		"total": (*question).total, "weighed": (*question).weighed, "undiscounted": (*question).undiscounted, "discounts": (*question).discounts,
		"payments": (*question).payments, "load": (*question).load, "history": (*question).history, "incremental": (*question).incremental,
		"address": (*question).address, "token": (*question).token, "whole": (*question).whole, "own": (*question).own, "packing": (*question).packing,
		"outside": (*question).outside, "abandoned": (*question).abandoned, "changed": (*question).changed, "void": (*question).void,
		"pending": (*question).pending, "accepted": (*question).messageAccepted, "declined": (*question).messageDeclined, "notice": (*question).notice,
		"pilot-discount": (*question).pilotDiscount, "production": (*question).production,

		"above-maximum": (*question).aboveMaximum, "message-object": (*question).messageObject, "message-end": (*question).messageEnd,
		"number-form": (*question).numberForm, "line-form": (*question).lineForm, "absolute-form": (*question).absoluteForm, "reduced": (*question).reduced,
		"confirm-form": taken("confirm", "confirm com o transaction_id"), "coupon-form": taken("coupon", "cupom com os campos de hoje"),
		"payment-form": (*question).paymentForm, "zero-client": (*question).zeroClient, "repeated": (*question).repeated,
		"unknown-void": answeredTo("coupon-cancellation", "cancelamento de um cupom que não tem"), "partial-load": (*question).partialLoad,
		"zone": (*question).clockZone, "shape": (*question).shape, "lost-confirm": (*question).lostConfirm, "second-apply": (*question).secondApply,
		"unknown-session": answeredTo("cancel", "cancel de uma transação que não deu"), "wrapper": taken("operators", "lote de operadores"),
		"dialect": (*question).dialectOf,
	}
}

func passed(proof []int, format string, args ...any) Finding {
	return Finding{Passed, fmt.Sprintf(format, args...), proof}
}

func failed(proof []int, format string, args ...any) Finding {
	return Finding{Failed, fmt.Sprintf(format, args...), proof}
}

func open(format string, args ...any) Finding {
	return Finding{Open, fmt.Sprintf(format, args...), nil}
}

func answered(proof []int, format string, args ...any) Finding {
	return Finding{Answered, fmt.Sprintf(format, args...), proof}
}

// reais is an amount as people read it.
func reais(value agent.Milli) string { return agent.Cents((value + 5) / 10).Reais() }

// quantity is a quantity as people read it.
func quantity(value agent.Milli) string {
	text := strings.TrimSuffix(strings.TrimRight(value.String(), "0"), ".")
	return strings.Replace(text, ".", ",", 1)
}

// milli reads a decimal of the plan, which its check has read before.
func milli(text string) agent.Milli {
	value, _, _ := reading.Milli(text)
	return value
}

// near tells whether two amounts differ by a cent at most.
func near(a, b agent.Milli) bool { return max(a-b, b-a) <= 10 }

// part is value * of / all, rounded half up.
func part(value, of, all agent.Milli) agent.Milli {
	if all == 0 {
		return 0
	}
	exact := new(big.Int).Mul(big.NewInt(int64(value)), big.NewInt(2*int64(of)))
	exact.Add(exact, big.NewInt(int64(all)))
	return agent.Milli(exact.Div(exact, big.NewInt(2*int64(all))).Int64())
}

// document of a role; empty for nobody.
func (q *question) document(role string) string {
	person, _ := q.plan.Person(role)
	return person.Document
}

// is tells whether a line is of a product.
func is(product Product, sku, ean string) bool {
	return product.SKU == sku || (ean != "" && product.EAN == ean)
}

// fits tells whether a basket is what a step asks for: the same quantities on as many lines, of every product that the item needs.
func (q *question) fits(b basket, step Step) bool {
	if b.who() != q.document(step.Who) {
		return false
	}
	for _, role := range q.item.Needs.Products {
		product, _ := q.plan.Product(role)
		var want, got []agent.Milli
		for _, line := range step.Lines {
			if line.Product == role {
				want = append(want, milli(line.Quantity))
			}
		}
		for _, line := range b.lines {
			if is(product, line.sku, line.ean) {
				got = append(got, line.quantity)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			return false
		}
	}
	return true
}

// basketsOf gives the baskets that a step asks for, after an index.
func (q *question) basketsOf(step Step, after int) []basket {
	var list []basket
	for _, v := range q.visits {
		for _, b := range v.baskets {
			if b.index > after && q.fits(b, step) {
				list = append(list, b)
			}
		}
	}
	slices.SortFunc(list, func(a, b basket) int { return a.index - b.index })
	return list
}

// first gives the item's first basket, or what is missing.
func (q *question) first() (basket, Finding) {
	for _, step := range q.item.Steps {
		if step.Do != "basket" {
			continue
		}
		list := q.basketsOf(step, -1)
		if len(list) == 0 {
			return basket{}, open("Falta o subtotal pedido: %s", q.plan.Fill(q.item.Instruction))
		}
		b := list[len(list)-1]
		if delivery(b.call) == "contingency" {
			return b, open("O subtotal foi respondido em contingência; repita com a nuvem no ar.")
		}
		return b, Finding{}
	}
	return basket{}, open("Falta fazer.")
}

// behind gives the calls to the cloud that were made for a till's call.
func (q *question) behind(c call, routes ...string) []call {
	return slices.DeleteFunc(slices.Clone(q.byRef[c.Ref]), func(cloud call) bool { return !slices.Contains(routes, cloud.route) })
}
