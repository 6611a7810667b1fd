package mercafacil

import (
	"fmt"
	"slices"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
)

// Names of fields of the live routes.
const (
	fieldMessage = "message"
	fieldShow    = "should_display_message"
	fieldItems   = "items"

	fieldDocument = "document_no"
)

// Opening is what a start says of its shopper (mercafacil.md 3.1).
type Opening struct {
	Session  string // transaction_id; empty on the first call
	Document string // digits; "0" or empty: nobody
}

// ReadOpening reads a start of either dialect: the document stands at the top (v2) or in transaction_context (v2.2).
func ReadOpening(body rawjson.Value) (Opening, Form) {
	r, ok := begin(body)
	if !ok {
		return Opening{}, r.Form
	}
	var opening Opening
	if inner, ok := body.Get("transaction_context"); ok && inner.Kind == rawjson.Object {
		opening.Document = r.document(inner, "transaction_context.", fieldDocument)
		r.texts(inner, "transaction_context.", "phone")
		r.texts(body, "", fieldDocument)
		opening.Session = r.wanted(body, "", FieldTransactionID)
	} else {
		opening.Document = r.wantedDocument(body, fieldDocument)
		opening.Session = r.text(body, "", FieldTransactionID)
	}
	r.texts(body, "", "phone")
	r.fits(FieldTransactionID, opening.Session)
	return opening, r.Form
}

// OpeningBody is a start that the agent makes itself (mercafacil.md 3.1). An empty document is a shopper nobody knows.
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
	if loyalty, ok := answer.Get("loyalty"); ok {
		if member, known := flag(loyalty); known {
			opened.Loyalty = &member
		}
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

// Prompt is a message that the cloud wants shown, as far as the agent must understand it (mercafacil.md 3.0, 3.2).
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
// present object, and without a yes or no the object decides.
func ReadPrompt(answer rawjson.Value) Prompt {
	message, ok := answer.Get(fieldMessage)
	if !ok || message.Kind != rawjson.Object || len(message.Members) == 0 {
		return Prompt{}
	}
	if show, ok := answer.Get(fieldShow); ok && (nothing(show) || refuses(show)) {
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
		n, err := reading.ParseNumber(text)
		return err != nil || n != reading.Number{}
	}
	return false
}

// Said is a shopper's answer to a message (mercafacil.md 3.2).
type Said struct {
	Session string
	Tag     string
}

// ReadSaid reads a message of the dialect.
func ReadSaid(body rawjson.Value, dialect agent.Dialect) (Said, Form) {
	r, ok := begin(body)
	if !ok {
		return Said{}, r.Form
	}
	said := Said{Session: r.required(body, FieldTransactionID)}
	profile, _ := ProfileOf(dialect)
	said.Tag = r.text(body, "", profile.Tag)
	if _, ok := body.Get(profile.Tag); !ok {
		r.fault(profile.Tag, "required", "Falta este campo.")
	}
	if dialect == agent.V22 {
		r.wanted(body, "", "input_value")
		return said, r.Form
	}
	r.text(body, "", "input_value")
	document := r.wanted(body, "", fieldDocument)
	if field, ok := body.Get(fieldDocument); ok && field.Kind == rawjson.String {
		if id, ok := reading.TaxID(document); ok && string(id) != document { // another one is the cloud's to judge: the start had it checked
			r.edit(field, string(rawjson.Quote(string(id))))
		}
	}
	return said, r.Form
}

// Cart is a basket as a till sends it: apply in v2, pre-apply in v2.2 (mercafacil.md 3.3, 3.4).
type Cart struct {
	Session string
	Client  string // client_id, v2
	Lines   []agent.CartLine
}

// ReadCart reads a basket and gives a fault for everything that discounts cannot be reckoned on.
func ReadCart(body rawjson.Value) (Cart, Form) {
	r, ok := begin(body)
	if !ok {
		return Cart{}, r.Form
	}
	cart := Cart{Session: r.text(body, "", FieldTransactionID), Client: r.document(body, "", FieldClientID)}
	r.texts(body, "", "origin")
	for i, item := range r.list(body, fieldItems, true) {
		cart.Lines = append(cart.Lines, r.cartLine(item, fmt.Sprintf("items[%d].", i)))
	}
	return cart, r.Form
}

func (r *reader) cartLine(v rawjson.Value, at string) agent.CartLine {
	line := agent.CartLine{
		SKU: r.wanted(v, at, "sku"), EAN: r.wanted(v, at, "ean"), Quantity: r.decimal(v, at, "quantity"), Gross: r.decimal(v, at, "total_value"),
	}
	if !r.blank(v, fieldPacking) {
		line.Packing = r.decimal(v, at, fieldPacking)
	}
	if has(v, "unit_value") {
		r.price(v, at, "unit_value")
	}
	line.Net = line.Gross
	if has(v, "total_value_with_discount") || has(v, "total_value_with_discounts") {
		line.Net = r.net(v, at)
		return line
	}
	for _, name := range []string{"total_value_with_discount", "total_value_with_discounts"} {
		if empty, there := v.Get(name); there {
			r.edit(empty, line.Net.String())
		}
	}
	return line
}
