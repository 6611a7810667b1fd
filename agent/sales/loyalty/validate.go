package loyalty

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// validate gives every fault of a sale, once per field, and its notes (till-api.md, "What is checked in a sale"). today is the
// day that its date is compared with; zero: old receipts are.
//
// A fault keeps the sale from the cloud. It is what the contract's schema of a coupon refuses (mercafacil.md 3.7), which the
// reading has told already but for the dates and the id's length; or what is surely a fault of the till's program. Everything
// else that seems wrong is the shop's matter: a note.
func validate(sale agent.Sale, form mercafacil.Form, today time.Time) ([]agent.Fault, []agent.Note) {
	v := validator{faults: form.Faults, notes: form.Notes, bad: make(map[string]bool)}
	for _, fault := range form.Faults {
		v.bad[fault.Field] = true
	}
	if len(sale.Coupon) > mercafacil.MaxID { // 3.7: "maxLength": 100
		v.fault("coupon", "too_long", fmt.Sprintf("Use no máximo %d caracteres.", mercafacil.MaxID))
	}
	v.moment("date", time.DateOnly, sale.Date, "Esta data não existe; use AAAA-MM-DD.") // 3.7: the pattern of date
	v.moment("time", time.TimeOnly, sale.Time, "Esta hora não existe; use HH:MM:SS.")   // 3.7: the pattern of time
	if date, err := time.Parse(time.DateOnly, sale.Date); err == nil && !today.IsZero() && far(date, today) {
		v.note(agent.NoteClock, "date")
	}
	for i, item := range sale.Items {
		v.item(fmt.Sprintf("items[%d].", i), item)
	}
	v.receipt(sale)
	return v.faults, v.notes
}

// far tells that a receipt's date is more than two days ahead of us or a year behind: the till's clock is wrong. A till may
// be some days behind with its sales. Where our own clock is before this program's time, that one is wrong, and tells nothing.
func far(date, today time.Time) bool {
	const firstYear = 2026
	return today.Year() >= firstYear && (date.After(today.AddDate(0, 0, 2)) || date.Before(today.AddDate(-1, 0, 0)))
}

type validator struct {
	faults []agent.Fault
	notes  []agent.Note
	bad    map[string]bool
}

func (v *validator) fault(field, code, detail string) {
	if v.bad[field] {
		return
	}
	v.bad[field] = true
	v.faults = append(v.faults, agent.Fault{Field: field, Code: code, Detail: detail})
}

func (v *validator) note(code agent.NoteCode, field string) {
	v.notes = agent.AddNote(v.notes, code, field)
}

func (v *validator) moment(field, layout, text, detail string) {
	if text == "" {
		v.fault(field, "required", "Falta este campo.")
		return
	}
	if parsed, err := time.Parse(layout, text); err != nil || parsed.Format(layout) != text {
		v.fault(field, "invalid", detail)
	}
}

// readable tells whether none of the fields is faulty.
func (v *validator) readable(at string, names ...string) bool {
	for _, name := range names {
		if v.bad[at+name] {
			return false
		}
	}
	return true
}

func (v *validator) item(at string, item agent.Item) {
	if item.Quantity <= 0 && v.readable(at, "quantity") {
		v.note(agent.NoteQuantity, at+"quantity")
	}
	if item.Unit.Sign() < 0 || item.Total < 0 || item.Net < 0 {
		v.note(agent.NoteNegative, at+"total_value")
	}
	if item.Net > item.Total && item.Total >= 0 && v.readable(at, "total_value", "total_value_with_discount") {
		v.note(agent.NoteAbove, at+"total_value_with_discount")
	}
	if v.readable(at, "quantity", "unit_value", "total_value", "packing_quantity") {
		v.line(at+"total_value", item)
	}
}

// line compares a line's total with quantity times price, and with quantity times the package's content times price.
func (v *validator) line(field string, item agent.Item) {
	total := rat(item.Total)
	product := new(big.Rat).Mul(rat(item.Quantity), item.Unit)
	content := new(big.Rat).Mul(product, rat(item.Packing))
	whole := item.Quantity%1000 == 0 && !item.Inexact
	switch {
	case holds(product, total, item.Unit, whole):
	case item.Packing > 1000 && holds(content, total, item.Unit, whole && item.Packing%1000 == 0):
	case offByScale(product, total, item.Packing):
		v.fault(field, "scale", "O total do item está cerca de 10, 100 ou 1.000 vezes acima ou abaixo de quantidade vezes valor unitário: "+
			"confira a vírgula, os centavos ou os gramas no programa do caixa.")
	default:
		v.note(agent.NoteLine, field)
	}
}

// rat gives a decimal in units.
func rat(value agent.Milli) *big.Rat { return big.NewRat(int64(value), 1000) }

// aCent is the rounding of a line, in reais.
func aCent() *big.Rat { return big.NewRat(1, 100) }

// holds tells whether a line's total is its product: within a cent, up or down, where the quantity is whole; else within half
// a gram on either side besides, because a scale prints the total and a weight of three decimals, which need not fit.
func holds(product, total, unit *big.Rat, whole bool) bool {
	room := aCent()
	if !whole {
		gram := new(big.Rat).Mul(new(big.Rat).Abs(unit), big.NewRat(1, 1000))
		room.Add(room, gram)
	}
	off := new(big.Rat).Sub(product, total)
	return off.Abs(off).Cmp(room) <= 0
}

// offByScale tells that one of the amounts is about 10, 100 or 1,000 times the other. A package of as many units explains it.
func offByScale(a, b *big.Rat, packing agent.Milli) bool {
	small, large := new(big.Rat).Abs(a), new(big.Rat).Abs(b)
	if small.Cmp(large) > 0 {
		small, large = large, small
	}
	about := new(big.Rat).Mul(large, big.NewRat(2, 100))
	for _, scale := range []int64{10, 100, 1000} {
		off := new(big.Rat).Sub(large, new(big.Rat).Mul(small, big.NewRat(scale, 1)))
		if small.Sign() > 0 && off.Abs(off).Cmp(about) <= 0 && int64(packing) != scale*1000 {
			return true
		}
	}
	return false
}

// cent is a cent in thousandths.
const cent = 10

// sums are what the lines and tenders of a receipt add up to.
type sums struct {
	gross, net, paid agent.Milli
	cash             bool        // there may be change
	slack            agent.Milli // the rounding, where not all amounts are whole cents
}

func (v *validator) sums(sale agent.Sale) (s sums, ok bool) {
	if sale.Total%cent != 0 || sale.Net%cent != 0 {
		s.slack = cent
	}
	for i, item := range sale.Items {
		if !v.readable(fmt.Sprintf("items[%d].", i), "total_value", "total_value_with_discount") {
			return s, false
		}
		s.gross, s.net = s.gross+item.Total, s.net+item.Net
		if item.Total%cent != 0 || item.Net%cent != 0 {
			s.slack = cent
		}
	}
	for i, payment := range sale.Payments {
		if !v.readable(fmt.Sprintf("payments[%d].", i), "amount") {
			return s, false
		}
		s.paid += payment.Amount
		s.cash = s.cash || !cashless(payment.Form)
		if payment.Amount < 0 {
			v.note(agent.NoteTender, fmt.Sprintf("payments[%d].amount", i))
		}
	}
	return s, len(sale.Items) > 0 && v.readable("", "total_value", "total_value_with_discount", "payments")
}

// cashless tells a tender that no change is given for. The contract does not list the forms (mercafacil.md 1.2.2): one that is
// not known here may be cash.
func cashless(form string) bool {
	form = strings.ToLower(form)
	return slices.ContainsFunc([]string{"cred", "créd", "deb", "déb", "card", "cart", "pix", "cashback", "voucher", "vale", "boleto", "transfer"},
		func(word string) bool { return strings.Contains(form, word) })
}

// receipt compares the receipt's totals with its lines, and its tenders with both.
func (v *validator) receipt(sale agent.Sale) {
	if sale.Total < 0 || sale.Net < 0 {
		v.note(agent.NoteNegative, "total_value")
	}
	s, ok := v.sums(sale)
	if !ok {
		return
	}
	if sale.Net > sale.Total && sale.Total >= 0 {
		v.note(agent.NoteAbove, "total_value_with_discount")
	}
	totalHolds := near(sale.Total, s.gross, s.slack)
	switch {
	case totalHolds:
	case offByScale(rat(sale.Total), rat(s.gross), 0):
		v.fault("total_value", "scale", "O total da venda está cerca de 10, 100 ou 1.000 vezes acima ou abaixo da soma dos itens.")
	default:
		v.note(agent.NoteTotal, "total_value")
	}
	switch {
	case near(sale.Net, s.net, s.slack):
	case sale.Net <= s.net && s.paid == sale.Net && totalHolds: // a discount on the whole receipt may be in no line
	case offByScale(rat(sale.Net), rat(s.net), 0):
		v.fault("total_value_with_discount", "scale", "O total com desconto está cerca de 10, 100 ou 1.000 vezes acima ou abaixo da soma dos itens com desconto.")
	default:
		v.note(agent.NoteNet, "total_value_with_discount")
	}
	if len(sale.Payments) > 0 {
		v.tenders(sale, s)
	}
}

func near(a, b, slack agent.Milli) bool { return a-b <= slack && b-a <= slack }

const (
	maxShort  = 50      // thousandths: what rounding of a cash total in favour of the shopper takes
	maxChange = 200_000 // thousandths: change is less than the largest note
)

// tenders looks for what explains the tenders: the net or the gross value, of the receipt or of its lines, change of cash, or a
// surcharge.
func (v *validator) tenders(sale agent.Sale, s sums) {
	switch more := s.paid - sale.Net; {
	case near(s.paid, sale.Net, s.slack), more > 0 && more < maxChange && s.cash:
	case more > 0 && offByScale(rat(s.paid), rat(sale.Net), 0) && !near(s.paid, sale.Total, s.slack) && !near(s.paid, s.gross, s.slack):
		v.fault("payments", "scale", "Os pagamentos somam cerca de 10, 100 ou 1.000 vezes o total com desconto.")
	case more > 0 && s.cash:
	case more > 0 && more <= max(sale.Net, sale.Total, s.gross): // a surcharge of more than all of it is none
		v.note(agent.NoteSurcharge, "payments")
	case more > 0:
		v.fault("payments", "sum", "Os pagamentos, sem dinheiro, somam mais que o dobro do total com desconto, e nada na venda explica a diferença.")
	case near(s.paid, sale.Total, s.slack), near(s.paid, s.gross, s.slack), near(s.paid, s.net, s.slack):
	case more >= -maxShort:
		v.note(agent.NoteShort, "payments")
	default:
		v.fault("payments", "sum", "Os pagamentos somam menos que o total com desconto, e nada na venda explica a diferença.")
	}
}

// CheckSale reads an old receipt: its id, its body as it goes up, and every fault. It is checked like a new one, and must have
// an id.
func CheckSale(body rawjson.Value) (coupon string, wire []byte, faults []agent.Fault) {
	sale, form := mercafacil.ReadSale(body)
	faults, _ = validate(sale, form, time.Time{})
	if sale.Coupon == "" && body.Kind == rawjson.Object {
		faults = append(faults, agent.Fault{Field: mercafacil.FieldCoupon, Code: "required", Detail: "Falta o identificador do cupom."})
	}
	return sale.Coupon, form.Wire(), faults
}
