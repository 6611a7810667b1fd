package mercafacil

import (
	"fmt"

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
	shape := agent.LoadShape{Wrapper: "products", Key: "sku", Label: "name", Active: "active"}
	switch kind {
	case agent.KindProducts:
		shape.Fields = append(required(text("sku", "ean", "name")),
			agent.LoadField{Name: "price", Type: agent.DecimalField}, agent.LoadField{Name: "cost", Type: agent.DecimalField},
			agent.LoadField{Name: "packing_quantity", Type: agent.DecimalField}, agent.LoadField{Name: "active", Type: agent.FlagField})
		shape.Fields = append(shape.Fields, text("product_name", "unit", "department", "section", "group", "subgroup", "family", "brand")...)
	case agent.KindOperators:
		shape = agent.LoadShape{Wrapper: "operators", Key: "id", Label: "name", Active: "active", Fields: append(required(text("id", "name")),
			agent.LoadField{Name: "active", Type: agent.FlagField})}
		shape.Fields = append(shape.Fields, text("document_no", "email", "phone", "birth_date")...)
	case agent.KindCouponsList:
		shape = agent.LoadShape{Wrapper: "coupons", Key: FieldCoupon, Fixed: true, Fields: required(text(FieldCoupon))}
	}
	if !wrapped {
		shape.Wrapper = ""
	}
	return shape
}

// ReadRecord gives the key of a record of a load, and every fault of its known fields.
func ReadRecord(shape agent.LoadShape, record rawjson.Value) (string, []agent.Fault) {
	r := reader{}
	if record.Kind != rawjson.Object {
		r.fault("", "type", "Cada registro deve ser um objeto JSON.")
		return "", r.faults
	}
	for _, field := range shape.Fields {
		value, there := record.Get(field.Name)
		if !there || value.Kind == rawjson.Null {
			if field.Required {
				r.fault(field.Name, "required", "Falta este campo.")
			}
			continue
		}
		r.recordField(field, value, shape)
	}
	value, _ := record.Get(shape.Key)
	key, _ := value.Text()
	if len(key) > MaxID {
		r.fault(shape.Key, "too_long", fmt.Sprintf("Use no máximo %d caracteres.", MaxID))
	}
	return key, r.faults
}

func (r *reader) recordField(field agent.LoadField, value rawjson.Value, shape agent.LoadShape) {
	text, _ := value.Text()
	switch field.Type {
	case agent.TextField:
		switch {
		case value.Kind != rawjson.String:
			r.fault(field.Name, "type", "Este campo deve ser um texto, entre aspas.")
		case text == "" && (field.Name == shape.Key || field.Name == shape.Label):
			r.fault(field.Name, "required", "Este campo não pode ficar vazio.")
		}
	case agent.DecimalField:
		if value.Kind != rawjson.Number && value.Kind != rawjson.String {
			r.fault(field.Name, "type", "Este campo deve ser um número.")
		} else if _, err := agent.ParseMilli(text); err != nil {
			r.fault(field.Name, "not_decimal", "Use um número com ponto decimal, no máximo três casas e sem expoente.")
		}
	case agent.FlagField:
		if value.Kind != rawjson.True && value.Kind != rawjson.False {
			r.fault(field.Name, "type", "Este campo deve ser true ou false.")
		}
	}
}
