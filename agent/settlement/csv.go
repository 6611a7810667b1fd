package settlement

import (
	"fmt"
	"strings"
)

// CSV is boletos for an ERP: one line each, separated by semicolons, money in reais with a point.
func CSV(list []Boleto) string {
	var out strings.Builder
	out.WriteString("nosso_numero;seu_numero;status;due_date;expected;received;difference;paid_on;credit_on;channel;divergent\n")
	plain := strings.NewReplacer(";", ",", "\n", " ", "\r", " ", `"`, "'")
	for _, b := range list {
		received, difference, paid, credit, channel := "", "", "", "", ""
		if last := b.Last(); last != nil {
			received, difference, paid, credit, channel = b.Received().String(), b.Difference().String(), last.PaidOn, last.CreditOn, last.Channel
		}
		fmt.Fprintf(&out, "%s;%s;%s;%s;%s;%s;%s;%s;%s;%s;%t\n", b.Number(), formula(plain.Replace(b.SeuNumero)), b.Status, b.Due, b.Amount, received, difference, paid, credit, channel, received != "" && b.Difference() != 0)
	}
	return out.String()
}

// formula keeps a spreadsheet from running what a text says.
func formula(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t", rune(text[0])) {
		return "'" + text
	}
	return text
}
