package settlement

import (
	"fmt"
	"strings"
)

// CSV writes boletos for an ERP: a line each, separated by semicolons, money in reais with a point.
func CSV(list []Boleto) string {
	var out strings.Builder
	out.WriteString("nosso_numero;seu_numero;status;due_date;expected;received;difference;paid_on;credit_on;channel;divergent\n")
	plain := strings.NewReplacer(";", ",", "\n", " ", "\r", " ", `"`, "'")
	for _, b := range list {
		received, difference, paid, credit, channel := "", "", "", "", ""
		if last := b.Last(); last != nil {
			received, difference, paid, credit, channel = b.Received().String(), b.Difference().String(), last.PaidOn, last.CreditOn, last.Channel
		}
		fmt.Fprintf(&out, "%s;%s;%s;%s;%s;%s;%s;%s;%s;%s;%t\n", b.Number(), quoted(plain.Replace(b.SeuNumero)), b.Status, b.Due, b.Amount, received, difference, paid, credit, channel, received != "" && b.Difference() != 0)
	}
	return out.String()
}

// quoted keeps a spreadsheet from running a text as a formula.
func quoted(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t", rune(text[0])) {
		return "'" + text
	}
	return text
}
