package agent

import (
	"strconv"
	"strings"
)

// Cents is an amount of money in hundredths of a real.
type Cents int64

// Milli is a decimal of the loyalty wire in thousandths: a quantity in units or kilograms, or money, which that cloud
// gives with up to three decimals (contracts/mercafacil.md 3.0).
type Milli int64

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
	integer := strconv.FormatInt(value/100, 10)
	for at := len(integer) - 3; at > 0; at -= 3 {
		integer = integer[:at] + "." + integer[at:]
	}
	return sign + "R$ " + integer + "," + strconv.FormatInt(100+value%100, 10)[1:]
}
