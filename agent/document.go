package agent

import "strings"

// Document is a CPF (11 digits) or a CNPJ (14 characters; letters in the first twelve are allowed since July 2026),
// without punctuation. It never reaches a log: see Mask.
type Document string

// ParseDocument accepts exactly 11 or 14 characters with correct check digits. Nothing is padded and no punctuation is
// removed: the vendor wants the document as it is on the card (R39).
func ParseDocument(text string) (Document, bool) {
	switch len(text) {
	case 11:
		return Document(text), validCPF(text)
	case 14:
		return Document(text), validCNPJ(text)
	}
	return "", false
}

// Mask shows only as much as two people on the phone need to agree on a document: "***456789**".
func (d Document) Mask() string {
	switch {
	case len(d) < 11:
		return strings.Repeat("*", len(d))
	case len(d) == 11:
		return "***" + string(d[3:9]) + "**"
	}
	return "**" + string(d[2:8]) + strings.Repeat("*", len(d)-8)
}

func validCPF(text string) bool {
	if !allDigits(text) || text == strings.Repeat(text[:1], 11) {
		return false
	}
	return checkDigit(text[:9], 10, 11) == text[9] && checkDigit(text[:10], 11, 11) == text[10]
}

func validCNPJ(text string) bool {
	for i := range 12 {
		if c := text[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	if text == strings.Repeat(text[:1], 14) {
		return false
	}
	return checkDigit(text[:12], 5, 9) == text[12] && checkDigit(text[:13], 6, 9) == text[13]
}

// checkDigit is the mod 11 of CPF and CNPJ: weights go down from first to 2 and then start again at top. A letter
// counts as its ASCII code minus 48 (Receita Federal, CNPJ alfanumérico).
func checkDigit(text string, first, top int) byte {
	sum, weight := 0, first
	for i := range len(text) {
		sum += int(text[i]-'0') * weight
		if weight--; weight < 2 {
			weight = top
		}
	}
	if rest := sum % 11; rest >= 2 {
		return byte('0' + 11 - rest)
	}
	return '0'
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}
