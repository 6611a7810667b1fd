package history

import (
	"context"
	"iter"
	"slices"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
)

// Columns is the shape of a receipt's line in a CSV file or in a query's rows. Each line repeats the receipt's own fields, and
// the lines of a receipt follow each other. A line without sku is a tender.
func Columns() agent.LoadShape {
	shape := agent.LoadShape{Key: "coupon"}
	for _, name := range []string{"coupon", "date", "time", "client_id", "pdv_code", "operator_id", "payment_form", "sku", "ean", "product_name", "department", "section", "group", "subgroup", "family"} {
		code := slices.Contains([]string{"coupon", "client_id", "pdv_code", "operator_id", "sku", "ean"}, name)
		shape.Fields = append(shape.Fields, agent.LoadField{Name: name, Type: agent.TextField, Required: name == "coupon", Code: code})
	}
	for _, name := range []string{"payment_amount", "quantity", "packing_quantity", "unit_value", "total_value", "total_value_with_discount"} {
		shape.Fields = append(shape.Fields, agent.LoadField{Name: name, Type: agent.DecimalField, Exact: name == "unit_value"})
	}
	return shape
}

// receipts yields the source's receipts, put together from their lines when a record is a line. A line that cannot be read
// may be of the receipt before it or of the receipt after it: neither is sent.
func (i *importer) receipts(ctx context.Context) iter.Seq[receipt] {
	return func(yield func(receipt) bool) {
		n := 0
		var open *lines
		var doubt *agent.Fault // of the line before, which may be this receipt's or the last one's
		for record := range i.cfg.Source.Records(ctx) {
			n++
			if !i.cfg.Rows {
				if !yield(receipt{place: record.Place, end: n, body: record.Body, fault: record.Fault}) {
					return
				}
				continue
			}
			row, id, fault := readRow(record)
			if fault != nil {
				if doubt = fault; open != nil {
					open.fault, open.end = fault, n
				} else if !yield(receipt{place: record.Place, end: n, fault: fault}) {
					return
				}
				continue
			}
			if open != nil && id != open.id {
				if !yield(open.receipt()) {
					return
				}
				open = nil
			}
			if open == nil {
				open = &lines{id: id, place: record.Place, fault: doubt}
			}
			doubt = nil
			open.add(row, n)
		}
		if open != nil && i.cfg.Source.Err() == nil && ctx.Err() == nil { // the last receipt of a cut source may lack lines
			yield(open.receipt())
		}
	}
}

// readRow reads a line and its receipt's id.
func readRow(record source.Record) (row rawjson.Value, id string, fault *agent.Fault) {
	if record.Fault != nil {
		return row, "", record.Fault
	}
	row, err := rawjson.Parse(record.Body)
	if err != nil {
		refusal := rawjson.Refusal(err)
		return row, "", &agent.Fault{Code: string(refusal.Code), Detail: refusal.Message}
	}
	value, _ := row.Get("coupon")
	id, _, err = reading.Text(value)
	switch {
	case err != nil:
		return row, "", &agent.Fault{Field: "coupon", Code: "type", Detail: "O identificador do cupom deve ser um texto."}
	case id == "":
		return row, "", &agent.Fault{Field: "coupon", Code: "required", Detail: "Falta o identificador do cupom."}
	}
	return row, id, nil
}

// lines are those of one receipt.
type lines struct {
	id, place  string
	end        int
	head       rawjson.Value
	items      [][]byte
	payments   [][]byte
	gross, net agent.Milli
	fault      *agent.Fault
}

func (l *lines) add(row rawjson.Value, n int) {
	l.end = n
	if l.head.Kind == 0 {
		l.head = row
	}
	text := func(name string) string {
		value, _ := row.Get(name)
		text, _ := value.Text()
		return text
	}
	total, net := decimal(text("total_value")), decimal(text("total_value_with_discount"))
	if text("total_value_with_discount") == "" {
		net = total
	}
	if text("sku") != "" {
		l.items = append(l.items, item(row, total, net))
		l.gross, l.net = l.gross+total, l.net+net
	}
	if form := text("payment_form"); form != "" && text("payment_amount") != "" {
		amount, _ := row.Get("payment_amount")
		l.payments = append(l.payments, tender(form, string(amount.Raw())))
	}
}

func decimal(text string) agent.Milli {
	value, _, err := reading.Milli(text)
	if err != nil { // the receipt's check refuses it
		return 0
	}
	return value
}

func item(row rawjson.Value, total, net agent.Milli) []byte {
	out := []byte{'{'}
	for _, name := range []string{"sku", "ean", "product_name", "department", "section", "group", "subgroup", "family"} {
		out = append(append(append(out, rawjson.Quote(name)...), ':'), code(row, name)...)
		out = append(out, ',')
	}
	for _, name := range []string{"quantity", "packing_quantity", "unit_value"} {
		if value, ok := row.Get(name); ok {
			out = append(append(append(append(out, rawjson.Quote(name)...), ':'), value.Raw()...), ',')
		} else if name == "packing_quantity" {
			out = append(out, `"packing_quantity":1,`...)
		}
	}
	return append(out, `"total_value":`+total.String()+`,"total_value_with_discount":`+net.String()+`}`...)
}

// code spells a text field as it came: what is no text, the receipt's check finds. Nothing is empty.
func code(row rawjson.Value, name string) []byte {
	if value, ok := row.Get(name); ok && value.Kind != rawjson.Null {
		return value.Raw()
	}
	return []byte(`""`)
}

func tender(form, amount string) []byte {
	return append(append([]byte(`{"payment_form":`), rawjson.Quote(form)...), `,"amount":`+amount+`,"instalments":1}`...)
}

// receipt puts the lines together. When no line has an amount, all of it is paid in the first line's form.
func (l *lines) receipt() receipt {
	r := receipt{place: l.place, end: l.end, id: l.id, fault: l.fault}
	if l.fault != nil {
		return r
	}
	text := func(name string) string {
		value, _ := l.head.Get(name)
		text, _ := value.Text()
		return text
	}
	if form := text("payment_form"); len(l.payments) == 0 && form != "" {
		l.payments = append(l.payments, tender(form, l.net.String()))
	}
	client := code(l.head, "client_id")
	if text("client_id") == "" {
		client = []byte(`"0"`)
	}
	out := append([]byte(`{"coupon":`), rawjson.Quote(l.id)...)
	out = append(append(append(out, `,"client_id":`...), client...), ',')
	for _, name := range []string{"date", "time", "pdv_code", "operator_id"} {
		out = append(append(append(append(out, rawjson.Quote(name)...), ':'), code(l.head, name)...), ',')
	}
	out = append(append(append(out, `"origin":"pdv","items":[`...), join(l.items)...), `],"payments":[`...)
	out = append(append(out, join(l.payments)...), `],"total_value":`+l.gross.String()+`,"total_value_with_discount":`+l.net.String()+`}`...)
	r.body = out
	return r
}

func join(parts [][]byte) []byte {
	var out []byte
	for i, part := range parts {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, part...)
	}
	return out
}
