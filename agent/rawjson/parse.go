// Package rawjson parses a JSON text and keeps its bytes: it tells where each value is, gives its exact spelling, and replaces
// single tokens while everything else stays byte for byte the same. It refuses duplicate keys, too deep nesting and trailing
// text. [Walk] reads a text in the same way and keeps nothing of it. It knows no contract and no field. Every package that reads a
// till's or a cloud's body calls it. (encoding/json would round numbers, merge duplicate keys and reorder.)
package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
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
	return read(text, nil)
}

// read reads a text in one pass: into a tree, or for a visitor without keeping anything.
func read(text []byte, visit Visitor) (Value, error) {
	if !utf8.Valid(text) {
		return Value{}, ErrEncoding
	}
	p := parser{scanner: scanner{text: text}, visit: visit}
	v, err := p.value("")
	if err == nil {
		if _ = p.space(); p.at < len(text) {
			err = ErrMalformed
		}
	}
	if err != nil {
		return Value{}, gravest(text, err)
	}
	return v, nil
}

// gravest chooses which of several faults of a text is reported: one that hides the others goes first.
func gravest(text []byte, found error) error {
	switch {
	case depth(text) > MaxDepth:
		return ErrTooDeep
	case !json.Valid(text):
		return ErrMalformed
	}
	return found
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

// parser reads values, into a tree or for a visitor.
type parser struct {
	scanner
	visit Visitor // nil: the tree is kept
	depth int
	open  []string   // names in the objects that are open, the outer one's first
	known [64]string // names that were read, in the place that their bytes give: a name that comes again is kept once
}

// value reads one value. A string or number in a list is under the list's name.
func (p *parser) value(under string) (Value, error) {
	var err error
	c := p.space()
	v := Value{Kind: Kind(c), Start: p.at, text: p.text}
	switch {
	case c == '{':
		return p.object(v)
	case c == '[':
		return p.array(v, under)
	case c == '"':
		err = p.str()
	case c == '-' || isDigit(c):
		v.Kind = Number
		err = p.number()
	default:
		err = p.word(c)
	}
	v.End = p.at
	if err == nil && p.visit != nil {
		p.visit.Scalar(under, p.depth, v)
	}
	return v, err
}

func (p *parser) object(v Value) (Value, error) {
	if p.depth++; p.depth > MaxDepth {
		return v, ErrTooDeep
	}
	first := len(p.open)
	many := make(map[string]struct{}) // the names, where they are too many to look through
	n := 0
	for p.more('}', n) {
		member, err := p.name(first, many)
		if err != nil {
			return v, err
		}
		if p.visit != nil {
			p.visit.Name(n, member)
		}
		if member.Value, err = p.value(member.Name); err != nil {
			return v, err
		}
		if p.visit == nil {
			v.Members = append(v.Members, member)
		}
		n++
	}
	p.open = p.open[:first]
	return p.end(v, '}', n)
}

// name reads a member's name and the colon behind it.
func (p *parser) name(first int, many map[string]struct{}) (Member, error) {
	if p.space() != '"' {
		return Member{}, ErrMalformed
	}
	start := p.at
	if err := p.str(); err != nil {
		return Member{}, err
	}
	member := Member{Name: p.once(p.text[start:p.at]), NameStart: start, NameEnd: p.at}
	if p.twice(member.Name, first, many) {
		return member, ErrDuplicateKey // without the name: it may be somebody's document
	}
	if p.space() != ':' {
		return member, ErrMalformed
	}
	p.at++
	return member, nil
}

// once gives a name of the text, as the same string as the last time if it is one of those read before.
func (p *parser) once(raw []byte) string {
	if bytes.IndexByte(raw, '\\') >= 0 {
		return unquote(raw)
	}
	raw = raw[1 : len(raw)-1]
	if len(raw) == 0 {
		return ""
	}
	place := &p.known[(len(raw)*7+int(raw[0])+int(raw[len(raw)-1])*3)%len(p.known)]
	if *place != string(raw) {
		*place = string(raw)
	}
	return *place
}

// twice notes a name of the object that is open, and tells whether it has one of the kind.
func (p *parser) twice(name string, first int, many map[string]struct{}) bool {
	const few = 24
	names := p.open[first:]
	p.open = append(p.open, name)
	if len(names) < few {
		return slices.Contains(names, name)
	}
	if len(names) == few {
		for _, earlier := range names {
			many[earlier] = struct{}{}
		}
	}
	_, twice := many[name]
	many[name] = struct{}{}
	return twice
}

func (p *parser) array(v Value, under string) (Value, error) {
	if p.depth++; p.depth > MaxDepth {
		return v, ErrTooDeep
	}
	n := 0
	for p.more(']', n) {
		element, err := p.value(under)
		if err != nil {
			return v, err
		}
		if p.visit == nil {
			v.Elements = append(v.Elements, element)
		}
		n++
	}
	return p.end(v, ']', n)
}

// more tells whether an object or a list with n entries has another one, and steps over what separates them.
func (p *parser) more(bracket byte, n int) bool {
	if n == 0 {
		p.at++ // the opening bracket
		return p.space() != bracket
	}
	if p.space() != ',' {
		return false
	}
	p.at++
	return true
}

// end steps over the bracket that ends an object or a list of n entries.
func (p *parser) end(v Value, bracket byte, n int) (Value, error) {
	if p.space() != bracket {
		return v, ErrMalformed
	}
	p.at++
	p.depth--
	v.End = p.at
	if p.visit != nil {
		p.visit.End(p.depth, v, n)
	}
	return v, nil
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
