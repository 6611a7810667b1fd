package mercafacil

import (
	"cmp"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
)

// Form is what the reading of a body tells beside its values: what the cloud would refuse, what was understood although it is
// not written as the contract says, and the body as it goes up.
type Form struct {
	Faults []agent.Fault
	Notes  []agent.Note
	body   rawjson.Value
	edits  []rawjson.Edit
	drops  []string // members of the body that go up without their null
}

// Wire is the body as the cloud takes it: byte for byte as it came but for tokens of another type than the contract's. A code
// that came as a number is the text of its digits, a null text is empty, a document has no punctuation, and a number within
// quotes that JSON does not spell so is spelled plainly.
func (f Form) Wire() []byte {
	text := f.body.Source()
	if len(f.edits) > 0 {
		edits := slices.Clone(f.edits)
		slices.SortStableFunc(edits, func(a, b rawjson.Edit) int { return cmp.Compare(a.Start, b.Start) })
		text = rawjson.Apply(text, edits...)
	}
	for _, name := range f.drops {
		body, err := rawjson.Parse(text)
		if err != nil { // the edits above are tokens of JSON
			return text
		}
		text = rawjson.RemoveMember(text, body, name)
	}
	return text
}

// Mended tells that the body goes up otherwise than it came.
func (f Form) Mended() bool { return len(f.edits)+len(f.drops) > 0 }

// reader reads the fields of a body, each by the type that the contract wants.
type reader struct{ Form }

// begin takes the body, which must be an object.
func begin(body rawjson.Value) (r reader, ok bool) {
	r.body = body
	if body.Kind != rawjson.Object {
		r.fault("", "type", "O corpo deve ser um objeto JSON.")
		return r, false
	}
	return r, true
}

func (r *reader) fault(field, code, detail string) {
	r.Faults = append(r.Faults, agent.Fault{Field: field, Code: code, Detail: detail})
}

func (r *reader) faulty(field string) bool {
	return slices.ContainsFunc(r.Faults, func(f agent.Fault) bool { return f.Field == field })
}

func (r *reader) note(code agent.NoteCode, field string) {
	r.Notes = agent.AddNote(r.Notes, code, field)
}

func (r *reader) edit(field rawjson.Value, raw string) {
	r.edits = append(r.edits, rawjson.Edit{Start: field.Start, End: field.End, Raw: []byte(raw)})
}

// add gives an object that has members one more.
func (r *reader) add(v rawjson.Value, name, raw string) {
	if len(v.Members) == 0 {
		return
	}
	end := v.Members[len(v.Members)-1].Value.End
	r.edits = append(r.edits, rawjson.Edit{Start: end, End: end, Raw: []byte("," + string(rawjson.Quote(name)) + ":" + raw)})
}

const emptyText = `""`

// text reads a text: a string, or a whole number as the text of its digits; absent and null are empty.
func (r *reader) text(v rawjson.Value, at, name string) string {
	field, there := v.Get(name)
	text, number, err := reading.Text(field)
	switch {
	case errors.Is(err, reading.ErrFraction):
		r.fault(at+name, "fraction", "Este campo é um código: envie-o entre aspas. Um número com sinal, fração ou expoente não serve.")
	case err != nil:
		r.fault(at+name, "type", "Este campo deve ser um texto, entre aspas.")
	case number:
		r.note(agent.NoteNumberText, at+name)
		r.edit(field, string(rawjson.Quote(text)))
	case there && field.Kind == rawjson.Null:
		r.edit(field, emptyText)
	}
	return text
}

// texts reads optional texts that the agent has no use for.
func (r *reader) texts(v rawjson.Value, at string, names ...string) {
	for _, name := range names {
		r.text(v, at, name)
	}
}

// wanted is a text that the contract requires: an absent one goes up empty.
func (r *reader) wanted(v rawjson.Value, at, name string) string {
	if _, there := v.Get(name); !there {
		r.add(v, name, emptyText)
	}
	return r.text(v, at, name)
}

// wantedDocument is document, of a field at the top that the contract requires.
func (r *reader) wantedDocument(v rawjson.Value, name string) string {
	if _, there := v.Get(name); !there {
		r.add(v, name, emptyText)
	}
	return r.document(v, "", name)
}

// required is a text that must not be empty.
func (r *reader) required(v rawjson.Value, name string) string {
	text := r.text(v, "", name)
	if text == "" && !r.faulty(name) {
		r.fault(name, "required", "Falta este campo.")
	}
	return text
}

// noMember is the document of a shopper who is no member (R29).
const noMember = "0"

// document reads a CPF or CNPJ, which goes up without punctuation: only digits, none added (R39). Empty and "0" are nobody.
func (r *reader) document(v rawjson.Value, at, name string) string {
	field, _ := v.Get(name)
	text := r.text(v, at, name)
	if text == "" || text == noMember || r.faulty(at+name) {
		return text
	}
	if strings.Trim(text, " .-/_") == "" { // the mask of an empty field on a till's screen
		r.edit(field, emptyText)
		return ""
	}
	id, ok := reading.TaxID(text)
	switch {
	case field.Kind == rawjson.Number && (len(text) == 10 || len(text) == 13):
		r.fault(at+name, "zero_lost", "O documento veio como número e perdeu o zero do início. Envie-o entre aspas.")
	case !ok:
		r.fault(at+name, "document", "O CPF ou CNPJ não confere: são 11 ou 14 caracteres com os dígitos verificadores corretos, sem zeros acrescentados. "+
			"Sem cliente identificado, envie \"0\" ou deixe vazio.")
	case string(id) != text:
		r.edit(field, string(rawjson.Quote(string(id))))
	}
	return string(id)
}

// number reads a required number, or a text that is one.
func (r *reader) number(v rawjson.Value, at, name string) (n reading.Number, ok bool) {
	field, there := v.Get(name)
	if !there || field.Kind == rawjson.Null {
		r.fault(at+name, "required", "Falta este campo.")
		return n, false
	}
	text, isText := field.Text()
	if !isText {
		r.fault(at+name, "type", "Este campo deve ser um número.")
		return n, false
	}
	n, err := reading.ParseInText(text)
	switch {
	case errors.Is(err, reading.ErrTooLarge):
		r.tooLarge(at + name)
	case err != nil:
		r.fault(at+name, "not_decimal", "Use um número com ponto decimal.")
	case field.Kind == rawjson.String && !plainDecimal(text):
		r.edit(field, n.String())
		if strings.IndexByte(text, ',') >= 0 {
			r.note(agent.NoteMended, at+name)
		}
	}
	return n, err == nil
}

func (r *reader) tooLarge(field string) { r.fault(field, "too_large", "O número é grande demais.") }

// plainDecimal tells whether the contract takes a numeric text as it is: digits without zeros before them, and up to six
// decimals (mercafacil.md 3.0).
func plainDecimal(text string) bool {
	if text[0] == '-' {
		text = text[1:]
	}
	if len(text) > 1 && text[0] == '0' && text[1] != '.' { // fixed-width fields of old programs
		return false
	}
	decimals := -1 // no point yet
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.' && decimals < 0 && i > 0:
			decimals = 0
		case c < '0' || c > '9':
			return false
		case decimals >= 0:
			decimals++
		}
	}
	return text != "" && decimals != 0 && decimals <= 6
}

// maxAmount bounds an amount, in thousandths, so that sums stay far from overflow: a billion reais.
const maxAmount = 1_000_000_000_000

// decimal reads a required amount. More than three decimals are rounded, and noted.
func (r *reader) decimal(v rawjson.Value, at, name string) agent.Milli {
	value, _ := r.quantity(v, at, name)
	return value
}

// quantity is decimal, and tells whether the value was rounded.
func (r *reader) quantity(v rawjson.Value, at, name string) (value agent.Milli, rounded bool) {
	n, ok := r.number(v, at, name)
	if !ok {
		return 0, false
	}
	value, rounded, err := n.Milli()
	if err != nil || value > maxAmount || value < -maxAmount {
		r.tooLarge(at + name)
		return 0, false
	}
	if rounded {
		r.note(agent.NoteRounded, at+name)
	}
	return value, rounded
}

// price reads a price of one, with all its decimals: it informs, and nothing is added up with it.
func (r *reader) price(v rawjson.Value, at, name string) *big.Rat {
	n, ok := r.number(v, at, name)
	if !ok {
		return new(big.Rat)
	}
	price, err := n.Rat()
	if err != nil {
		r.tooLarge(at + name)
		return new(big.Rat)
	}
	return price
}

// blank tells that an optional number is not given: absent, null, or an empty text. What stands there goes up as 1.
func (r *reader) blank(v rawjson.Value, name string) bool {
	field, there := v.Get(name)
	text, isText := field.Text()
	switch {
	case !there:
		return true
	case field.Kind == rawjson.Null, isText && text == "":
		r.edit(field, "1")
		return true
	}
	return false
}

// whole reads an optional whole number, which goes up as a number.
func (r *reader) whole(v rawjson.Value, at, name string) {
	if r.blank(v, name) {
		return
	}
	field, _ := v.Get(name)
	n, ok := r.number(v, at, name)
	if !ok {
		return
	}
	switch value, rounded, err := n.Scale(0); {
	case err != nil || rounded || value < 0:
		r.fault(at+name, "type", "Este campo deve ser um número inteiro.")
	case field.Kind == rawjson.String, !n.Whole():
		r.edits = slices.DeleteFunc(r.edits, func(e rawjson.Edit) bool { return e.Start == field.Start })
		r.edit(field, strconv.FormatInt(value, 10))
	}
}

// net reads the value with discount under either of its two spellings (mercafacil.md 0.8).
func (r *reader) net(v rawjson.Value, at string) agent.Milli {
	used, spare := "total_value_with_discount", "total_value_with_discounts"
	if !has(v, used) && has(v, spare) {
		used, spare = spare, used
	}
	value := r.decimal(v, at, used)
	switch other, there := v.Get(spare); {
	case !there:
	case other.Kind == rawjson.Null:
		r.edit(other, value.String())
	default:
		r.decimal(v, at, spare)
	}
	return value
}

func has(v rawjson.Value, name string) bool {
	field, ok := v.Get(name)
	return ok && field.Kind != rawjson.Null
}
