package mask

import (
	"regexp"
	"strings"
	"unicode"
)

// form tells whether a text looks like what a field holds.
type form func(text string) bool

// formOf is the allow-list of fields whose value may be seen, each with the form that it must have for that: any text may come
// in any field (SEC-14). nil: the value of that field is never seen.
func formOf(name string) form {
	switch name {
	case "coupon", "transaction_id", "pdv_code", "operator_id", "acquirer_id", "authorizer_id", "job", "request_id", "requestId", "sku":
		return isID
	case "ean":
		return isBarcode
	case "date", "time", "datetime", "created_at", "updated_at", "not_before":
		return isTime
	case "total_value", "total_value_with_discount", "total_value_with_discounts", "quantity", "packing_quantity", "unit_value",
		"discount_value", "total_value_without_discount", "discount", "absolute_share", "total", "index", "amount", "instalments", "attempts":
		return isAmount
	case "origin", "product_name", "delivery", "reason", "button", "department", "section", "group", "subgroup", "family",
		"payment_form", "acquirer_name", "authorizer_name", "retry", "status", "statusCode", "code", "state", "kind", "dialect":
		return isUsual
	case "message_tag", "tag":
		return func(text string) bool { return isUsual(text) || isID(text) }
	case "field", "fields":
		return isFieldPath
	}
	return nil
}

// ID gives an id that people see beside a job, or only its length where it does not look like an id of a program: it may be
// somebody's name or document.
func ID(id string) string {
	if id == "" || isID(id) {
		return id
	}
	return hiddenText(id)
}

// isBarcode tells whether a text is a barcode: 13 digits with their check digit, or any code.
func isBarcode(text string) bool {
	if len(text) == 13 && strings.Trim(text, digits) == "" && validGTIN(text) && !isPhone(text, "13") {
		return true
	}
	return isID(text)
}

// validGTIN tells whether the last digit is the check digit of a GTIN.
func validGTIN(text string) bool {
	sum, weight := 0, 1
	for i := len(text) - 1; i >= 0; i-- {
		sum += int(text[i]-'0') * weight
		weight = 4 - weight
	}
	return sum%10 == 0
}

var (
	timeForm = regexp.MustCompile(`^(?:(?:19|20)[0-9]{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12][0-9]|3[01])|(?:0[1-9]|[12][0-9]|3[01])/(?:0[1-9]|1[0-2])/(?:19|20)[0-9]{2})?` +
		`(?:^|[T ]|$)(?:[0-2][0-9]:[0-5][0-9](?::[0-6][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-][0-2][0-9]:?[0-5][0-9])?)?$`)
	amountForm = regexp.MustCompile(`^-?[0-9]{1,8}(?:[.,][0-9]{1,17})?$|^-?[0-9]{1,3}(?:\.[0-9]{3}){0,2},[0-9]{2}$`)
	hexID      = regexp.MustCompile(`^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$|^[0-9a-f]{24,64}$`)
)

// isTime tells whether a text is a date, a time of the day, or both.
func isTime(text string) bool { return len(text) <= 40 && timeForm.MatchString(text) }

// isAmount tells whether a text is an amount of money or goods: at most eight digits before the comma.
func isAmount(text string) bool {
	return len(text) <= 30 && amountForm.MatchString(text) && !personal(text)
}

// isUsual tells whether a text is a small number or all of it is usual words, such as a state or a program's code.
func isUsual(text string) bool {
	return len(text) <= 100 && onlyWords(text, " _-.,/:()!?+%&") && longestDigits(text) <= 6 && !personal(text)
}

// isFieldPath tells whether a text names a field, such as items[0].total_value.
func isFieldPath(text string) bool {
	return len(text) <= 100 && onlyWords(text, "_-.[]$*/") && longestDigits(text) <= 4 && !personal(text)
}

// isFieldName tells whether a name in an object is made of a program's words; half of them may be unknown, so that a misspelled
// field is still seen.
func isFieldName(name string) bool {
	const mostDigits = 6
	if len(name) > 40 || name == "" || isDigit(name[0]) || countDigits(name) > mostDigits {
		return false
	}
	for i, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && (r < '0' || r > '9') && !strings.ContainsRune(" _-.:$()%/#", r) && (r != '@' || i > 0) {
			return false
		}
	}
	known, unknown := 0, 0
	for word := range wordsOf(name) {
		switch {
		case !usualWord(word):
			unknown++
		case len(word) > 2:
			known++
		}
	}
	return unknown <= known
}

// isID tells whether a text looks like an id that a program made: ASCII letters and digits with a few separators, no words but
// usual ones, and nothing in it that reads as a document, a card or a phone.
func isID(text string) bool {
	if len(text) > 100 {
		return false
	}
	if hexID.MatchString(text) {
		return strings.Trim(text, digits+"-") != ""
	}
	for i := range len(text) {
		if !isLetter(text[i]) && !isDigit(text[i]) && strings.IndexByte("._:/#-", text[i]) < 0 {
			return false
		}
	}
	return (onlyShortWords(text) || isRandom(text)) && !personal(text)
}

// onlyShortWords tells whether the letters of an id stand for no name: at most three in a row beside a digit, two without one,
// or a usual word.
func onlyShortWords(id string) bool {
	most := 2
	if longestDigits(id) > 0 {
		most = 3
	}
	letters := 0
	for i := 0; i <= len(id); i++ {
		if i < len(id) && isLetter(id[i]) {
			letters++
			continue
		}
		if letters > most && !usualWord(strings.ToLower(id[i-letters:i])) {
			return false
		}
		letters = 0
	}
	return true
}

// isRandom tells whether an id looks drawn by lot: long, without separators at its ends, letters and digits well mixed.
func isRandom(id string) bool {
	runs, letters, longest, inDigits := 0, 0, 0, false
	for i := range len(id) {
		if isDigit(id[i]) {
			if !inDigits {
				runs++
			}
			inDigits, letters = true, 0
			continue
		}
		inDigits = false
		letters++
		longest = max(longest, letters)
	}
	return len(id) >= 16 && runs >= 3 && longest <= 10
}

const digits = "0123456789"

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func countDigits(text string) (count int) {
	for i := range len(text) {
		if isDigit(text[i]) {
			count++
		}
	}
	return count
}

// longestDigits is the length of the longest run of digits.
func longestDigits(text string) int {
	longest, run := 0, 0
	for i := range len(text) {
		if run++; !isDigit(text[i]) {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
