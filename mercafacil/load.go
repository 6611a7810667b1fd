package mercafacil

import (
	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// MaxBatch bounds a batch, in encoded bytes: the vendor says 25 MB and not which (R16, R18).
const MaxBatch = 24_000_000

// Shape gives how the records of a load look. The names of products and operators are the contract's guess (3.10, 3.11);
// wrapped says that a batch stands in an object.
func Shape(kind agent.Kind, wrapped bool) agent.LoadShape {
	text := func(names ...string) []agent.LoadField {
		fields := make([]agent.LoadField, len(names))
		for i, name := range names {
			fields[i] = agent.LoadField{Name: name, Type: agent.TextField}
		}
		return fields
	}
	required := func(fields []agent.LoadField) []agent.LoadField {
		for i := range fields {
			fields[i].Required = true
		}
		return fields
	}
	codes := func(fields []agent.LoadField) []agent.LoadField {
		for i := range fields {
			fields[i].Code = true
		}
		return fields
	}
	shape := agent.LoadShape{Wrapper: "products", Key: "sku", Label: "name", Active: "active"}
	switch kind {
	case agent.KindProducts:
		shape.Fields = append(required(append(codes(text("sku", "ean")), text("name")...)),
			agent.LoadField{Name: "price", Type: agent.DecimalField}, agent.LoadField{Name: "cost", Type: agent.DecimalField},
			agent.LoadField{Name: "packing_quantity", Type: agent.DecimalField}, agent.LoadField{Name: "active", Type: agent.FlagField})
		shape.Fields = append(shape.Fields, text("product_name", "unit", "department", "section", "group", "subgroup", "family", "brand")...)
	case agent.KindOperators:
		shape = agent.LoadShape{Wrapper: "operators", Key: "id", Label: "name", Active: "active", Fields: append(required(append(codes(text("id")), text("name")...)),
			agent.LoadField{Name: "active", Type: agent.FlagField})}
		shape.Fields = append(shape.Fields, append(codes(text("document_no", "phone")), text("email", "birth_date")...)...)
	case agent.KindCouponsList:
		shape = agent.LoadShape{Wrapper: "coupons", Key: FieldCoupon, Fixed: true, Fields: required(codes(text(FieldCoupon)))}
	}
	if !wrapped {
		shape.Wrapper = ""
	}
	return shape
}

// ReadRecord reads the known fields of a record of a load and gives its key. A fault is what the contract's schema refuses
// (3.10, 3.11).
func ReadRecord(shape agent.LoadShape, record rawjson.Value) (string, Form) {
	r, ok := begin(record)
	if !ok {
		r.Faults[0].Detail = "Cada registro deve ser um objeto JSON."
		return "", r.Form
	}
	key := ""
	for _, field := range shape.Fields {
		text := r.recordField(field, record, field.Name == shape.Key || field.Name == shape.Label)
		if field.Name == shape.Key {
			key = text
		}
	}
	r.fits(shape.Key, key)
	return key, r.Form
}

// recordField reads a field; it gives the text of one that is a text. named fields must not be empty.
func (r *reader) recordField(field agent.LoadField, record rawjson.Value, named bool) string {
	value, there := record.Get(field.Name)
	switch {
	case field.Type == agent.TextField && named:
		return r.required(record, field.Name)
	case field.Type == agent.TextField && field.Required:
		return r.wanted(record, "", field.Name)
	case field.Type == agent.TextField:
		return r.text(record, "", field.Name)
	case !there:
	case value.Kind == rawjson.Null:
		r.drops = append(r.drops, field.Name)
	case field.Type == agent.DecimalField:
		r.decimal(record, "", field.Name)
	case value.Kind != rawjson.True && value.Kind != rawjson.False:
		r.fault(field.Name, "type", "Este campo deve ser true ou false.")
	}
	return ""
}
