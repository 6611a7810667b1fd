// Package fleet says from what an agent told last how its till is, in words for the chain's IT.
//
// It keeps nothing and asks nobody. The commands and the hub's page show what it says.
package fleet

import (
	"fmt"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/chain"
	"pdvagent/cmd/pdvhub/internal/ledger"
)

// Health is how a till is.
type Health string

// The healths, the worst first.
const (
	Copied  Health = "duplicado" // two machines say that they are this till
	Silent  Health = "sem sinal" // it should speak, and does not
	Needs   Health = "precisa de alguém"
	Waiting Health = "esperando" // invited and joined, not heard yet
	Closed  Health = "fechado"   // it said that it stops
	Well    Health = "bem"
)

// copiedFor is how long two machines of one till are shown after they last spoke in turns.
const copiedFor = time.Hour

// Of judges a till at a time; why is a sentence, empty where the health says all.
func Of(t ledger.Till, now time.Time) (health Health, why string) {
	quiet := now.Sub(t.Seen)
	switch {
	case t.Seen.IsZero():
		return Waiting, "entrou na rede e ainda não deu sinal"
	case !t.Twice.IsZero() && now.Sub(t.Twice) < copiedFor:
		return Copied, "duas máquinas dizem que são este caixa: a pasta de dados foi copiada"
	case t.State.Stopping:
		return Closed, "parou em ordem às " + clock(t.Seen, now)
	case quiet >= chain.Silent:
		return Silent, "sem sinal desde " + clock(t.Seen, now)
	}
	if reasons := reasons(t.State); len(reasons) > 0 {
		return Needs, strings.Join(reasons, "; ")
	}
	return Well, pending(t.State, now)
}

// clock is a time of day, with the day where it is not today's.
func clock(at, now time.Time) string {
	if at.Year() == now.Year() && at.YearDay() == now.YearDay() {
		return at.Format("15:04")
	}
	return at.Format("02/01 15:04")
}

func pending(s chain.State, now time.Time) string {
	if s.Queue.Pending == 0 {
		return ""
	}
	what := count(s.Queue.Pending, "venda por enviar", "vendas por enviar")
	if !s.Queue.Oldest.IsZero() {
		what += ", a mais antiga das " + clock(s.Queue.Oldest.In(now.Location()), now)
	}
	if !s.Online {
		what += "; sem a Mercafácil"
	}
	return what
}

func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// reasons are what needs somebody: each alarm once.
func reasons(s chain.State) (list []string) {
	seen := make(map[string]bool)
	for _, alarm := range s.Alarms {
		if !seen[alarm.Code] {
			seen[alarm.Code] = true
			list = append(list, wordsOf(alarm.Code, s))
		}
	}
	return list
}

func wordsOf(code string, s chain.State) string {
	switch code {
	case agent.AlarmHeldJobs:
		return count(s.Queue.Held, "venda retida", "vendas retidas")
	case agent.AlarmDeadJobs:
		return count(s.Queue.Dead, "envio recusado", "envios recusados")
	}
	if text, ok := words[code]; ok {
		return text
	}
	return "alarme " + code // of a newer agent
}

// words are the alarms in a few words; the till's own console says what to do.
var words = map[string]string{
	agent.AlarmUnauthorized: "a Mercafácil recusa o token",
	agent.AlarmBusy:         "a Mercafácil pede uma espera longa",
	agent.AlarmRoutePaused:  "uma rota da Mercafácil recusa tudo",
	agent.AlarmStoreFull:    "disco ou banco de dados cheio",
	agent.AlarmUnread:       "corpos que não puderam ser lidos",
	agent.AlarmUnconfirmed:  "descontos sem confirmação",
	agent.AlarmClock:        "relógio da máquina errado",
	agent.AlarmTillClock:    "relógio do caixa errado",
	agent.AlarmSaleNotes:    "vendas com algo estranho",
	agent.AlarmPayment:      "um pagamento pede uma decisão",
	agent.AlarmBoleto:       "um boleto pede uma decisão",
	agent.AlarmSettlement:   "a baixa de boletos não está clara",
	agent.AlarmCertificate:  "certificado vencendo ou inválido",
	agent.AlarmSalvaged:     "banco de dados recuperado de um dano",
	agent.AlarmCloned:       "pasta de dados copiada de outra máquina",
	agent.AlarmDamaged:      "banco de dados com dano",
	agent.AlarmBackupCopy:   "a cópia do backup não chega à pasta",
	agent.AlarmShopConflict: "dois agentes do mesmo caixa, ou dois principais na loja",
	agent.AlarmLoad:         "uma carga foi recusada",
	agent.AlarmChain:        "o hub não aceita este caixa",
	agent.AlarmTrial:        "uma mudança da configuração foi desfeita",
}
