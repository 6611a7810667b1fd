package loyalty

import (
	"fmt"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// validate gives every fault of a sale that cannot be right (till-api.md, "Sales"). A field that was already faulty on
// reading is left alone here.
func validate(sale agent.Sale, faults []agent.Fault) []agent.Fault {
	v := validator{faults: faults, bad: make(map[string]bool)}
	for _, fault := range faults {
		v.bad[fault.Field] = true
	}
	if len(sale.Coupon) > mercafacil.MaxID {
		v.fault("coupon", "too_long", fmt.Sprintf("Use no máximo %d caracteres.", mercafacil.MaxID))
	}
	v.clientID(sale.ClientID)
	v.moment("date", "2006-01-02", sale.Date, "Esta data não existe; use AAAA-MM-DD.")
	v.moment("time", "15:04:05", sale.Time, "Esta hora não existe; use HH:MM:SS.")
	for i, item := range sale.Items {
		v.item(fmt.Sprintf("items[%d].", i), item)
	}
	v.totals(sale)
	return v.faults
}

type validator struct {
	faults []agent.Fault
	bad    map[string]bool
}

func (v *validator) fault(field, code, detail string) {
	if v.bad[field] {
		return
	}
	v.bad[field] = true
	v.faults = append(v.faults, agent.Fault{Field: field, Code: code, Detail: detail})
}

// clientID takes only a club identification: a document with right check digits, "0" or nothing (R37 to R39).
func (v *validator) clientID(text string) {
	if text == "" || text == "0" {
		return
	}
	if _, ok := agent.ParseDocument(text); !ok {
		v.fault("client_id", "document", "Informe um CPF de 11 ou um CNPJ de 14 caracteres com dígitos verificadores "+
			"corretos, sem pontuação nem zeros acrescentados, ou \"0\".")
	}
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

func (v *validator) item(at string, item agent.Item) {
	if item.Quantity <= 0 {
		v.fault(at+"quantity", "not_positive", "A quantidade deve ser maior que zero.")
	}
	for _, amount := range []struct {
		field string
		value agent.Milli
	}{{"unit_value", item.Unit}, {"total_value", item.Total}, {"total_value_with_discount", item.Net}} {
		if amount.value < 0 {
			v.fault(at+amount.field, "negative", "O valor não pode ser negativo.")
		}
	}
	if v.readable(at, "quantity", "unit_value", "total_value") && !lineAddsUp(item) {
		v.fault(at+"total_value", "sum", "O total do item não é quantidade vezes valor unitário.")
	}
	if v.readable(at, "total_value", "total_value_with_discount") && item.Net > item.Total {
		v.fault(at+"total_value_with_discount", "above_total", "O valor com desconto é maior que o valor do item.")
	}
}

// cent is the rounding a till may do on a line: up, down or to the nearest.
const cent = 10

// lineAddsUp takes a line whose total is quantity times price, or quantity times the package's content times price,
// within a cent.
func lineAddsUp(item agent.Item) bool {
	once := within(int64(item.Quantity), int64(item.Unit), int64(item.Total))
	return once || (item.Packing > 1000 && within(int64(item.Quantity)*int64(item.Packing)/1000, int64(item.Unit), int64(item.Total)))
}

// within compares a product of thousandths with a total, to a cent. Figures too large to multiply are left to the sums.
func within(quantity, unit, total int64) bool {
	const limit = 1 << 31
	if quantity > limit || unit > limit {
		return true
	}
	difference := quantity*unit - total*1000
	return difference <= cent*1000 && difference >= -cent*1000
}

func (v *validator) readable(at string, names ...string) bool {
	for _, name := range names {
		if v.bad[at+name] {
			return false
		}
	}
	return true
}

// totals compares the receipt's sums with its lines and tenders.
func (v *validator) totals(sale agent.Sale) {
	if sale.Total < 0 {
		v.fault("total_value", "negative", "O valor não pode ser negativo.")
	}
	if sale.Net < 0 {
		v.fault("total_value_with_discount", "negative", "O valor não pode ser negativo.")
	}
	var gross, net, paid agent.Milli
	whole := true // every line in whole cents: sums are exact then
	for i, item := range sale.Items {
		if !v.readable(fmt.Sprintf("items[%d].", i), "total_value", "total_value_with_discount") {
			return
		}
		gross, net = gross+item.Total, net+item.Net
		whole = whole && item.Total%cent == 0 && item.Net%cent == 0
	}
	for _, payment := range sale.Payments {
		paid += payment.Amount
		if payment.Amount < 0 {
			v.fault("payments", "negative", "O valor não pode ser negativo.")
		}
	}
	if len(sale.Items) == 0 {
		return
	}
	slack := agent.Milli(0)
	if !whole {
		slack = cent
	}
	if !near(sale.Total, gross, slack) {
		v.fault("total_value", "sum", "O total da venda não é a soma dos itens.")
	}
	// A discount on the whole receipt may stand in no line; then the tenders must say the same.
	if !near(sale.Net, net, slack) && (sale.Net > net || paid != sale.Net) {
		v.fault("total_value_with_discount", "sum", "O total com desconto não é a soma dos itens com desconto.")
	}
	if len(sale.Payments) > 0 && paid < sale.Net-slack {
		v.fault("payments", "sum", "Os pagamentos somam menos que o total com desconto.")
	}
}

func near(a, b, slack agent.Milli) bool { return a-b <= slack && b-a <= slack }

// CheckSale gives the id of an old receipt and every fault of it: it is checked as a live one is, and must have its id.
func CheckSale(body rawjson.Value) (coupon string, faults []agent.Fault) {
	sale, faults := mercafacil.ReadSale(body)
	faults = validate(sale, faults)
	if sale.Coupon == "" && body.Kind == rawjson.Object {
		faults = append(faults, agent.Fault{Field: mercafacil.FieldCoupon, Code: "required", Detail: "Falta o identificador do cupom."})
	}
	return sale.Coupon, faults
}
