package cardorder

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
	"pdvagent/payments/cashorder"
)

// request is a till's order after its check. It holds the card, and lives as long as the call.
type request struct {
	order       int64
	amount      agent.Cents
	shipping    agent.Cents
	parcels     int
	card        cashorder.Card
	wire        []byte // for the supplier
	fingerprint []byte // of the order without the card
}

// invalid is the refusal of one field. It never holds the field's value.
func invalid(field, code, detail string) error {
	e := agent.Errorf(agent.CodeInvalid, nil, "O pedido tem dados que não podem estar certos: %s: %s", field, strings.ToLower(detail[:1])+detail[1:])
	e.Fields = []agent.Fault{{Field: field, Code: code, Detail: detail}}
	return e
}

// reader checks an order, and collects its faults and the edits for the supplier.
type reader struct {
	d      *Desk
	body   []byte
	edits  []rawjson.Edit
	faults []agent.Fault
}

func (r *reader) fault(field, code, detail string) {
	r.faults = append(r.faults, agent.Fault{Field: field, Code: code, Detail: detail})
}

// read checks an order as far as it can be checked without the supplier.
func (d *Desk) read(body []byte) (*request, error) {
	root, err := rawjson.Parse(body)
	if err != nil {
		return nil, rawjson.Refusal(err)
	}
	r := &reader{d: d, body: body}
	order, payment := r.object(root, "", "order"), r.object(root, "", "payment")
	in := &request{}
	in.order = r.integer(order, "order", "id", 1)
	in.amount = agent.Cents(r.integer(order, "order", "amount", 1))
	r.date(order, "order", "createDate", true)
	shipping := r.object(order, "order", "shipping")
	in.shipping = agent.Cents(r.integer(shipping, "order.shipping", "costPrice", 0))
	r.date(shipping, "order.shipping", "deliveryForecast", false)
	r.person(r.object(shipping, "order.shipping", "receiver"), "order.shipping.receiver", "personType", "pesronType")
	r.object(shipping, "order.shipping", "shippingAddress")
	r.person(r.object(order, "order", "participant"), "order.participant", "pesronType", "personType")
	r.total(in, r.items(order))
	r.payment(in, payment)
	if len(r.faults) > 0 {
		first := r.faults[0]
		e := agent.Errorf(agent.CodeInvalid, nil, "O pedido tem dados que não podem estar certos: %s: %s", first.Field, strings.ToLower(first.Detail[:1])+first.Detail[1:])
		e.Fields = r.faults
		return nil, e
	}
	slices.SortFunc(r.edits, func(a, b rawjson.Edit) int { return a.Start - b.Start })
	in.wire = rawjson.Apply(body, r.edits...)
	in.fingerprint = append(order.Canonical(), "\x00"+strconv.Itoa(in.card.PaymentID)+"\x00"+strconv.Itoa(in.parcels)...)
	return in, nil
}

func path(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// object reads a member that must be an object; the zero value when it is none.
func (r *reader) object(v rawjson.Value, prefix, name string) rawjson.Value {
	inner, ok := v.Get(name)
	if !ok || inner.Kind != rawjson.Object {
		if v.Kind == rawjson.Object { // else the parent is a fault already
			r.fault(path(prefix, name), "required", "Falta, ou não é um objeto.")
		}
		return rawjson.Value{}
	}
	return inner
}

// text reads a string.
func (r *reader) text(v rawjson.Value, prefix, name string) string {
	member, ok := v.Get(name)
	if !ok || member.Kind != rawjson.String {
		if v.Kind == rawjson.Object {
			r.fault(path(prefix, name), "required", "Falta, ou não é um texto.")
		}
		return ""
	}
	text, _ := member.Text()
	return text
}

// integerText is how an integer, and money in cents, must be spelled: reais are written with a point, or with an exponent.
var integerText = regexp.MustCompile(`^[0-9]{1,12}$`)

// integer reads a whole number. Money with a point is refused: it may be meant as reais.
func (r *reader) integer(v rawjson.Value, prefix, name string, least int64) int64 {
	member, ok := v.Get(name)
	if !ok || member.Kind != rawjson.Number {
		if v.Kind == rawjson.Object {
			r.fault(path(prefix, name), "required", "Falta, ou não é um número.")
		}
		return 0
	}
	text, _ := member.Text()
	number, err := reading.ParseNumber(text)
	n, _, scaleErr := number.Scale(0)
	if !integerText.MatchString(text) || err != nil || scaleErr != nil || n < least {
		r.fault(path(prefix, name), "range", "Deve ser um número inteiro (dinheiro em centavos), de "+strconv.FormatInt(least, 10)+" em diante.")
		return 0
	}
	return n
}

// date reads a time in any of the accepted spellings, and edits it to the documented one.
func (r *reader) date(v rawjson.Value, prefix, name string, required bool) {
	member, ok := v.Get(name)
	if !ok || member.Kind == rawjson.Null {
		if required && v.Kind == rawjson.Object {
			r.fault(path(prefix, name), "required", "Falta.")
		}
		return
	}
	text, _ := member.Text()
	strict, ok := cashorder.Date(text, r.d.cfg.Zone)
	if !ok {
		r.fault(path(prefix, name), "invalid", "Use data e hora com fuso: 2026-08-21T12:00:00-03:00.")
		return
	}
	if strict != text {
		r.edits = append(r.edits, rawjson.Edit{Start: member.Start, End: member.End, Raw: rawjson.Quote(strict)})
	}
}

// person checks the receiver or the buyer. The supplier's documents spell one of its fields in two ways: both are read, and
// each object is sent with the spelling that is documented for it (contracts/cashorder.md 3.4).
func (r *reader) person(v rawjson.Value, prefix, documented, other string) {
	if v.Kind != rawjson.Object {
		return
	}
	r.document(v, prefix, "cpfCnpj")
	if r.text(v, prefix, "name") == "" {
		r.fault(prefix+".name", "required", "Falta.")
	}
	r.date(v, prefix, "birthDate", false)
	_, right := v.Get(documented)
	at := slices.IndexFunc(v.Members, func(m rawjson.Member) bool { return m.Name == other })
	switch {
	case right:
		r.integer(v, prefix, documented, 1)
	case at >= 0:
		r.integer(v, prefix, other, 1)
		m := v.Members[at]
		r.edits = append(r.edits, rawjson.Edit{Start: m.NameStart, End: m.NameEnd, Raw: rawjson.Quote(documented)})
	default:
		r.fault(path(prefix, documented), "required", "Falta.")
	}
}

// document reads a CPF or CNPJ however it is written; the supplier gets it as documented, without punctuation.
func (r *reader) document(v rawjson.Value, prefix, name string) {
	typed := r.text(v, prefix, name)
	document, ok := reading.TaxID(typed)
	if !ok {
		r.fault(path(prefix, name), "invalid", "O CPF ou CNPJ não confere: algum número falta ou foi trocado.")
		return
	}
	if member, _ := v.Get(name); string(document) != typed {
		r.edits = append(r.edits, rawjson.Edit{Start: member.Start, End: member.End, Raw: rawjson.Quote(string(document))})
	}
}

// items checks the items and adds up their prices.
func (r *reader) items(order rawjson.Value) (sum agent.Cents) {
	list, ok := order.Get("items")
	if !ok || list.Kind != rawjson.Array || len(list.Elements) == 0 {
		if order.Kind == rawjson.Object {
			r.fault("order.items", "required", "Falta ao menos um item.")
		}
		return 0
	}
	for i, item := range list.Elements {
		prefix := "order.items[" + strconv.Itoa(i) + "]"
		if item.Kind != rawjson.Object {
			r.fault(prefix, "type", "Deve ser um objeto.")
			continue
		}
		if r.text(item, prefix, "sku") == "" {
			r.fault(prefix+".sku", "required", "Falta.")
		}
		const most = 1_000_000_000
		quantity, price := r.integer(item, prefix, "quantity", 1), r.integer(item, prefix, "costPrice", 0)
		if quantity > 100_000 || price > most {
			r.fault(prefix, "range", "Quantidade ou preço grande demais.")
			continue
		}
		sum += agent.Cents(quantity * price)
	}
	return sum
}

// total compares the order's amount with the sum of its parts.
func (r *reader) total(in *request, items agent.Cents) {
	want, what := items, "dos itens"
	if r.d.cfg.Shipping {
		want, what = items+in.shipping, "dos itens com o frete"
	}
	if len(r.faults) == 0 && in.amount != want {
		r.fault("order.amount", "conflict", "Não é a soma "+what+": "+want.Reais()+" (payments.cashorder.total diz o que ela inclui).")
	}
}

// payment checks the card as far as it can be checked without its bank.
func (r *reader) payment(in *request, v rawjson.Value) {
	if v.Kind != rawjson.Object {
		return
	}
	r.document(v, "payment", "ownerDocument")
	if strings.TrimSpace(r.text(v, "payment", "ownerName")) == "" {
		r.fault("payment.ownerName", "required", "Falta.")
	}
	in.parcels = int(r.integer(v, "payment", "parcels", 1))
	in.card = cashorder.Card{PaymentID: int(r.integer(v, "payment", "paymentId", 1))}
	if in.card.PaymentID > 0 && cashorder.Brand(in.card.PaymentID) == "" {
		r.fault("payment.paymentId", "unknown", "Não há bandeira com este número: são de 2 (MasterCard) a 8 (Elo).")
		return
	}
	before := len(r.faults)
	in.card.Number, in.card.SecurityCode = r.text(v, "payment", "cardNumber"), r.text(v, "payment", "securityCode")
	in.card.Month, in.card.Year = r.text(v, "payment", "expirationMonth"), r.text(v, "payment", "expirationYear")
	if len(r.faults) > before {
		return
	}
	if field, detail := in.card.Check(r.d.cfg.Now().In(r.d.cfg.Zone)); field != "" {
		r.fault("payment."+field, "invalid", detail)
	}
}
