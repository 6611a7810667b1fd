package agenttest

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// A Spelling is a person's document, card, phone, name or e-mail as somebody may write it.
type Spelling struct {
	Text string
	Bare string // what [Fold] leaves of what must not be seen
}

// Spellings are 2,000 of them, the same at every run: numbers with their check digits in every usual and unusual spelling.
func Spellings() []Spelling {
	g := speller{rand.New(rand.NewPCG(14, 18))}
	var list []Spelling
	for len(list) < 2000 {
		for _, number := range []string{g.cpf(), g.cpf(), g.card(), g.card(), g.phone(), g.cnpj()} {
			for _, write := range []func(string) string{g.plain, g.grouped, g.scripted, g.split, g.among} {
				list = append(list, Spelling{write(number), Fold(number)})
			}
		}
		for range 4 {
			name := pick(g, givenNames()) + " " + pick(g, surnames())
			mail := strings.ReplaceAll(name, " ", pick(g, []string{".", "_", "", "-"})) + "@" + pick(g, []string{"hotmail.com", "gmail.com", "mercado.com.br"})
			for _, text := range []string{name, strings.ToUpper(name), pick(g, givenNames()), strings.ReplaceAll(name, " ", pick(g, []string{"_", ".", "-", "\u00a0", "+"})), mail, strings.ToUpper(mail), g.hidden(name)} {
				list = append(list, Spelling{text, Fold(text)})
			}
		}
	}
	return list[:2000]
}

type speller struct{ *rand.Rand }

func pick[T any](g speller, from []T) T { return from[g.IntN(len(from))] }

func givenNames() []string {
	return []string{"terezinha", "valdemar", "wellington", "francisca", "guilherme", "conceição", "sebastião", "josefina", "antônia", "rosângela"}
}

func surnames() []string {
	return []string{"carvalho", "figueiredo", "nogueira", "cavalcanti", "albuquerque", "guimarães", "vasconcelos"}
}

func (g speller) digits(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = byte('0' + g.IntN(10))
	}
	return string(text)
}

// cpf draws nine digits and adds the check digits.
func (g speller) cpf() string {
	number := g.digits(9)
	for range 2 {
		sum := 0
		for i := range len(number) {
			sum += int(number[i]-'0') * (len(number) + 1 - i)
		}
		number += strconv.Itoa(sum * 10 % 11 % 10)
	}
	return number
}

// cnpj draws twelve characters, half of the time with letters, and adds the check digits.
func (g speller) cnpj() string {
	number := g.digits(8) + "0001"
	if g.IntN(2) == 0 {
		number = g.digits(2) + pick(g, []string{"ABC", "XKZ", "RTQ"}) + g.digits(3) + "01DE"
	}
	for range 2 {
		sum := 0
		for i := range len(number) {
			sum += int(number[i]-'0') * ((len(number)-1-i)%8 + 2)
		}
		number += strconv.Itoa(sum * 10 % 11 % 10)
	}
	return number
}

// card draws a card's number and adds the check digit (Luhn).
func (g speller) card() string {
	kinds := []string{"4:16", "51:16", "2221:16", "36:14", "37:15", "606282:16", "6362:16", "4:19"}
	prefix, length, _ := strings.Cut(pick(g, kinds), ":")
	n, _ := strconv.Atoi(length) // the kinds are numbers
	number := prefix + g.digits(n-1-len(prefix))
	sum := 0
	for i := range len(number) {
		digit := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return number + strconv.Itoa((10-sum%10)%10)
}

// phone draws a mobile's number with its area code.
func (g speller) phone() string {
	return pick(g, []string{"", "55"}) + pick(g, []string{"11", "41", "85", "62"}) + "9" + g.digits(8)
}

func (g speller) plain(number string) string { return number }

// groupsOf are the lengths in which numbers are usually written.
func groupsOf(number string) []int {
	return map[int][]int{11: {3, 3, 3, 2}, 13: {2, 2, 5, 4}, 14: {2, 3, 3, 4, 2}, 15: {4, 6, 5}, 16: {4, 4, 4, 4}, 19: {4, 4, 4, 4, 3}}[len(number)]
}

// join writes the groups of a number with a separator between them.
func join(number string, groups []int, separator func(i int) string) string {
	var out strings.Builder
	for i, n := range groups {
		if i > 0 {
			out.WriteString(separator(i))
		}
		out.WriteString(number[:n])
		number = number[n:]
	}
	return out.String()
}

// separators stand between groups: ASCII, NBSP, middle dot, bullet, dashes, thin and zero-width spaces, soft hyphen, full stop
// of full width.
func separators() []string {
	return []string{".", "-", "/", " ", "_", "\u00a0", "·", "•", "–", "—", "−", "\u2009", "\u200b", "\u200d", "\ufeff", "\u2060", "\u00ad", "．", "  ", ". ", " - ", "'"}
}

func (g speller) grouped(number string) string {
	separator := pick(g, separators())
	if len(number) == 11 && g.IntN(2) == 0 {
		return join(number, groupsOf(number), func(i int) string { return []string{"", ".", ".", "-"}[i] })
	}
	return join(number, groupsOf(number), func(int) string { return separator })
}

// scripted writes the digits of another script, perhaps in groups.
func (g speller) scripted(number string) string {
	zero := pick(g, []rune{'０', '٠', '۰', '०', '𝟎', '𝟶', '๐'})
	if g.IntN(2) == 0 {
		number = g.grouped(number)
	}
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return zero + r - '0'
		}
		return r
	}, number)
}

// split writes something unseen, or a space, between all characters.
func (g speller) split(number string) string {
	return strings.Join(strings.Split(number, ""), pick(g, []string{"\u200b", "\u2060", "\u200c", " ", "\u00a0", ".", "-", "_"}))
}

// hidden writes something unseen into the middle of a name.
func (g speller) hidden(name string) string {
	letters := []rune(name)
	return string(letters[:3]) + pick(g, []string{"\u200b", "\u00ad", "\u2060"}) + string(letters[3:])
}

// among writes a number with words around it.
func (g speller) among(number string) string {
	if g.IntN(2) == 0 {
		number = g.grouped(number)
	}
	return pick(g, []string{"cpf ", "CPF:", "c", "cliente ", "doc=", "K-1 "}) + number + pick(g, []string{"", " bloqueado", "x", ";", "."})
}

var escaped = regexp.MustCompile(`\\+u[0-9a-fA-F]{4}`)

// Fold gives a text's letters, small, and digits, of any script, without all else, so that no spelling of a number or a name
// hides it. Escapes of JSON are read.
func Fold(text string) string {
	text = escaped.ReplaceAllStringFunc(text, func(code string) string {
		r, _ := strconv.ParseUint(code[len(code)-4:], 16, 16) // the pattern is hexadecimal
		return string(rune(r))
	})
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～': // full width
			r -= '！' - '!'
		case r > unicode.MaxASCII && unicode.IsDigit(r):
			return '0' + digitOf(r)
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

// digitOf is the value of a decimal digit: each script's ten stand in a row.
func digitOf(r rune) rune {
	for _, part := range unicode.Nd.R16 {
		if rune(part.Lo) <= r && r <= rune(part.Hi) {
			return (r - rune(part.Lo)) % 10
		}
	}
	for _, part := range unicode.Nd.R32 {
		if rune(part.Lo) <= r && r <= rune(part.Hi) {
			return (r - rune(part.Lo)) % 10
		}
	}
	return 0
}

// Sightings are the spellings whose person is seen in a text, in whatever spelling.
func Sightings(text string, of []Spelling) []Spelling {
	const window = 8
	begins := make(map[string][]Spelling)
	for _, s := range of {
		begins[s.Bare[:window]] = append(begins[s.Bare[:window]], s)
	}
	folded := Fold(text)
	var seen []Spelling
	for i := range max(0, len(folded)-window+1) {
		for _, s := range begins[folded[i:i+window]] {
			if strings.HasPrefix(folded[i:], s.Bare) {
				seen = append(seen, s)
			}
		}
	}
	return seen
}

// FieldNames are the names in bodies of tills, support and clouds under which a text may come.
func FieldNames() []string {
	return []string{
		"coupon", "transaction_id", "date", "time", "origin", "pdv_code", "operator_id", "client_id", "document_no",
		"phone", "total_value", "total_value_with_discount", "total_value_with_discounts", "sku", "ean",
		"product_name", "quantity", "packing_quantity", "unit_value", "discount_value",
		"total_value_without_discount", "absolute_share", "total", "index", "delivery", "reason", "button",
		"department", "section", "group", "subgroup", "family", "payment_form", "amount", "instalments",
		"acquirer_id", "acquirer_name", "authorizer_id", "authorizer_name", "message_tag", "tag", "job", "retry",
		"request_id", "status", "statusCode", "code", "requestId", "datetime", "field", "fields", "state", "kind",
		"dialect", "attempts", "created_at", "updated_at", "not_before", "message", "error", "detail", "errors",
		"items", "payments", "text", "input", "input_value", "responses", "name", "nome", "description", "title",
		"value", "id", "external_id", "txid", "end_to_end_id", "barcode", "document", "reference", "url",
	}
}
