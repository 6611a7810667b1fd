package reading

import (
	"strings"

	"pdvagent/agent"
)

// TaxID reads a CPF or CNPJ as people and their programs write it: punctuation and spaces do not count, nor whether a CNPJ's
// letters are small. False: the check digits are wrong, or it is neither 11 nor 14 characters. Nothing is padded (R39).
func TaxID(text string) (agent.Document, bool) {
	plain := strings.Map(func(r rune) rune {
		switch r {
		case '.', '-', '/', ' ', '\t':
			return -1
		}
		return r
	}, text)
	return agent.ParseDocument(strings.ToUpper(plain))
}
