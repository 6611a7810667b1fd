package reading

import (
	"bytes"
	"slices"
	"strings"

	"pdvagent/agent/rawjson"
)

// mender reads a text that is almost JSON, and writes JSON.
type mender struct {
	text    []byte
	at      int
	out     []byte
	repairs []Repair
	depth   int
	top     map[string]member // of the outermost object, by name with its quotes
}

func (m *mender) note(r Repair) {
	if !slices.Contains(m.repairs, r) {
		m.repairs = append(m.repairs, r)
	}
}

func (m *mender) fail() error { return Place(m.text, m.at) }

// peek gives the next byte; 0 at the end, where no JSON goes on either.
func (m *mender) peek() byte {
	if m.at >= len(m.text) {
		return 0
	}
	return m.text[m.at]
}

// keep copies the next byte.
func (m *mender) keep() {
	m.out = append(m.out, m.text[m.at])
	m.at++
}

func (m *mender) document() error {
	if err := m.space(); err != nil {
		return err
	}
	if err := m.value(); err != nil {
		return err
	}
	if err := m.space(); err != nil {
		return err
	}
	if m.at < len(m.text) {
		return m.fail()
	}
	return nil
}

// space copies white space and leaves comments out.
func (m *mender) space() error {
	for m.at < len(m.text) {
		switch c := m.text[m.at]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			m.keep()
		case bytes.HasPrefix(m.text[m.at:], []byte("//")):
			m.note(RepairComment)
			end := bytes.IndexByte(m.text[m.at:], '\n')
			if end < 0 {
				end = len(m.text) - m.at
			}
			m.at += end
		case bytes.HasPrefix(m.text[m.at:], []byte("/*")):
			m.note(RepairComment)
			end := bytes.Index(m.text[m.at:], []byte("*/"))
			if end < 0 {
				return m.fail()
			}
			m.at += end + len("*/")
		default:
			return nil
		}
	}
	return nil
}

func (m *mender) value() error {
	switch c := m.peek(); {
	case c == '{':
		return m.inside(m.object)
	case c == '[':
		return m.inside(m.array)
	case c == '"':
		_, err := m.str()
		return err
	case c == '-' || c == '+' || c == '.' || (c >= '0' && c <= '9'):
		return m.number()
	}
	return m.word()
}

func (m *mender) inside(read func() error) error {
	if m.depth++; m.depth > rawjson.MaxDepth {
		return rawjson.ErrTooDeep
	}
	defer func() { m.depth-- }()
	m.keep()
	return read()
}

// str copies a string, and gives it as it is written. A control character in it is a fault: its meaning is not plain.
func (m *mender) str() (string, error) {
	start := m.at
	for m.keep(); m.at < len(m.text); {
		switch c := m.text[m.at]; {
		case c == '"':
			m.keep()
			return string(m.text[start:m.at]), nil
		case c < ' ':
			return "", m.fail()
		case c == '\\' && m.at+1 < len(m.text):
			m.keep()
			m.keep()
		default:
			m.keep()
		}
	}
	return "", m.fail()
}

// word copies true, false or null, however it is written.
func (m *mender) word() error {
	end := m.at
	for end < len(m.text) && (m.text[end]|0x20 >= 'a' && m.text[end]|0x20 <= 'z') {
		end++
	}
	spelled := string(m.text[m.at:end])
	plain := strings.ToLower(spelled)
	if plain != "true" && plain != "false" && plain != "null" {
		return m.fail()
	}
	if plain != spelled {
		m.note(RepairWord)
	}
	m.out = append(m.out, plain...)
	m.at = end
	return nil
}

func isNumberByte(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// number copies a number, in JSON's spelling. Digits that begin with zeros become a string: they are a code, and its zeros
// count.
func (m *mender) number() error {
	end := m.at
	for end < len(m.text) && isNumberByte(m.text[end]) {
		end++
	}
	spelled := string(m.text[m.at:end])
	plain, ok := plainNumber(spelled)
	if !ok {
		return m.fail()
	}
	if plain != spelled {
		m.note(RepairNumber)
	}
	m.out = append(m.out, plain...)
	m.at = end
	return nil
}

// plainNumber gives a number as JSON writes it; the same text where it is one already.
func plainNumber(spelled string) (string, bool) {
	if allDigits(spelled) && (spelled[0] != '0' || spelled == "0") {
		return spelled, true
	}
	if _, err := rawjson.Parse([]byte(spelled)); err == nil {
		return spelled, true
	}
	if _, err := ParseNumber(spelled); err != nil {
		return "", false
	}
	if allDigits(spelled) {
		return string(rawjson.Quote(spelled)), true
	}
	sign, rest := "", strings.TrimPrefix(spelled, "+")
	if strings.HasPrefix(rest, "-") {
		sign, rest = "-", rest[1:]
	}
	mantissa, power, hasPower := cutPower(rest)
	integer, decimals, _ := strings.Cut(mantissa, ".")
	if integer = strings.TrimLeft(integer, "0"); integer == "" {
		integer = "0"
	}
	plain := sign + integer
	if decimals != "" {
		plain += "." + decimals
	}
	if hasPower {
		plain += "e" + power
	}
	return plain, true
}

// member is one member of an object that is being read.
type member struct {
	start, value, end int    // in out: of the comma before it, of its value, behind it
	canonical         []byte // form of the value, once another member has its name
}

// object reads up to the closing brace. The opening one is written.
func (m *mender) object() error {
	seen := make(map[string]member)
	if m.depth == 1 {
		m.top = seen
	}
	for first := true; ; first = false {
		if err := m.space(); err != nil {
			return err
		}
		start := len(m.out)
		if m.peek() == '}' {
			if !first {
				m.note(RepairComma)
			}
			m.keep()
			return nil
		}
		if !first {
			m.out = append(m.out, ',')
		}
		name, value, err := m.member()
		if err != nil {
			return err
		}
		m.unique(seen, name, member{start: start, value: value, end: len(m.out)})
		more, err := m.separator('}')
		if err != nil || !more {
			return err
		}
	}
}

// member reads a name and its value, which begins at value in out.
func (m *mender) member() (name string, value int, err error) {
	if m.peek() != '"' {
		return "", 0, m.fail()
	}
	if name, err = m.str(); err != nil {
		return "", 0, err
	}
	if err = m.space(); err != nil {
		return "", 0, err
	}
	if m.peek() != ':' {
		return "", 0, m.fail()
	}
	m.keep()
	if err = m.space(); err != nil {
		return "", 0, err
	}
	value = len(m.out)
	number := isNumberByte(m.peek())
	if err = m.value(); err == nil && number {
		m.decimals(value)
	}
	return name, value, err
}

// decimals adds the decimals behind a comma to an integer that is a member's value: where a name would have to follow, a digit
// can mean nothing else.
func (m *mender) decimals(start int) {
	integer := strings.TrimPrefix(string(m.out[start:]), "-")
	if !allDigits(integer) || m.peek() != ',' {
		return
	}
	end := m.at + 1
	for end < len(m.text) && m.text[end] >= '0' && m.text[end] <= '9' {
		end++
	}
	behind := bytes.TrimLeft(m.text[end:], " \t\r\n")
	if end == m.at+1 || len(behind) == 0 || (behind[0] != ',' && behind[0] != '}') {
		return
	}
	m.note(RepairNumber)
	m.out = append(append(m.out, '.'), m.text[m.at+1:end]...)
	m.at = end
}

// unique drops a member whose name and value stood there before. One with another value stays: it is refused as a duplicate.
func (m *mender) unique(seen map[string]member, name string, now member) {
	before, twice := seen[name]
	if !twice {
		seen[name] = now
		return
	}
	if before.canonical == nil {
		before.canonical = canonical(m.out[before.value:before.end])
		seen[name] = before
	}
	if bytes.Equal(before.canonical, canonical(m.out[now.value:now.end])) {
		m.note(RepairDuplicate)
		m.out = m.out[:now.start]
	}
}

// canonical gives the canonical form of a value; the value itself where it is refused later on.
func canonical(value []byte) []byte {
	v, err := rawjson.Parse(value)
	if err != nil {
		return value
	}
	return v.Canonical()
}

// array reads up to the closing bracket. The opening one is written.
func (m *mender) array() error {
	for first := true; ; first = false {
		if err := m.space(); err != nil {
			return err
		}
		if m.peek() == ']' {
			if !first {
				m.note(RepairComma)
			}
			m.keep()
			return nil
		}
		if !first {
			m.out = append(m.out, ',')
		}
		if err := m.value(); err != nil {
			return err
		}
		more, err := m.separator(']')
		if err != nil || !more {
			return err
		}
	}
}

// plainGap tells that only a comma can be missing in the space from there on: a line ends in it, or what is before it is no
// string, whose quote might belong to its text.
func (m *mender) plainGap(from int) bool {
	return m.at > from && (bytes.IndexByte(m.text[from:m.at], '\n') >= 0 || m.text[from-1] != '"')
}

// separator reads what follows an element: a comma, which is written with the next element, or the end. A comma may be
// missing before a member's name or an object, see [mender.plainGap].
func (m *mender) separator(end byte) (more bool, err error) {
	from := m.at
	if err := m.space(); err != nil {
		return false, err
	}
	switch c := m.peek(); {
	case c == ',':
		m.at++
		return true, nil
	case c == end:
		m.keep()
		return false, nil
	case (end == '}' && c == '"' || end == ']' && c == '{') && m.plainGap(from):
		m.note(RepairMissingComma)
		return true, nil
	}
	return false, m.fail()
}
