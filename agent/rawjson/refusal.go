package rawjson

import (
	"errors"

	"pdvagent/agent"
)

// Refusal turns an error of [Parse] into a refusal for a person.
func Refusal(err error) *agent.Error {
	switch {
	case errors.Is(err, ErrDuplicateKey):
		return agent.Errorf(agent.CodeDuplicateKey, err, "O JSON tem o mesmo campo duas vezes no mesmo objeto.")
	case errors.Is(err, ErrTooDeep):
		return agent.Errorf(agent.CodeTooDeep, err, "O JSON tem níveis demais.")
	case errors.Is(err, ErrEncoding):
		return agent.Errorf(agent.CodeEncoding, err, "O texto não está em UTF-8. Envie UTF-8 ou informe charset=windows-1252.")
	}
	return agent.Errorf(agent.CodeMalformed, err, "O corpo não é um JSON válido.")
}
