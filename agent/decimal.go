package agent

import (
	"errors"
	"strconv"
	"strings"
)

// Cents is an amount of money in hundredths of a real.
type Cents int64

// Milli is a decimal of the loyalty wire in thousandths: a quantity in units or kilograms, or money, which that cloud
// gives with up to three decimals (contracts/mercafacil.md 3.0).
type Milli int64

// Reasons why a text is not a decimal that we take.
var (
	ErrNotDecimal      = errors.New("not a plain decimal")
	ErrTooManyDecimals = errors.New("more than three decimals")
	ErrTooLarge        = errors.New("number too large")
)

// maxMilli keeps sums of a whole receipt far from overflow: 10^15 thousandths are 10^12 reais.
const maxMilli = 1_000_000_000_000_000

// ParseMilli reads a decimal without exponent, exactly. Zeros at the end of the decimals do not count, a fourth
// decimal that is not zero is [ErrTooManyDecimals]: nothing is ever rounded.
func ParseMilli(text string) (Milli, error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, decimals, point := strings.Cut(digits, ".")
	if whole == "" || (point && decimals == "") || !allDigits(whole) || !allDigits(decimals) {
		return 0, ErrNotDecimal
	}
	decimals = strings.TrimRight(decimals, "0")
	if len(decimals) > 3 {
		return 0, ErrTooManyDecimals
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole) > 12 {
		return 0, ErrTooLarge
	}
	value, err := strconv.ParseInt("0"+whole+decimals+"000"[len(decimals):], 10, 64)
	if err != nil || value > maxMilli {
		return 0, ErrTooLarge
	}
	if negative {
		value = -value
	}
	return Milli(value), nil
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// String gives the decimal with two decimals, or three where the third is not zero: "10.00", "1.235".
func (m Milli) String() string {
	sign, value := "", int64(m)
	if value < 0 {
		sign, value = "-", -value
	}
	text := sign + strconv.FormatInt(value/1000, 10) + "." + strconv.FormatInt(1000+value%1000, 10)[1:]
	return strings.TrimSuffix(text, "0")
}

// String gives the amount in reais with two decimals, the way the loyalty wire writes it: "12.34".
func (c Cents) String() string { return Milli(c * 10).String() }

// Reais gives the amount as people in Brazil read it: "R$ 1.234,56".
func (c Cents) Reais() string {
	sign, value := "", int64(c)
	if value < 0 {
		sign, value = "-", -value
	}
	whole := strconv.FormatInt(value/100, 10)
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "." + whole[at:]
	}
	return sign + "R$ " + whole + "," + strconv.FormatInt(100+value%100, 10)[1:]
}
