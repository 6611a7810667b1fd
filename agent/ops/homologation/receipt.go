package homologation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

// finish confirms the sale, and sends its receipt.
func (t *Till) finish(ctx context.Context) error {
	if _, err := t.post(ctx, "/v2/transaction/confirm", `{"transaction_id":`+quote(t.sale.session)+`}`); err != nil {
		return err
	}
	var err error
	if t.last, err = t.newCoupon(); err != nil {
		return err
	}
	body, err := t.receipt(t.last)
	if err != nil {
		return err
	}
	t.sale.ended = true
	_, err = t.post(ctx, "/v2/coupons", body)
	return err
}

func (t *Till) newCoupon() (string, error) {
	t.number++
	coupon := fmt.Sprintf("HOM-%s-%03d", t.Run, t.number)
	if t.Before == nil {
		return coupon, nil
	}
	return coupon, t.Before(coupon)
}

// receipt writes the sale with the discounts that the cloud gave: each line rounded to cents, the tenders too.
func (t *Till) receipt(coupon string) (string, error) {
	var items []string
	var gross, net agent.Milli
	for i, line := range t.sale.items {
		left := line.gross - line.own
		if i < len(t.sale.answer.Agent.Lines) {
			total, _, err := reading.Milli(t.sale.answer.Agent.Lines[i].Total)
			if err != nil {
				return "", err
			}
			left = cents(total)
		}
		gross, net = gross+line.gross, net+left
		items = append(items, fmt.Sprintf(`{"sku":%s,"ean":%s,"product_name":%s,"quantity":%s,"packing_quantity":%s,"unit_value":%s,"total_value":%s,"total_value_with_discount":%s}`,
			quote(line.product.SKU), quote(line.product.EAN), quote(line.product.Name), weight(line), packing(line.product), milli(line.product.Price), line.gross, left))
	}
	now := t.Now().In(t.Zone)
	return fmt.Sprintf(`{"transaction_id":%s,"client_id":%s,"coupon":%s,"date":%q,"time":%q,"items":[%s],"payments":[%s],`+
		`"total_value":%s,"total_value_with_discount":%s,"origin":"pdv","pdv_code":"012","operator_id":"0123"}`,
		quote(t.sale.session), quote(t.client()), quote(coupon), now.Format(time.DateOnly), now.Format(time.TimeOnly),
		strings.Join(items, ","), strings.Join(t.tenders(net), ","), gross, net), nil
}

// tenders pays the net value: cashback first, then in cash, or half of it by card.
func (t *Till) tenders(net agent.Milli) []string {
	tender := func(form string, amount agent.Milli) string {
		return fmt.Sprintf(`{"payment_form":%q,"amount":%s,"instalments":1}`, form, amount)
	}
	var list []string
	if given := t.sale.answer.Payment; given != nil {
		if cashback := milli(given.Discount.String()); cashback > 0 {
			net, list = net-cashback, append(list, tender("cashback", cashback))
		}
	}
	if t.sale.step.Tenders > 1 {
		half := cents(net / 2)
		net, list = net-half, append(list, tender("card", half))
	}
	return append(list, tender("cash", net))
}
