package rawjson

import (
	"slices"
	"strconv"
	"strings"
)

// Canonical gives the value's canonical form: names sorted, no spaces, numbers as digits and a power of ten. Two texts have
// the same content exactly when their canonical forms are equal. A number and the string of its digits are different.
func (v Value) Canonical() []byte { return v.appendCanonical(nil) }

func (v Value) appendCanonical(out []byte) []byte {
	switch v.Kind {
	case Object:
		members := slices.Clone(v.Members)
		slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
		out = append(out, '{')
		for _, member := range members {
			out = append(append(out, Quote(member.Name)...), ':')
			out = append(member.Value.appendCanonical(out), ',')
		}
		return append(out, '}')
	case Array:
		out = append(out, '[')
		for _, element := range v.Elements {
			out = append(element.appendCanonical(out), ',')
		}
		return append(out, ']')
	case String:
		return append(out, Quote(unquote(v.Raw()))...)
	case Number:
		return append(out, canonicalNumber(string(v.Raw()))...)
	}
	return append(out, v.Raw()...)
}

// canonicalNumber gives sign, digits without zeros at either end, and the power of ten: 10.00, 10 and 1e1 are "1e1".
func canonicalNumber(text string) string {
	digits, negative := strings.CutPrefix(text, "-")
	mantissa, power, _ := strings.Cut(strings.ToLower(digits), "e")
	integer, decimals, _ := strings.Cut(mantissa, ".")
	exponent := 0
	if power != "" {
		var err error
		if exponent, err = strconv.Atoi(strings.TrimPrefix(power, "+")); err != nil {
			return text // an exponent beyond an int is equal only to itself
		}
	}
	all := strings.TrimLeft(integer+decimals, "0")
	exponent -= len(decimals)
	trimmed := strings.TrimRight(all, "0")
	if trimmed == "" {
		return "0"
	}
	exponent += len(all) - len(trimmed)
	if negative {
		trimmed = "-" + trimmed
	}
	return trimmed + "e" + strconv.Itoa(exponent)
}
