package homologation

import (
	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// ids are the cloud's transaction ids that a visit had.
func (q *question) ids(v *visit) map[string]bool {
	ids := map[string]bool{v.id: true}
	add := func(c call) {
		for _, behind := range q.behind(c, "start", "apply") {
			for _, id := range []string{behind.text("transaction_id"), behind.said("transaction_id")} {
				if id != "" {
					ids[id] = true
				}
			}
		}
	}
	if v.start != nil {
		add(*v.start)
	}
	for _, b := range v.baskets {
		add(b.call)
	}
	return ids
}

// laterSales counts the visits that began after one and ended in a sale.
func (q *question) laterSales(v *visit) int {
	count := 0
	for _, other := range q.visits {
		if other.receipt != nil && other.start != nil && other.start.index > v.last {
			count++
		}
	}
	return count
}

// enoughSales is how many sales may follow before a sale that nobody ended counts as forgotten: a till may park one.
const enoughSales = 2

// abandoned judges that a sale which is given up is cancelled.
func (q *question) abandoned() Finding {
	for _, v := range q.visits {
		cancel, ok := v.end("cancel")
		if ok && v.receipt == nil && len(v.baskets) > 0 && v.baskets[len(v.baskets)-1].index < cancel.index {
			proof := []int{v.baskets[0].index, cancel.index}
			ids := q.ids(v)
			sent, arrived := q.accepted("cancel", func(c call) bool { return ids[c.text("transaction_id")] })
			if !arrived {
				return open("Falta o cancel chegar à nuvem.")
			}
			return passed(append(proof, sent.index), "a compra abandonada foi cancelada na nuvem")
		}
		if _, confirmed := v.end("confirm"); ok && (v.receipt != nil) && !confirmed {
			return failed([]int{cancel.index, v.receipt.index}, "a transação foi cancelada, e depois vendida com o cupom %s", v.receipt.id)
		}
		if !ok && v.receipt == nil && len(v.ends) == 0 && len(v.baskets) > 0 && q.laterSales(v) >= enoughSales {
			return failed([]int{v.baskets[0].index}, "uma compra foi abandonada sem cancel, e o caixa já fez outras vendas")
		}
		if q.facts.Asked && v.receipt != nil && len(q.item.Steps) > 0 && len(v.baskets) > 0 && q.fits(v.baskets[0], q.item.Steps[0]) {
			return failed([]int{v.receipt.index}, "a compra deveria ser cancelada, e foi vendida")
		}
	}
	return open("Falta abandonar uma compra, com cancel.")
}

// changed judges that a basket which shrank is asked for in a new transaction.
func (q *question) changed() Finding {
	for _, v := range q.visits {
		for i := 1; i < len(v.baskets); i++ {
			before, now := v.baskets[i-1], v.baskets[i]
			if !shrank(before, now) || delivery(before.call) == "contingency" || delivery(now.call) == "contingency" {
				continue
			}
			proof := []int{before.index, now.index}
			old := v.id
			for _, c := range q.behind(before.call, "apply") {
				old = c.said("transaction_id")
			}
			cancel, ok := q.accepted("cancel", func(c call) bool { return c.text("transaction_id") == old })
			if ok {
				return passed(append(proof, cancel.index), "a transação do subtotal antigo foi cancelada na nuvem, e o novo foi perguntado em outra")
			}
			for _, c := range q.behind(now.call, "apply") {
				if c.text("transaction_id") == old {
					return failed(append(proof, c.index), "um item foi cancelado, e o novo subtotal foi perguntado na mesma transação, sem cancel")
				}
			}
			return open("Falta o cancel da transação antiga chegar à nuvem.")
		}
	}
	return open("Falta cancelar um item depois do subtotal, e pedir outro subtotal.")
}

// shrank tells whether a basket has less of a product than the one before.
func shrank(before, now basket) bool {
	left := make(map[string]agent.Milli)
	for _, line := range now.lines {
		left[line.sku] += line.quantity
	}
	for _, line := range before.lines {
		left[line.sku] -= line.quantity
	}
	for _, rest := range left {
		if rest < 0 {
			return true
		}
	}
	return false
}

// void judges that a sale which was sent is cancelled in the cloud, after it.
func (q *question) void() Finding {
	asked := make(map[string]int)
	for _, c := range q.calls {
		if c.till() && c.route == "coupon-cancellation" {
			asked[c.text("coupon")] = c.index
		}
	}
	for _, r := range q.receipts {
		at, ok := asked[r.id]
		if !ok {
			continue
		}
		same := func(c call) bool { return c.text("coupon") == r.id }
		sent, arrived := q.accepted("coupon", same)
		cancelled, done := q.accepted("coupon-cancellation", same)
		switch {
		case done && (!arrived || cancelled.At.Before(sent.At)):
			return failed([]int{r.index, cancelled.index}, "o cancelamento do cupom %s chegou à nuvem antes do cupom", r.id)
		case done:
			return passed([]int{r.index, at, sent.index, cancelled.index}, "o cupom %s foi cancelado na nuvem depois de enviado", r.id)
		case arrived:
			return open("Falta o cancelamento do cupom %s chegar à nuvem.", r.id)
		}
	}
	if !q.facts.Asked {
		return open("Falta cancelar uma venda já enviada.")
	}
	for id, at := range asked {
		if len(q.receipts) > 0 {
			return failed([]int{at}, "o caixa cancelou o cupom %s, que não é o de uma venda que fez", id)
		}
	}
	for _, r := range q.receipts {
		if v := q.bySale[r.session]; v != nil {
			if cancel, ok := v.end("cancel"); ok && cancel.index > r.index {
				return failed([]int{r.index, cancel.index}, "a venda do cupom %s já foi feita: cancela-se o cupom, por coupons-cancellation, e não a transação", r.id)
			}
		}
	}
	return open("Falta cancelar uma venda já enviada.")
}

// choice is a button of a message.
type choice struct {
	tag   string
	input bool // the shopper types something
}

// choices are the buttons of an answer's message.
func choices(answer rawjson.Value) []choice {
	message, _ := answer.Get("message")
	responses, _ := message.Get("responses")
	asks, _ := message.Get("input")
	var list []choice
	for _, response := range responses.Elements {
		input, _ := response.Get("input_next_window")
		list = append(list, choice{textOf(response, "tag"), input.Kind == rawjson.True || asks.Kind == rawjson.True})
	}
	return list
}

// replies gives each answer of a shopper to a message, with the button that it names.
func (q *question) replies(each func(v *visit, c call, offered choice, known bool) *Finding) *Finding {
	for _, v := range q.visits {
		if v.start == nil {
			continue
		}
		offered := choices(v.start.answer)
		if len(offered) == 0 {
			continue
		}
		for _, c := range v.messages {
			tag := c.text("message_tag") + c.text("tag")
			picked, known := find(offered, tag, func(o choice) string { return o.tag })
			if found := each(v, c, picked, known); found != nil {
				return found
			}
			offered = choices(c.answer)
		}
	}
	return nil
}

func (q *question) messageAccepted() Finding {
	found := q.replies(func(v *visit, c call, offered choice, known bool) *Finding {
		typed := c.text("input_value")
		var found Finding
		switch {
		case !known:
			found = failed([]int{v.start.index, c.index}, "a resposta do cliente leva uma tag que a mensagem não oferece")
		case !offered.input:
			return nil
		case !allDigits(typed) || len(typed) < 10 || len(typed) > 11:
			found = failed([]int{v.start.index, c.index}, "o celular vai em input_value, com DDD e só dígitos")
		default:
			found = q.arrived(v, c, "o aceite do pré-cadastro")
		}
		return &found
	})
	if found == nil {
		return open("Falta aceitar o pré-cadastro.")
	}
	return *found
}

func (q *question) messageDeclined() Finding {
	found := q.replies(func(v *visit, c call, offered choice, known bool) *Finding {
		if !known || offered.input {
			return nil
		}
		found := q.arrived(v, c, "a recusa")
		if c.text("input_value") != "" {
			found = failed([]int{c.index}, "a recusa leva um input_value; ele só vai quando o cliente digita algo")
		}
		return &found
	})
	if found != nil {
		return *found
	}
	for _, v := range q.visits {
		if v.start != nil && len(choices(v.start.answer)) > 0 && len(v.messages) == 0 && len(v.baskets) > 0 && q.facts.Asked {
			return failed([]int{v.start.index, v.baskets[0].index}, "a mensagem não teve resposta: a recusa também é enviada")
		}
	}
	return open("Falta recusar o pré-cadastro.")
}

// arrived tells whether a message came through to the cloud.
func (q *question) arrived(v *visit, c call, what string) Finding {
	sent := q.behind(c, "message")
	switch {
	case len(sent) == 0 || sent[0].Status == 0:
		return open("Falta %s chegar à nuvem.", what)
	case sent[0].ok():
		return passed([]int{v.start.index, c.index, sent[0].index}, "%s chegou à nuvem", what)
	}
	return failed([]int{c.index, sent[0].index}, "a nuvem não aceitou %s: %d", what, sent[0].Status)
}

func allDigits(text string) bool {
	for _, r := range text {
		if r < '0' || r > '9' {
			return false
		}
	}
	return text != ""
}

// notice judges that a message without buttons gets no answer.
func (q *question) notice() Finding {
	for _, v := range q.visits {
		if v.start == nil {
			continue
		}
		message, ok := v.start.answer.Get("message")
		if !ok || message.Kind != rawjson.Object || len(message.Members) == 0 || len(choices(v.start.answer)) > 0 {
			continue
		}
		if len(v.messages) > 0 {
			return failed([]int{v.start.index, v.messages[0].index}, "o aviso não pede resposta, e o caixa enviou uma a message")
		}
		if v.receipt != nil {
			return passed([]int{v.start.index, v.receipt.index}, "o aviso foi mostrado, e nada foi enviado a message")
		}
	}
	return open("Falta uma venda a quem tem um aviso.")
}
