// Package rawjson parses a JSON text and keeps its bytes: it tells where each value is, gives its exact spelling, and replaces
// single tokens while everything else stays byte for byte the same. It refuses duplicate keys, too deep nesting and trailing
// text. It knows no contract and no field. Every package that reads a till's or a cloud's body calls it; it calls
// encoding/json to validate. (encoding/json alone would round numbers, merge duplicate keys and reorder.)
package rawjson

import (
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// Refusals of [Parse].
var (
	ErrMalformed    = errors.New("not a JSON text")
	ErrDuplicateKey = errors.New("duplicate key")
	ErrTooDeep      = errors.New("nested too deep")
	ErrEncoding     = errors.New("not UTF-8")
)

// MaxDepth is the deepest nesting that [Parse] takes.
const MaxDepth = 64

// Kind is the kind of a JSON value: its first byte, '0' for a number.
type Kind byte

// The kinds of value.
const (
	Object Kind = '{'
	Array  Kind = '['
	String Kind = '"'
	Number Kind = '0'
	True   Kind = 't'
	False  Kind = 'f'
	Null   Kind = 'n'
)

// Value is one value of a text and its place.
type Value struct {
	Kind       Kind
	Start, End int      // bytes of the text
	Members    []Member // of an object, in the text's order
	Elements   []Value  // of an array
	text       []byte   // the whole text
}

// Member is one name and value of an object.
type Member struct {
	Name               string
	NameStart, NameEnd int // bytes of the text, quotes included
	Value              Value
}

// Parse reads one JSON text. The result keeps text; do not change it.
func Parse(text []byte) (Value, error) {
	if !utf8.Valid(text) {
		return Value{}, ErrEncoding
	}
	if depth(text) > MaxDepth {
		return Value{}, ErrTooDeep
	}
	if !json.Valid(text) {
		return Value{}, ErrMalformed
	}
	p := parser{text: text}
	return p.value()
}

// depth counts brackets outside strings; text need not be valid.
func depth(text []byte) int {
	deepest, now, inString := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// parser walks a text that json.Valid accepts: it only has to find the ends of values.
type parser struct {
	text []byte
	at   int
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n', ',', ':':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) value() (Value, error) {
	p.space()
	v := Value{Start: p.at, text: p.text}
	var err error
	switch c := p.text[p.at]; c {
	case '{':
		v.Kind, err = Object, p.object(&v)
	case '[':
		v.Kind, err = Array, p.array(&v)
	case '"':
		v.Kind = String
		p.str()
	case 't', 'f', 'n':
		v.Kind = Kind(c)
		p.at += len("true")
		if c == 'f' {
			p.at++
		}
	default:
		v.Kind = Number
		p.number()
	}
	v.End = p.at
	return v, err
}

func (p *parser) object(v *Value) error {
	p.at++
	seen := make(map[string]struct{})
	for p.space(); p.text[p.at] != '}'; p.space() {
		start := p.at
		p.str()
		end := p.at
		name := unquote(p.text[start:end])
		if _, twice := seen[name]; twice {
			return ErrDuplicateKey // without the name: it may be somebody's document
		}
		seen[name] = struct{}{}
		member, err := p.value()
		if err != nil {
			return err
		}
		v.Members = append(v.Members, Member{Name: name, NameStart: start, NameEnd: end, Value: member})
	}
	p.at++
	return nil
}

func (p *parser) array(v *Value) error {
	p.at++
	for p.space(); p.text[p.at] != ']'; p.space() {
		element, err := p.value()
		if err != nil {
			return err
		}
		v.Elements = append(v.Elements, element)
	}
	p.at++
	return nil
}

func (p *parser) str() {
	for p.at++; p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' {
			p.at++
		}
	}
	p.at++
}

func (p *parser) number() {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			p.at++
		default:
			return
		}
	}
}

func unquote(raw []byte) string {
	for _, c := range raw {
		if c == '\\' {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				return string(raw)
			}
			return text
		}
	}
	return string(raw[1 : len(raw)-1])
}
