package cashorder

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// The brands by their paymentId (cashorder.md 3.3).
const (
	MasterCard = 2
	Visa       = 3
	Diners     = 4
	Amex       = 5
	Aura       = 6
	Hipercard  = 7
	Elo        = 8
)

// Brand is a brand's name; empty for a number that there is not.
func Brand(paymentID int) string {
	names := []string{MasterCard: "MasterCard", Visa: "Visa", Diners: "Diners", Amex: "American Express", Aura: "Aura", Hipercard: "Hipercard", Elo: "Elo"}
	if paymentID < 0 || paymentID >= len(names) {
		return ""
	}
	return names[paymentID]
}

// span is first digits of card numbers.
type span struct {
	brand    int
	from, to string // of the same length
}

// spans are the published ones. Elo's stand before those that they lie in.
func spans() []span {
	list := []span{
		{Elo, "401178", "401179"},
		{Elo, "431274", "431274"},
		{Elo, "438935", "438935"},
		{Elo, "451416", "451416"},
		{Elo, "457393", "457393"},
		{Elo, "457631", "457632"},
		{Elo, "504175", "504175"},
		{Elo, "506699", "506778"},
		{Elo, "509000", "509999"},
		{Elo, "627780", "627780"},
		{Elo, "636297", "636297"},
		{Elo, "636368", "636368"},
		{Elo, "650031", "650033"},
		{Elo, "650035", "650051"},
		{Elo, "650405", "650439"},
		{Elo, "650485", "650538"},
		{Elo, "650541", "650598"},
		{Elo, "650700", "650718"},
		{Elo, "650720", "650727"},
		{Elo, "650901", "650978"},
		{Elo, "651652", "651679"},
		{Elo, "655000", "655019"},
		{Elo, "655021", "655058"},
		{Hipercard, "606282", "606282"},
		{Hipercard, "384100", "384100"},
		{Hipercard, "384140", "384140"},
		{Hipercard, "384160", "384160"},
		{Hipercard, "637095", "637095"},
		{Hipercard, "637568", "637568"},
		{Hipercard, "637599", "637599"},
		{Hipercard, "637609", "637609"},
		{Hipercard, "637612", "637612"},
		{Amex, "34", "34"},
		{Amex, "37", "37"},
		{Diners, "300", "305"},
		{Diners, "3095", "3095"},
		{Diners, "36", "36"},
		{Diners, "38", "39"},
		{Aura, "5078", "5078"},
		{MasterCard, "51", "55"},
		{MasterCard, "2221", "2720"},
		{Visa, "4", "4"},
	}
	return list
}

// brandOf tells a number's brand by its first digits; 0 where nobody knows.
func brandOf(number string) int {
	for _, s := range spans() {
		if len(number) >= len(s.from) && number[:len(s.from)] >= s.from && number[:len(s.to)] <= s.to {
			return s.brand
		}
	}
	return 0
}

// luhn checks a number's last digit.
func luhn(number string) bool {
	sum := 0
	for i, c := range []byte(number) {
		d := int(c - '0')
		if (len(number)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// Card is what is checked of a card before anybody hears of it. It is never kept.
type Card struct {
	PaymentID    int
	Number       string
	Month, Year  string
	SecurityCode string
}

// Check names the field that cannot be right and says why, in Portuguese and without any of its digits; empty when all is
// well. A brand that nobody knows by its first digits is taken.
func (c Card) Check(now time.Time) (field, detail string) {
	month, monthErr := strconv.Atoi(c.Month)
	year, yearErr := strconv.Atoi(c.Year)
	code := 3
	if c.PaymentID == Amex {
		code = 4
	}
	brand := brandOf(c.Number)
	switch {
	case !digits(c.Number) || len(c.Number) < 12 || len(c.Number) > 19:
		return "cardNumber", "O número do cartão tem de 12 a 19 números."
	case !luhn(c.Number):
		return "cardNumber", "O número do cartão não confere: algum número foi trocado."
	case brand != 0 && brand != c.PaymentID:
		return "paymentId", "O cartão é " + Brand(brand) + ", e o pagamento pede " + Brand(c.PaymentID) + "."
	case len(c.Month) != 2 || monthErr != nil || month < 1 || month > 12:
		return "expirationMonth", "O mês tem dois números, de 01 a 12."
	case len(c.Year) != 4 || yearErr != nil || !digits(c.Year):
		return "expirationYear", "O ano tem quatro números."
	case now.Year() > year || now.Year() == year && int(now.Month()) > month:
		return "expirationMonth", "O cartão está vencido."
	case year > now.Year()+25:
		return "expirationYear", "O ano não pode estar certo."
	case !digits(c.SecurityCode) || len(c.SecurityCode) != code && (brand != 0 || !slices.Contains([]int{3, 4}, len(c.SecurityCode))):
		return "securityCode", "O código de segurança tem " + strconv.Itoa(code) + " números."
	}
	return "", ""
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
