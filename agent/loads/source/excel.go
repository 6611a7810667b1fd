package source

import (
	"errors"
	"regexp"
	"strings"
)

var (
	formula    = regexp.MustCompile(`^="([^"]*)"$`)
	apostrophe = regexp.MustCompile(`^'[0-9]+$`)
	zeros      = regexp.MustCompile(`^([0-9]+)[.,](?:0{1,2}|0{4,})$`)
	power      = regexp.MustCompile(`^([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,3})$`)
)

var errLostDigits = errors.New("a planilha trocou o código por um número com expoente e perdeu algarismos; formate a coluna como texto e exporte de novo")

// mend undoes what a spreadsheet makes of a text, where no digit is lost: ="789" and, of a code, '789, 80215.0 and
// 7.89E+2. Of a code whose digits are lost it is an error; one like 1E3 may be meant so.
func mend(text string, code bool) (string, error) {
	if match := formula.FindStringSubmatch(text); match != nil {
		text = strings.TrimSpace(match[1])
	}
	if !code {
		return text, nil
	}
	if apostrophe.MatchString(text) {
		return text[1:], nil
	}
	if match := zeros.FindStringSubmatch(text); match != nil {
		return match[1], nil
	}
	match := power.FindStringSubmatch(text)
	if match == nil || !strings.ContainsAny(text, "+.,") {
		return text, nil
	}
	places := 0
	for _, digit := range match[3] {
		places = places*10 + int(digit-'0')
	}
	if digits := strings.TrimRight(match[2], "0"); places > len(match[2]) || len(digits) > places {
		return "", errLostDigits
	}
	return match[1] + match[2][:places], nil
}
