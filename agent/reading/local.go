package reading

import (
	"errors"
	"strings"
)

// ErrContradicts says that a text can be a number only with the other decimal sign than the one that is configured.
var ErrContradicts = errors.New("the number contradicts the decimal sign")

// ParseLocal reads a number of a text that people or their programs made, with that decimal sign: ',' or '.'. The other sign
// groups digits by three, from the right and everywhere or nowhere. What only the other sign explains is [ErrContradicts]:
// 12.90 where the comma is the decimal sign. A grouped number without decimals (1.234) is read as the option says.
func ParseLocal(text string, decimal byte) (Number, error) {
	text = strings.TrimSpace(text)
	group := byte(',')
	if decimal == ',' {
		group = '.'
	}
	if !strings.ContainsRune(text, rune(decimal)) && !strings.ContainsRune(text, rune(group)) {
		return ParseNumber(text)
	}
	plain, ok := ungrouped(text, decimal, group)
	if !ok {
		if _, other := ungrouped(text, group, decimal); other {
			return Number{}, ErrContradicts
		}
		return Number{}, ErrNotNumber
	}
	return ParseNumber(plain)
}

// ParseInText reads a number that stands in a JSON text. A number is what [ParseNumber] takes; a text that is none may be
// written as people here write it, with a comma: 10,00 and 1.234,56.
func ParseInText(text string) (Number, error) {
	n, err := ParseNumber(text)
	if err == nil || strings.IndexByte(text, ',') < 0 {
		return n, err
	}
	if local, localErr := ParseLocal(text, ','); localErr == nil {
		return local, nil
	}
	return n, err
}

// ungrouped gives the text with a point as decimal sign and without grouping signs, if it is written with these signs.
func ungrouped(text string, decimal, group byte) (string, bool) {
	integer, rest, _ := strings.Cut(text, string(decimal))
	if strings.IndexByte(rest, group) >= 0 || strings.IndexByte(rest, decimal) >= 0 {
		return "", false
	}
	parts := strings.Split(integer, string(group))
	for i, part := range parts {
		if i == 0 {
			part = strings.TrimLeft(part, "+-")
		}
		if !allDigits(part) || (i > 0 && len(part) != 3) || (i == 0 && len(parts) > 1 && (part == "" || len(part) > 3)) {
			return "", false
		}
	}
	plain := strings.Join(parts, "") + "." + rest
	_, err := ParseNumber(plain)
	return plain, err == nil
}
