package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/reading"
	"pdvagent/agent/till/web"
)

// Documents of the shoppers of the demo: one in the club, one who is not yet.
const (
	Member   = "52998224725"
	Stranger = "39053344705"
)

// LiveAnswer is what the till reads of a live call's answer.
type LiveAnswer struct {
	ID      string `json:"transaction_id"`
	Loyalty bool
	User    struct{ Name string }
	Message struct {
		Text      string
		Responses []struct {
			Button, Tag string
			Next        string `json:"text_next_window"`
		}
	}
	Payment *struct {
		Discount json.Number `json:"discount_value"`
	} `json:"payment_discount"`
	Agent struct {
		Delivery, Reason string
		Lines            []struct {
			Discount, Total string
			Share           string `json:"absolute_share"`
		}
	}
}

// Line is one line of a basket.
type Line struct {
	sku, Name       string
	Quantity, Price agent.Milli
}

// Coffee is a line of packets.
func Coffee(packets agent.Milli) Line { return Line{"80215", "CAFE 500G", packets * 1000, 10_000} }

// Cheese is a weighed line.
func Cheese(grams agent.Milli) Line { return Line{"411", "QUEIJO KG", grams, 29_900} }

// Total is the line's price; this till rounds to cents.
func (l Line) Total() agent.Milli { return (l.Quantity*l.Price/1000 + 5) / 10 * 10 }

// Start identifies a shopper, who is the words of the demo for it.
func (t *Till) Start(ctx context.Context, who, document string) (LiveAnswer, error) {
	return t.liveCall(ctx, "identificação: "+who, "/v2/transaction/start", fmt.Sprintf(`{"document_no":%q}`, document))
}

// Reply sends a shopper's reply to a message of the cloud.
func (t *Till) Reply(ctx context.Context, what, session, document, tag, input string) (LiveAnswer, error) {
	return t.liveCall(ctx, "resposta do cliente: "+what, "/v2/transaction/message", fmt.Sprintf(
		`{"transaction_id":%q,"document_no":%q,"message_tag":%q,"input_value":%q}`, session, document, tag, input))
}

// Apply asks for the discounts of a basket.
func (t *Till) Apply(ctx context.Context, what, session, client string, lines []Line) (LiveAnswer, error) {
	var items []string
	for _, l := range lines {
		items = append(items, fmt.Sprintf(`{"sku":%q,"ean":"789%s","quantity":%s,"packing_quantity":1,"total_value":%s}`, l.sku, l.sku, l.Quantity, l.Total()))
	}
	return t.liveCall(ctx, "descontos: "+what, "/v2/transaction/apply",
		fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,"origin":"pdv","items":[%s]}`, session, client, strings.Join(items, ",")))
}

// Finish confirms the session of discounts and sends the receipt.
func (t *Till) Finish(ctx context.Context, coupon, client string, lines []Line, discounts LiveAnswer) error {
	if err := t.Confirm(ctx, coupon, discounts.ID); err != nil {
		return err
	}
	return t.Receipt(ctx, coupon, client, lines, discounts)
}

// Confirm confirms a session.
func (t *Till) Confirm(ctx context.Context, coupon, session string) error {
	return t.Post(ctx, "confirmação: "+coupon, "/v2/transaction/confirm", fmt.Sprintf(`{"transaction_id":%q}`, session))
}

// Receipt sends a receipt with discounts: what each line costs after them, and a tender for cashback.
func (t *Till) Receipt(ctx context.Context, coupon, client string, lines []Line, discounts LiveAnswer) error {
	var items []string
	var gross, net agent.Milli
	for i, l := range lines {
		left, _, err := reading.Milli(discounts.Agent.Lines[i].Total)
		if err != nil {
			return err
		}
		gross, net = gross+l.Total(), net+left
		items = append(items, fmt.Sprintf(`{"sku":%q,"ean":"789%s","product_name":%q,"quantity":%s,"packing_quantity":1,"unit_value":%s,"total_value":%s,"total_value_with_discount":%s}`,
			l.sku, l.sku, l.Name, l.Quantity, l.Price, l.Total(), left))
	}
	cash, tenders := (net+5)/10*10, ""
	if discounts.Payment != nil {
		cashback, _, err := reading.Milli(discounts.Payment.Discount.String())
		if err != nil {
			return err
		}
		cash, tenders = cash-cashback, fmt.Sprintf(`,{"payment_form":"cashback","amount":%s,"instalments":1}`, cashback)
	}
	now := time.Now()
	body := fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,"coupon":%q,"date":%q,"time":%q,"items":[%s],`+
		`"payments":[{"payment_form":"cash","amount":%s,"instalments":1}%s],"total_value":%s,"total_value_with_discount":%s,"origin":"pdv","pdv_code":"012","operator_id":"0123"}`,
		discounts.ID, client, coupon, now.Format(time.DateOnly), now.Format(time.TimeOnly), strings.Join(items, ","), cash, tenders, gross, net)
	if err := t.Post(ctx, "venda: "+coupon, "/v2/coupons", body); err != nil {
		return err
	}
	t.Sales = append(t.Sales, Sale{coupon, "venda concluída", "vendido"})
	return nil
}

// liveCall posts a call that is answered with the cloud's words or in contingency.
func (t *Till) liveCall(ctx context.Context, name, path, body string) (LiveAnswer, error) {
	start := time.Now()
	status, text, header, err := do(ctx, t.live, http.MethodPost, t.Base+path, t.Token, body)
	if err != nil {
		t.note(name, time.Since(start), "sem resposta")
		return LiveAnswer{}, err
	}
	var answer LiveAnswer
	err = json.Unmarshal(text, &answer)
	t.note(name, time.Since(start), strings.TrimSpace(fmt.Sprint(status, " ", header.Get(web.HeaderDelivery), " ", answer.Agent.Reason)))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", name, status, text)
	}
	return answer, err
}
