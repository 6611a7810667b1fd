package homologation

import (
	"context"
	"encoding/json"
	"fmt"

	"pdvagent/agent"
	"pdvagent/mercafacil/homologation"
)

// Cloud is the vendor's cloud as the kit itself calls it, past the agent: for what the contract only supposes.
type Cloud interface {
	Post(ctx context.Context, path string, body []byte) agent.Outcome
}

// prober asks the cloud what the agent never would.
type prober struct {
	cloud Cloud
	till  *Till // whose bodies are sent
}

// ask does a step's probe.
func (p *prober) ask(ctx context.Context, step homologation.Step) error {
	ctx = agent.WithRef(ctx, homologation.ProbeRef)
	post := func(path, body string) agent.Outcome { return p.cloud.Post(ctx, path, []byte(body)) }
	switch step.Probe {
	case "repeated-coupon":
		body, err := p.receipt(step, "")
		if err == nil {
			post("v2/coupons/", body)
			post("v2/coupons/", body)
		}
		return err
	case "unknown-void":
		post("v2/coupons-cancellation/", `{"coupon":`+quote("HOM-"+p.till.IDs.ID("probe"))+`}`)
	case "unknown-session":
		post("v2/transaction/cancel", `{"transaction_id":`+quote(p.till.IDs.ID("probe"))+`}`)
	case "dialect":
		started := post("v2.2/transaction/start", fmt.Sprintf(`{"transaction_context":{"document_no":%s,"phone":""},"transaction_id":""}`, quote(p.till.document(step.Who))))
		if id := sessionOf(started); id != "" {
			post("v2.2/transaction/cancel", `{"transaction_id":`+quote(id)+`}`)
		}
	case "second-apply":
		id := p.start(ctx, step)
		body := p.basket(step, id)
		post("v2/transaction/apply", body)
		post("v2/transaction/apply", body)
		post("v2/transaction/cancel", `{"transaction_id":`+quote(id)+`}`)
	case "lost-confirm":
		id := p.start(ctx, step)
		post("v2/transaction/apply", p.basket(step, id))
		body, err := p.receipt(step, id)
		if err == nil {
			post("v2/coupons/", body)
			post("v2/transaction/confirm", `{"transaction_id":`+quote(id)+`}`)
		}
		return err
	default:
		return fmt.Errorf("no probe %q", step.Probe)
	}
	return nil
}

func (p *prober) start(ctx context.Context, step homologation.Step) string {
	return sessionOf(p.cloud.Post(ctx, "v2/transaction/start", []byte(`{"document_no":`+quote(p.till.document(step.Who))+`}`)))
}

func sessionOf(o agent.Outcome) string {
	var got opened
	if json.Unmarshal(o.Body, &got) != nil {
		return ""
	}
	return got.ID
}

// shop puts a step's lines into the till's sale, whose bodies are then borrowed.
func (p *prober) shop(step homologation.Step, session string) {
	person, _ := p.till.Plan.Person(step.Who)
	p.till.sale = &sale{who: step.Who, session: session, member: person.Member, step: step, ended: true}
	for _, line := range step.Lines {
		product, _ := p.till.Plan.Product(line.Product)
		p.till.sale.items = append(p.till.sale.items, item{product, milli(line.Quantity), worth(milli(line.Quantity), milli(product.Price)), 0})
	}
}

func (p *prober) basket(step homologation.Step, session string) string {
	p.shop(step, session)
	return p.till.askedBody()
}

func (p *prober) receipt(step homologation.Step, session string) (string, error) {
	p.shop(step, session)
	coupon, err := p.till.newCoupon()
	if err != nil {
		return "", err
	}
	return p.till.receipt(coupon)
}
