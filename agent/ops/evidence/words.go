package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent"
)

// Words is a verdict as people read it.
func (v Verdict) Words() string {
	return map[Verdict]string{
		Passed: "aprovado", Failed: "reprovado", Open: "em aberto", Answered: "respondido", Unneeded: "não se aplica",
	}[v]
}

// column is a verdict as the heading of a column of counts.
func (v Verdict) column() string {
	return map[Verdict]string{
		Passed: "Aprovados", Failed: "Reprovados", Open: "Em aberto", Answered: "Respondidos", Unneeded: "Não se aplicam",
	}[v]
}

// Words tells who did the items.
func (m Mode) Words() string {
	return map[Mode]string{
		AgainstSandbox: "pelo kit, contra a nuvem simulada", AgainstCloud: "pelo kit, na base de homologação da loja", Watched: "pelo caixa da loja, observado pelo kit",
	}[m]
}

// sideWords tell who called whom.
func sideWords(side agent.Side) string {
	return map[agent.Side]string{
		agent.SideTill: "caixa → agente", agent.SideCloud: "agente → nuvem", agent.SideSupport: "suporte → agente",
	}[side]
}

const title = "Evidência de homologação"

// fact is a line of the cover.
type fact struct{ name, value string }

// facts are the lines of the cover that have a value.
func (r *Report) facts() []fact {
	c := r.Cover
	all := []fact{
		{"Loja", strings.Trim(c.Shop+" · "+c.ShopName, " ·")},
		{"Caixa", c.Till},
		{"Roteiro", strings.TrimSpace(c.Plan + " (" + c.PlanVersion + ")")},
		{"Feito", c.Mode.Words()},
		{"Endereço da API", c.BaseURL},
		{"Dialeto", c.Dialect},
		{"Programa do caixa", c.PDVVersion},
		{"pdvagent", c.AgentVersion},
		{"Semente", c.Seed},
		{"Início", r.moment(c.Began)},
		{"Fim", r.moment(c.Ended)},
		{"Horários", "de UTC" + strings.Replace(c.Began.Format("-07:00"), "-", "−", 1)},
		{"Assinatura", c.Signature.words()},
		{"Impressão digital", Pairs(c.Signature.Fingerprint)},
	}
	var shown []fact
	for _, f := range all {
		if f.value != "" {
			shown = append(shown, f)
		}
	}
	return shown
}

func (s Signature) words() string {
	switch {
	case s.Fingerprint == "":
		return "sem assinatura"
	case s.Made:
		return "PKCS#7, por uma chave feita para este relatório: prova que nada mudou, não quem o fez"
	}
	return "PKCS#7, pelo certificado da loja: " + s.Subject
}

// Pairs writes hexadecimal digits as certificates are shown: AB:CD.
func Pairs(digits string) string {
	digits = strings.ToUpper(digits)
	var out strings.Builder
	for i := 0; i < len(digits); i += 2 {
		if i > 0 {
			out.WriteByte(':')
		}
		out.WriteString(digits[i:min(i+2, len(digits))])
	}
	return out.String()
}

// moment is a time in the zone of the run's beginning.
func (r *Report) moment(at time.Time) string { return r.local(at).Format("02/01/2006 15:04:05") }

// instant is the same with milliseconds.
func (r *Report) instant(at time.Time) string {
	return strings.Replace(r.local(at).Format("02/01 15:04:05.000"), ".", ",", 1)
}

// local gives the time as a zone of that offset alone has it: a report read back from its JSON knows no other.
func (r *Report) local(at time.Time) time.Time {
	_, offset := r.Cover.Began.Zone()
	return at.In(time.FixedZone("", offset))
}

// outcome is the whole report in a sentence.
func (r *Report) outcome() (Verdict, string) {
	count := make(map[Verdict]int)
	for _, item := range r.Items {
		count[item.Verdict]++
	}
	switch {
	case count[Failed] > 0:
		return Failed, plural(count[Failed], "item reprovado", "itens reprovados") + ", " + plural(count[Open], "em aberto", "em aberto") + ", de " + plural(len(r.Items), "item", "itens") + "."
	case count[Open] > 0:
		return Open, "Nada reprovado; " + plural(count[Open], "item em aberto", "itens em aberto") + ", de " + plural(len(r.Items), "item", "itens") + "."
	}
	return Passed, "Nada reprovado e nada em aberto, em " + plural(len(r.Items), "item", "itens") + "."
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// when tells the time of a verdict and who gave it.
func (r *Report) when(item *Item) string {
	switch {
	case item.Confirmed != nil:
		return r.moment(item.Confirmed.At) + ", " + item.Confirmed.By
	case item.At.IsZero():
		return ""
	}
	return r.moment(item.At)
}

// headline is an exchange in a line.
func (r *Report) headline(x *Exchange) string {
	answer := "sem resposta"
	if x.Status != 0 {
		answer = "status " + strconv.Itoa(x.Status)
	}
	return fmt.Sprintf("%s · %s · %s %s · %s · %s ms", r.instant(x.At), sideWords(x.Side), x.Method, x.Route, answer, strings.Replace(strconv.FormatFloat(x.MS, 'f', -1, 64), ".", ",", 1))
}

// spread indents a body that is JSON; any other stays.
func spread(body string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(body), "", "  ") != nil {
		return body
	}
	return out.String()
}

// part is a titled list of an item's texts.
type part struct {
	title string
	lines []string
	tone  Verdict // of the colour in which they are shown; none: as everything is
}

// parts are an item's texts in the order in which they are shown.
func (r *Report) parts(item *Item) []part {
	parts := []part{{title: "O que foi pedido", lines: item.Asked}, {title: "O que deve ser visto", lines: item.Expected}, {title: "O que foi visto", lines: item.Seen}}
	if item.Fault != "" {
		parts = append(parts, part{"O que está errado", []string{item.Fault}, Failed})
	}
	if item.Missing != "" {
		parts = append(parts, part{"O que falta", []string{item.Missing}, Open})
	}
	if c := item.Confirmed; c != nil {
		parts = append(parts, part{title: "Confirmado por", lines: []string{strings.Trim(c.By+", em "+r.moment(c.At)+". "+c.Says, " ")}})
	}
	shown := parts[:0]
	for _, p := range parts {
		if len(p.lines) > 0 {
			shown = append(shown, p)
		}
	}
	return shown
}
