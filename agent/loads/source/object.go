package source

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"pdvagent/agent"
	"pdvagent/agent/mask"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
)

// object makes JSON objects of rows. Fields of the shape get their type, others are texts. Empty values are left out, but
// for texts and fields that the shape requires.
type object struct {
	shape   agent.LoadShape
	decimal byte // ',' or '.'
	places  []place
	rounded bool // a number of the last record had more than three decimals
}

// place is a field of the object and the column that it comes from.
type place struct {
	column int
	field  agent.LoadField
	typed  bool // a number of the column always has a point: the database says so
}

// has tells whether a column gives the field.
func (o *object) has(field string) bool {
	return slices.ContainsFunc(o.places, func(p place) bool { return p.field.Name == field })
}

// newObject maps the source's columns to the wire's names. It is a fault of the source itself when a configured column is
// not there, and when a column that is used is there twice.
func newObject(cfg Config, shape agent.LoadShape, columns []string) (*object, error) {
	o := &object{shape: shape, decimal: '.'}
	if cfg.Decimal == "comma" {
		o.decimal = ','
	}
	used := make(map[int]bool)
	put := func(column int, name string) {
		field, ok := shape.Field(name)
		if !ok {
			field.Name = name
		}
		o.places, used[column] = append(o.places, place{column: column, field: field}), true
	}
	for _, field := range slices.Sorted(maps.Keys(cfg.Columns)) { // two fields may come from one column
		column := cfg.Columns[field]
		at := named(columns, column)
		switch {
		case len(at) == 0:
			return nil, agent.Errorf(agent.CodeInvalid, nil, "A coluna %q, configurada para %s, não existe; as colunas são: %s.", column, field, shownNames(columns))
		case len(at) > 1:
			return nil, twice(column, field, at)
		}
		put(at[0], field)
	}
	for at, column := range columns {
		name := strings.TrimSpace(column)
		known, isKnown := shape.Field(strings.ToLower(name))
		if isKnown {
			name = known.Name
		}
		if used[at] || name == "" || o.has(name) {
			continue
		}
		if all := named(columns, name); isKnown && len(all) > 1 {
			return nil, twice(column, name, all)
		}
		put(at, name)
	}
	slices.SortStableFunc(o.places, func(a, b place) int { return a.column - b.column })
	for _, field := range shape.Fields {
		if field.Required && (field.Name == shape.Key || field.Name == shape.Label) && !o.has(field.Name) {
			return nil, agent.Errorf(agent.CodeInvalid, nil, "Falta a coluna de %s; as colunas são: %s. Use columns para dizer qual é.", field.Name, shownNames(columns))
		}
	}
	return o, nil
}

// shownNames lists columns for a person: a file without a heading has a record there, of somebody perhaps.
func shownNames(columns []string) string {
	shown := make([]string, len(columns))
	for i, column := range columns {
		shown[i] = mask.Name(i, column)
	}
	return strings.Join(shown, ", ")
}

// named lists where the columns of a name are.
func named(columns []string, name string) (at []int) {
	for i, column := range columns {
		if strings.EqualFold(strings.TrimSpace(column), strings.TrimSpace(name)) {
			at = append(at, i)
		}
	}
	return at
}

func twice(column, field string, at []int) error {
	return agent.Errorf(agent.CodeInvalid, nil, "Há %d colunas com o nome %q (a %dª e a %dª), e não se sabe qual é %s. Renomeie uma delas na origem.", len(at), strings.TrimSpace(column), at[0]+1, at[1]+1, field)
}

// key reads the record's key; empty without one.
func (o *object) key(values []string) string {
	for _, p := range o.places {
		if p.field.Name == o.shape.Key && p.column < len(values) {
			text := strings.TrimSpace(values[p.column])
			if mended, err := mend(text, p.field.Code); err == nil {
				return mended
			}
			return text
		}
	}
	return ""
}

// of makes a row's object, or the fault of its first bad value.
func (o *object) of(values []string) ([]byte, *agent.Fault) {
	o.rounded = false
	body := []byte{'{'}
	add := func(name string, raw []byte) {
		if len(body) > 1 {
			body = append(body, ',')
		}
		body = append(append(append(body, rawjson.Quote(name)...), ':'), raw...)
	}
	for _, p := range o.places {
		value := strings.TrimSpace(values[p.column])
		if value == "" && p.field.Type != agent.TextField {
			continue
		}
		raw, err := o.raw(p, value)
		if err != nil {
			return nil, &agent.Fault{Field: p.field.Name, Code: "invalid", Detail: err.Error()}
		}
		add(p.field.Name, raw)
	}
	for _, field := range o.shape.Fields { // what the vendor wants there, "even if empty" (R17)
		if field.Required && !o.has(field.Name) {
			add(field.Name, []byte(`""`))
		}
	}
	return append(body, '}'), nil
}

func (o *object) raw(p place, value string) ([]byte, error) {
	switch p.field.Type {
	case agent.DecimalField:
		number, err := o.number(p, value)
		if err != nil {
			return nil, errors.New("não é um número; confira a opção decimal (point ou comma)")
		}
		milli, rounded, err := number.Milli()
		if err != nil {
			return nil, errors.New("é um número grande demais")
		}
		if exact := number.String(); p.field.Exact && len(exact) > len(milli.String())+1 {
			return []byte(exact), nil
		}
		o.rounded = o.rounded || rounded
		return []byte(milli.String()), nil
	case agent.FlagField:
		switch strings.ToLower(value) {
		case "1", "s", "sim", "t", "true", "y", "yes", "ativo", "a":
			return []byte("true"), nil
		case "0", "n", "nao", "não", "f", "false", "no", "inativo", "i":
			return []byte("false"), nil
		}
		return nil, errors.New("não é sim nem não")
	}
	text, err := mend(value, p.field.Code)
	return rawjson.Quote(text), err
}

func (o *object) number(p place, value string) (reading.Number, error) {
	if p.typed {
		return reading.ParseNumber(value)
	}
	if n, err := reading.ParseNumber(value); err == nil && strings.ContainsAny(value, "eE") { // no person writes an exponent
		return n, nil
	}
	return reading.ParseLocal(value, o.decimal)
}

// signs is what the numbers of a source show of its decimal sign.
type signs struct {
	shown   bool   // a number has decimals behind the configured sign
	grouped string // a number that is a thousand times another one under the other sign, and where it is: 1.234
}

// errSign says that the numbers are not written with the configured decimal sign, or may not be.
type errSign struct{ detail string }

func (e errSign) Error() string { return e.detail }

// look checks the numbers of a row against the decimal sign, before any record is used.
func (s *signs) look(o *object, values []string, where string) error {
	for _, p := range o.places {
		if p.field.Type != agent.DecimalField || p.typed {
			continue
		}
		value := strings.TrimSpace(values[p.column])
		_, err := o.number(p, value)
		switch at := strings.IndexByte(value, o.decimal); {
		case errors.Is(err, reading.ErrContradicts):
			return errSign{fmt.Sprintf("%s: %s é %s, o que contradiz a opção decimal: %s. Se os números da origem são assim, use decimal: %s.",
				where, p.field.Name, short(value), o.sign(o.decimal), o.sign(o.other()))}
		case err != nil:
		case at >= 0:
			s.shown = true
		case s.grouped == "" && strings.IndexByte(value, o.other()) >= 0 && !strings.ContainsAny(value, "eE"):
			s.grouped = fmt.Sprintf("%s: %s é %s", where, p.field.Name, short(value))
		}
	}
	return nil
}

// verdict is the fault of a source whose numbers never show the configured sign and may be written with the other one.
func (s *signs) verdict(o *object) error {
	if s.shown || s.grouped == "" {
		return nil
	}
	return errSign{fmt.Sprintf("%s, e com a opção decimal: %s isso é mil vezes mais; nenhum número da origem mostra qual é o sinal dos decimais. Confira a opção decimal, ou exporte com duas casas decimais.",
		s.grouped, o.sign(o.decimal))}
}

func (o *object) other() byte {
	if o.decimal == ',' {
		return '.'
	}
	return ','
}

func (o *object) sign(decimal byte) string {
	if decimal == ',' {
		return "comma"
	}
	return "point"
}

// short is a value as a message shows it.
func short(value string) string {
	if runes := []rune(value); len(runes) > 20 {
		return string(runes[:20]) + "…"
	}
	return value
}

// legacy tells an encoding of one byte a character. Texts that are said to be ISO-8859-1 are Windows-1252.
func legacy(encoding string) bool { return encoding == "windows-1252" || encoding == "iso-8859-1" }

// toUTF8 decodes a text that is no UTF-8 as the configured encoding. ok is false for a text that cannot be read without loss.
func toUTF8(text []byte, encoding string) (decoded []byte, ok bool) {
	if !utf8.Valid(text) {
		if !legacy(encoding) {
			return text, false
		}
		text, _ = charmap.Windows1252.NewDecoder().Bytes(text) // it takes every byte
	}
	return text, !bytes.ContainsRune(text, utf8.RuneError)
}
