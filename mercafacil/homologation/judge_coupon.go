package homologation

import (
	"strings"

	"pdvagent/agent"
)

// finish judges that the confirm comes before the coupon, at the till and at the cloud.
func (q *question) finish() Finding {
	b, missing := q.first()
	if missing.Verdict != "" {
		return missing
	}
	r := b.visit.receipt
	confirm, confirmed := b.visit.end("confirm")
	switch {
	case r == nil:
		return open("Falta concluir a venda.")
	case !confirmed:
		return failed([]int{r.index}, "o cupom %s veio sem confirm: a nuvem não fica sabendo que as ofertas foram usadas", r.id)
	case r.At.Before(confirm.At):
		return failed([]int{r.index, confirm.index}, "o cupom %s veio antes do confirm", r.id)
	}
	coupon, sent := q.accepted("coupon", func(c call) bool { return c.text("coupon") == r.id })
	if !sent {
		return open("Falta o cupom chegar à nuvem.")
	}
	cloud, ok := q.accepted("confirm", func(c call) bool { return c.text("transaction_id") == coupon.text("transaction_id") })
	proof := []int{confirm.index, r.index, coupon.index}
	if !ok || coupon.At.Before(cloud.At) {
		return failed(proof, "o cupom %s chegou à nuvem sem o confirm antes", r.id)
	}
	return passed(append(proof, cloud.index), "confirm e cupom %s, nessa ordem, no caixa e na nuvem", r.id)
}

// delivered judges that each receipt arrives once, and as the till sent it.
func (q *question) delivered() Finding {
	var proof []int
	uses := make(map[string]int)
	for _, r := range q.receipts {
		uses[r.id]++
	}
	for _, r := range q.receipts {
		if r.Status >= 400 || uses[r.id] > 1 {
			continue // what is wrong with it is another item's
		}
		times := 0
		for _, c := range q.clouds("coupon") {
			if c.text("coupon") != r.id || c.probe() {
				continue
			}
			if c.Status == 400 || c.Status == 422 {
				return failed([]int{r.index, c.index}, "a nuvem recusou o cupom %s com %d", r.id, c.Status)
			}
			if !c.ok() {
				continue
			}
			if times++; times > 1 {
				return failed([]int{r.index, c.index}, "o cupom %s chegou à nuvem mais de uma vez", r.id)
			}
			if fault := changed(r, c); fault != "" {
				return failed([]int{r.index, c.index}, "o cupom %s chegou à nuvem com outro %s", r.id, fault)
			}
			proof = append(proof, r.index, c.index)
		}
	}
	if len(proof) == 0 {
		return open("Falta um cupom chegar à nuvem.")
	}
	return passed(proof, "cupons que chegaram à nuvem como o caixa os enviou: %d", len(proof)/2)
}

// changed names what differs between a receipt and what arrived.
func changed(r *receipt, c call) string {
	t := Traffic{bySale: map[string]*visit{}}
	t.sell(c)
	arrived := t.receipts[0]
	switch {
	case len(arrived.lines) != len(r.lines):
		return "número de linhas"
	case arrived.gross != r.gross || arrived.net != r.net:
		return "valor"
	case len(arrived.payments) != len(r.payments):
		return "pagamento"
	case digits(arrived.client) != digits(r.client) && arrived.client != "0" && arrived.client != "":
		return "client_id"
	}
	for i, line := range r.lines {
		if got := arrived.lines[i]; got.sku != line.sku || got.quantity != line.quantity || got.net != line.net {
			return "conteúdo na linha do produto " + line.sku
		}
	}
	return ""
}

// client judges client_id: a document of the club, or 0.
func (q *question) client() Finding {
	var inside, outside []int
	for _, r := range q.receipts {
		if fault := q.clientFault(r); fault != "" {
			return failed([]int{r.index}, "%s", fault)
		}
		if id := digits(r.client); id == "" || id == "0" {
			outside = append(outside, r.index)
		} else if q.members[id] {
			inside = append(inside, r.index)
		}
	}
	switch {
	case len(inside) == 0:
		return open("Falta a venda de um sócio identificado.")
	case len(outside) == 0:
		return open("Falta a venda de quem não é do clube.")
	}
	return passed(append(inside, outside...), "o documento de quem é do clube, e 0 para os demais")
}

func (q *question) clientFault(r *receipt) string {
	id, identified := digits(r.client), ""
	if v := q.bySale[r.session]; v != nil {
		identified = v.document
		for _, b := range v.baskets {
			if who := b.who(); who != "" {
				identified = who
			}
		}
	}
	switch {
	case id == "" || id == "0":
		if q.members[identified] {
			return "o cupom levou client_id " + q.shown(r.client) + ", mas o cliente identificado é do clube: deveria ir o documento dele"
		}
		return ""
	case len(id) != 11 && len(id) != 14:
		return "o cupom levou um client_id de " + quantity(agent.Milli(len(id))*1000) + " dígitos; são 11 de um CPF ou 14 de um CNPJ, sem zeros a mais"
	case strings.HasPrefix(id, "000") && len(id) == 14 && q.members[id[3:]]:
		return "o cupom levou um CPF com zeros à esquerda até 14 dígitos: vão só os 11"
	case identified == "":
		return "o cupom levou client_id " + q.shown(id) + ", mas ninguém foi identificado no clube: o CPF na nota não vai em client_id, deveria ir 0"
	case id != identified:
		return "o cupom levou client_id " + q.shown(id) + ", que não é o do cliente identificado"
	}
	if member, known := q.members[id]; known && !member {
		return "o cupom levou client_id " + q.shown(id) + ", mas este cliente não é do clube: deveria ir 0"
	}
	return ""
}

// shown is a document as a sentence may name it: the plan's own in clear, another one masked.
func (q *question) shown(document string) string {
	for _, own := range q.plan.Documents() {
		if digits(document) == own {
			return own
		}
	}
	if document == "" {
		return "vazio"
	}
	if document == "0" {
		return document
	}
	return agent.Document(digits(document)).Mask()
}

// unique judges that no two receipts have the same id.
func (q *question) unique() Finding {
	ids := make(map[string]int)
	var proof []int
	for _, r := range q.receipts {
		if r.id == "" {
			proof = append(proof, r.index) // the agent gives it one
			continue
		}
		if before, again := ids[r.id]; again {
			return failed([]int{before, r.index}, "o coupon %s foi usado em duas vendas diferentes", r.id)
		}
		ids[r.id] = r.index
		proof = append(proof, r.index)
	}
	if len(proof) < 2 {
		return open("Faltam duas vendas.")
	}
	return passed(proof, "%d vendas, cada uma com o seu coupon", len(proof))
}

// given adds up what the cloud gave on a receipt's session: on lines, and on the total.
func (q *question) given(r *receipt) (lines []cartLine, absolute agent.Milli) {
	v := q.bySale[r.session]
	if v == nil || len(v.baskets) == 0 {
		return nil, 0
	}
	last := v.baskets[len(v.baskets)-1]
	return last.lines, totalDiscount(last.answer, "absolute")
}

// withoutCloud tells whether the cloud was away when a receipt's basket was asked for.
func (q *question) withoutCloud(r *receipt) bool {
	v := q.bySale[r.session]
	return v != nil && len(v.baskets) > 0 && delivery(v.baskets[len(v.baskets)-1].call) == "contingency"
}

// total judges the receipt's totals from its own lines.
func (q *question) total() Finding {
	var club, others []int
	for _, r := range q.receipts {
		var gross, net, discount agent.Milli
		for _, line := range r.lines {
			gross, net = gross+line.gross, net+line.net
			discount += line.gross - line.net
		}
		_, absolute := q.given(r)
		switch {
		case !near(r.gross, gross):
			return failed([]int{r.index}, "o total_value do cupom %s é %s, e as linhas somam %s", r.id, reais(r.gross), reais(gross))
		case !near(r.net, net) && !near(r.net, net-absolute):
			return failed([]int{r.index}, "o total com desconto do cupom %s é %s, e as linhas somam %s", r.id, reais(r.net), reais(net))
		}
		if id := digits(r.client); id != "" && id != "0" && discount > 0 {
			club = append(club, r.index)
		} else if id == "" || id == "0" {
			others = append(others, r.index)
		}
	}
	switch {
	case len(club) == 0:
		return open("Falta a venda de um sócio, com desconto.")
	case len(others) == 0:
		return open("Falta a venda de quem não é do clube.")
	}
	return passed(append(club, others...), "os totais são as somas das linhas, com e sem clube")
}

// payments judges the tenders by the lines: they pay the net value, and may give change.
func (q *question) payments() Finding {
	var proof []int
	for _, r := range q.receipts {
		var net, paid, named agent.Milli
		for _, line := range r.lines {
			net += line.net
		}
		for _, tender := range r.payments {
			paid += tender.amount
			if tender.form != "" {
				named++
			}
		}
		_, absolute := q.given(r)
		switch {
		case len(r.payments) == 0:
			return failed([]int{r.index}, "o cupom %s foi enviado sem forma de pagamento", r.id)
		case named < agent.Milli(len(r.payments)):
			return failed([]int{r.index}, "o cupom %s tem uma forma de pagamento sem payment_form", r.id)
		case paid < net-absolute-50:
			return failed([]int{r.index}, "as formas de pagamento do cupom %s somam %s, e a venda é de %s", r.id, reais(paid), reais(net))
		case paid > net+max(net, 200_000):
			return failed([]int{r.index}, "as formas de pagamento do cupom %s somam %s, muito mais do que a venda de %s", r.id, reais(paid), reais(net))
		}
		proof = append(proof, r.index)
	}
	if len(proof) == 0 {
		return open("Falta uma venda.")
	}
	return passed(proof, "vendas cujas formas de pagamento somam o valor líquido: %d", len(proof))
}
