package homologation

import (
	"strings"

	"pdvagent/agent"
)

// weighed judges lines of a fraction of a kilogram: three decimals, and quantity times price is the line's value.
func (q *question) weighed() Finding {
	var proof []int
	for _, r := range q.receipts {
		for _, line := range r.lines {
			if line.quantity%1000 == 0 {
				continue
			}
			value := part(line.quantity, line.unit, 1000)
			if off := max(value-line.gross, line.gross-value); off > line.unit/1000+10 {
				return failed([]int{r.index}, "no cupom %s o produto %s tem quantidade %s, a %s, e o valor da linha é %s: a quantidade perdeu decimais, são três",
					r.id, line.sku, line.quantityText, reais(line.unit), reais(line.gross))
			}
			if want, asked := q.weight(line.sku); asked && q.facts.Asked && want != line.quantity {
				return failed([]int{r.index}, "o produto %s foi enviado com quantidade %s; foram pesados %s", line.sku, line.quantityText, quantity(want))
			}
			proof = append(proof, r.index)
		}
		if want, asked := q.weight(weighedOf(r)); asked && q.facts.Asked && len(proof) == 0 && want%1000 != 0 {
			return failed([]int{r.index}, "a quantidade pesada foi enviada sem decimais; foram pesados %s", quantity(want))
		}
	}
	if len(proof) == 0 {
		return open("Falta a venda de um produto pesado.")
	}
	return passed(proof, "quantidade com três decimais, e o valor da linha é quantidade vezes preço")
}

// weighedOf gives the first product of a receipt.
func weighedOf(r *receipt) string {
	if len(r.lines) == 0 {
		return ""
	}
	return r.lines[0].sku
}

// weight is what the item asks to be weighed of a product.
func (q *question) weight(sku string) (agent.Milli, bool) {
	for _, step := range q.item.Steps {
		for _, line := range step.Lines {
			if product, _ := q.plan.Product(line.Product); product.SKU == sku && product.Weighed {
				return milli(line.Quantity), true
			}
		}
	}
	return 0, false
}

// paired gives each receipt's lines with those of its basket, where both are the same lines.
func (q *question) paired(each func(r *receipt, sold receiptLine, asked cartLine) *Finding) *Finding {
	for _, r := range q.receipts {
		lines, _ := q.given(r)
		if len(lines) != len(r.lines) || q.withoutCloud(r) {
			continue
		}
		for i, sold := range r.lines {
			if lines[i].sku == sold.sku && lines[i].answered {
				if found := each(r, sold, lines[i]); found != nil {
					return found
				}
			}
		}
	}
	return nil
}

// undiscounted judges lines that the cloud gave nothing on.
func (q *question) undiscounted() Finding {
	var proof []int
	wrong := q.paired(func(r *receipt, sold receiptLine, asked cartLine) *Finding {
		if asked.discount != 0 || asked.share != 0 {
			return nil
		}
		proof = append(proof, r.index)
		if near(sold.net, asked.net) {
			return nil
		}
		found := failed([]int{r.index}, "no cupom %s o produto %s não teve desconto, e vai com %s em vez de %s", r.id, sold.sku, reais(sold.net), reais(asked.net))
		return &found
	})
	if wrong != nil {
		return *wrong
	}
	if len(proof) == 0 {
		return open("Falta a venda de um produto sem desconto.")
	}
	return passed(proof, "as linhas sem desconto vão com o valor cheio")
}

// discounts judges that a receipt has the discounts that the cloud gave.
func (q *question) discounts() Finding {
	var proof []int
	wrong := q.paired(func(r *receipt, sold receiptLine, asked cartLine) *Finding {
		if asked.discount == 0 && asked.share == 0 {
			return nil
		}
		proof = append(proof, r.index)
		onLine := asked.net - asked.discount
		if near(sold.net, onLine) || near(sold.net, onLine-asked.share) {
			return nil
		}
		found := failed([]int{r.index}, "no cupom %s o produto %s vai com %s de desconto; a nuvem deu %s", r.id, sold.sku, reais(sold.gross-sold.net), reais(asked.discount+asked.share))
		return &found
	})
	if wrong != nil {
		return *wrong
	}
	if len(proof) == 0 {
		return open("Falta a venda de um produto com desconto.")
	}
	return passed(proof, "os descontos dos cupons são os que a nuvem deu")
}

// whole judges that what was sold is what was asked for.
func (q *question) whole() Finding {
	var proof []int
	for _, r := range q.receipts {
		lines, _ := q.given(r)
		if lines == nil {
			continue
		}
		left := make(map[string]agent.Milli)
		for _, line := range lines {
			left[line.sku] += line.quantity
		}
		for _, line := range r.lines {
			left[line.sku] -= line.quantity
		}
		for sku, rest := range left {
			if rest < 0 {
				return failed([]int{r.index}, "o cupom %s vende %s do produto %s que não estavam no último apply", r.id, quantity(-rest), sku)
			}
			if rest > 0 {
				return failed([]int{r.index}, "o apply perguntou por %s do produto %s que o cupom %s não vende: um item cancelado pede um novo apply", quantity(rest), sku, r.id)
			}
		}
		proof = append(proof, r.index)
	}
	if len(proof) == 0 {
		return open("Falta uma venda com subtotal.")
	}
	return passed(proof, "os cupons vendem o que os apply perguntaram")
}

// own judges that discounts of the till itself go up.
func (q *question) own() Finding {
	var missing *basket
	for _, v := range q.visits {
		for _, b := range v.baskets {
			for i, line := range b.lines {
				if !line.reduced || line.net >= line.gross {
					missing = &b
					continue
				}
				proof := []int{b.index}
				for _, c := range q.behind(b.call, "apply", "pre-apply") {
					proof = append(proof, c.index)
					if items, _ := c.body.Get("items"); i < len(items.Elements) {
						if sent, ok := netOf(items.Elements[i]); !ok || sent != line.net {
							return failed(proof, "o desconto do caixa no produto %s não chegou à nuvem", line.sku)
						}
					}
				}
				return passed(proof, "o produto %s foi com %s, de %s", line.sku, reais(line.net), reais(line.gross))
			}
		}
	}
	if missing != nil && q.facts.Asked {
		return failed([]int{missing.index}, "o subtotal foi pedido sem o desconto do caixa: falta total_value_with_discount menor que total_value")
	}
	return open("Falta um subtotal com um desconto do próprio caixa.")
}

// packing judges packing_quantity.
func (q *question) packing() Finding {
	var proof []int
	check := func(index int, sku, ean, packing, where string) *Finding {
		given := milli(packing)
		for _, product := range q.plan.Products {
			if product.Packing != "" && is(product, sku, ean) && given != milli(product.Packing) {
				found := failed([]int{index}, "o produto %s tem %s unidades na embalagem, e o %s leva packing_quantity %s", sku, product.Packing, where, orNothing(packing))
				return &found
			}
		}
		if packing != "" && given <= 0 {
			found := failed([]int{index}, "o %s leva packing_quantity %s no produto %s", where, packing, sku)
			return &found
		}
		if given > 1000 {
			proof = append(proof, index)
		}
		return nil
	}
	for _, v := range q.visits {
		for _, b := range v.baskets {
			for _, line := range b.lines {
				if wrong := check(b.index, line.sku, line.ean, line.packing, "apply"); wrong != nil {
					return *wrong
				}
			}
		}
	}
	for _, r := range q.receipts {
		for _, line := range r.lines {
			if wrong := check(r.index, line.sku, line.ean, line.packing, "cupom"); wrong != nil {
				return *wrong
			}
		}
	}
	if len(proof) < 2 {
		return open("Falta a venda de uma embalagem de várias unidades, com subtotal.")
	}
	return passed(proof, "packing_quantity no apply e no cupom")
}

func orNothing(text string) string {
	if strings.TrimSpace(text) == "" {
		return "nenhum"
	}
	return text
}

// outside judges that discounts are asked for those outside the club, too, with client_id 0.
func (q *question) outside() Finding {
	for _, v := range q.visits {
		for _, b := range v.baskets {
			if b.dialect != "v2" || b.Origin != "" && b.Status == 0 {
				continue
			}
			id := digits(b.client)
			member, known := q.members[v.document]
			if v.document == "" || (known && !member) {
				if id == "0" {
					return passed([]int{b.index}, "o apply de quem não é do clube leva client_id 0")
				}
				return failed([]int{b.index}, "o apply de quem não é do clube levou client_id %s; deveria ir 0", q.shown(b.client))
			}
		}
		if q.facts.Asked && v.receipt != nil && len(v.baskets) == 0 {
			return failed([]int{v.receipt.index}, "a venda foi concluída sem apply; ele é também para quem não é do clube")
		}
	}
	return open("Falta o subtotal de quem não é do clube.")
}
