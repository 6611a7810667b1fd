package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent/sandbox"
	"pdvagent/cmd/internal/rig"
	"pdvagent/cmd/internal/usage"
)

func newDemo(opts *Options) *cobra.Command {
	var once, console bool
	cmd := &cobra.Command{
		Use: "demo", Short: "Descontos do clube, vendas, uma queda da internet, uma queda de energia, e a conta certa no fim", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			how := DemoOptions{Once: once}
			if console {
				how.Console = func(ctx context.Context, config string) error {
					return (&Options{config: config, out: opts.out}).runConsole(ctx, false)
				}
			}
			return RunDemo(cmd.Context(), opts.out, how)
		},
	}
	cmd.Flags().BoolVar(&console, "console", false, "no fim abre o console, e o caixa continua vendendo")
	cmd.Flags().BoolVar(&once, "once", false, "termina depois da conferência; o código de saída diz se fechou")
	return cmd
}

// DemoOptions say how a demo ends.
type DemoOptions struct {
	Once    bool                                           // after the account; else it goes on until it is stopped
	Console func(ctx context.Context, config string) error // opens the console of the agent, and the till goes on selling; nil: neither
}

// Demo tells its story to Out: simulated clouds in this process, an agent in a process of its own, and a till that calls it.
type Demo struct {
	Out    io.Writer
	Clouds *sandbox.Sandbox
	Till   *rig.Till
	agent  *rig.Process
	folder string // temporary
	config string // path

	payment, boleto string // that the demo made: id, nosso número
}

// RunDemo runs the demo in a temporary folder. It fails when the cloud and the till do not agree at the end; unless it is
// asked once, it then goes on running until ctx ends.
func RunDemo(ctx context.Context, out io.Writer, how DemoOptions) error {
	folder, err := os.MkdirTemp("", "pdvagent-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }() // a leftover in the temporary folder harms nobody
	d := &Demo{Out: out, folder: folder}
	if d.Clouds, err = rig.StartClouds(ctx, true); err != nil {
		return err
	}
	defer d.Clouds.Close()
	if err := d.configure(ctx); err != nil {
		return err
	}
	if err := d.startAgent(ctx); err != nil {
		return err
	}
	defer func() { _ = d.agent.Kill() }() // the agent of the last start
	if err := d.story(ctx); err != nil {
		return err
	}
	if how.Once {
		return nil
	}
	if how.Console != nil {
		if err := how.Console(ctx, d.config); err != nil {
			return err
		}
	}
	if err := d.printNextSteps(ctx); err != nil {
		return err
	}
	if how.Console != nil {
		return d.liven(ctx)
	}
	<-ctx.Done()
	return nil
}

// liven leaves a Pix to be paid, and goes on selling, a sale every few seconds, until ctx ends.
func (d *Demo) liven(ctx context.Context) error {
	if _, err := d.Till.Charge(ctx, "MESA-7", 4990); err != nil && ctx.Err() == nil {
		return err
	}
	ticks := time.NewTicker(3 * time.Second)
	defer ticks.Stop()
	for n := 1; ; n++ {
		if err := d.sell(ctx, fmt.Sprint("VIVA-", n)); err != nil && ctx.Err() == nil {
			d.say("Uma venda não entrou: %v", err) // the person may have stopped the cloud, or worse
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// configure writes the agent's file, with waits that a person does not notice.
func (d *Demo) configure(ctx context.Context) error {
	answers, err := rig.Answers(ctx, d.folder, d.Clouds.BaseURL())
	if err != nil {
		return err
	}
	answers.Primary = true // the till that settles boletos
	vendors, enabled := rig.Payments("http://" + d.Clouds.Address())
	d.Till = rig.NewTill("http://"+answers.Listen, answers.TillToken, answers.SupportToken)
	d.config, err = rig.WriteConfig(answers, "retry_min: 5s ", "retry_min: 200ms ", "retry_max: 30m", "retry_max: 2s", "start_jitter: 60s", "start_jitter: 0s", vendors, enabled)
	return err
}

func (d *Demo) startAgent(ctx context.Context) error {
	var err error
	if d.agent, err = rig.StartAgent(ctx, d.config); err != nil {
		return err
	}
	if err := d.Till.WaitHealthy(ctx); err != nil {
		_ = d.agent.Kill() // its log is complete then
		return fmt.Errorf("%w; o agente disse:\n%s", err, d.agent.Log.String())
	}
	return nil
}

// story is the demo from its first to its last step.
func (d *Demo) story(ctx context.Context) error {
	begin := time.Now()
	if err := d.shopping(ctx); err != nil {
		return err
	}
	if err := errors.Join(d.paidByPix(ctx), d.boletoSettles(ctx)); err != nil {
		return err
	}
	d.say("8. Três vendas com a nuvem no ar")
	if err := d.sell(ctx, "A-1", "A-2", "A-3"); err != nil {
		return err
	}
	if err := d.Till.WaitDrained(ctx); err != nil {
		return err
	}
	d.say("9. A nuvem sai do ar: uma venda da Maria em contingência, mais três vendas, o cancelamento de uma já enviada (A-1) e de uma ainda na fila (B-2)")
	d.Clouds.Leave()
	if err := d.withoutCloud(ctx); err != nil {
		return err
	}
	if err := d.sell(ctx, "B-1", "B-2", "B-3"); err != nil {
		return err
	}
	if err := errors.Join(d.Till.Cancel(ctx, "A-1", true), d.Till.Cancel(ctx, "B-2", false)); err != nil {
		return err
	}
	d.say("10. Queda de energia: o processo do agente é morto (SIGKILL) no meio de dez vendas ao mesmo tempo, e inicia de novo")
	var coupons []string
	for i := range 10 {
		coupons = append(coupons, fmt.Sprint("C-", i))
	}
	if err := d.Till.SellAcrossRestart(ctx, coupons, d.agent.Kill, func() error { return d.startAgent(ctx) }); err != nil {
		return err
	}
	d.say("11. A nuvem volta")
	if err := d.Clouds.Return(ctx); err != nil {
		return err
	}
	if err := d.Till.WaitDrained(ctx); err != nil {
		return err
	}
	d.printWaits()
	err := errors.Join(d.Reconcile(), d.moneyStays(ctx))
	d.say("Tudo em %s s.", decimalComma(fmt.Sprintf("%.1f", time.Since(begin).Seconds())))
	return err
}

func (d *Demo) say(format string, args ...any) { fmt.Fprintf(d.Out, format+"\n", args...) }

func (d *Demo) sell(ctx context.Context, coupons ...string) error {
	for _, coupon := range coupons {
		if err := d.Till.Sell(ctx, coupon); err != nil {
			return err
		}
	}
	return nil
}

// Reconcile prints what the till and the cloud have of every sale. It fails unless each is there exactly once and no session is
// open.
func (d *Demo) Reconcile() error {
	cloud := make(map[string]string)
	for _, coupon := range d.Clouds.Mercafacil.Coupons() {
		cloud[coupon.ID] = "vendido"
		if coupon.Cancelled {
			cloud[coupon.ID] = "cancelado"
		}
	}
	arrivals := make(map[string]int)
	for _, arrival := range d.Clouds.Mercafacil.Received() {
		if arrival.Route == "coupon" && arrival.Effect {
			arrivals[rig.CouponOf(arrival.Body)]++
		}
	}
	d.say("\n   %-8s %-34s %s", "cupom", "o caixa disse", "a nuvem tem")
	var wrong []string
	for _, sale := range d.Till.Sales {
		got := cloud[sale.Coupon]
		if got == "" {
			got = "nada"
		}
		mark := "ok"
		if got != sale.InCloud || arrivals[sale.Coupon] > 1 {
			mark, wrong = "ERRADO", append(wrong, sale.Coupon)
		}
		delete(cloud, sale.Coupon)
		d.say("   %-8s %-34s %-10s %s", sale.Coupon, sale.Seen, got, mark)
	}
	for coupon := range cloud {
		wrong = append(wrong, coupon)
	}
	if cancelled := d.Clouds.Mercafacil.Sessions()["demo-B-2"]; len(cancelled) != 1 || cancelled[0] != "cancel" {
		wrong = append(wrong, "sessão de B-2")
	}
	for _, session := range d.Clouds.Mercafacil.SessionList() {
		if session.Stage == "open" {
			wrong = append(wrong, "transação aberta na nuvem: "+strings.Join(session.Routes, " "))
		}
	}
	if len(wrong) > 0 {
		return errors.New("não fechou: " + strings.Join(wrong, ", "))
	}
	d.say("   Cada venda chegou exatamente uma vez, e nenhuma transação ficou aberta na nuvem.")
	return nil
}
