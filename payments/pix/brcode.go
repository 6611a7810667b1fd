// Package pix knows the BR Code, the text behind a Pix QR code (contracts/pix.md 4.2): reads and checks one, builds a
// static one, and draws it. A provider's code is never rebuilt: it is shown byte for byte, and only looked at here. What a
// payment is, package payments says; how one is made, the vendors' packages.
package pix

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

// MaxLength is the longest code, in bytes (pix.md 4.2).
const MaxLength = 512

// GUI is how a Pix template names itself; upper or lower case.
const GUI = "br.gov.bcb.pix"

// Field is one id of a code with its value.
type Field struct {
	ID    string // two digits
	Value string
}

// Code is a code that was read.
type Code struct {
	Fields []Field

	Key    string // of a static code
	URL    string // of a dynamic one, without scheme
	TxID   string // empty for ***
	Amount agent.Cents
	Priced bool // it says its amount
	Name   string
	City   string
}

// Faults of a code, wrapped with what is wrong.
var (
	ErrLength = errors.New("length")
	ErrFields = errors.New("fields")
	ErrCRC    = errors.New("check sum")
	ErrNotPix = errors.New("not a Pix code")
	ErrAmount = errors.New("amount")
)

// Ids of the fields that are read here.
const (
	idFormat   = "00"
	idCurrency = "53"
	idAmount   = "54"
	idCountry  = "58"
	idName     = "59"
	idCity     = "60"
	idMore     = "62"
	idCRC      = "63"
)

// Clean takes away what a paste leaves around and inside a code: line breaks, tabs, and spaces at its ends.
func Clean(text string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "", "\t", "").Replace(text))
}

// Parse reads a code exactly as it stands: lengths and bounds, each id once, the check sum last, a Pix template inside.
func Parse(text string) (Code, error) {
	switch {
	case len(text) > MaxLength:
		return Code{}, fmt.Errorf("%w: %d bytes, at most %d", ErrLength, len(text), MaxLength)
	case !utf8.ValidString(text):
		return Code{}, fmt.Errorf("%w: not UTF-8", ErrFields)
	}
	fields, err := split(text)
	if err != nil {
		return Code{}, err
	}
	code := Code{Fields: fields}
	if format, _ := code.get(idFormat); format != "01" || fields[0].ID != idFormat {
		return Code{}, fmt.Errorf("%w: does not begin with 000201", ErrFields)
	}
	if err := checkSum(text, fields); err != nil {
		return Code{}, err
	}
	if err := code.template(); err != nil {
		return Code{}, err
	}
	return code, code.common()
}

// split reads a row of fields.
func split(text string) ([]Field, error) {
	var fields []Field
	seen := make(map[string]bool)
	for rest := text; rest != ""; {
		if len(rest) < 4 || !digits(rest[:4]) {
			return nil, fmt.Errorf("%w: no id and length at byte %d", ErrFields, len(text)-len(rest))
		}
		id, length := rest[:2], int(rest[2]-'0')*10+int(rest[3]-'0')
		value, after, ok := cut(rest[4:], length)
		if !ok {
			return nil, fmt.Errorf("%w: field %s is longer than the text", ErrFields, id)
		}
		if seen[id] {
			return nil, fmt.Errorf("%w: field %s stands twice", ErrFields, id)
		}
		seen[id] = true
		fields = append(fields, Field{id, value})
		rest = after
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrFields)
	}
	return fields, nil
}

// cut takes length bytes, or none: a length counted in characters is refused, since nobody can tell which was meant.
func cut(text string, length int) (value, rest string, ok bool) {
	if length > len(text) || !utf8.ValidString(text[:length]) {
		return "", "", false
	}
	return text[:length], text[length:], true
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

func (c *Code) get(id string) (string, bool) { return find(c.Fields, id) }

func find(fields []Field, id string) (string, bool) {
	for _, field := range fields {
		if field.ID == id {
			return field.Value, true
		}
	}
	return "", false
}

func checkSum(text string, fields []Field) error {
	last := fields[len(fields)-1]
	if last.ID != idCRC || len(last.Value) != 4 {
		return fmt.Errorf("%w: 6304 and four characters are not its end", ErrCRC)
	}
	if want := CRC(text[:len(text)-4]); !strings.EqualFold(last.Value, want) {
		return fmt.Errorf("%w: is %s, should be %s", ErrCRC, last.Value, want)
	}
	return nil
}

// template finds what the code is of: a key (static) or an address (dynamic), in 26 to 51; a recurrence's address may
// stand in 80 to 99 beside one that has neither (composed code).
func (c *Code) template() error {
	found := false
	for _, field := range c.Fields {
		if inside := field.ID >= "26" && field.ID <= "51" || field.ID >= "80" && field.ID <= "99"; !inside {
			continue
		}
		inner, err := split(field.Value)
		if err != nil {
			if gui := len(field.Value) > 4 && strings.Contains(strings.ToLower(field.Value), GUI); gui {
				return fmt.Errorf("template %s: %w", field.ID, err)
			}
			continue // another scheme's, which need not be of fields
		}
		gui, _ := find(inner, "00")
		if !strings.EqualFold(gui, GUI) {
			continue
		}
		found = true
		key, _ := find(inner, "01")
		url, _ := find(inner, "25")
		if key != "" && url != "" {
			return fmt.Errorf("%w: template %s has a key and an address", ErrFields, field.ID)
		}
		if c.Key == "" {
			c.Key = key
		}
		if c.URL == "" {
			c.URL = url
		}
	}
	if !found || (c.Key == "" && c.URL == "") {
		return ErrNotPix
	}
	return nil
}

func (c *Code) common() error {
	if currency, _ := c.get(idCurrency); currency != "986" {
		return fmt.Errorf("%w: currency is %q, not 986", ErrFields, currency)
	}
	if country, _ := c.get(idCountry); !strings.EqualFold(country, "BR") {
		return fmt.Errorf("%w: country is %q, not BR", ErrFields, country)
	}
	c.Name, _ = c.get(idName)
	c.City, _ = c.get(idCity)
	if more, ok := c.get(idMore); ok {
		inner, err := split(more)
		if err != nil {
			return fmt.Errorf("field 62: %w", err)
		}
		if txid, _ := find(inner, "05"); txid != "***" {
			c.TxID = txid
		}
	}
	text, ok := c.get(idAmount)
	if !ok || text == "" {
		return nil
	}
	amount, rounded, err := reading.Cents(text)
	if err != nil || rounded || strings.Trim(text, "0123456789.") != "" || len(text) > 13 {
		return fmt.Errorf("%w: %q is no amount", ErrAmount, text)
	}
	c.Amount, c.Priced = amount, true
	return nil
}

// Dynamic tells a code whose amount stands behind its address: payers ask there, and ignore field 54 (pix.md 4.2).
func (c Code) Dynamic() bool { return c.URL != "" && c.Key == "" }

// Check looks at a provider's code before it is shown: readable, and, of a static one, of this amount where it says one.
func Check(text string, amount agent.Cents) error {
	code, err := Parse(text)
	if err != nil {
		return err
	}
	if !code.Dynamic() && code.Priced && code.Amount != 0 && code.Amount != amount {
		return fmt.Errorf("%w: says %s, not %s", ErrAmount, code.Amount, amount)
	}
	return nil
}

// CRC is CRC-16/CCITT-FALSE over text, which ends with 6304, as upper-case hexadecimal.
func CRC(text string) string {
	crc := uint16(0xFFFF)
	for i := range len(text) {
		crc ^= uint16(text[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return fmt.Sprintf("%04X", crc)
}
