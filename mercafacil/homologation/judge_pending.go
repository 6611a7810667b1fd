package homologation

import "slices"

// pending judges that a sale of an outage arrives when the cloud is back.
func (q *question) pending() Finding {
	missing := ""
	for _, r := range q.receipts {
		if !q.inOutage(r) {
			continue
		}
		if r.Status >= 400 {
			if q.facts.Asked {
				return failed([]int{r.index}, "o cupom %s, da queda, foi recusado com %d: a venda não chega à nuvem", r.id, r.Status)
			}
			continue
		}
		if again := q.twin(r); again != nil {
			return failed([]int{r.index, again.index}, "a venda da queda foi enviada duas vezes, com os cupons %s e %s: repetir é com o mesmo cupom", r.id, again.id)
		}
		same := func(c call) bool { return c.text("coupon") == r.id }
		if sent, ok := q.accepted("coupon", same); ok {
			return passed([]int{r.index, sent.index}, "o cupom %s da queda chegou à nuvem quando ela voltou", r.id)
		}
		missing = r.id
	}
	if missing != "" {
		return open("Falta o cupom %s, da queda, chegar à nuvem.", missing)
	}
	if !q.facts.Asked {
		return open("Falta uma venda durante uma queda.")
	}
	return q.withoutPending()
}

// inOutage tells whether the cloud was away when a receipt's basket was asked for, or when it was first sent.
func (q *question) inOutage(r *receipt) bool {
	if q.withoutCloud(r) {
		return true
	}
	for _, c := range q.clouds("coupon") {
		if c.text("coupon") == r.id && c.Status == 0 {
			return true
		}
	}
	return false
}

// twin finds the same sale under another coupon: of the same session, or, where one has none, of the same moment with the same lines.
func (q *question) twin(r *receipt) *receipt {
	for _, other := range q.receipts {
		session := r.session != "" && other.session == r.session
		moment := (r.session == "" || other.session == "") && other.text("date") == r.text("date") && other.text("time") == r.text("time") && slices.Equal(other.lines, r.lines)
		if other.id != r.id && other.Status < 400 && (session || moment) {
			return other
		}
	}
	return nil
}

// withoutPending tells what the till did instead of a sale in an outage, while the item is being done.
func (q *question) withoutPending() Finding {
	for i, v := range q.visits {
		if len(v.baskets) == 0 || v.receipt != nil || delivery(v.baskets[0].call) != "contingency" {
			continue
		}
		if cancel, ok := v.end("cancel"); ok {
			return failed([]int{v.baskets[0].index, cancel.index}, "a compra da queda foi cancelada; deveria ser vendida")
		}
		if i+1 < len(q.visits) {
			return failed([]int{v.baskets[0].index}, "a compra feita na queda não virou venda: o cupom não foi enviado ao pdvagent, que o guarda até a nuvem voltar")
		}
	}
	if len(q.receipts) > 0 {
		return open("Fora de ordem: a venda foi feita com a nuvem no ar. Comece de novo: %s", q.plan.Fill(q.item.Instruction))
	}
	return open("Falta uma venda durante uma queda.")
}
