package mercafacil

import (
	"errors"
	"fmt"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Names of the fields that the agent itself reads or sets.
const (
	FieldTransactionID = "transaction_id"
	FieldCoupon        = "coupon"
	FieldClientID      = "client_id"
)

// ReadSale reads the known fields of a coupon's body (contract 3.7) and gives a fault for each that is not what it must
// be: missing, of another type, not an exact decimal. What the fields say together is not its matter.
func ReadSale(body rawjson.Value) (agent.Sale, []agent.Fault) {
	r := reader{}
	if body.Kind != rawjson.Object {
		r.fault("", "type", "O corpo deve ser um objeto JSON.")
		return agent.Sale{}, r.faults
	}
	sale := agent.Sale{
		Coupon:   r.text(body, "", FieldCoupon),
		Session:  r.text(body, "", FieldTransactionID),
		ClientID: r.text(body, "", FieldClientID),
		Date:     r.text(body, "", "date"),
		Time:     r.text(body, "", "time"),
		Till:     r.text(body, "", "pdv_code"),
		Operator: r.text(body, "", "operator_id"),
		Total:    r.decimal(body, "", "total_value"),
		Net:      r.net(body, ""),
	}
	for i, item := range r.list(body, "items", true) {
		at := fmt.Sprintf("items[%d].", i)
		packing := agent.Milli(1000)
		if _, ok := item.Get("packing_quantity"); ok {
			packing = r.decimal(item, at, "packing_quantity")
		}
		sale.Items = append(sale.Items, agent.Item{
			SKU: r.text(item, at, "sku"), EAN: r.text(item, at, "ean"),
			Quantity: r.decimal(item, at, "quantity"), Packing: packing, Unit: r.decimal(item, at, "unit_value"),
			Total: r.decimal(item, at, "total_value"), Net: r.net(item, at),
		})
	}
	for i, payment := range r.list(body, "payments", false) {
		at := fmt.Sprintf("payments[%d].", i)
		sale.Payments = append(sale.Payments, agent.Payment{
			Form: r.text(payment, at, "payment_form"), Amount: r.decimal(payment, at, "amount"),
		})
	}
	return sale, r.faults
}

type reader struct{ faults []agent.Fault }

func (r *reader) fault(field, code, detail string) {
	r.faults = append(r.faults, agent.Fault{Field: field, Code: code, Detail: detail})
}

// text reads a string, or a number as it is spelled; absent and null are empty.
func (r *reader) text(v rawjson.Value, at, name string) string {
	field, ok := v.Get(name)
	if !ok || field.Kind == rawjson.Null {
		return ""
	}
	text, ok := field.Text()
	if !ok {
		r.fault(at+name, "type", "Este campo deve ser um texto.")
	}
	return text
}

// decimal reads a required number or numeric string, exactly.
func (r *reader) decimal(v rawjson.Value, at, name string) agent.Milli {
	field, ok := v.Get(name)
	if !ok || field.Kind == rawjson.Null {
		r.fault(at+name, "required", "Falta este campo.")
		return 0
	}
	text, ok := field.Text()
	if !ok {
		r.fault(at+name, "type", "Este campo deve ser um número.")
		return 0
	}
	value, err := agent.ParseMilli(text)
	switch {
	case errors.Is(err, agent.ErrTooManyDecimals):
		r.fault(at+name, "too_many_decimals", "Use no máximo três casas decimais.")
	case errors.Is(err, agent.ErrTooLarge):
		r.fault(at+name, "too_large", "O número é grande demais.")
	case err != nil:
		r.fault(at+name, "not_decimal", "Use um número com ponto decimal e sem expoente.")
	}
	return value
}

// net reads the value with discount under either of its two spellings (contract 0.8).
func (r *reader) net(v rawjson.Value, at string) agent.Milli {
	if _, ok := v.Get("total_value_with_discounts"); ok {
		if _, both := v.Get("total_value_with_discount"); !both {
			return r.decimal(v, at, "total_value_with_discounts")
		}
	}
	return r.decimal(v, at, "total_value_with_discount")
}

func (r *reader) list(v rawjson.Value, name string, required bool) []rawjson.Value {
	field, ok := v.Get(name)
	if !ok || field.Kind == rawjson.Null {
		if required {
			r.fault(name, "required", "Falta este campo.")
		}
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
func ReadID(body rawjson.Value, name string) (string, []agent.Fault) {
	r := reader{}
	if body.Kind != rawjson.Object {
		r.fault("", "type", "O corpo deve ser um objeto JSON.")
		return "", r.faults
	}
	id := r.text(body, "", name)
	if id == "" && len(r.faults) == 0 {
		r.fault(name, "required", "Falta este campo.")
	}
	if len(id) > MaxID {
		r.fault(name, "too_long", fmt.Sprintf("Use no máximo %d caracteres.", MaxID))
	}
	return id, r.faults
}

// MaxID is the longest id of a session or a receipt, in bytes (contract 3.7).
const MaxID = 100

// CancelBody is the body of a cancel that the agent itself sends (contract 3.6).
func CancelBody(transactionID string) []byte {
	return append(append([]byte(`{"transaction_id":`), rawjson.Quote(transactionID)...), '}')
}
