package homologation

import (
	"context"
	"encoding/json"
	"errors"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
	"pdvagent/mercafacil/homologation"
)

// Look asks a cloud, past the agent, whether it has what an item needs. It leaves no session open and sells nothing.
type Look struct {
	Cloud Cloud
	Till  *Till // whose bodies are sent
}

// errSilent is a cloud that does not answer as it should.
var errSilent = errors.New("the cloud does not answer")

// Member tells whether a person is in the club.
func (l *Look) Member(ctx context.Context, person homologation.Person) (bool, error) {
	ctx = agent.WithRef(ctx, homologation.ProbeRef)
	started := l.Cloud.Post(ctx, "v2/transaction/start", []byte(`{"document_no":`+quote(person.Document)+`}`))
	var got opened
	if started.Class != agent.ClassOK || json.Unmarshal(started.Body, &got) != nil || got.ID == "" {
		return false, errSilent
	}
	l.Cloud.Post(ctx, "v2/transaction/cancel", []byte(`{"transaction_id":`+quote(got.ID)+`}`))
	return got.Loyalty, nil
}

// Offer tells whether an offer runs for who does the item: an apply of the smallest basket that it is for has its discount.
func (l *Look) Offer(ctx context.Context, item homologation.Item, offer homologation.Offer) (bool, error) {
	step, want, err := l.smallest(item, offer)
	if err != nil {
		return false, err
	}
	ctx = agent.WithRef(ctx, homologation.ProbeRef)
	prober := prober{cloud: l.Cloud, till: l.Till}
	session := prober.start(ctx, step)
	if session == "" {
		return false, errSilent
	}
	applied := l.Cloud.Post(ctx, "v2/transaction/apply", []byte(prober.basket(step, session)))
	l.Cloud.Post(ctx, "v2/transaction/cancel", []byte(`{"transaction_id":`+quote(session)+`}`))
	l.Till.sale = nil
	answer, err := rawjson.Parse(applied.Body)
	if err != nil || applied.Class != agent.ClassOK {
		return false, errSilent
	}
	return discountOf(answer, offer) >= want, nil
}

// discountOf is what an apply's answer gives of the kind of an offer: on lines, on the total, or as a payment.
func discountOf(answer rawjson.Value, offer homologation.Offer) agent.Milli {
	var t terms
	if json.Unmarshal(offer.Offer, &t) != nil {
		return 0
	}
	amount := func(v rawjson.Value) agent.Milli {
		field, _ := v.Get("discount_value")
		text, _ := field.Text()
		value, _, _ := reading.Milli(text)
		return value
	}
	switch t.Type {
	case "absolute":
		total, _ := answer.Get("absolute")
		return amount(total)
	case "payment":
		total, _ := answer.Get("payment_discount")
		return amount(total)
	}
	items, _ := answer.Get("items")
	var sum agent.Milli
	for _, line := range items.Elements {
		sum += amount(line)
	}
	return sum
}

// terms are an offer's, as the plan writes them.
type terms struct {
	Type     string   `json:"type"`
	Product  string   `json:"product"`
	Percent  int64    `json:"percent"`
	Minimum  int64    `json:"minimum"`
	Take     int64    `json:"take"`
	Pay      int64    `json:"pay"`
	Value    int64    `json:"value"` // reais
	People   []string `json:"documents"`
	Triggers []struct {
		Product  string `json:"product"`
		Quantity int64  `json:"quantity"`
	} `json:"triggers"`
}

// smallest gives the smallest basket that an offer is for, and the discount that it must have at least.
func (l *Look) smallest(item homologation.Item, offer homologation.Offer) (homologation.Step, agent.Milli, error) {
	var t terms
	if err := json.Unmarshal(offer.Offer, &t); err != nil {
		return homologation.Step{}, 0, err
	}
	step := homologation.Step{Do: "basket"}
	for _, done := range item.Steps {
		if done.Do == "basket" && step.Who == "" {
			step = homologation.Step{Do: "basket", Who: done.Who, Lines: done.Lines}
		}
	}
	if len(t.People) > 0 {
		step.Who = t.People[0]
	}
	units := func(role string, n int64) homologation.Line {
		return homologation.Line{Product: role, Quantity: (agent.Milli(n) * 1000).String()}
	}
	product, _ := l.Till.Plan.Product(t.Product)
	price := milli(product.Price)
	switch t.Type {
	case "percentage":
		n := max(t.Minimum, 1)
		step.Lines = []homologation.Line{units(t.Product, n)}
		return step, cents(price * agent.Milli(n*t.Percent) / 100), nil
	case "takepay":
		step.Lines = []homologation.Line{units(t.Product, t.Take)}
		return step, price * agent.Milli(t.Take-t.Pay), nil
	case "combo":
		step.Lines = []homologation.Line{units(t.Triggers[0].Product, t.Triggers[0].Quantity), units(t.Product, 1)}
		return step, cents(price * agent.Milli(t.Percent) / 100), nil
	}
	return step, agent.Milli(t.Value * 1000), nil // of the total: the item's own basket
}
