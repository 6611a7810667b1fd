package reading

import (
	"errors"

	"pdvagent/agent/rawjson"
)

// Why a value is no text.
var (
	ErrNotText  = errors.New("not a text")
	ErrFraction = errors.New("a number with a fraction or an exponent is no text")
)

// Text reads a text field. number tells that it came as a whole number: zeros at its start may have been lost before it
// reached us. The zero value (an absent member) and null are the empty text.
func Text(v rawjson.Value) (text string, number bool, err error) {
	switch v.Kind {
	case 0, rawjson.Null:
		return "", false, nil
	case rawjson.String:
		text, _ = v.Text()
		return text, false, nil
	case rawjson.Number:
		text, _ = v.Text()
		if !allDigits(text) {
			return "", true, ErrFraction
		}
		return text, true, nil
	}
	return "", false, ErrNotText
}
