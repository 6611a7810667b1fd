package mask

import (
	"slices"
	"strconv"
	"strings"

	"pdvagent/agent"
)

// personal tells whether an ASCII text holds what reads as a CPF, a CNPJ, a card's or a phone's number, written in one of the
// usual groups or, all of the text, in any. An id has digits too: groups of other lengths, such as a shop, a date and a time,
// are no document even where their check digits happen to be right.
func personal(text string) bool {
	if len(text) < 10 {
		return false
	}
	runs, lettersApart := digitRuns(text)
	for i := range runs {
		if personalFrom(runs[i:], lettersApart[i:]) {
			return true
		}
	}
	return personalWhole(text, strings.Join(runs, ""))
}

// personalFrom looks at groups of digits from the first one on; between those of one number there is no letter.
func personalFrom(runs []string, lettersApart []bool) bool {
	number, groups, single := "", "", true
	for i, run := range runs {
		if i > 0 && lettersApart[i] || len(number)+len(run) > 19 {
			return false
		}
		number += run
		groups = strings.TrimPrefix(groups+"-"+strconv.Itoa(len(run)), "-")
		single = single && len(run) == 1
		if isPersonal(number, groups, single) {
			return true
		}
	}
	return false
}

// isPersonal judges a number by its digits and the lengths of its groups, such as 3-3-3-2; single tells that each digit stands
// alone. Groups that nobody else writes need no right check digits.
func isPersonal(number, groups string, single bool) bool {
	switch groups {
	case "3-3-3-2", "2-3-3-4-2", "4-4-4-4", "4-6-5", "4-4-4-4-3":
		return true
	case "11", "9-2", "3-3-5", "6-5", "14", "12-2", "8-4-2", "2-3-3-6":
		if isDocumentNumber(number) {
			return true
		}
	case "8-6": // a date and a time, where it is no company's first shop
		if number[8:11] == "000" && isDocumentNumber(number) {
			return true
		}
	}
	if single {
		return len(number) >= 10
	}
	return (len(groups) == 2 || groups == "4-6-4" || groups == "8-8") && isCard(number) || isPhone(number, groups)
}

func isDocumentNumber(number string) bool {
	_, ok := agent.ParseDocument(number)
	return ok
}

// personalWhole tells whether all the digits of a text are one number, or its letters and digits hold a CNPJ with letters.
func personalWhole(text, number string) bool {
	if isDocumentNumber(number) || len(number) == 16 && isCard(number) {
		return true
	}
	parts := strings.FieldsFunc(strings.ToUpper(text), func(r rune) bool { return r >= 128 || !isLetter(byte(r)) && !isDigit(byte(r)) })
	for i := range parts {
		joined := ""
		for _, part := range parts[i:] {
			if joined += part; len(joined) >= cnpjLength {
				break
			}
		}
		if holdsCNPJ(joined) {
			return true
		}
	}
	return false
}

const cnpjLength = 14

// holdsCNPJ tells whether a CNPJ with letters stands in a word of capitals and digits, with little else.
func holdsCNPJ(word string) bool {
	const around = 8
	if len(word) < cnpjLength || len(word) > cnpjLength+around || strings.Trim(word, digits) == "" {
		return false
	}
	for i := range len(word) - cnpjLength + 1 {
		if isDocumentNumber(word[i : i+cnpjLength]) {
			return true
		}
	}
	return false
}

// isCard tells whether a number of 14 to 19 digits may be a card's: by its first digit and its check digit (Luhn).
func isCard(number string) bool {
	if len(number) < 14 || len(number) > 19 || number[0] < '3' || number[0] > '6' {
		if len(number) != 16 || number < "2221" || number >= "2721" {
			return false
		}
	}
	sum := 0
	for i := range len(number) {
		digit := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return sum%10 == 0
}

// isPhone tells whether a number is a Brazilian phone's with its area code: a mobile's in a row or in groups, a landline's in
// groups only, as ten digits in a row are told from no number of a till's.
func isPhone(number, groups string) bool {
	if len(number) >= 12 && strings.HasPrefix(number, "55") {
		number = number[2:]
		groups = strings.TrimPrefix(groups, "2-")
	}
	if len(number) < 10 || number[0] == '0' || number[1] == '0' {
		return false
	}
	if len(number) == 11 && number[2] == '9' {
		return slices.Contains([]string{"11", "13", "2-9", "2-5-4", "7-4", "2-1-4-4", "3-4-4", "4-9", "4-5-4"}, groups)
	}
	return len(number) == 10 && '2' <= number[2] && number[2] <= '5' && number[2:4] != "20" && slices.Contains([]string{"2-4-4", "6-4", "2-8"}, groups)
}

// digitRuns gives the runs of digits of a text, and for each whether a letter stands between it and the one before.
func digitRuns(text string) (runs []string, lettersApart []bool) {
	start, letter := -1, false
	for i := 0; i <= len(text); i++ {
		digit := i < len(text) && isDigit(text[i])
		switch {
		case digit && start < 0:
			start = i
		case !digit && start >= 0:
			runs, lettersApart = append(runs, text[start:i]), append(lettersApart, letter)
			start, letter = -1, false
		}
		letter = letter || i < len(text) && isLetter(text[i])
	}
	return runs, lettersApart
}
