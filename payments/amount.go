package payments

import (
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

// Reais reads an amount in reais as a vendor's program spells it: 77.25000000000001 and 1.5E+2 are 77.25 and 150.00. What is
// farther from a cent, a comma and a sign below zero are no amount: it is never rounded.
func Reais(text string) (agent.Cents, bool) {
	number, err := reading.ParseNumber(text)
	if err != nil || number.Negative() {
		return 0, false
	}
	cents, rounded, err := number.Cents()
	return cents, err == nil && !rounded
}

// Cents reads an amount in whole cents: 1500, also as 1.5E+3 and 1500.0. A fraction is no amount: it may be meant as reais.
func Cents(text string) (agent.Cents, bool) {
	number, err := reading.ParseNumber(text)
	if err != nil || number.Negative() {
		return 0, false
	}
	cents, rounded, err := number.Scale(0)
	mantissa, _, exponent := strings.Cut(strings.ToLower(text), "e")
	_, decimals, point := strings.Cut(mantissa, ".")
	return agent.Cents(cents), err == nil && !rounded && (exponent || !point || len(decimals) <= 1) // 15.00 is how reais look
}
