package homologation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
	"pdvagent/mercafacil/homologation"
)

// Till is a till program that does an item's steps as the manual asks: it is the reference for a till's programmer. It speaks v2.
type Till struct {
	Base  string // URL of the agent, without a slash at the end
	Token string
	HTTP  *http.Client
	Plan  *homologation.Plan
	Tap   *Tap // of the agent
	Zone  *time.Location
	Now   func() time.Time
	Run   string // begins the coupons' ids, so that no two runs have the same
	IDs   *IDs   // of what is asked of the cloud past the agent

	// Spoil changes a body before it is sent, or drops it (nil): the tests' deliberate defects. Optional.
	Spoil func(route string, body []byte) []byte

	// Before is called with each coupon before it is sent, so that it can be cancelled later. Optional.
	Before func(coupon string) error

	sale   *sale
	last   string // the newest coupon
	number int    // of coupons and loads
}

// sale is one shopper at the till.
type sale struct {
	who, session string
	member       bool
	prompt       []button
	items        []item
	answer       applied
	step         homologation.Step
	ended        bool
}

type item struct {
	product         homologation.Product
	quantity, gross agent.Milli
	own             agent.Milli
}

type button struct {
	Tag   string `json:"tag"`
	Input bool   `json:"input_next_window"`
}

// opened is what the till reads of a start.
type opened struct {
	ID      string `json:"transaction_id"`
	Loyalty bool   `json:"loyalty"`
	Message struct {
		Responses []button `json:"responses"`
	} `json:"message"`
}

// applied is what the till reads of an apply.
type applied struct {
	ID      string `json:"transaction_id"`
	Payment *struct {
		Discount json.Number `json:"discount_value"`
	} `json:"payment_discount"`
	Agent struct {
		Lines []struct {
			Total string `json:"total"`
		} `json:"lines"`
	} `json:"agent"`
}

// do does one step of an item.
func (t *Till) do(ctx context.Context, step homologation.Step) error {
	switch step.Do {
	case "identify":
		return t.identify(ctx, step.Who)
	case "answer":
		return t.reply(ctx, step.Say)
	case "basket":
		return t.basket(ctx, step)
	case "finish":
		return t.finish(ctx)
	case "abandon":
		return t.abandon(ctx)
	case "void":
		_, err := t.post(ctx, "/v2/coupons-cancellation", `{"coupon":`+quote(t.last)+`}`)
		return err
	case "load":
		return t.load(ctx, step)
	}
	return fmt.Errorf("the till does not know the step %q", step.Do)
}

func quote(text string) string { return string(rawjson.Quote(text)) }

func (t *Till) document(role string) string {
	person, _ := t.Plan.Person(role)
	return person.Document
}

// identify begins a sale; one that is open is given up first.
func (t *Till) identify(ctx context.Context, who string) error {
	if err := t.abandon(ctx); err != nil {
		return err
	}
	answer, err := t.post(ctx, "/v2/transaction/start", `{"document_no":`+quote(t.document(who))+`}`)
	if err != nil {
		return err
	}
	var got opened
	if err := json.Unmarshal(answer, &got); err != nil {
		return err
	}
	t.sale = &sale{who: who, session: got.ID, member: got.Loyalty, prompt: got.Message.Responses}
	return nil
}

// reply presses the message's button that takes a phone number, or the other.
func (t *Till) reply(ctx context.Context, say string) error {
	for _, pressed := range t.sale.prompt {
		if pressed.Input != (say == "yes") {
			continue
		}
		body := `{"transaction_id":` + quote(t.sale.session) + `,"document_no":` + quote(t.document(t.sale.who)) + `,"message_tag":` + quote(pressed.Tag)
		if pressed.Input {
			body += `,"input_value":"41987762038"`
		}
		t.sale.prompt = nil
		_, err := t.post(ctx, "/v2/transaction/message", body+`}`)
		return err
	}
	t.sale.prompt = nil
	return nil // the cloud asks nothing: the judge says what is missing
}

// basket asks for discounts, for the shopper who is there or one who comes now.
func (t *Till) basket(ctx context.Context, step homologation.Step) error {
	here := t.sale != nil && !t.sale.ended && t.sale.who == step.Who && (step.Again || t.sale.items == nil)
	if !here {
		if err := t.identify(ctx, step.Who); err != nil {
			return err
		}
	}
	if err := t.reply(ctx, "no"); err != nil {
		return err
	}
	t.sale.step, t.sale.items = step, nil
	for _, line := range step.Lines {
		product, _ := t.Plan.Product(line.Product)
		quantity, gross := milli(line.Quantity), worth(milli(line.Quantity), milli(product.Price))
		t.sale.items = append(t.sale.items, item{product, quantity, gross, milli(line.Own)})
	}
	answer, err := t.post(ctx, "/v2/transaction/apply", t.askedBody())
	if err != nil {
		return err
	}
	t.sale.answer = applied{}
	return json.Unmarshal(answer, &t.sale.answer)
}

// client is the document of a member, else 0 (R29, R37).
func (t *Till) client() string {
	if t.sale.member {
		return t.document(t.sale.who)
	}
	return "0"
}

// askedBody is the question for discounts: every line (R25).
func (t *Till) askedBody() string {
	return fmt.Sprintf(`{"transaction_id":%s,"client_id":%s,"origin":"pdv","items":[%s]}`, quote(t.sale.session), quote(t.client()), strings.Join(t.asked(), ","))
}

func (t *Till) asked() []string {
	var list []string
	for _, i := range t.sale.items {
		reduced := ""
		if i.own > 0 {
			reduced = `,"total_value_with_discount":` + (i.gross - i.own).String()
		}
		list = append(list, fmt.Sprintf(`{"sku":%s,"ean":%s,"quantity":%s,"packing_quantity":%s,"total_value":%s%s}`,
			quote(i.product.SKU), quote(i.product.EAN), weight(i), packing(i.product), i.gross, reduced))
	}
	return list
}

// weight writes the three decimals of what was weighed (R27).
func weight(i item) string {
	if i.product.Weighed {
		return fmt.Sprintf("%d.%03d", i.quantity/1000, i.quantity%1000)
	}
	return fmt.Sprint(int64(i.quantity / 1000))
}

func packing(p homologation.Product) string {
	if p.Packing == "" {
		return "1"
	}
	return p.Packing
}

// abandon cancels the sale that is open, if there is one (R35).
func (t *Till) abandon(ctx context.Context) error {
	if t.sale == nil || t.sale.ended || t.sale.session == "" {
		t.sale = nil
		return nil
	}
	session := t.sale.session
	t.sale = nil
	_, err := t.post(ctx, "/v2/transaction/cancel", `{"transaction_id":`+quote(session)+`}`)
	return err
}

// post calls the agent and gives its answer, whatever its status: the judges say what it means.
func (t *Till) post(ctx context.Context, path, body string) ([]byte, error) {
	if t.Spoil != nil {
		spoiled := t.Spoil(path, []byte(body))
		if spoiled == nil {
			return []byte("{}"), nil
		}
		body = string(spoiled)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.Base+path, bytes.NewBufferString(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+t.Token)
	request.Header.Set("Content-Type", "application/json")
	response, err := t.HTTP.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	t.Tap.await(ctx, response.Header.Get("X-Request-Id"))
	return answer, err
}

// milli reads a decimal of the plan, or of an answer; 0 for none.
func milli(text string) agent.Milli {
	value, _, _ := reading.Milli(text)
	return value
}

// cents rounds half up to whole cents.
func cents(value agent.Milli) agent.Milli { return (value + 5) / 10 * 10 }

// worth is a line's value in whole cents.
func worth(quantity, price agent.Milli) agent.Milli { return cents((quantity*price + 500) / 1000) }
