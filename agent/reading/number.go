package reading

import (
	"cmp"
	"errors"
	"math/big"
	"strconv"
	"strings"

	"pdvagent/agent"
)

// Why a text is no number, or not one that can be used.
var (
	ErrNotNumber = errors.New("not a number")
	ErrTooLarge  = errors.New("number too large")
)

// Number is a decimal number, exactly as it was spelled. The zero value is 0.
type Number struct {
	negative bool
	digits   string // without zeros at either end
	exponent int    // the value is 0.digits times ten to the exponent
}

const (
	maxSpelling = 400 // characters; the longest double that is written without an exponent has 326
	maxExponent = 400 // beyond it a value is zero or too large for every field
)

// ParseNumber reads one number in any spelling that the package takes.
func ParseNumber(text string) (Number, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxSpelling {
		return Number{}, ErrTooLarge
	}
	var n Number
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		n.negative, text = true, rest
	} else {
		text = strings.TrimPrefix(text, "+")
	}
	mantissa, power, hasPower := cutPower(text)
	integer, decimals, _ := strings.Cut(mantissa, ".")
	if integer+decimals == "" || !allDigits(integer) || !allDigits(decimals) {
		return Number{}, ErrNotNumber
	}
	exponent := 0
	if hasPower {
		var err error
		if exponent, err = parsePower(power); err != nil {
			return Number{}, err
		}
	}
	significant := strings.TrimLeft(integer+decimals, "0")
	n.exponent = exponent + len(integer) - (len(integer+decimals) - len(significant))
	n.digits = strings.TrimRight(significant, "0")
	if n.digits == "" {
		return Number{}, nil
	}
	return n, nil
}

func cutPower(text string) (mantissa, power string, found bool) {
	at := strings.IndexAny(text, "eE")
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+1:], true
}

// parsePower reads an exponent, bounded: beyond maxExponent every one is the same.
func parsePower(text string) (int, error) {
	digits := strings.TrimPrefix(text, "+")
	negative := false
	if digits == text {
		digits, negative = strings.CutPrefix(text, "-")
	}
	if digits == "" || !allDigits(digits) {
		return 0, ErrNotNumber
	}
	power, err := strconv.Atoi(digits)
	if err != nil || power > 2*maxExponent {
		power = 2 * maxExponent
	}
	if negative {
		power = -power
	}
	return power, nil
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// near is how many decimals a value may be off a multiple and still be it: 10^-6.
const near = 6

// maxDigits is how many digits a scaled number may have: sums of a whole receipt stay far from an int64's end.
const maxDigits = 15

// Scale gives the number as a multiple of ten to -decimals: cents are Scale(2), thousandths Scale(3). rounded tells that the
// value was farther than 0.000001 from a multiple; then it is the nearest, half away from zero. [ErrTooLarge] from 10^15
// multiples on.
func (n Number) Scale(decimals int) (value int64, rounded bool, err error) {
	if n.digits == "" {
		return 0, false, nil
	}
	places := n.exponent + decimals // digits before the new point
	if places > maxDigits {
		return 0, false, ErrTooLarge
	}
	whole, rest := n.split(places)
	value, err = strconv.ParseInt("0"+whole, 10, 64)
	if err != nil {
		return 0, false, ErrTooLarge
	}
	up, rounded := roundsUp(rest, near-decimals)
	if up {
		value++
	}
	if value >= 1e15 {
		return 0, false, ErrTooLarge
	}
	if n.negative {
		value = -value
	}
	return value, rounded, nil
}

// split gives the digits before and behind a point after that many places.
func (n Number) split(places int) (whole, rest string) {
	switch {
	case places <= 0:
		return "", strings.Repeat("0", min(-places, maxExponent)) + n.digits
	case places >= len(n.digits):
		return n.digits + strings.Repeat("0", places-len(n.digits)), ""
	}
	return n.digits[:places], n.digits[places:]
}

// roundsUp tells, of the digits behind the point, whether they round up, and whether they are more than a unit of the place
// away from a whole.
func roundsUp(rest string, place int) (up, far bool) {
	if rest == "" {
		return false, false
	}
	up = rest[0] >= '5'
	if place <= 0 {
		return up, true
	}
	padded := rest + strings.Repeat("0", place)
	head, tail := padded[:place], strings.Trim(padded[place:], "0")
	switch {
	case strings.Trim(head, "9") == "", strings.Trim(head, "0") == "": // 0.999x and 0.000x
		return up, false
	case tail == "" && strings.Trim(head[:place-1], "0") == "" && head[place-1] == '1': // 0.001 sharp
		return up, false
	}
	return up, true
}

// Milli reads a decimal of the loyalty wire, in thousandths.
func (n Number) Milli() (value agent.Milli, rounded bool, err error) {
	scaled, rounded, err := n.Scale(3)
	return agent.Milli(scaled), rounded, err
}

// Cents reads an amount of money.
func (n Number) Cents() (value agent.Cents, rounded bool, err error) {
	scaled, rounded, err := n.Scale(2)
	return agent.Cents(scaled), rounded, err
}

// Rat gives the number exactly. It fails beyond what any field of a sale can hold.
func (n Number) Rat() (*big.Rat, error) {
	if n.exponent > maxDigits {
		return nil, ErrTooLarge
	}
	value := new(big.Int)
	if n.digits == "" || n.exponent < -maxExponent {
		return new(big.Rat), nil
	}
	value.SetString(n.digits, 10)
	if n.negative {
		value.Neg(value)
	}
	ten := big.NewInt(10)
	places := n.exponent - len(n.digits) // the value is digits times ten to places
	if places >= 0 {
		value.Mul(value, new(big.Int).Exp(ten, big.NewInt(int64(places)), nil))
		return new(big.Rat).SetInt(value), nil
	}
	return new(big.Rat).SetFrac(value, new(big.Int).Exp(ten, big.NewInt(int64(-places)), nil)), nil
}

// String spells the number with a point and without an exponent, exactly. One that no field can hold is spelled 0.
func (n Number) String() string {
	if n.digits == "" || n.exponent > maxDigits || n.exponent < -maxExponent {
		return "0"
	}
	whole, rest := n.split(n.exponent)
	text := cmp.Or(whole, "0")
	if rest != "" {
		text += "." + rest
	}
	if n.negative {
		return "-" + text
	}
	return text
}

// Whole tells that the number has no decimals at all.
func (n Number) Whole() bool { return n.exponent >= len(n.digits) }

// Negative tells a number below zero.
func (n Number) Negative() bool { return n.negative }

// Milli reads a text as a decimal in thousandths.
func Milli(text string) (value agent.Milli, rounded bool, err error) {
	n, err := ParseNumber(text)
	if err != nil {
		return 0, false, err
	}
	return n.Milli()
}

// Cents reads a text as an amount of money.
func Cents(text string) (value agent.Cents, rounded bool, err error) {
	n, err := ParseNumber(text)
	if err != nil {
		return 0, false, err
	}
	return n.Cents()
}
