// Package boleto is the boleto standard (contracts/boleto.md section 8): the barcode of 44 digits and the digitable line of 47 both
// ways, the collection slips of 48 told apart, the due factor that began again in 2025, Sicoob's nosso número, and the CNAB
// return files in which a bank tells what was paid. It knows no bank's API.
package boleto

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent"
)

// Kind tells the two slips that have a line.
type Kind string

// The kinds.
const (
	KindBoleto     Kind = "boleto"     // of a bank: 44 and 47 digits
	KindCollection Kind = "collection" // of a utility or an office: 44 and 48 digits, begins with 8
)

// Slip is what a barcode says.
type Slip struct {
	Kind    Kind
	Barcode string // 44 digits
	Line    string // 47 or 48 digits
	Amount  agent.Cents
	NoValue bool // the amount is not in it: the payer says how much

	// Of a boleto.
	Bank   string    // three digits
	Factor int       // 0: none
	Due    time.Time // a date in UTC; zero: none, or one that the factor does not tell

	// Of a collection slip.
	Segment int    // 1 city, 2 water, 3 power and gas, 4 telephone, 5 office, 6 others by CNPJ, 7 fines, 9 the bank's own
	Company string // four digits, or the first eight of a CNPJ
}

// Error says which block of a line or barcode is wrong, in Portuguese.
type Error struct {
	Block  string // line, campo 1, campo 2, campo 3, bloco 1 to 4, barcode, dígito geral
	Detail string
}

func (e *Error) Error() string { return e.Block + ": " + e.Detail }

func wrong(block, format string, args ...any) error {
	return &Error{Block: block, Detail: fmt.Sprintf(format, args...)}
}

// plain takes away what people and scanners put between the digits.
func plain(text string) string {
	return strings.NewReplacer(".", "", "-", "", " ", "", "\t", "", "\r", "", "\n", "", "\u00a0", "").Replace(text)
}

// Parse reads a line or a barcode, of either kind. today decides which of its possible dates a factor means.
func Parse(text string, today time.Time) (Slip, error) {
	digits := plain(text)
	switch {
	case digits == "":
		return Slip{}, wrong("line", "Está vazia.")
	case strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }):
		return Slip{}, wrong("line", "Só pode ter números (pontos, hífens e espaços não contam).")
	}
	if len(digits) == shortLine && strings.HasSuffix(digits, "000") {
		digits = digits[:shortLine-3] + strings.Repeat("0", 14)
	}
	switch len(digits) {
	case 44:
		if digits[0] == '8' {
			return readCollection(digits)
		}
		return readBarcode(digits, today)
	case 47:
		barcode, err := barcodeOf(digits)
		if err != nil {
			return Slip{}, err
		}
		return readBarcode(barcode, today)
	case 48:
		if digits[0] != '8' {
			return Slip{}, wrong("line", "Tem 48 números, como a de conta ou tributo, mas essas começam com 8. A de um boleto tem 47.")
		}
		barcode, err := collectionBarcode(digits)
		if err != nil {
			return Slip{}, err
		}
		return readCollection(barcode)
	}
	return Slip{}, wrong("line", "Tem %d números: a linha de um boleto tem 47, a de uma conta ou tributo tem 48, um código de barras tem 44.", len(digits))
}

// shortLine is the length of a line without due date and value, whose last field is printed as 000 (boleto.md 8.1).
const shortLine = 36

func readBarcode(barcode string, today time.Time) (Slip, error) {
	if barcode[3] != '9' {
		return Slip{}, wrong("barcode", "A moeda (4ª posição) é %c; a de um boleto em reais é 9.", barcode[3])
	}
	if want := generalDigit(barcode[:4] + barcode[5:]); barcode[4] != want {
		return Slip{}, wrong("dígito geral", "O dígito geral é %c e deveria ser %c: algum número do código foi trocado; confira o último campo (vencimento e valor).", barcode[4], want)
	}
	slip := Slip{Kind: KindBoleto, Barcode: barcode, Line: lineOf(barcode), Bank: barcode[:3], Factor: number(barcode[5:9]), Amount: agent.Cents(number(barcode[9:19]))}
	slip.NoValue = slip.Amount == 0
	if due, ok := Due(slip.Factor, today); ok {
		slip.Due = due
	}
	return slip, nil
}

// barcodeOf puts a line's fields in the barcode's order. Nothing checks its last field but the barcode's own digit.
func barcodeOf(line string) (string, error) {
	fields := []string{line[:10], line[10:21], line[21:32]}
	for i, field := range fields {
		last := len(field) - 1
		if want := mod10(field[:last]); field[last] != want {
			return "", wrong(fmt.Sprintf("campo %d", i+1), "O dígito de %s é %c e deveria ser %c: algum número deste campo foi trocado.", spaced(field), field[last], want)
		}
	}
	return line[:4] + line[32:33] + line[33:47] + line[4:9] + line[10:20] + line[21:31], nil
}

// spaced writes a field as it stands on paper.
func spaced(field string) string { return field[:5] + "." + field[5:] }

func lineOf(barcode string) string {
	free := barcode[19:]
	one, two, three := barcode[:4]+free[:5], free[5:15], free[15:]
	return one + string(mod10(one)) + two + string(mod10(two)) + three + string(mod10(three)) + barcode[4:5] + barcode[5:19]
}

// Printed writes a line as it stands on paper.
func (s Slip) Printed() string {
	l := s.Line
	if s.Kind == KindCollection {
		parts := make([]string, 0, 4)
		for at := 0; at < len(l); at += 12 {
			parts = append(parts, l[at:at+11]+"-"+l[at+11:at+12])
		}
		return strings.Join(parts, " ")
	}
	return l[:5] + "." + l[5:10] + " " + l[10:15] + "." + l[15:21] + " " + l[21:26] + "." + l[26:32] + " " + l[32:33] + " " + l[33:]
}

// Build makes the barcode of a boleto: due may be zero for none, free has 25 digits.
func Build(bank string, due time.Time, amount agent.Cents, free string) (string, error) {
	if len(bank) != 3 || len(free) != 25 || !digitsOnly(bank+free) || amount < 0 || amount > 9_999_999_999 {
		return "", wrong("barcode", "O banco tem 3 números, o campo livre 25, e o valor vai até R$ 99.999.999,99.")
	}
	rest := fmt.Sprintf("%04d%010d%s", Factor(due), int64(amount), free)
	return bank + "9" + string(generalDigit(bank+"9"+rest)) + rest, nil
}

// mod10 is the check digit of a field: weights 2 and 1 from the right, the digits of each product added.
func mod10(digits string) byte {
	sum, weight := 0, 2
	for i := len(digits) - 1; i >= 0; i-- {
		product := int(digits[i]-'0') * weight
		sum += product/10 + product%10
		weight = 3 - weight
	}
	return byte('0' + (10-sum%10)%10)
}

// mod11 gives the sum of weights 2 to 9 from the right, modulo 11.
func mod11(digits string) int {
	sum, weight := 0, 2
	for i := len(digits) - 1; i >= 0; i-- {
		sum += int(digits[i]-'0') * weight
		if weight++; weight == 10 {
			weight = 2
		}
	}
	return sum % 11
}

// generalDigit is the fifth of a boleto's barcode, over the other 43: 0, 10 and 11 are 1.
func generalDigit(digits string) byte {
	if d := 11 - mod11(digits); d < 10 {
		return byte('0' + d)
	}
	return '1'
}

func digitsOnly(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// number reads digits that were checked before.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}
