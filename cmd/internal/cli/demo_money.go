package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"pdvagent/agent"
	"pdvagent/cmd/internal/rig"
	"pdvagent/payments/ideamaker/ideamakersim"
	"pdvagent/payments/sicoob/sicoobsim"
)

// The demo's sale that is paid by Pix, and its boleto.
const (
	pixCoupon   = "PIX-1"
	saleCents   = 6693 // of rig.SaleBody
	boletoCents = 15_000
)

// paidByPix is a sale whose shopper pays by Pix.
func (d *Demo) paidByPix(ctx context.Context) error {
	d.say("6. Uma venda de %s paga por Pix: o caixa mostra o código, o cliente paga no celular, o agente vê e confirma", agent.Cents(saleCents).Reais())
	charge, err := d.Till.Charge(ctx, pixCoupon, saleCents)
	if err != nil {
		return err
	}
	if charge.Pix.BRCode == "" {
		return fmt.Errorf("o Pix veio sem código: %s", charge.Status)
	}
	if _, err := d.Clouds.IdeaMaker.Pay(ctx, ideamakersim.Payment{}); err != nil {
		return err
	}
	paid, err := d.Till.WaitPaid(ctx, charge.ID)
	if err != nil {
		return err
	}
	d.payment = charge.ID
	d.say("   Pix: %s; recebido %s", inWords(paymentStates(), paid.States()), agent.Cents(paid.Received).Reais())
	return d.Till.SellBy(ctx, pixCoupon, "pix")
}

// boletoSettles is a boleto that is issued, paid at the bank, and found by the settlement.
func (d *Demo) boletoSettles(ctx context.Context) error {
	d.Clouds.Sicoob.Set(func(s *sicoobsim.Settings) { s.ReadyAfter = 0 })
	issued, err := d.Till.IssueBoleto(ctx, "DEMO-1", boletoCents)
	if err != nil {
		return err
	}
	d.say("7. Um boleto de %s, que o cliente paga no banco; a baixa pergunta ao banco o que foi pago", agent.Cents(boletoCents).Reais())
	number, err := strconv.Atoi(issued.Nosso)
	if err != nil {
		return err
	}
	if err := d.Clouds.Sicoob.Pay(sicoobsim.Movement{NossoNumero: number}); err != nil {
		return err
	}
	settled, err := d.Till.Settle(ctx, issued.Nosso)
	if err != nil {
		return err
	}
	d.boleto = issued.Nosso
	d.say("   Boleto %s: %s; recebido %s pelo %s", issued.Nosso, inWords(boletoStates(), []string{issued.Status, settled.Status}),
		agent.Cents(settled.Received).Reais(), channels().of(settled.Channel))
	return nil
}

// moneyStays fails unless the payment and the boleto are still paid, and the vendors have one of each.
func (d *Demo) moneyStays(ctx context.Context) error {
	payment, err := d.Till.WaitPaid(ctx, d.payment)
	if err != nil {
		return err
	}
	boleto, err := d.Till.Boleto(ctx, d.boleto)
	if err != nil {
		return err
	}
	charges, boletos := len(d.Clouds.IdeaMaker.Charges()), len(d.Clouds.Sicoob.Boletos())
	if payment.Received != saleCents || boleto.Status != "paid" || boleto.Received != boletoCents || charges != 1 || boletos != 1 {
		return fmt.Errorf("não fechou: %d cobrança(s), %d boleto(s), recebidos %s e %s", charges, boletos, agent.Cents(payment.Received).Reais(), agent.Cents(boleto.Received).Reais())
	}
	d.say("   O Pix e o boleto continuam pagos depois da queda de energia, e foram cobrados uma vez só.")
	return nil
}

// inWords is the way of a payment or a boleto.
func inWords(words vocabulary, states []string) string {
	named := make([]string, len(states))
	for i, state := range states {
		named[i] = words.of(state)
	}
	return strings.Join(named, " → ")
}

// deliveries is how the agent answered a call of the demo.
func deliveries() vocabulary {
	return vocabulary{
		"live": "pela nuvem", "queued": "guardada em disco; vai à nuvem", "replayed": "de novo a mesma, sem a nuvem", "contingency": "sem a nuvem",
	}
}

// printWaits prints what the till waited, by kind of call and of answer.
func (d *Demo) printWaits() {
	type kind struct{ name, answer string }
	type waits struct{ times, total, longest float64 }
	var order []kind
	all := make(map[kind]waits)
	for _, call := range d.Till.Calls() {
		k := kind{answer: answered(call)}
		k.name, _, _ = strings.Cut(call.Name, ":")
		if all[k].times == 0 {
			order = append(order, k)
		}
		w, ms := all[k], float64(call.Took.Microseconds())/1000
		all[k] = waits{w.times + 1, w.total + ms, max(w.longest, ms)}
	}
	d.say("\nQuanto o caixa esperou por cada resposta, em milésimos de segundo:")
	d.say("   %-24s %5s %8s %8s   %s", "chamada", "vezes", "em média", "a maior", "respondida")
	for _, k := range order {
		w := all[k]
		d.say("   %-24s %5.0f %s   %s", k.name, w.times, decimalComma(fmt.Sprintf("%8.1f %8.1f", w.total/w.times, w.longest)), k.answer)
	}
}

// answered is a call's outcome in words.
func answered(call rig.Call) string {
	parts := strings.Fields(call.Outcome)
	switch {
	case len(parts) == 1: // a payment's or a boleto's
		return "pelo fornecedor"
	case !strings.HasPrefix(parts[0], "20"):
		return call.Outcome
	}
	words := deliveries().of(parts[1])
	if len(parts) > 2 {
		words += ": " + jobReasons().of(parts[2])
	}
	return words
}

// decimalComma writes numbers as Brazil does.
func decimalComma(text string) string { return strings.ReplaceAll(text, ".", ",") }
