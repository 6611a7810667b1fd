package mercafacil

import (
	"fmt"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Names of the fields that the agent itself reads or sets.
const (
	FieldTransactionID = "transaction_id"
	FieldCoupon        = "coupon"
	FieldClientID      = "client_id"

	fieldPacking = "packing_quantity"
)

// ReadSale reads a coupon's body (mercafacil.md 3.7). A fault is what that schema refuses: a field that is missing, or that is
// not, and cannot become, what it must be. What the fields say together is not its matter.
func ReadSale(body rawjson.Value) (agent.Sale, Form) {
	r, ok := begin(body)
	if !ok {
		return agent.Sale{}, r.Form
	}
	sale := agent.Sale{
		Coupon:   r.text(body, "", FieldCoupon),
		Session:  r.text(body, "", FieldTransactionID),
		ClientID: r.wantedDocument(body, FieldClientID),
		Date:     r.text(body, "", "date"),
		Time:     r.text(body, "", "time"),
		Till:     r.wanted(body, "", "pdv_code"),
		Operator: r.wanted(body, "", "operator_id"),
		Total:    r.decimal(body, "", "total_value"),
		Net:      r.net(body, ""),
	}
	r.texts(body, "", "origin")
	for i, item := range r.list(body, "items", true) {
		sale.Items = append(sale.Items, r.item(item, fmt.Sprintf("items[%d].", i)))
	}
	for i, payment := range r.list(body, "payments", false) {
		sale.Payments = append(sale.Payments, r.payment(payment, fmt.Sprintf("payments[%d].", i)))
	}
	return sale, r.Form
}

func (r *reader) item(v rawjson.Value, at string) agent.Item {
	item := agent.Item{
		SKU: r.wanted(v, at, "sku"), EAN: r.wanted(v, at, "ean"), Packing: 1000,
		Unit: r.price(v, at, "unit_value"), Total: r.decimal(v, at, "total_value"), Net: r.net(v, at),
	}
	item.Quantity, item.Inexact = r.quantity(v, at, "quantity")
	if !r.blank(v, fieldPacking) {
		item.Packing = r.decimal(v, at, fieldPacking)
	}
	r.texts(v, at, "product_name", "department", "section", "group", "subgroup", "family")
	return item
}

func (r *reader) payment(v rawjson.Value, at string) agent.Payment {
	payment := agent.Payment{Form: r.wanted(v, at, "payment_form"), Amount: r.decimal(v, at, "amount")}
	r.whole(v, at, "instalments")
	r.texts(v, at, "acquirer_id", "acquirer_name", "authorizer_id", "authorizer_name")
	return payment
}

// list reads a list of objects. An optional one that is missing goes up empty.
func (r *reader) list(v rawjson.Value, name string, required bool) []rawjson.Value {
	field, there := v.Get(name)
	switch {
	case there && field.Kind != rawjson.Null:
	case required:
		r.fault(name, "required", "Falta este campo.")
		return nil
	case there:
		r.edit(field, "[]")
		return nil
	default:
		r.add(v, name, "[]")
		return nil
	}
	if field.Kind != rawjson.Array {
		r.fault(name, "type", "Este campo deve ser uma lista.")
		return nil
	}
	if required && len(field.Elements) == 0 {
		r.fault(name, "empty", "A venda não tem itens.")
	}
	for i, element := range field.Elements {
		if element.Kind != rawjson.Object {
			r.fault(fmt.Sprintf("%s[%d]", name, i), "type", "Cada elemento deve ser um objeto.")
			return nil
		}
	}
	return field.Elements
}

// ReadID reads the one id that confirm, cancel and a coupon's cancellation carry.
func ReadID(body rawjson.Value, name string) (string, Form) {
	r, ok := begin(body)
	if !ok {
		return "", r.Form
	}
	id := r.required(body, name)
	r.fits(name, id)
	return id, r.Form
}

// fits checks the length of an id.
func (r *reader) fits(name, id string) {
	if len(id) > MaxID {
		r.fault(name, "too_long", fmt.Sprintf("Use no máximo %d caracteres.", MaxID))
	}
}

// MaxID is the longest id of a session or a receipt, in bytes (mercafacil.md 3.7).
const MaxID = 100

// CancelBody is the body of a cancel that the agent itself sends (mercafacil.md 3.6).
func CancelBody(transactionID string) []byte {
	return append(append([]byte(`{"transaction_id":`), rawjson.Quote(transactionID)...), '}')
}
