package source

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

var (
	formula    = regexp.MustCompile(`^=(?:"([^"]*)"|([0-9]+))$`)
	apostrophe = regexp.MustCompile(`^'[0-9]+$`)
	zeros      = regexp.MustCompile(`^([0-9]+)[.,](?:0{1,2}|0{4,})$`)
	grouped    = regexp.MustCompile(`^[0-9]{1,3}(?:(?:\.[0-9]{3}){3,}|(?:,[0-9]{3}){3,})$`) // of an EAN; shorter ones may be codes of a tree
	power      = regexp.MustCompile(`^([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,3})$`)
)

var errLostDigits = errors.New("a planilha trocou o código por um número com expoente e perdeu algarismos; formate a coluna como texto e exporte de novo")

// mend undoes what a spreadsheet makes of a text, where no digit is lost: ="789", =789 and, of a code, '789, 80215.0,
// 7.890.000.000.017 and 7.89E+2. Of a code whose digits are lost it is an error; one like 1E3 may be meant so.
func mend(text string, code bool) (string, error) {
	if match := formula.FindStringSubmatch(text); match != nil {
		text = strings.TrimSpace(match[1] + match[2])
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
	if grouped.MatchString(text) {
		return strings.NewReplacer(".", "", ",", "").Replace(text), nil
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

// empty tells a row without a text, which spreadsheets write as ;;;.
func empty(values []string) bool {
	return !slices.ContainsFunc(values, func(value string) bool { return strings.TrimSpace(value) != "" })
}
