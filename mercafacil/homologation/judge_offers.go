package homologation

import (
	"fmt"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// offers judges steps whose baskets must get the discounts that the plan expects, in their order. Of several tries one that was
// right counts.
func (q *question) offers() Finding {
	var steps []Step
	for _, step := range q.item.Steps {
		if step.Do == "basket" || step.Do == "finish" {
			steps = append(steps, step)
		}
	}
	best := open("Falta o subtotal pedido: %s", q.plan.Fill(q.item.Instruction))
	for _, first := range q.basketsOf(steps[0], -1) {
		found := q.chain(steps, first)
		if found.Verdict == Passed {
			return found
		}
		best = found
	}
	if out := q.outOfOrder(steps); best.Verdict == Open && out != "" {
		return open("%s", out)
	}
	return best
}

// outOfOrder says that the second basket came, and the first did not.
func (q *question) outOfOrder(steps []Step) string {
	last := steps[len(steps)-1]
	if len(steps) < 2 || len(q.basketsOf(steps[0], -1)) > 0 || len(q.basketsOf(last, -1)) == 0 {
		return ""
	}
	return "Fora de ordem: o último subtotal veio antes do primeiro. Comece de novo: " + q.plan.Fill(q.item.Instruction)
}

// chain judges the steps from the first basket on.
func (q *question) chain(steps []Step, b basket) Finding {
	var proof []int
	words := ""
	for i, step := range steps {
		if step.Do == "finish" {
			confirm, ok := b.visit.end("confirm")
			if !ok || b.visit.receipt == nil {
				return open("Falta concluir a venda, com confirm e cupom.")
			}
			proof = append(proof, confirm.index, b.visit.receipt.index)
			continue
		}
		if i > 0 {
			next := q.basketsOf(step, b.index)
			if len(next) == 0 {
				return open("Falta o subtotal seguinte: %s", q.plan.Fill(q.item.Instruction))
			}
			b = next[0]
		}
		found := q.discounted(b, step)
		proof = append(proof, found.Proof...)
		if found.Verdict != Passed {
			return found
		}
		words = found.Words
	}
	return passed(proof, "%s", words)
}

// discounted judges the discounts of one basket.
func (q *question) discounted(b basket, step Step) Finding {
	if delivery(b.call) == "contingency" {
		return open("O subtotal foi respondido em contingência; repita com a nuvem no ar.")
	}
	proof := []int{b.index}
	words := ""
	for _, expect := range step.Expect {
		product, _ := q.plan.Product(expect.Product)
		var units, value, got agent.Milli
		for _, line := range b.lines {
			if !is(product, line.sku, line.ean) {
				continue
			}
			if !line.answered {
				return failed(proof, "a resposta ao caixa não diz o desconto do produto %s (agent.lines)", product.SKU)
			}
			units, value, got = units+line.quantity, value+line.net, got+line.discount
		}
		want := part(part(value, milli(expect.Units), units), milli(expect.Percent), 100_000)
		said := fmt.Sprintf("o produto %s teve %s de desconto", product.SKU, reais(got))
		if !near(got, want) {
			return failed(proof, "%s; o certo são %s: %s", said, reais(want), rule(expect))
		}
		for _, cloud := range q.behind(b.call, "apply") {
			proof = append(proof, cloud.index)
			if gave, ok := cloudDiscount(cloud, product); ok && !near(gave, got) {
				return failed(proof, "a nuvem deu %s de desconto no produto %s, e o caixa recebeu %s", reais(gave), product.SKU, reais(got))
			}
		}
		words += said + " (" + rule(expect) + "). "
	}
	return passed(proof, "%s", strings.TrimSpace(words))
}

func rule(expect Expect) string {
	if milli(expect.Units) == 0 {
		return "nenhum desconto"
	}
	if expect.Percent == "100" {
		return quantity(milli(expect.Units)) + " de graça"
	}
	return expect.Percent + "% em " + quantity(milli(expect.Units))
}

// cloudDiscount adds up what an apply's answer gives on a product.
func cloudDiscount(c call, product Product) (agent.Milli, bool) {
	items, ok := c.answer.Get("items")
	var sum agent.Milli
	for _, item := range items.Elements {
		if is(product, textOf(item, "sku"), textOf(item, "ean")) {
			sum += amount(item, "discount_value")
		}
	}
	return sum, ok
}

// totalDiscount reads absolute or payment_discount of an answer.
func totalDiscount(answer rawjson.Value, name string) agent.Milli {
	object, _ := answer.Get(name)
	return amount(object, "discount_value")
}

func (q *question) absolute() Finding {
	b, missing := q.first()
	if missing.Verdict != "" {
		return missing
	}
	want := milli(q.item.Steps[0].Absolute)
	got := totalDiscount(b.answer, "absolute")
	var shares agent.Milli
	for _, line := range b.lines {
		shares += line.share
	}
	proof := []int{b.index}
	for _, cloud := range q.behind(b.call, "apply") {
		proof = append(proof, cloud.index)
		if gave := totalDiscount(cloud.answer, "absolute"); gave != got {
			return failed(proof, "a nuvem deu %s no total, e o caixa recebeu %s", reais(gave), reais(got))
		}
	}
	switch {
	case got != want:
		return failed(proof, "o desconto absoluto foi de %s; o certo são %s", reais(got), reais(want))
	case shares != want:
		return failed(proof, "as partes das linhas somam %s; o desconto no total é de %s", reais(shares), reais(want))
	}
	return passed(proof, "%s no total, e as partes das linhas somam isso", reais(got))
}

func (q *question) cashback() Finding {
	b, missing := q.first()
	if missing.Verdict != "" {
		return missing
	}
	want := milli(q.item.Steps[0].Payment)
	proof := []int{b.index}
	if got := totalDiscount(b.answer, "payment_discount"); got != want {
		return failed(proof, "o desconto como pagamento foi de %s; o certo são %s", reais(got), reais(want))
	}
	r := b.visit.receipt
	if r == nil {
		return open("Falta concluir a venda.")
	}
	proof = append(proof, r.index)
	for _, tender := range r.payments {
		if tender.form == "cashback" && tender.amount == want {
			return passed(proof, "o cupom leva a forma cashback de %s", reais(want))
		}
	}
	return failed(proof, "o cupom não leva uma forma de pagamento cashback de %s", reais(want))
}

// contingency judges a sale without the cloud.
func (q *question) contingency() Finding {
	for _, v := range q.visits {
		for _, b := range v.baskets {
			if b.Status >= 400 && q.facts.Asked {
				return failed([]int{b.index}, "sem a nuvem, o subtotal foi respondido com %d; o caixa não pode parar", b.Status)
			}
			if delivery(b.call) != "contingency" || b.Origin != "" {
				continue
			}
			proof := []int{b.index}
			for _, line := range b.lines {
				if line.discount != 0 || line.share != 0 {
					return failed(proof, "um desconto de %s foi dado sem a nuvem", reais(line.discount+line.share))
				}
			}
			if v.receipt == nil {
				continue
			}
			proof = append(proof, v.receipt.index)
			if v.receipt.Status >= 500 || (v.receipt.Status >= 400 && q.facts.Asked) { // what the till spelled wrong is its own item's
				return failed(proof, "a venda em contingência foi recusada com %d", v.receipt.Status)
			}
			return passed(proof, "sem a nuvem o caixa foi atendido em contingência, sem descontos, e a venda foi aceita")
		}
	}
	return open("Falta uma venda sem a nuvem.")
}

// pilotDiscount judges a member's sale with a discount in production.
func (q *question) pilotDiscount() Finding {
	if !Production(q.facts.BaseURL) {
		return open("Só em produção.")
	}
	for _, v := range q.visits {
		if v.receipt == nil || !q.members[digits(v.receipt.client)] {
			continue
		}
		for _, b := range v.baskets {
			for _, line := range b.lines {
				sent, ok := q.accepted("coupon", func(c call) bool { return c.text("coupon") == v.receipt.id })
				if line.discount > 0 && ok {
					return passed([]int{b.index, v.receipt.index, sent.index}, "um sócio teve %s de desconto, e o cupom chegou à nuvem", reais(line.discount))
				}
			}
		}
	}
	return open("Falta a venda de um sócio, com desconto.")
}
