package cli

import (
	"context"
	"fmt"

	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/rig"
)

// shopping shows what a till gets from the club while the cloud answers, and while it is silent.
func (d *Demo) shopping(ctx context.Context) error {
	for _, step := range []func(context.Context) error{d.memberBuys, d.strangerRegisters, d.basketChanges, d.repeatsBasket, d.cloudIsSilent} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *Demo) memberBuys(ctx context.Context) error {
	d.say("1. Maria é do clube: desconto nos itens, no total (rateado) e como pagamento; o queijo é pesado")
	begun, err := d.Till.Start(ctx, "Maria", rig.Member)
	if err != nil {
		return err
	}
	d.say("   Olá, %s!", begun.User.Name)
	lines := []rig.Line{rig.Coffee(3), rig.Cheese(1235)}
	answer, err := d.Till.Apply(ctx, "da Maria", begun.ID, rig.Member, lines)
	if err != nil {
		return err
	}
	for i, l := range lines {
		got := answer.Agent.Lines[i]
		d.say("%s", decimalComma(fmt.Sprintf("   %-10s %8s x %6s = %6s   desconto %6s   rateio %5s   fica %7s", l.Name, l.Quantity, l.Price, l.Total(), got.Discount, got.Share, got.Total)))
	}
	if answer.Payment != nil {
		d.say("   e %s em cashback, como forma de pagamento", decimalComma(answer.Payment.Discount.String()))
	}
	return d.Till.Finish(ctx, "MARIA-1", rig.Member, lines, answer)
}

func (d *Demo) strangerRegisters(ctx context.Context) error {
	begun, err := d.Till.Start(ctx, "um desconhecido", rig.Stranger)
	if err != nil {
		return err
	}
	if len(begun.Message.Responses) == 0 {
		return fmt.Errorf("a nuvem não ofereceu o pré-cadastro")
	}
	yes := begun.Message.Responses[0]
	d.say("2. Quem não é do clube: %q → %q → %q → 41987762038", begun.Message.Text, yes.Button, yes.Next)
	if _, err = d.Till.Reply(ctx, "ao pré-cadastro", begun.ID, rig.Stranger, yes.Tag, "41987762038"); err != nil {
		return err
	}
	lines := []rig.Line{rig.Coffee(2)}
	answer, err := d.Till.Apply(ctx, "do novo cliente", begun.ID, rig.Stranger, lines)
	if err != nil {
		return err
	}
	return d.Till.Finish(ctx, "NOVO-1", rig.Stranger, lines, answer)
}

func (d *Demo) basketChanges(ctx context.Context) error {
	begun, err := d.Till.Start(ctx, "ninguém", "")
	if err != nil {
		return err
	}
	four, err := d.Till.Apply(ctx, "de 4 cafés", begun.ID, "0", []rig.Line{rig.Coffee(4)})
	if err != nil {
		return err
	}
	lines := []rig.Line{rig.Coffee(3)}
	three, err := d.Till.Apply(ctx, "de 3 cafés", begun.ID, "0", lines)
	if err != nil {
		return err
	}
	d.say("3. Um café sai da compra depois dos descontos: de %s para %s; o agente cancela a transação e recomeça, o caixa continua com a mesma",
		decimalComma(four.Agent.Lines[0].Discount), decimalComma(three.Agent.Lines[0].Discount))
	return d.Till.Finish(ctx, "MUDOU-1", "0", lines, three)
}

func (d *Demo) repeatsBasket(ctx context.Context) error {
	begun, err := d.Till.Start(ctx, "ninguém", "")
	if err != nil {
		return err
	}
	lines := []rig.Line{rig.Coffee(2)}
	for _, what := range []string{"de 2 cafés", "de 2 cafés, de novo"} {
		if begun, err = d.Till.Apply(ctx, what, begun.ID, "0", lines); err != nil {
			return err
		}
	}
	d.say("4. A mesma compra perguntada duas vezes tem a mesma resposta, sem ir à nuvem")
	return d.Till.Finish(ctx, "IGUAL-1", "0", lines, begun)
}

func (d *Demo) cloudIsSilent(ctx context.Context) error {
	if err := d.Clouds.Mercafacil.Add(simkit.Fault{Route: "start", Fault: "silence", Times: 1}); err != nil {
		return err
	}
	begun, err := d.Till.Start(ctx, "Maria, nuvem muda", rig.Member)
	if err != nil {
		return err
	}
	d.say("5. A nuvem ouve e não responde: o caixa espera os 2,5 s do prazo e segue (%s: %s; o nome lembrado é %s); no desconto ela já responde",
		deliveries().of(begun.Agent.Delivery), jobReasons().of(begun.Agent.Reason), begun.User.Name)
	lines := []rig.Line{rig.Coffee(1), rig.Cheese(500)}
	answer, err := d.Till.Apply(ctx, "da Maria, nuvem de volta", begun.ID, rig.Member, lines)
	if err != nil {
		return err
	}
	return d.Till.Finish(ctx, "MARIA-2", rig.Member, lines, answer)
}

// withoutCloud is a whole sale in contingency.
func (d *Demo) withoutCloud(ctx context.Context) error {
	begun, err := d.Till.Start(ctx, "Maria, sem nuvem", rig.Member)
	if err != nil {
		return err
	}
	lines := []rig.Line{rig.Coffee(3)}
	answer, err := d.Till.Apply(ctx, "da Maria, sem nuvem", begun.ID, rig.Member, lines)
	if err != nil {
		return err
	}
	d.say("   Olá, %s! (lembrada do clube) Sem descontos: %s, %s", begun.User.Name, deliveries().of(answer.Agent.Delivery), jobReasons().of(answer.Agent.Reason))
	return d.Till.Finish(ctx, "MARIA-3", rig.Member, lines, answer)
}
