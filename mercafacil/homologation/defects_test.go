package homologation_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/mercafacil/homologation"
)

// defect is a mistake of a till, an agent or a cloud in the exchanges of In; Item alone must turn red.
type defect struct {
	item, name string
	in         string // default item
	change     change
}

const member, stranger = "52998224725", "39053344705"

// theDefects are deliberate mistakes, each with the item that must notice it.
func theDefects() []defect {
	return slices.Concat(loadDefects(), offerDefects(), couponDefects(), scriptDefects(), comboDefects(), tillDefects())
}

func loadDefects() []defect {
	return []defect{
		{"H1", "a product without a name", "", asks(cloud, "products", 0, `"name":"CAFE 500G"`, `"name":""`)},
		{"H1", "a product without an ean", "", asks(cloud, "products", 0, `"ean":"7890000802154",`, ``)},
		{"H1", "a product without a sku", "", asks(cloud, "products", 0, `"sku":"80215",`, ``)},
		{"H1", "products are refused", "", status(cloud, "products", 0, 422, false)},
		{"H2", "an operator without a name", "", asks(cloud, "operators", 0, `"id":"9001","name":"`, `"id":"9001","nome":"`)},
		{"H2", "an operator without an id", "", asks(cloud, "operators", 0, `"id":"9001",`, ``)},
		{"H2", "operators are refused", "", status(cloud, "operators", 0, 400, false)},
		{"H3", "the history has five months", "", asks(cloud, "coupons-list", 0, `"date":"2026-05-01"`, `"date":"2026-06-02"`)},
		{"H3", "an old sale without its payments", "", asks(cloud, "coupons-list", 0, `"payments":[{"payment_form":"cash","amount":10.00,"instalments":1}]`, `"payments":[]`)},
		{"H3", "the history is refused", "", status(cloud, "coupons-list", 0, 413, false)},
		{"H3", "an old sale without its date", "", asks(cloud, "coupons-list", 0, `"date":"2026-05-01",`, ``)},
		{"H5", "the second load brings everything again", "", func(t *testing.T, list []agent.Exchange) []agent.Exchange {
			list[on(t, list, cloud, "products", 1)].Request = list[on(t, list, cloud, "products", 0)].Request
			return list
		}},
		{"H5", "the second load is refused", "", status(cloud, "products", 1, 422, false)},
		{"H6", "the second load brings everything again", "", func(t *testing.T, list []agent.Exchange) []agent.Exchange {
			list[on(t, list, cloud, "operators", 1)].Request = list[on(t, list, cloud, "operators", 0)].Request
			return list
		}},
		{"H7", "the address answers a page", "", status(cloud, "start", 0, 200, true)},
		{"H7", "the address has no API", "", status(cloud, "start", 0, 404, false)},
		{"H7", "the address sends elsewhere", "", status(cloud, "start", 0, 301, false)},
		{"H8", "the token of another shop", "", status(cloud, "start", 0, 401, false)},
		{"H8", "a token without the right", "", status(cloud, "start", 0, 403, false)},
	}
}

func offerDefects() []defect {
	return []defect{
		{"H10", "a stranger gets the club's discount", "", gives(1, "2.50")},
		{"H10", "a member gets nothing", "", gives(0, "0.00")},
		{"H10", "a member gets half", "", gives(0, "1.25")},
		{"H10", "the answer has no lines", "", says(till, "apply", 0, `"lines":[`, `"linhas":[`)},
		{"H10", "the till gets less than the cloud gave", "", says(cloud, "apply", 0, `"discount_value":2.50`, `"discount_value":5.00`)},
		{"H11", "another member gets the personalised discount", "", gives(1, "10.00")},
		{"H11", "its owner gets nothing", "", gives(0, "0.00")},
		{"H11", "its owner gets another percentage", "", gives(0, "5.00")},
		{"H12.1", "the total's discount is lost", "", says(till, "apply", 0, `"absolute":{"discount_value":5.00}`, `"absolute":null`)},
		{"H12.1", "the total's discount comes twice", "", says(till, "apply", 0, `"absolute":{"discount_value":5.00}`, `"absolute":{"discount_value":10.00}`)},
		{"H12.1", "the shares do not add up", "", says(till, "apply", 0, `"absolute_share":"`, `"absolute_share":"1`)},
		{"H12.1", "the cloud gave another discount than the till got", "", says(cloud, "apply", 0, `"discount_value":5.00`, `"discount_value":4.00`)},
		{"H12.2", "the coupon has no cashback", "", sold(0, `"cashback"`, `"cash"`)},
		{"H12.2", "the cashback has another amount", "", all(sold(0, `"cashback","amount":3.00`, `"cashback","amount":2.00`), sold(0, `"cash","amount":22.00`, `"cash","amount":23.00`))},
		{"H12.2", "the payment's discount is lost", "", says(till, "apply", 0, `"payment_discount":{"discount_value":3.00}`, `"payment_discount":null`)},
		{"H12.3", "no answer without the cloud", "", func(t *testing.T, list []agent.Exchange) []agent.Exchange {
			i := on(t, list, till, "apply", 0)
			list[i].Status, list[i].Origin, list[i].Response = 503, "network", []byte(`{"code":"cloud_away"}`)
			return list
		}},
		{"H12.3", "the sale is refused without the cloud", "", func(t *testing.T, list []agent.Exchange) []agent.Exchange {
			i := on(t, list, till, "coupons", 0)
			list[i].Status = 503
			return list
		}},
		{"H12.3", "a discount without the cloud", "", gives(0, "1.00")},
	}
}

func couponDefects() []defect {
	return []defect{
		{"H4", "a sale without payments", "", sold(0, `"payments":[`, `"pagamentos":[`)},
		{"H4", "a payment without its form", "", sold(0, `"payment_form":"cash"`, `"payment_form":""`)},
		{"H4", "the payments are less than the sale", "", sold(0, `"payment_form":"cash","amount":7`, `"payment_form":"cash","amount":1`)},
		{"H4", "a payment in cents instead of reais", "", sold(0, `"payment_form":"cash","amount":7.4`, `"payment_form":"cash","amount":7490.4`)},
		{"H13", "the total changes on the way", "", asks(cloud, "coupons", 0, `"total_value":7.49,"total_value_with_discount":7.49,"origin"`, `"total_value":7.49,"total_value_with_discount":7.40,"origin"`)},
		{"H13", "the coupon arrives twice", "", repeats(cloud, "coupons", 0)},
		{"H13", "a line is lost on the way", "R25", asks(cloud, "coupons", 0, `{"sku":"610",`, `{"sku":"900",`)},
		{"H13", "the payments are lost on the way", "", asks(cloud, "coupons", 0, `"payments":[`, `"pagamentos":[`)},
		{"H13", "the quantity changes on the way", "", asks(cloud, "coupons", 0, `"quantity":1,`, `"quantity":2,`)},
		{"H13", "the coupon is refused", "", status(cloud, "coupons", 0, 422, false)},
		{"H13", "client_id changes on the way", "H14", asks(cloud, "coupons", 0, `"client_id":"`+member+`"`, `"client_id":"11144477735"`)},
		{"H14", "client_id of a stranger", "", sold(2, `"client_id":"0"`, `"client_id":"`+stranger+`"`)},
		{"H14", "the CPF of the tax note", "", sold(3, `"client_id":"0"`, `"client_id":"`+stranger+`"`)},
		{"H14", "a CPF padded to 14 digits", "", sold(0, `"client_id":"`+member+`"`, `"client_id":"000`+member+`"`)},
		{"H14", "a CPF without its last digit", "", sold(0, `"client_id":"`+member+`"`, `"client_id":"5299822472"`)},
		{"H14", "a CPF with a zero before it", "", sold(0, `"client_id":"`+member+`"`, `"client_id":"0`+member+`"`)},
		{"H14", "0 for a member", "", sold(0, `"client_id":"`+member+`"`, `"client_id":"0"`)},
		{"H14", "nothing for a member", "", sold(0, `"client_id":"`+member+`"`, `"client_id":""`)},
		{"H14", "0 for a company of the club", "", sold(1, `"client_id":"11222333000181"`, `"client_id":"0"`)},
		{"H14", "another member's document", "", sold(0, `"client_id":"`+member+`"`, `"client_id":"12345678909"`)},
		{"H15", "two sales with one id", "", reuse("H15")},
		{"H15", "a member's sale with the id of the one before", "H14", reuse("H14")},
		{"H15", "two sales of one basket with one id", "H16", reuse("H16")},
		{"H16", "the discount twice in the total", "", sold(0, `"total_value_with_discount":52.49,"origin"`, `"total_value_with_discount":47.49,"origin"`)},
		{"H16", "no discount in the total", "", sold(0, `"total_value_with_discount":52.49,"origin"`, `"total_value_with_discount":57.49,"origin"`)},
		{"H16", "the discount in the gross total", "", sold(0, `"total_value":57.49,"total_value_with_discount":52.49,"origin"`, `"total_value":52.49,"total_value_with_discount":52.49,"origin"`)},
		{"H16", "a total of nothing", "", sold(0, `"total_value_with_discount":52.49,"origin"`, `"total_value_with_discount":0,"origin"`)},
		{"H16", "the total of a stranger with the club's discount", "", sold(1, `"total_value_with_discount":57.49,"origin"`, `"total_value_with_discount":52.49,"origin"`)},
		{"H17", "two decimals of a weight", "", everywhere(`"quantity":1.235`, `"quantity":1.24`)},
		{"H17", "one decimal of a weight", "", everywhere(`"quantity":1.235`, `"quantity":1.2`)},
		{"H17", "a weight without decimals", "", everywhere(`"quantity":1.235`, `"quantity":1`)},
		{"H17", "grams instead of kilograms", "", everywhere(`"quantity":1.235`, `"quantity":1235`)},
		{"H17", "the price of another product", "", sold(0, `"unit_value":29.90`, `"unit_value":39.90`)},
		{"H18", "a discount that nobody gave", "", all(sold(0, `"total_value_with_discount":14.98}`, `"total_value_with_discount":13.98}`), sold(0, `"total_value_with_discount":37.48,"origin"`, `"total_value_with_discount":36.48,"origin"`))},
		{"H18", "more than the price", "", all(sold(0, `"total_value_with_discount":14.98}`, `"total_value_with_discount":15.98}`), sold(0, `"total_value_with_discount":37.48,"origin"`, `"total_value_with_discount":38.48,"origin"`), sold(0, `"amount":37.48`, `"amount":38.48`))},
		{"H19", "a line at its full price", "", all(sold(0, `"total_value_with_discount":67.50}`, `"total_value_with_discount":75.00}`), sold(0, `"total_value_with_discount":67.50,"origin"`, `"total_value_with_discount":75.00,"origin"`), sold(0, `"amount":67.50`, `"amount":75.00`))},
		{"H19", "the discount twice on a line", "", all(sold(0, `"total_value_with_discount":67.50}`, `"total_value_with_discount":60.00}`), sold(0, `"total_value_with_discount":67.50,"origin"`, `"total_value_with_discount":60.00,"origin"`))},
		{"H19", "half of the discount", "", all(sold(0, `"total_value_with_discount":67.50}`, `"total_value_with_discount":71.25}`), sold(0, `"total_value_with_discount":67.50,"origin"`, `"total_value_with_discount":71.25,"origin"`), sold(0, `"amount":67.50`, `"amount":71.25`))},
	}
}

func scriptDefects() []defect {
	list := []defect{
		{"H20.1", "one unit only", "", gives(0, "1.00")},
		{"H20.1", "no discount", "", gives(0, "0.00")},
		{"H20.2", "the first line only", "", gives(0, "1.00", "0.00")},
		{"H20.2", "the whole discount on each line", "", gives(0, "2.00", "2.00")},
		{"H21", "a discount below the minimum", "", gives(0, "1.00")},
		{"H22", "the limit is ignored", "", gives(0, "5.00")},
		{"H23", "the smaller offer wins", "", gives(0, "3.00")},
		{"H23", "both offers add up", "", gives(0, "9.00")},
		{"H24", "the confirm is never sent", "", all(drops(till, "confirm", 0), drops(cloud, "confirm", 0))},
		{"H24", "the till sends the coupon first", "", swaps(till, "confirm", "coupons")},
		{"H24", "the agent sends the coupon first", "", swaps(cloud, "confirm", "coupons")},
		{"H24", "the agent forgets the confirm", "", drops(cloud, "confirm", 0)},
		{"H24", "the cloud refuses the confirm", "", status(cloud, "confirm", 0, 422, false)},
		{"H25", "what was used is forgotten", "", gives(1, "4.00")},
		{"H25", "what was used counts twice", "", gives(1, "0.00")},
	}
	for n, takepay := range []struct{ free, unit, third string }{{"6.00", "0.00", "18.00"}, {"10.00", "5.00", "30.00"}} {
		a, k := 2*n+1, n+1
		separate := []string{"0.00", "0.00", "0.00"}
		if n == 1 {
			separate = append(separate, "0.00")
		}
		list = append(list,
			defect{fmt.Sprintf("H26.%d", a), "nothing is free", "", gives(0, "0.00")},
			defect{fmt.Sprintf("H26.%d", a+1), "separate lines are no group", "", gives(0, separate...)},
			defect{fmt.Sprintf("H27.%d", k), "free below the minimum", "", gives(0, takepay.free)},
			defect{fmt.Sprintf("H28.%d", k), "a third group", "", gives(0, takepay.third)},
			defect{fmt.Sprintf("H29.%d", k), "the smaller offer wins", "", gives(0, takepay.free)},
			defect{fmt.Sprintf("H30.%d", k), "the confirm is never sent", "", all(drops(till, "confirm", 0), drops(cloud, "confirm", 0))},
			defect{fmt.Sprintf("H31.%d", k), "groups that were used are forgotten", "", gives(1, takepay.third)},
		)
	}
	return list
}

func comboDefects() []defect {
	return []defect{
		{"H32", "no discount", "", gives(0, "0.00", "0.00")},
		{"H32", "the discount is on the trigger", "", gives(0, "2.00", "0.00")},
		{"H33", "a discount without a trigger", "", gives(0, "0.00", "2.00")},
		{"H34", "a third group", "", gives(0, "0.00", "6.00")},
		{"H35", "triggers mix", "", gives(0, "0.00", "0.00", "2.00")},
		{"H36", "two discounts on one target", "", gives(0, "0.00", "4.00")},
		{"H37", "what was used is forgotten", "", gives(1, "0.00", "4.00")},
		{"H38", "the till sends the coupon first", "", swaps(till, "confirm", "coupons")},
		{"H39", "the limit is forgotten", "", gives(1, "0.00", "2.00")},
	}
}

func tillDefects() []defect {
	return []defect{
		{"R25", "an item is not asked for", "", all(asks(till, "apply", 0, `"sku":"610"`, `"sku":"900"`), asks(cloud, "apply", 0, `"sku":"610"`, `"sku":"900"`))},
		{"R25", "less is sold than was asked for", "", sold(0, `"sku":"610"`, `"sku":"411"`)},
		{"R26", "the till keeps its own discount to itself", "", all(asks(till, "apply", 0, `,"total_value_with_discount":20.00`, ``), asks(cloud, "apply", 0, `,"total_value_with_discount":20.00`, ``))},
		{"R26", "the agent drops the till's discount", "", asks(cloud, "apply", 0, `,"total_value_with_discount":20.00`, ``)},
		{"R28", "a pack of twelve as one", "", everywhere(`"packing_quantity":12`, `"packing_quantity":1`)},
		{"R28", "a pack of nothing", "", everywhere(`"packing_quantity":12`, `"packing_quantity":0`)},
		{"R28", "no packing in the coupon", "", sold(0, `"packing_quantity":12,`, ``)},
		{"R29", "a stranger's document in the apply", "", asks(till, "apply", 0, `"client_id":"0"`, `"client_id":"`+stranger+`"`)},
		{"R29", "no client_id in the apply", "", asks(till, "apply", 0, `"client_id":"0"`, `"client_id":""`)},
		{"R35.1", "a sale is forgotten without a cancel", "", all(drops(till, "cancel", 0), drops(cloud, "cancel", 0), then("H15"))},
		{"R35.1", "a sale is sold instead of cancelled", "", all(drops(till, "cancel", 0), drops(cloud, "cancel", 0), soldInstead())},
		{"R35.2", "the smaller basket in the same transaction", "", func(t *testing.T, list []agent.Exchange) []agent.Exchange {
			old := list[on(t, list, cloud, "cancel", 0)]
			var cancelled struct {
				ID string `json:"transaction_id"`
			}
			if err := json.Unmarshal(old.Request, &cancelled); err != nil {
				t.Fatal(err)
			}
			i := on(t, list, cloud, "apply", 1)
			list[i].Request = []byte(strings.Replace(string(list[i].Request), `"transaction_id":"`, `"transaction_id":"`+cancelled.ID+`","x":"`, 1))
			return drops(cloud, "cancel", 0)(t, list)
		}},
		{"R43", "the cancellation arrives before the coupon", "", swaps(cloud, "coupons", "coupons-cancellation")},
		{"R43", "another coupon is cancelled", "", all(asks(till, "coupons-cancellation", 0, `"coupon":"HOM`, `"coupon":"OUTRO`), asks(cloud, "coupons-cancellation", 0, `"coupon":"HOM`, `"coupon":"OUTRO`))},
		{"R43", "the session is cancelled after the sale, not the coupon", "", cancelsTheSession()},
		{"R45", "the sale of an outage never comes", "", all(drops(till, "coupons", 0), drops(cloud, "coupons", 0), then("H13"))},
		{"R45", "the sale of an outage is given up", "", all(drops(till, "coupons", 0), drops(cloud, "coupons", 0), ends("confirm", "cancel"))},
		{"R45", "the sale of an outage is refused", "", all(status(till, "coupons", 0, 422, false), drops(cloud, "coupons", 0))},
		{"R45", "the sale of an outage comes again under another coupon", "", again("HOM", "DE-NOVO")},
		{"M7", "a phone with punctuation", "", everywhere(`"input_value":"41987762038"`, `"input_value":"(41) 98776-2038"`)},
		{"M7", "a phone without its area", "", everywhere(`"input_value":"41987762038"`, `"input_value":"987762038"`)},
		{"M7", "a yes without the phone", "", everywhere(`,"input_value":"41987762038"`, ``)},
		{"M7", "a tag that nobody offered", "", everywhere(`"message_tag":"aceitou-pre-cadastro"`, `"message_tag":"sim"`)},
		{"M8", "a no with a phone", "", everywhere(`"message_tag":"nao-aceitou-pre-cadastro"`, `"message_tag":"nao-aceitou-pre-cadastro","input_value":"0"`)},
		{"M8", "a no that is not sent", "R29", all(drops(till, "message", 0), drops(cloud, "message", 0))},
		{"M11", "an answer to a notice", "", func(t *testing.T, list []agent.Exchange) []agent.Exchange {
			start := list[on(t, list, till, "start", 0)]
			var opened struct {
				ID string `json:"transaction_id"`
			}
			if err := json.Unmarshal(start.Response, &opened); err != nil {
				t.Fatal(err)
			}
			answer := start
			answer.Route, answer.Request, answer.Response = "/v2/transaction/message", []byte(`{"transaction_id":"`+opened.ID+`","document_no":"98765432100","message_tag":""}`), []byte(`{}`)
			return append(list, answer)
		}},
		{"A6", "lines that have their share already", "", says(cloud, "apply", 0, `"total_value_with_discount":22.47`, `"total_value_with_discount":17.47`)},
		{"A8", "a confirm that wants more", "", status(cloud, "confirm", 0, 400, false)},
		{"A1", "a discount on all five", "", says(cloud, "apply", 0, `"discount_value":4.00`, `"discount_value":5.00`)},
		{"A7", "a percentage of something else", "", says(cloud, "apply", 0, `"discount_value":2.00`, `"discount_value":3.33`)},
		{"A16", "an answer without loyalty", "", says(cloud, "start", 0, `"loyalty"`, `"club"`)},
	}
}

// TestEachDefectTurnsExactlyItsItemRed changes what was recorded, and asks every judge.
func TestEachDefectTurnsExactlyItsItemRed(t *testing.T) {
	plan, list := loadPlan(t), theDefects()
	if len(list) < 100 {
		t.Errorf("%d defects, want 100", len(list))
	}
	for _, d := range list {
		t.Run(d.item+" "+d.name, func(t *testing.T) {
			in := d.in
			if in == "" {
				in = d.item
			}
			traffic := homologation.Read(d.change(t, recording(t)[in]))
			var red []string
			for _, item := range plan.Items {
				if item.Stage == "suposicoes" && item.ID != d.item {
					continue // they are asked of the cloud, not of the till
				}
				if found := plan.Judge(item, traffic, facts(item.ID == d.item)); found.Verdict == homologation.Failed {
					red = append(red, item.ID+": "+found.Words)
				}
			}
			if len(red) != 1 || !strings.HasPrefix(red[0], d.item+": ") {
				t.Errorf("red is %q, want %s alone", red, d.item)
			}
		})
	}
}
