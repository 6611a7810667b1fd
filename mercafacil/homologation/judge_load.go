package homologation

import (
	"net/url"
	"slices"
	"strings"

	"pdvagent/agent/rawjson"
)

// Addresses of the vendor's API (mercafacil.md H7, H43).
const (
	BetaHost       = "discounts-beta.mercafacil.com"
	ProductionHost = "discounts-secure.mercafacil.com"
)

// Production tells whether a base URL is neither this machine's nor the vendor's homologation: nothing may be tried there.
func Production(base string) bool {
	parsed, err := url.Parse(base)
	if err != nil {
		return true
	}
	host := strings.ToLower(parsed.Hostname())
	return host != BetaHost && host != "localhost" && host != "::1" && !strings.HasPrefix(host, "127.")
}

// batch is a load that the cloud took.
type batch struct {
	call
	records []rawjson.Value
}

// batches are the loads of the item's route that the cloud took, and the first that it refused.
func (q *question) batches() (taken []batch, refused *call) {
	route := ""
	for _, step := range q.item.Steps {
		if step.Do == "load" {
			route = step.Route
		}
	}
	for _, c := range q.clouds(route) {
		if !c.ok() {
			if c.Status >= 400 && refused == nil {
				refused = &c
			}
			continue
		}
		records := c.body.Elements
		for _, member := range c.body.Members {
			if member.Value.Kind == rawjson.Array {
				records = member.Value.Elements
			}
		}
		taken = append(taken, batch{c, records})
	}
	return taken, refused
}

// maxBatch is what a request may have (R16, R18), in bytes.
const maxBatch = 25_000_000

// load judges that a load arrived, with what each record must have.
func (q *question) load() Finding {
	taken, refused := q.batches()
	if refused != nil && (len(taken) == 0 || refused.index < taken[0].index) {
		return failed([]int{refused.index}, "a nuvem recusou o lote com %d", refused.Status)
	}
	count := 0
	var proof []int
	for _, b := range taken {
		if len(b.Request) > maxBatch {
			return failed([]int{b.index}, "o lote passa de 25 MB")
		}
		for i, record := range b.records {
			for _, name := range required(b.route) {
				if textOf(record, name) == "" {
					return failed([]int{b.index}, "o registro %d do lote vai sem %s", i+1, name)
				}
			}
		}
		count, proof = count+len(b.records), append(proof, b.index)
	}
	if count == 0 {
		return open("Falta a carga chegar à nuvem.")
	}
	return passed(proof, "%d registros aceitos pela nuvem", count)
}

func required(route string) []string {
	switch route {
	case "products":
		return []string{"sku", "ean", "name"}
	case "operators":
		return []string{"id", "name"}
	}
	return []string{"coupon", "date", "time"}
}

// history judges that old sales of six months arrived.
func (q *question) history() Finding {
	found := q.load()
	if found.Verdict != Passed {
		return found
	}
	months := make(map[string]bool)
	taken, _ := q.batches()
	for _, b := range taken {
		for _, record := range b.records {
			if date := textOf(record, "date"); len(date) >= 7 {
				months[date[:7]] = true
			}
			if payments, _ := record.Get("payments"); len(payments.Elements) == 0 {
				return failed([]int{b.index}, "a venda antiga %s vai sem forma de pagamento", textOf(record, "coupon"))
			}
		}
	}
	if len(months) < 6 {
		if q.facts.Asked {
			return failed(found.Proof, "o histórico tem %d meses; são 6", len(months))
		}
		return open("O histórico tem %d meses; são 6.", len(months))
	}
	return passed(found.Proof, "vendas de %d meses aceitas pela nuvem", len(months))
}

// incremental judges that a later load brings only what changed.
func (q *question) incremental() Finding {
	taken, refused := q.batches()
	if refused != nil && len(taken) > 0 && refused.index > taken[0].index {
		return failed([]int{refused.index}, "a nuvem recusou o segundo lote com %d", refused.Status)
	}
	known := make(map[string]string)
	var proof []int
	changed := 0
	for i, b := range taken {
		proof = append(proof, b.index)
		for _, record := range b.records {
			key, content := textOf(record, required(b.route)[0]), string(record.Canonical())
			if before, again := known[key]; again {
				if before == content {
					return failed(proof, "o registro %s foi enviado de novo sem ter mudado (lote %d)", key, i+1)
				}
				changed++
			}
			known[key] = content
		}
	}
	if changed == 0 {
		return open("Falta uma segunda carga, com um registro mudado.")
	}
	return passed(proof, "a carga seguinte levou %d registro(s) mudado(s), e nenhum igual", changed)
}

// address judges that the API answers at the configured address.
func (q *question) address() Finding {
	for _, c := range q.clouds("start", "apply", "coupon") {
		switch {
		case c.Status >= 200 && c.Status <= 299 && !c.ok():
			return failed([]int{c.index}, "o endereço respondeu uma página, e não a API: confira mercafacil.base_url")
		case c.Status == 404 && c.route == "start" || c.Status >= 300 && c.Status <= 399:
			return failed([]int{c.index}, "o endereço não tem a API (%d): confira mercafacil.base_url", c.Status)
		case c.ok():
			return passed([]int{c.index}, "a API respondeu no endereço configurado")
		}
	}
	return q.unanswered()
}

// unanswered tells whether nobody called the cloud, or it gave no answer.
func (q *question) unanswered() Finding {
	if slices.ContainsFunc(q.calls, func(c call) bool { return !c.till() && c.Status == 0 }) {
		return open("A nuvem não respondeu: confira mercafacil.base_url e a internet.")
	}
	return open("Falta uma chamada à nuvem.")
}

// token judges that the cloud takes the shop's token.
func (q *question) token() Finding {
	for _, c := range q.calls {
		switch {
		case c.till():
		case c.Status == 401 || c.Status == 403:
			return failed([]int{c.index}, "a nuvem não aceita o token (%d): é o de outra loja, de outro ambiente, ou foi cortado", c.Status)
		case c.ok():
			return passed([]int{c.index}, "a nuvem aceita o token desta loja, de %d caracteres; o pdvagent guarda qualquer tamanho", q.facts.TokenLength)
		}
	}
	return q.unanswered()
}

// production judges that the production API answers.
func (q *question) production() Finding {
	if !strings.Contains(q.facts.BaseURL, ProductionHost) {
		return open("Só em produção.")
	}
	return q.address()
}
