package sicoobsim

import (
	"strconv"

	"pdvagent/agent/simkit"
)

// refused is why the bank does not do what it is asked.
type refused struct {
	status     int
	code, text string
}

// refuse makes one whose code is its status.
func refuse(status int, text string) *refused { return &refused{status, strconv.Itoa(status), text} }

// answer is the bank's MensagensErro (sicoob.md 3).
func (r *refused) answer() simkit.Answer {
	type message struct {
		Code string `json:"codigo"`
		Text string `json:"mensagem"`
	}
	return simkit.Answer{Status: r.status, Body: map[string][]message{"mensagens": {{r.code, r.text}}}}
}

// refusal is the answer of one whose code is its status.
func refusal(status int, text string) simkit.Answer { return refuse(status, text).answer() }

// coded is the answer of one with a code of its own.
func coded(status int, code, text string) simkit.Answer {
	return (&refused{status, code, text}).answer()
}

// result is a list's entry of version 2 for one boleto: of success where refused is nil.
func result(refused *refused, boleto any) map[string]any {
	status, text := 200, "Operação realizada com sucesso."
	if refused != nil {
		status, text = refused.status, refused.text
	}
	return map[string]any{"status": map[string]any{"codigo": status, "mensagem": text}, "boleto": boleto}
}
