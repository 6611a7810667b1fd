package reading

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Repair names one kind of thing that was mended in a document. It is stable and goes into notes.
type Repair string

// The repairs.
const (
	RepairEnd          Repair = "trailing_bytes"  // NUL, 0x1A (end of a DOS text) or a byte order mark around the document
	RepairComma        Repair = "trailing_comma"  // before } or ]
	RepairMissingComma Repair = "missing_comma"   // between two members
	RepairComment      Repair = "comment"         // // or /* */
	RepairNumber       Repair = "number_spelling" // .5, 5., +5, 1,5 as a member's value, digits with zeros at their start
	RepairWord         Repair = "word_spelling"   // True, FALSE, NULL
	RepairDuplicate    Repair = "duplicate_key"   // twice with the same value
	RepairDropped      Repair = "dropped_member"  // that cannot be read, and that can be done without ([DocumentWithout])
)

// A SyntaxError says where a document stops being JSON. It holds none of the text, only its shape.
type SyntaxError struct {
	Line, Column int    // from 1; the column in characters
	Shape        string // of ten characters around: x for a letter, 9 for a digit, ? for what cannot be printed
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("no JSON at line %d, column %d, near %s", e.Line, e.Column, e.Shape)
}

// Unwrap makes it one of [rawjson.ErrMalformed].
func (e *SyntaxError) Unwrap() error { return rawjson.ErrMalformed }

// Document reads a JSON text strictly and, only where that fails, with the mistakes mended whose meaning is plain (the
// constants Repair…). It gives the text that goes on: the same bytes, or strict JSON, and each kind of repair once.
//
// It is for the bodies of loyalty calls and sales, and the loyalty cloud's answers. Everything else (payments, orders,
// configuration, repairs by a person) is read by [rawjson.Parse]. Two members of one name with different values, a nesting
// that is too deep and a text that is not UTF-8 are never mended. Its errors are those of rawjson; a malformed text is a
// [SyntaxError].
func Document(text []byte) (mended []byte, v rawjson.Value, repairs []Repair, err error) {
	if v, err = rawjson.Parse(text); err == nil {
		return text, v, nil, nil
	}
	if errors.Is(err, rawjson.ErrTooDeep) || errors.Is(err, rawjson.ErrEncoding) {
		return nil, v, nil, err
	}
	m := &mender{text: trimEnds(text)}
	if len(m.text) != len(text) {
		m.note(RepairEnd)
	}
	if err = m.document(); err != nil {
		return nil, v, nil, err
	}
	if v, err = rawjson.Parse(m.out); err != nil {
		return nil, v, nil, err
	}
	return m.out, v, m.repairs, nil
}

// DocumentWithout is [Document] for a text whose only fault may be two values under one name inside a member of the top object
// that can be done without: that member is left out.
func DocumentWithout(text []byte, name string) (mended []byte, v rawjson.Value, repairs []Repair, err error) {
	if mended, v, repairs, err = Document(text); !errors.Is(err, rawjson.ErrDuplicateKey) {
		return mended, v, repairs, err
	}
	m := &mender{text: trimEnds(text)}
	if mendErr := m.document(); mendErr != nil {
		return nil, v, nil, mendErr
	}
	dropped, ok := m.top[string(rawjson.Quote(name))]
	if !ok {
		return nil, v, nil, err
	}
	m.note(RepairDropped)
	mended = append(bytes.Clone(m.out[:dropped.start]), m.out[dropped.end:]...)
	if behind := bytes.TrimLeft(mended[dropped.start:], " \t\r\n"); m.out[dropped.start] != ',' && len(behind) > 0 && behind[0] == ',' {
		mended = append(mended[:dropped.start], behind[1:]...) // it was the first member
	}
	v, parseErr := rawjson.Parse(mended)
	if parseErr != nil {
		return nil, v, nil, parseErr
	}
	if _, twice := v.Get(name); twice {
		return nil, v, nil, err
	}
	return mended, v, m.repairs, nil
}

// trimEnds drops what programs leave around a text: a byte order mark before it, NUL and 0x1A behind it, and spaces.
func trimEnds(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	return bytes.TrimRight(text, "\x00\x1a \t\r\n")
}

// Malformed turns an error of [Document] into a refusal for a person, with the place where the text is wrong.
func Malformed(err error) *agent.Error {
	wrong, ok := errors.AsType[*SyntaxError](err)
	if !ok {
		return rawjson.Refusal(err)
	}
	return agent.Errorf(agent.CodeMalformed, err, "O corpo não é um JSON válido: linha %d, coluna %d, perto de «%s» (x é uma letra, 9 um algarismo). "+
		"Confira aspas, vírgulas e caracteres de controle dentro dos textos.", wrong.Line, wrong.Column, wrong.Shape)
}

// Place gives the place of a byte of a text.
func Place(text []byte, at int) *SyntaxError {
	at = min(at, len(text))
	before := text[:at]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return &SyntaxError{Line: line, Column: column, Shape: shape(text, at)}
}

// around is how many characters of a text's shape stand before its fault, and behind it.
const around = 5

func shape(text []byte, at int) string {
	start := at
	for range around {
		_, size := utf8.DecodeLastRune(text[:start])
		start -= size
	}
	var out strings.Builder
	for rest, n := text[start:], 0; len(rest) > 0 && n < 2*around; n++ {
		r, size := utf8.DecodeRune(rest)
		out.WriteRune(shapeOf(r))
		rest = rest[size:]
	}
	return out.String()
}

func shapeOf(r rune) rune {
	switch {
	case r == utf8.RuneError:
		return '?'
	case unicode.IsLetter(r):
		return 'x'
	case unicode.IsNumber(r):
		return '9'
	case r == ' ' || unicode.IsPrint(r):
		return r
	}
	return '?'
}
