package cli

import (
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/ops/service"
	"pdvagent/agent/paying/cardorder"
	"pdvagent/agent/paying/settlement"
	"pdvagent/payments"
)

// vocabulary is the Portuguese of the API's codes. People read and type the words; programs get the codes (--json). The words
// of a vocabulary are as many as its codes, so that each can be typed back.
type vocabulary map[string]string

// of gives the word for a code; the code itself where there is none.
func (v vocabulary) of(code string) string {
	if word, ok := v[code]; ok {
		return word
	}
	return code
}

// code gives the code of a word that a person typed, in any case and with or without accents. A code stays as it is.
func (v vocabulary) code(typed string) string {
	for code, word := range v {
		if plain(typed) == plain(word) {
			return code
		}
	}
	return typed
}

// plain is a word without case, accents and the spaces that a command line does not like.
func plain(word string) string {
	return strings.NewReplacer("á", "a", "ã", "a", "â", "a", "ç", "c", "é", "e", "ê", "e", "í", "i", "ó", "o", "õ", "o", "ú", "u", "-", " ", "_", " ").Replace(strings.ToLower(word))
}

func jobStates() vocabulary {
	return vocabulary{
		string(agent.Pending): "esperando", string(agent.Sent): "enviado", string(agent.Dead): "recusado", string(agent.Held): "retido",
		string(agent.Annulled): "anulado", string(agent.Discarded): "descartado", "unread": "ilegível", string(agent.Damaged): "danificado",
	}
}

func jobKinds() vocabulary {
	return vocabulary{
		string(agent.KindConfirm): "confirmação", string(agent.KindCancel): "cancelamento", string(agent.KindCoupon): "venda",
		string(agent.KindCouponCancellation): "cancelamento de venda", string(agent.KindMessage): "resposta do cliente",
		string(agent.KindProducts): "produtos", string(agent.KindOperators): "operadores", string(agent.KindCouponsList): "vendas antigas",
	}
}

func jobReasons() vocabulary {
	return vocabulary{
		agent.ReasonInvalid: "os dados não podem estar certos", agent.ReasonConflict: "outro conteúdo com a mesma identificação",
		agent.ReasonKeyMissing: "falta a chave que o cifrou", agent.ReasonCloned: "os dados são uma cópia (clone) dos de outro pdvagent",
		agent.ReasonSalvaged: "achado num arquivo danificado; talvez já enviado", agent.ReasonLost: "o conteúdo se perdeu",
		agent.ReasonSuperseded: "um corrigido tomou o lugar", agent.ReasonCancelled: "cancelado antes de ser enviado",
		agent.ReasonNothingTo: "o que ele cancelaria não foi enviado", agent.ReasonNoSession: "a Mercafácil não tem a transação",
		agent.ReasonSplit: "dividido em lotes menores", agent.ReasonRefused: "a Mercafácil recusou o conteúdo",
		agent.ReasonUnknown: "a Mercafácil não conhece a venda ou a transação", agent.ReasonDenied: "a Mercafácil responde que não o aceitou",
		agent.ReasonRouteOnly:          "a Mercafácil recusa este, e aceita os outros",
		string(agent.CodeMalformed):    "não é JSON",
		string(agent.CodeDuplicateKey): "o mesmo campo duas vezes",
		string(agent.CodeTooDeep):      "níveis demais",
		string(agent.CodeEncoding):     "outra codificação de texto",
		string(agent.ClassUnreachable): "sem conexão",
		string(agent.ClassTimeout):     "sem resposta a tempo",
		string(agent.ClassBroken):      "a conexão caiu",
		string(agent.ClassForeign):     "uma resposta que não é da Mercafácil",
		string(agent.ClassStatus):      "a Mercafácil respondeu",
	}
}

// reasonInWords is a job's reason; what a person wrote when it was discarded stays.
func reasonInWords(reason string) string {
	if text, ok := strings.CutPrefix(reason, agent.ReasonSupport+": "); ok {
		return "suporte: " + text
	}
	return jobReasons().of(reason)
}

func paymentStates() vocabulary {
	states := make(vocabulary)
	for _, state := range payments.States() {
		states[string(state)] = state.Words()
	}
	return states
}

func paymentKinds() vocabulary {
	return vocabulary{string(payments.KindPix): "Pix", string(payments.KindTitle): "título", string(payments.KindInvoice): "fatura"}
}

func boletoStates() vocabulary {
	return vocabulary{
		string(settlement.Open): "aberto", string(settlement.Paid): "pago", string(settlement.WrittenOff): "baixado", string(settlement.Review): "conferir",
	}
}

func channels() vocabulary { return vocabulary{"pix": "Pix", "bank": "banco", "other": "outro"} }

func orderStates() vocabulary {
	states := make(vocabulary)
	for _, state := range cardorder.States() {
		states[string(state)] = state.Words()
	}
	return states
}

func serviceStates() vocabulary {
	return vocabulary{
		string(service.NotInstalled): "não instalado", string(service.Stopped): "parado", string(service.Starting): "iniciando",
		string(service.Running): "em execução", string(service.Stopping): "parando",
	}
}
