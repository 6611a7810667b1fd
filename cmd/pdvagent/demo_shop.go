package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/mercafacil/mercafacilsim"
)

// The shoppers of the demo: one in the club, one who is not yet.
const (
	demoMember   = "52998224725"
	demoStranger = "39053344705"
)

// liveAnswer is what this till reads of a live call.
type liveAnswer struct {
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

// talk makes a live call.
func (t *demoTill) talk(ctx context.Context, name, path, body string) (liveAnswer, error) {
	start := time.Now()
	status, text, header, err := t.do(ctx, t.live, http.MethodPost, path, t.token, body)
	if err != nil {
		t.note(name, time.Since(start), "sem resposta")
		return liveAnswer{}, err
	}
	var answer liveAnswer
	err = json.Unmarshal(text, &answer)
	t.note(name, time.Since(start), strings.TrimSpace(fmt.Sprint(status, " ", header.Get("X-Agent-Delivery"), " ", answer.Agent.Reason)))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", name, status, text)
	}
	return answer, err
}

// demoLine is one line of a basket.
type demoLine struct {
	sku, name       string
	quantity, price agent.Milli
}

func (l demoLine) total() agent.Milli { return (l.quantity*l.price/1000 + 5) / 10 * 10 } // the till rounds to cents

// The goods of the demo.
func coffee(n agent.Milli) demoLine  { return demoLine{"80215", "CAFE 500G", n * 1000, 10_000} }
func cheese(kg agent.Milli) demoLine { return demoLine{"411", "QUEIJO KG", kg, 29_900} }

func (t *demoTill) start(ctx context.Context, who, document string) (liveAnswer, error) {
	return t.talk(ctx, "identificação de "+who, "/v2/transaction/start", fmt.Sprintf(`{"document_no":%q}`, document))
}

func (t *demoTill) apply(ctx context.Context, what, session, client string, lines []demoLine) (liveAnswer, error) {
	var items []string
	for _, l := range lines {
		items = append(items, fmt.Sprintf(`{"sku":%q,"ean":"789%s","quantity":%s,"packing_quantity":1,"total_value":%s}`, l.sku, l.sku, l.quantity, l.total()))
	}
	return t.talk(ctx, "descontos "+what, "/v2/transaction/apply",
		fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,"origin":"pdv","items":[%s]}`, session, client, strings.Join(items, ",")))
}

// close confirms and sends the receipt, with what each line costs after its discounts and a tender for the payment one.
func (t *demoTill) close(ctx context.Context, coupon, client string, lines []demoLine, answer liveAnswer) error {
	if err := t.post(ctx, "confirm "+coupon, "/v2/transaction/confirm", fmt.Sprintf(`{"transaction_id":%q}`, answer.ID)); err != nil {
		return err
	}
	var items []string
	var gross, net agent.Milli
	for i, l := range lines {
		left, err := agent.ParseMilli(answer.Agent.Lines[i].Total)
		if err != nil {
			return err
		}
		gross, net = gross+l.total(), net+left
		items = append(items, fmt.Sprintf(`{"sku":%q,"ean":"789%s","product_name":%q,"quantity":%s,"packing_quantity":1,"unit_value":%s,"total_value":%s,"total_value_with_discount":%s}`,
			l.sku, l.sku, l.name, l.quantity, l.price, l.total(), left))
	}
	cash, tenders := (net+5)/10*10, ""
	if answer.Payment != nil {
		cashback, err := agent.ParseMilli(answer.Payment.Discount.String())
		if err != nil {
			return err
		}
		cash, tenders = cash-cashback, fmt.Sprintf(`,{"payment_form":"cashback","amount":%s,"instalments":1}`, cashback)
	}
	now := time.Now()
	body := fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,"coupon":%q,"date":%q,"time":%q,"items":[%s],`+
		`"payments":[{"payment_form":"cash","amount":%s,"instalments":1}%s],"total_value":%s,"total_value_with_discount":%s,"origin":"pdv","pdv_code":"012","operator_id":"0123"}`,
		answer.ID, client, coupon, now.Format(time.DateOnly), now.Format(time.TimeOnly), strings.Join(items, ","), cash, tenders, gross, net)
	if err := t.post(ctx, "venda "+coupon, "/v2/coupons", body); err != nil {
		return err
	}
	t.sales = append(t.sales, tillSale{coupon, "venda concluída", "vendido"})
	return nil
}

// shopping shows what a till gets from the club while the cloud is there, or hesitates.
func (d *demo) shopping(ctx context.Context) error {
	for _, step := range []func(context.Context) error{d.memberBuys, d.strangerRegisters, d.basketChanges, d.sameAgain, d.cloudIsMute} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) memberBuys(ctx context.Context) error {
	d.say("1. Maria é do clube: desconto nos itens, no total (absolute, rateado) e como pagamento; o queijo é pesado")
	begun, err := d.till.start(ctx, "Maria", demoMember)
	if err != nil {
		return err
	}
	d.say("   Olá, %s!", begun.User.Name)
	lines := []demoLine{coffee(3), cheese(1235)}
	answer, err := d.till.apply(ctx, "da Maria", begun.ID, demoMember, lines)
	if err != nil {
		return err
	}
	for i, l := range lines {
		got := answer.Agent.Lines[i]
		d.say("   %-10s %8s x %6s = %6s   desconto %6s   rateio %5s   fica %7s", l.name, l.quantity, l.price, l.total(), got.Discount, got.Share, got.Total)
	}
	if answer.Payment != nil {
		d.say("   e %s em cashback, como forma de pagamento", answer.Payment.Discount)
	}
	return d.till.close(ctx, "MARIA-1", demoMember, lines, answer)
}

func (d *demo) strangerRegisters(ctx context.Context) error {
	begun, err := d.till.start(ctx, "um desconhecido", demoStranger)
	if err != nil {
		return err
	}
	if len(begun.Message.Responses) == 0 {
		return fmt.Errorf("a nuvem não ofereceu o pré-cadastro")
	}
	yes := begun.Message.Responses[0]
	d.say("2. Quem não é do clube: %q → %q → %q → 41987762038", begun.Message.Text, yes.Button, yes.Next)
	_, err = d.till.talk(ctx, "resposta ao pré-cadastro", "/v2/transaction/message", fmt.Sprintf(
		`{"transaction_id":%q,"document_no":%q,"message_tag":%q,"input_value":"41987762038"}`, begun.ID, demoStranger, yes.Tag))
	if err != nil {
		return err
	}
	lines := []demoLine{coffee(2)}
	answer, err := d.till.apply(ctx, "do novo cliente", begun.ID, demoStranger, lines)
	if err != nil {
		return err
	}
	return d.till.close(ctx, "NOVO-1", demoStranger, lines, answer)
}

func (d *demo) basketChanges(ctx context.Context) error {
	begun, err := d.till.start(ctx, "ninguém", "")
	if err != nil {
		return err
	}
	four, err := d.till.apply(ctx, "de 4 cafés", begun.ID, "0", []demoLine{coffee(4)})
	if err != nil {
		return err
	}
	lines := []demoLine{coffee(3)}
	three, err := d.till.apply(ctx, "de 3 cafés", begun.ID, "0", lines)
	if err != nil {
		return err
	}
	d.say("3. Um café sai da compra depois dos descontos: de %s para %s; o agente cancela a transação e recomeça, o caixa continua com a mesma",
		four.Agent.Lines[0].Discount, three.Agent.Lines[0].Discount)
	return d.till.close(ctx, "MUDOU-1", "0", lines, three)
}

func (d *demo) sameAgain(ctx context.Context) error {
	begun, err := d.till.start(ctx, "ninguém", "")
	if err != nil {
		return err
	}
	lines := []demoLine{coffee(2)}
	for _, what := range []string{"de 2 cafés", "de 2 cafés, de novo"} {
		if begun, err = d.till.apply(ctx, what, begun.ID, "0", lines); err != nil {
			return err
		}
	}
	d.say("4. A mesma compra perguntada duas vezes tem a mesma resposta, sem ir à nuvem")
	return d.till.close(ctx, "IGUAL-1", "0", lines, begun)
}

func (d *demo) cloudIsMute(ctx context.Context) error {
	if err := d.clouds.Mercafacil.Add(mercafacilsim.Fault{Route: "start", Fault: "silence", Times: 1}); err != nil {
		return err
	}
	begun, err := d.till.start(ctx, "Maria, nuvem muda", demoMember)
	if err != nil {
		return err
	}
	d.say("5. A nuvem ouve e não responde: o caixa espera os 2,5 s do prazo e segue (%s, %s; o nome lembrado é %s); no desconto ela já responde",
		begun.Agent.Delivery, begun.Agent.Reason, begun.User.Name)
	lines := []demoLine{coffee(1), cheese(500)}
	answer, err := d.till.apply(ctx, "da Maria, nuvem de volta", begun.ID, demoMember, lines)
	if err != nil {
		return err
	}
	return d.till.close(ctx, "MARIA-2", demoMember, lines, answer)
}

// withoutCloud is a whole sale in contingency.
func (d *demo) withoutCloud(ctx context.Context) error {
	begun, err := d.till.start(ctx, "Maria, sem nuvem", demoMember)
	if err != nil {
		return err
	}
	lines := []demoLine{coffee(3)}
	answer, err := d.till.apply(ctx, "da Maria, sem nuvem", begun.ID, demoMember, lines)
	if err != nil {
		return err
	}
	d.say("   Olá, %s! (lembrada do clube) Sem descontos: %s, %s", begun.User.Name, answer.Agent.Delivery, answer.Agent.Reason)
	return d.till.close(ctx, "MARIA-3", demoMember, lines, answer)
}
