package cardorder

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/payments/cashorder"
)

// request is a till's order, checked. It lives as long as the call.
type request struct {
	order       int64
	amount      agent.Cents
	shipping    agent.Cents
	parcels     int
	card        cashorder.Card
	wire        []byte // for the supplier
	fingerprint []byte // what was asked for, without the card
}

// invalid is a refusal of one field. It never has the field's value.
func invalid(field, code, detail string) error {
	e := agent.Errorf(agent.CodeInvalid, nil, "O pedido tem dados que não podem estar certos: %s: %s", field, strings.ToLower(detail[:1])+detail[1:])
	e.Fields = []agent.Fault{{Field: field, Code: code, Detail: detail}}
	return e
}

// reader gathers what is wrong with an order.
type reader struct {
	d      *Desk
	body   []byte
	edits  []rawjson.Edit
	faults []agent.Fault
}

func (r *reader) fault(field, code, detail string) {
	r.faults = append(r.faults, agent.Fault{Field: field, Code: code, Detail: detail})
}

// read checks an order, as far as that can be done without the supplier.
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

// object gives a member that must be an object; one without members where it is none.
func (r *reader) object(v rawjson.Value, prefix, name string) rawjson.Value {
	inner, ok := v.Get(name)
	if !ok || inner.Kind != rawjson.Object {
		if v.Kind == rawjson.Object { // else its own absence was told
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

// whole is an integer as cents must be spelled.
var whole = regexp.MustCompile(`^[0-9]{1,12}$`)

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
	n, err := strconv.ParseInt(text, 10, 64)
	if !whole.MatchString(text) || err != nil || n < least {
		r.fault(path(prefix, name), "range", "Deve ser um número inteiro (dinheiro em centavos), de "+strconv.FormatInt(least, 10)+" em diante.")
		return 0
	}
	return n
}

// date reads a moment in any of its spellings, and has it written as it should be.
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

// person checks who receives or buys. The documents spell one of their fields in two ways: both are read, and each object
// gets the one that is documented for it (contracts/cashorder.md 3.4).
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

func (r *reader) document(v rawjson.Value, prefix, name string) {
	if _, ok := agent.ParseDocument(r.text(v, prefix, name)); !ok {
		r.fault(path(prefix, name), "invalid", "O CPF ou CNPJ não confere (só os números e letras, sem pontos).")
	}
}

// items adds up what is bought.
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

// total compares the order's amount with what it is made of.
func (r *reader) total(in *request, items agent.Cents) {
	want, what := items, "dos itens"
	if r.d.cfg.Shipping {
		want, what = items+in.shipping, "dos itens com o frete"
	}
	if len(r.faults) == 0 && in.amount != want {
		r.fault("order.amount", "conflict", "Não é a soma "+what+": "+want.Reais()+" (payments.cashorder.total diz o que ela inclui).")
	}
}

// payment checks the card, as far as a card can be checked without its bank.
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
