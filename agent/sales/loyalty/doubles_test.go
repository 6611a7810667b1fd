package loyalty

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// doubleTill makes sales as tills do that reckon in doubles, and spells them in one language's way.
type doubleTill struct {
	*rand.Rand
	spell   func(float64) string
	rounded bool // amounts are rounded to the cent
}

func (d doubleTill) cents(value float64) float64 {
	if d.rounded {
		return math.Round(value*100) / 100
	}
	return value
}

// line gives a line's text, its gross and its net value.
func (d doubleTill) line() (text string, gross, net float64) {
	price := float64(1+d.IntN(20_000)) / 100
	quantity := float64(1 + d.IntN(24))
	gross = d.cents(quantity * price)
	switch d.IntN(4) {
	case 0: // weighed
		quantity = float64(1+d.IntN(9000)) / 1000
		gross = d.cents(quantity * price)
	case 1: // the label says the total
		gross = float64(100+d.IntN(20_000)) / 100
		quantity = gross / price
		switch d.IntN(3) {
		case 0:
			quantity = math.Trunc(quantity*1000) / 1000
		case 1:
			quantity = math.Round(quantity*1000) / 1000
		}
	}
	net = gross
	switch d.IntN(5) {
	case 0:
		net = d.cents(gross - gross*7/100)
	case 1:
		net = max(0, gross-0.30)
	}
	return fmt.Sprintf(`{"sku":"1","ean":"","quantity":%s,"packing_quantity":1,"unit_value":%s,"total_value":%s,"total_value_with_discount":%s}`,
		d.spell(quantity), d.spell(price), d.spell(gross), d.spell(net)), gross, net
}

func (d doubleTill) tender(form string, amount float64) string {
	return fmt.Sprintf(`{"payment_form":%q,"amount":%s}`, form, d.spell(amount))
}

func (d doubleTill) tenders(due float64) string {
	half := d.cents(due / 2)
	switch d.IntN(6) {
	case 0:
		return d.tender("pix", half) + "," + d.tender("cash", due-half)
	case 1:
		return d.tender("cash", math.Ceil(due/50)*50)
	case 2:
		return d.tender("cash", math.Ceil(due/50)*50) + "," + d.tender("troco", due-math.Ceil(due/50)*50)
	case 3:
		return d.tender("credit", math.Round(due*103)/100)
	case 4:
		return d.tender("debit", math.Round(due*100)/100)
	}
	return d.tender("cash", due)
}

func (d doubleTill) sale() string {
	var lines []string
	var gross, net float64
	for range 1 + d.IntN(6) {
		line, lineGross, lineNet := d.line()
		lines, gross, net = append(lines, line), gross+lineGross, net+lineNet
	}
	return fmt.Sprintf(`{"client_id":"0","coupon":"c","date":"2026-05-14","time":"19:12:46","items":[%s],"payments":[%s],"total_value":%s,"total_value_with_discount":%s,"pdv_code":"1","operator_id":"1"}`,
		strings.Join(lines, ","), d.tenders(net), d.spell(gross), d.spell(net))
}

// No sale that a till reckons in doubles is a fault or has a note about its sums, whether or not it rounds what it reckons, in
// whatever spelling.
func TestSalesReckonedInDoublesAreNoFaults(t *testing.T) {
	fair := []agent.NoteCode{agent.NoteQuantity, agent.NoteTender, agent.NoteSurcharge, agent.NoteRounded} // no weight left, change as a tender, credit, decimals
	spellings := map[string]func(float64) string{
		"shortest":       func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) },
		"17 digits":      func(v float64) string { return strconv.FormatFloat(v, 'g', 17, 64) },
		"with exponents": func(v float64) string { return strconv.FormatFloat(v, 'E', 16, 64) },
	}
	for name, spell := range spellings {
		for _, rounded := range []bool{true, false} {
			d := doubleTill{rand.New(rand.NewPCG(1, 2)), spell, rounded}
			for range 1000 {
				text := d.sale()
				body, err := rawjson.Parse([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				sale, form := mercafacil.ReadSale(body)
				faults, notes := validate(sale, form, time.Time{})
				notes = slices.DeleteFunc(notes, func(n agent.Note) bool { return slices.Contains(fair, n.Code) })
				if len(faults) > 0 || len(notes) > 0 {
					t.Errorf("%s, rounded %v: %+v %+v\n%s", name, rounded, faults, notes, text)
				}
			}
		}
	}
}
