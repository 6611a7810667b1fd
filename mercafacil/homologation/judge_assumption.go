package homologation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// taken answers whether the cloud takes what is sent to a route.
func taken(route, what string) func(*question) Finding {
	return func(q *question) Finding {
		for _, c := range q.clouds(route) {
			if c.Status == 0 {
				continue
			}
			if c.ok() {
				return answered([]int{c.index}, "a nuvem aceita o %s (%d)", what, c.Status)
			}
			return failed([]int{c.index}, "a nuvem recusa o %s (%d): o pdvagent supõe que aceita", what, c.Status)
		}
		return open("Falta um %s chegar à nuvem.", what)
	}
}

// answeredTo says what the cloud answered to a probe.
func answeredTo(route, what string) func(*question) Finding {
	return func(q *question) Finding {
		for _, c := range q.probes(route) {
			return answered([]int{c.index}, "ao %s a nuvem responde %d", what, c.Status)
		}
		return open("Falta perguntar à nuvem.")
	}
}

// probes are the kit's own calls of a route that had an answer.
func (q *question) probes(route string) []call {
	return slices.DeleteFunc(slices.Clone(q.clouds(route)), func(c call) bool { return !c.probe() || c.Status == 0 })
}

// lastApply is the newest apply that the cloud answered for the item's basket.
func (q *question) lastApply() (basket, call, Finding) {
	b, missing := q.first()
	if missing.Verdict != "" {
		return b, call{}, missing
	}
	list := q.behind(b.call, "apply")
	if len(list) == 0 || !list[len(list)-1].ok() {
		return b, call{}, open("Falta o subtotal ser respondido pela nuvem.")
	}
	return b, list[len(list)-1], Finding{}
}

func (q *question) aboveMaximum() Finding {
	b, c, missing := q.lastApply()
	if missing.Verdict != "" {
		return missing
	}
	product, _ := q.plan.Product(q.item.Steps[0].Lines[0].Product)
	var value agent.Milli
	for _, line := range b.lines {
		value += line.net
	}
	gave, _ := cloudDiscount(c, product)
	switch {
	case gave == 0:
		return answered([]int{c.index}, "acima do máximo a nuvem não dá desconto em nenhuma unidade")
	case near(gave, part(value, 8, 100)):
		return answered([]int{c.index}, "acima do máximo a nuvem dá o desconto nas 4 unidades do máximo")
	}
	return failed([]int{c.index}, "a nuvem deu %s: nem nenhum desconto, nem o de 4 unidades", reais(gave))
}

// greeting is the newest start that the cloud answered with a message.
func (q *question) greeting() (call, bool) {
	list := slices.Clone(q.clouds("start"))
	slices.Reverse(list)
	for _, c := range list {
		if message, ok := c.answer.Get("message"); c.ok() && ok && message.Kind == rawjson.Object && len(message.Members) > 0 {
			return c, true
		}
	}
	return call{}, false
}

func (q *question) messageObject() Finding {
	c, ok := q.greeting()
	if !ok {
		return open("Falta um start com mensagem.")
	}
	if _, ok := c.answer.Get("should_display_message"); ok {
		return answered([]int{c.index}, "a mensagem vem com should_display_message")
	}
	return answered([]int{c.index}, "a mensagem vem sem should_display_message: o objeto decide")
}

func (q *question) messageEnd() Finding {
	for _, c := range q.clouds("message") {
		if !c.ok() {
			continue
		}
		if message, ok := c.answer.Get("message"); ok && message.Kind == rawjson.Object && len(message.Members) > 0 {
			return answered([]int{c.index}, "à resposta do cliente a nuvem responde com outra mensagem")
		}
		return answered([]int{c.index}, "a resposta do cliente encerra a mensagem")
	}
	return open("Falta a resposta a uma mensagem.")
}

func (q *question) numberForm() Finding {
	_, c, missing := q.lastApply()
	if missing.Verdict != "" {
		return missing
	}
	items, _ := c.answer.Get("items")
	if len(items.Elements) == 0 {
		return open("A resposta do apply não tem itens.")
	}
	value, _ := items.Elements[0].Get("total_value_with_discount")
	form := map[rawjson.Kind]string{rawjson.Number: "números", rawjson.String: "textos"}[value.Kind]
	if form == "" {
		return failed([]int{c.index}, "o item do apply não tem total_value_with_discount em número nem em texto")
	}
	return answered([]int{c.index}, "os valores do apply vêm como %s", form)
}

func (q *question) lineForm() Finding {
	b, c, missing := q.lastApply()
	if missing.Verdict != "" {
		return missing
	}
	items, _ := c.answer.Get("items")
	var asked, got []string
	for _, line := range b.lines {
		asked = append(asked, line.sku)
	}
	for _, item := range items.Elements {
		got = append(got, textOf(item, "sku"))
	}
	switch {
	case slices.Equal(asked, got):
		return answered([]int{c.index}, "o apply responde uma linha por linha, na ordem do caixa")
	case len(got) < len(asked):
		return answered([]int{c.index}, "o apply junta as linhas do mesmo produto")
	}
	return answered([]int{c.index}, "o apply responde as linhas em outra ordem")
}

func (q *question) absoluteForm() Finding {
	_, c, missing := q.lastApply()
	if missing.Verdict != "" {
		return missing
	}
	total := totalDiscount(c.answer, "absolute")
	if total == 0 {
		return open("O apply não trouxe desconto absoluto.")
	}
	items, _ := c.answer.Get("items")
	var reduced agent.Milli
	for _, item := range items.Elements {
		reduced += amount(item, "total_value_without_discount") - amount(item, "total_value_with_discount")
	}
	if reduced >= total {
		return failed([]int{c.index}, "as linhas do apply já vêm com a sua parte do desconto absoluto: o pdvagent a daria duas vezes")
	}
	return answered([]int{c.index}, "as linhas do apply vêm sem a sua parte do desconto absoluto: ela é rateada aqui")
}

func (q *question) reduced() Finding {
	b, c, missing := q.lastApply()
	if missing.Verdict != "" {
		return missing
	}
	product, _ := q.plan.Product(q.item.Steps[0].Lines[0].Product)
	gave, _ := cloudDiscount(c, product)
	var gross, net agent.Milli
	for _, line := range b.lines {
		gross, net = gross+line.gross, net+line.net
	}
	switch {
	case gave == 0:
		return answered([]int{c.index}, "num produto com desconto do caixa a nuvem não dá desconto")
	case near(gave, part(net, 10, 100)):
		return answered([]int{c.index}, "a nuvem dá o desconto sobre o valor já reduzido pelo caixa")
	case near(gave, part(gross, 10, 100)):
		return answered([]int{c.index}, "a nuvem dá o desconto sobre o valor cheio")
	}
	return failed([]int{c.index}, "a nuvem deu %s, que não é 10%% nem do valor cheio nem do reduzido", reais(gave))
}

func (q *question) paymentForm() Finding {
	for _, c := range q.clouds("coupon") {
		if !c.ok() {
			continue
		}
		var forms []string
		payments, _ := c.body.Get("payments")
		for _, tender := range payments.Elements {
			forms = append(forms, textOf(tender, "payment_form"))
		}
		return answered([]int{c.index}, "a nuvem aceitou as formas %s", strings.Join(forms, ", "))
	}
	return open("Falta um cupom chegar à nuvem.")
}

func (q *question) zeroClient() Finding {
	for _, c := range q.clouds("coupon") {
		if c.text("client_id") != "0" || c.Status == 0 {
			continue
		}
		if c.ok() {
			return answered([]int{c.index}, "a nuvem aceita client_id 0 no cupom (%d)", c.Status)
		}
		return failed([]int{c.index}, "a nuvem recusa client_id 0 no cupom (%d)", c.Status)
	}
	return open("Falta um cupom com client_id 0.")
}

func (q *question) repeated() Finding {
	list := q.probes("coupon")
	if len(list) < 2 {
		return open("Falta perguntar à nuvem.")
	}
	first, second := list[0], list[1]
	proof := []int{first.index, second.index}
	switch {
	case !first.ok():
		return open("A nuvem recusou o primeiro cupom com %d: sem ele não há resposta.", first.Status)
	case second.ok():
		return answered(proof, "a nuvem aceita o mesmo cupom outra vez (%d): confira na plataforma se há um só", second.Status)
	}
	return answered(proof, "ao cupom repetido a nuvem responde %d: ele já está lá", second.Status)
}

func (q *question) partialLoad() Finding {
	taken, refused := q.batches()
	switch {
	case refused != nil:
		return failed([]int{refused.index}, "a nuvem recusou o lote menor com %d", refused.Status)
	case len(taken) < 2 || len(taken[1].records) >= len(taken[0].records):
		return open("Faltam duas cargas, a segunda só com o que mudou.")
	}
	return answered([]int{taken[0].index, taken[1].index}, "a nuvem aceita um lote só com o que mudou (%d de %d)", len(taken[1].records), len(taken[0].records))
}

func (q *question) clockZone() Finding {
	for _, c := range q.clouds("start") {
		local, err := time.ParseInLocation(time.DateTime, c.said("datetime"), q.facts.Zone)
		if !c.ok() || err != nil {
			continue
		}
		apart := local.Sub(c.At).Round(time.Minute)
		if apart > -10*time.Minute && apart < 10*time.Minute {
			return answered([]int{c.index}, "a nuvem escreve a hora da loja")
		}
		return answered([]int{c.index}, "a hora da nuvem está a %s da hora da loja", apart)
	}
	return open("Falta um start respondido com datetime.")
}

func (q *question) shape() Finding {
	_, apply, missing := q.lastApply()
	if missing.Verdict != "" {
		return missing
	}
	start, ok := q.accepted("start", func(c call) bool { return !c.probe() })
	if !ok {
		return open("Falta um start respondido pela nuvem.")
	}
	var absent []string
	for name, answer := range map[string]rawjson.Value{"transaction_id": start.answer, "loyalty": start.answer, "items": apply.answer} {
		if _, ok := answer.Get(name); !ok {
			absent = append(absent, name)
		}
	}
	slices.Sort(absent)
	if len(absent) > 0 {
		return failed([]int{start.index, apply.index}, "as respostas não têm %s", strings.Join(absent, ", "))
	}
	return answered([]int{start.index, apply.index}, "a nuvem aceita start e apply como vão, e responde transaction_id, loyalty e items")
}

func (q *question) lostConfirm() Finding {
	coupons, confirms := q.probes("coupon"), q.probes("confirm")
	if len(coupons) == 0 || len(confirms) == 0 {
		return open("Falta perguntar à nuvem.")
	}
	return answered([]int{coupons[0].index, confirms[0].index}, "ao cupom sem confirm a nuvem responde %d, e ao confirm atrasado %d", coupons[0].Status, confirms[0].Status)
}

func (q *question) secondApply() Finding {
	list := q.probes("apply")
	if len(list) < 2 {
		return open("Falta perguntar à nuvem.")
	}
	return answered([]int{list[0].index, list[1].index}, "ao segundo apply na mesma transação a nuvem responde %d (ao primeiro, %d)", list[1].Status, list[0].Status)
}

func (q *question) dialectOf() Finding {
	for _, c := range q.probes("start") {
		if c.dialect != "v2.2" {
			continue
		}
		says := "não fala"
		if c.ok() {
			says = "fala"
		}
		return answered([]int{c.index}, "%s", fmt.Sprintf("a base %s a v2.2 (%d)", says, c.Status))
	}
	return open("Falta perguntar à nuvem.")
}
