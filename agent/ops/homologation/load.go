package homologation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pdvagent/mercafacil/homologation"
)

// load sends records as an ERP would. What the agent has sent before it does not send again: so each first load has new prices,
// names or coupons, by the running number.
func (t *Till) load(ctx context.Context, step homologation.Step) error {
	if step.Records == "first" {
		t.number++
	}
	var records []string
	switch step.Route {
	case "products":
		records = t.products(step.Records == "changed")
	case "operators":
		records = t.operators(step.Records == "changed")
	default:
		var err error
		if records, err = t.history(); err != nil {
			return err
		}
	}
	_, err := t.post(ctx, "/v2/"+step.Route, "["+strings.Join(records, ",")+"]")
	return err
}

// products are three of the plan; changed: the first of them costs more.
func (t *Till) products(changed bool) []string {
	var list []string
	for i, product := range t.Plan.Products[:3] {
		cost := t.number
		if changed && i == 0 {
			cost += 1000
		}
		list = append(list, fmt.Sprintf(`{"sku":%s,"ean":%s,"name":%s,"price":%s,"cost":%d.%02d,"unit":"UN"}`,
			quote(product.SKU), quote(product.EAN), quote(product.Name), product.Price, cost/100, cost%100))
	}
	return list
}

// operators are two; changed: the first has another name.
func (t *Till) operators(changed bool) []string {
	name := fmt.Sprintf("OPERADOR DE TESTE %d", t.number)
	other := name
	if changed {
		other += " B"
	}
	return []string{
		fmt.Sprintf(`{"id":"9001","name":%s}`, quote(other)),
		fmt.Sprintf(`{"id":"9002","name":%s}`, quote(name)),
	}
}

// history is a sale of each of the six months that are over.
func (t *Till) history() ([]string, error) {
	var list []string
	now := t.Now().In(t.Zone)
	first := time.Date(now.Year(), now.Month(), 1, 12, 0, 0, 0, t.Zone)
	product := t.Plan.Products[0]
	for back := 6; back >= 1; back-- {
		coupon, err := t.newCoupon()
		if err != nil {
			return nil, err
		}
		list = append(list, fmt.Sprintf(`{"client_id":"0","coupon":%s,"date":%q,"time":"12:00:00",`+
			`"items":[{"sku":%s,"ean":%s,"product_name":%s,"quantity":1,"packing_quantity":1,"unit_value":%[6]s,"total_value":%[6]s,"total_value_with_discount":%[6]s}],`+
			`"payments":[{"payment_form":"cash","amount":%[6]s,"instalments":1}],"total_value":%[6]s,"total_value_with_discount":%[6]s,"origin":"pdv","pdv_code":"012","operator_id":"0123"}`,
			quote(coupon), first.AddDate(0, -back, 0).Format(time.DateOnly), quote(product.SKU), quote(product.EAN), quote(product.Name), product.Price))
	}
	return list, nil
}
