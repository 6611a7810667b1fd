package mercafacil

import (
	"errors"
	"fmt"
	"slices"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Names of fields of the live routes.
const (
	fieldMessage = "message"
	fieldShow    = "should_display_message"
	fieldItems   = "items"
)

// Opening is what a start says of its shopper (contract 3.1).
type Opening struct {
	Session  string // transaction_id; empty on the first call
	Document string // as the till gives it, any
}

// ReadOpening reads a start of either dialect: the document stands at the top (v2) or in transaction_context (v2.2).
func ReadOpening(body rawjson.Value) (Opening, []agent.Fault) {
	r := reader{}
	if body.Kind != rawjson.Object {
		r.fault("", "type", "O corpo deve ser um objeto JSON.")
		return Opening{}, r.faults
	}
	opening := Opening{Session: r.text(body, "", FieldTransactionID), Document: r.text(body, "", "document_no")}
	if inner, ok := body.Get("transaction_context"); ok && inner.Kind == rawjson.Object {
		opening.Document = r.text(inner, "transaction_context.", "document_no")
	}
	if len(opening.Session) > MaxID {
		r.fault(FieldTransactionID, "too_long", fmt.Sprintf("Use no máximo %d caracteres.", MaxID))
	}
	return opening, r.faults
}

// OpeningBody is a start that the agent makes itself (contract 3.1). An empty document is a shopper nobody knows.
func OpeningBody(dialect agent.Dialect, document string) []byte {
	quoted := string(rawjson.Quote(document))
	if dialect == agent.V22 {
		return []byte(`{"transaction_context":{"document_no":` + quoted + `,"phone":""},"transaction_id":""}`)
	}
	return []byte(`{"document_no":` + quoted + `,"transaction_id":""}`)
}

// Opened is what the cloud says of a start.
type Opened struct {
	Session string // transaction_id; empty: not an answer to a start, or no id that can be used
	Loyalty *bool  // nil: it does not say
	Name    string
	Prompt  Prompt
}

// ReadOpened reads the answer to a start. The name may stand at the top or in user (R23).
func ReadOpened(answer rawjson.Value) Opened {
	opened := Opened{Session: textOf(answer, FieldTransactionID), Name: textOf(answer, "name"), Prompt: ReadPrompt(answer)}
	if len(opened.Session) > MaxID {
		opened.Session = ""
	}
	if loyalty, ok := answer.Get("loyalty"); ok && (loyalty.Kind == rawjson.True || loyalty.Kind == rawjson.False) {
		member := loyalty.Kind == rawjson.True
		opened.Loyalty = &member
	}
	if user, ok := answer.Get("user"); ok && opened.Name == "" {
		opened.Name = textOf(user, "name")
	}
	return opened
}

func textOf(v rawjson.Value, name string) string {
	field, _ := v.Get(name)
	text, _ := field.Text()
	return text
}

// Prompt is a message that the cloud wants shown, as far as the agent must understand it (contract 3.0, 3.2).
type Prompt struct {
	Shown bool
	Tags  []string // of the buttons
	Input bool     // asks for a text
	Text  []byte   // canonical form of the whole: the same question is the same text
}

// Takes tells whether an answer with that tag was offered. A prompt that wants a text and names no buttons takes any.
func (p Prompt) Takes(tag string) bool {
	return p.Shown && (slices.Contains(p.Tags, tag) || (len(p.Tags) == 0 && p.Input))
}

// ReadPrompt reads message and should_display_message: an empty object, null and absence mean none, a false overrides a
// present object, and without the boolean the object decides.
func ReadPrompt(answer rawjson.Value) Prompt {
	message, ok := answer.Get(fieldMessage)
	if !ok || message.Kind != rawjson.Object || len(message.Members) == 0 {
		return Prompt{}
	}
	if show, ok := answer.Get(fieldShow); ok && show.Kind != rawjson.True {
		return Prompt{}
	}
	prompt := Prompt{Shown: true, Text: message.Canonical()}
	if input, ok := message.Get("input"); ok {
		prompt.Input = truthy(input)
	}
	responses, _ := message.Get("responses")
	for _, response := range responses.Elements {
		if tag, ok := response.Get("tag"); ok {
			text, _ := tag.Text()
			prompt.Tags = append(prompt.Tags, text)
		}
	}
	return prompt
}

// truthy reads a field of unknown type as the public client does.
func truthy(v rawjson.Value) bool {
	switch v.Kind {
	case rawjson.True, rawjson.Object, rawjson.Array:
		return true
	case rawjson.String:
		return v.End-v.Start > 2
	case rawjson.Number:
		text, _ := v.Text()
		value, err := agent.ParseMilli(text)
		return err != nil || value != 0
	}
	return false
}

// Said is a shopper's answer to a message (contract 3.2).
type Said struct {
	Session string
	Tag     string
}

// ReadSaid reads a message of the dialect.
func ReadSaid(body rawjson.Value, dialect agent.Dialect) (Said, []agent.Fault) {
	r := reader{}
	if body.Kind != rawjson.Object {
		r.fault("", "type", "O corpo deve ser um objeto JSON.")
		return Said{}, r.faults
	}
	said := Said{Session: r.required(body, FieldTransactionID)}
	profile, _ := ProfileOf(dialect)
	said.Tag = r.text(body, "", profile.Tag)
	if _, ok := body.Get(profile.Tag); !ok {
		r.fault(profile.Tag, "required", "Falta este campo.")
	}
	r.text(body, "", "input_value")
	return said, r.faults
}

func (r *reader) required(v rawjson.Value, name string) string {
	text := r.text(v, "", name)
	if text == "" && !slices.ContainsFunc(r.faults, func(f agent.Fault) bool { return f.Field == name }) {
		r.fault(name, "required", "Falta este campo.")
	}
	return text
}

// Cart is a basket as a till sends it: apply in v2, pre-apply in v2.2 (contract 3.3, 3.4).
type Cart struct {
	Session string
	Client  string // client_id, v2
	Lines   []agent.CartLine
}

// maxLine bounds the value of a line, in thousandths: a billion reais.
const maxLine = 1_000_000_000_000

// ReadCart reads a basket and gives a fault for everything that discounts cannot be reckoned on.
func ReadCart(body rawjson.Value) (Cart, []agent.Fault) {
	r := reader{}
	if body.Kind != rawjson.Object {
		r.fault("", "type", "O corpo deve ser um objeto JSON.")
		return Cart{}, r.faults
	}
	cart := Cart{Session: r.text(body, "", FieldTransactionID), Client: r.text(body, "", FieldClientID)}
	for i, item := range r.list(body, fieldItems, true) {
		at := fmt.Sprintf("items[%d].", i)
		line := agent.CartLine{
			SKU: r.text(item, at, "sku"), EAN: r.text(item, at, "ean"),
			Quantity: r.decimal(item, at, "quantity"), Gross: r.decimal(item, at, "total_value"),
		}
		if has(item, "packing_quantity") {
			line.Packing = r.decimal(item, at, "packing_quantity")
		}
		line.Net = line.Gross
		if has(item, "total_value_with_discount") || has(item, "total_value_with_discounts") {
			line.Net = r.net(item, at)
		}
		r.line(at, line)
		cart.Lines = append(cart.Lines, line)
	}
	return cart, r.faults
}

func has(v rawjson.Value, name string) bool {
	field, ok := v.Get(name)
	return ok && field.Kind != rawjson.Null
}

// line checks what a line says together. A field that could not be read is zero here and faulty already.
func (r *reader) line(at string, line agent.CartLine) {
	known := func(name string) bool {
		return slices.ContainsFunc(r.faults, func(f agent.Fault) bool { return f.Field == at+name })
	}
	switch {
	case line.Quantity <= 0 && !known("quantity"):
		r.fault(at+"quantity", "not_positive", "A quantidade deve ser maior que zero.")
	case line.Gross < 0:
		r.fault(at+"total_value", "negative", "O valor não pode ser negativo.")
	case line.Gross > maxLine:
		r.fault(at+"total_value", "too_large", "O número é grande demais.")
	case line.Net < 0:
		r.fault(at+"total_value_with_discount", "negative", "O valor não pode ser negativo.")
	case line.Net > line.Gross && !known("total_value"):
		r.fault(at+"total_value_with_discount", "above_total", "O valor com desconto é maior que o valor do item.")
	}
}

// ErrAnswer says that an apply's answer is not of the contract's shape.
var ErrAnswer = errors.New("answer cannot be read")

// ReadOffered reads the answer to an apply (contract 3.4): numbers or numeric strings; a discount that is null or missing
// is none; a value with discount under either spelling, or the difference.
func ReadOffered(answer rawjson.Value) (agent.Offered, error) {
	var offered agent.Offered
	items, _ := answer.Get(fieldItems)
	if items.Kind != rawjson.Array {
		return offered, fmt.Errorf("%w: no items", ErrAnswer)
	}
	for i, item := range items.Elements {
		line, err := readOfferedLine(item)
		if err != nil {
			return offered, fmt.Errorf("items[%d]: %w", i, err)
		}
		offered.Lines = append(offered.Lines, line)
	}
	for _, total := range []struct {
		name string
		into *agent.Milli
	}{{"absolute", &offered.Absolute}, {"payment_discount", &offered.Payment}} {
		inner, ok := answer.Get(total.name)
		if !ok || inner.Kind == rawjson.Null {
			continue
		}
		if inner.Kind != rawjson.Object {
			return offered, fmt.Errorf("%w: %s is no object", ErrAnswer, total.name)
		}
		value, _, err := readDecimal(inner, "discount_value")
		if err != nil {
			return offered, fmt.Errorf("%s: %w", total.name, err)
		}
		*total.into = value
	}
	return offered, nil
}

func readOfferedLine(item rawjson.Value) (agent.OfferedLine, error) {
	line := agent.OfferedLine{SKU: textOf(item, "sku"), EAN: textOf(item, "ean")}
	var err error
	read := func(name string) (value agent.Milli, there bool) {
		value, there, readErr := readDecimal(item, name)
		err = errors.Join(err, readErr)
		return value, there
	}
	var thereQuantity, thereWithout, thereWith bool
	line.Quantity, thereQuantity = read("quantity")
	line.Packing, _ = read("packing_quantity")
	line.Without, thereWithout = read("total_value_without_discount")
	line.Discount, _ = read("discount_value")
	if line.With, thereWith = read("total_value_with_discount"); !thereWith {
		if line.With, thereWith = read("total_value_with_discounts"); !thereWith {
			line.With = line.Without - line.Discount
		}
	}
	if err == nil && (!thereQuantity || !thereWithout) {
		err = fmt.Errorf("%w: quantity or value is missing", ErrAnswer)
	}
	return line, err
}

// readDecimal reads a decimal exactly; false where it is null or missing.
func readDecimal(v rawjson.Value, name string) (agent.Milli, bool, error) {
	field, ok := v.Get(name)
	if !ok || field.Kind == rawjson.Null {
		return 0, false, nil
	}
	text, ok := field.Text()
	if !ok {
		return 0, false, fmt.Errorf("%w: %s is no number", ErrAnswer, name)
	}
	value, err := agent.ParseMilli(text)
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", name, err)
	}
	return value, true, nil
}
