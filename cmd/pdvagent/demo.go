package main

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent/config"
	"pdvagent/agent/sandbox"
)

// demoPatience bounds every wait of the demo; all of it takes a few seconds.
const demoPatience = 10 * time.Second

func newDemo(opts *options) *cobra.Command {
	once := false
	cmd := &cobra.Command{
		Use: "demo", Short: "Descontos do clube, vendas, uma queda da internet, uma queda de energia, e a conta certa no fim", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), opts.out, once) },
	}
	cmd.Flags().BoolVar(&once, "once", false, "termina depois da conferência; o código de saída diz se fechou")
	return cmd
}

// demo is a sandbox here, an agent in a process of its own, and a till that talks to it.
type demo struct {
	out    io.Writer
	clouds *sandbox.Sandbox
	agent  *agentProcess
	till   *demoTill
	config string
}

func runDemo(ctx context.Context, out io.Writer, once bool) error {
	folder, err := os.MkdirTemp("", "pdvagent-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }() // a leftover in the temporary folder harms nobody
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	clouds, err := sandbox.Start(ctx, sandbox.Config{Listen: address, Seed: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer clouds.Close()
	d := &demo{out: out, clouds: clouds, config: filepath.Join(folder, "config.yaml")}
	if err := d.configure(ctx, folder); err != nil {
		return err
	}
	if err := d.start(ctx); err != nil {
		return err
	}
	defer func() { _ = d.agent.kill() }() // the last one, or one that is dead already
	if err := d.story(ctx); err != nil {
		return err
	}
	if once {
		return nil
	}
	d.curl()
	<-ctx.Done()
	return nil
}

// configure writes the agent's file: embedded defaults, free ports, no wait that a person would notice.
func (d *demo) configure(ctx context.Context, folder string) error {
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	answers := config.Example()
	answers.DataDir, answers.Listen, answers.BaseURL = filepath.Join(folder, "data"), address, d.clouds.BaseURL()
	answers.TillToken, answers.SupportToken, answers.AdminToken, answers.Token = crand.Text(), crand.Text(), crand.Text(), crand.Text()
	text := config.Template(answers)
	for from, to := range map[string]string{
		"retry_min: 5s ": "retry_min: 200ms ", "retry_max: 30m": "retry_max: 2s", "start_jitter: 60s": "start_jitter: 0s",
	} {
		text = strings.Replace(text, from, to, 1)
	}
	d.till = newDemoTill("http://"+address, answers.TillToken, answers.SupportToken)
	return writeNew(d.config, text)
}

// freeAddress finds a port that nobody has, below those that systems give to outgoing connections: one that is left and
// taken again must still be free.
func freeAddress(ctx context.Context) (string, error) {
	const lowest, number, tries = 20_000, 10_000, 50
	var c net.ListenConfig
	var err error
	for range tries {
		var listener net.Listener
		port := strconv.Itoa(lowest + rand.IntN(number)) //nolint:gosec // any free port will do
		if listener, err = c.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return listener.Addr().String(), listener.Close()
		}
	}
	return "", err
}

func (d *demo) start(ctx context.Context) error {
	var err error
	if d.agent, err = startAgent(ctx, d.config); err != nil {
		return err
	}
	if err := d.till.waitHealthy(ctx); err != nil {
		_ = d.agent.kill() // its log is whole then
		return fmt.Errorf("%w; o agente disse:\n%s", err, d.agent.log.String())
	}
	return nil
}

// story is what the demo shows.
func (d *demo) story(ctx context.Context) error {
	begin := time.Now()
	if err := d.shopping(ctx); err != nil {
		return err
	}
	d.say("6. Três vendas com a nuvem no ar")
	if err := d.sell(ctx, "A-1", "A-2", "A-3"); err != nil {
		return err
	}
	if err := d.till.waitDrained(ctx); err != nil {
		return err
	}
	d.say("7. A nuvem sai do ar: uma venda da Maria em contingência, mais três vendas, o cancelamento de uma já enviada (A-1) e de uma ainda na fila (B-2)")
	d.clouds.Leave()
	if err := d.withoutCloud(ctx); err != nil {
		return err
	}
	if err := d.sell(ctx, "B-1", "B-2", "B-3"); err != nil {
		return err
	}
	for _, coupon := range []string{"A-1", "B-2"} {
		if err := d.till.cancel(ctx, coupon); err != nil {
			return err
		}
	}
	d.say("8. Queda de energia: o processo do agente é morto (SIGKILL) no meio de dez vendas ao mesmo tempo, e inicia de novo")
	var coupons []string
	for i := range 10 {
		coupons = append(coupons, fmt.Sprint("C-", i))
	}
	if err := d.till.sellAcrossRestart(ctx, coupons, d.agent.kill, func() error { return d.start(ctx) }); err != nil {
		return err
	}
	d.say("9. A nuvem volta")
	if err := d.clouds.Return(ctx); err != nil {
		return err
	}
	if err := d.till.waitDrained(ctx); err != nil {
		return err
	}
	d.printWaits()
	err := d.reconcile()
	d.say("Tudo em %.1f s.", time.Since(begin).Seconds())
	return err
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

func (d *demo) sell(ctx context.Context, coupons ...string) error {
	for _, coupon := range coupons {
		if err := d.till.sell(ctx, coupon); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) printWaits() {
	d.say("\nQuanto o caixa esperou por cada resposta:")
	for _, call := range d.till.calls {
		d.say("   %-34s %7.1f ms   %s", call.name, float64(call.took.Microseconds())/1000, call.note)
	}
}

// reconcile prints the cloud's list beside the till's and fails unless every sale is there exactly once.
func (d *demo) reconcile() error {
	cloud := make(map[string]string)
	count := make(map[string]int)
	for _, coupon := range d.clouds.Mercafacil.Coupons() {
		count[coupon.ID]++
		cloud[coupon.ID] = "vendido"
		if coupon.Cancelled {
			cloud[coupon.ID] = "cancelado"
		}
	}
	arrivals := make(map[string]int)
	for _, arrival := range d.clouds.Mercafacil.Received() {
		if arrival.Route == "coupon" && arrival.Effect {
			arrivals[couponOf(arrival.Body)]++
		}
	}
	d.say("\n   %-8s %-34s %s", "cupom", "o caixa disse", "a nuvem tem")
	var wrong []string
	for _, sale := range d.till.sales {
		got := cloud[sale.coupon]
		if got == "" {
			got = "nada"
		}
		mark := "ok"
		if got != sale.want || arrivals[sale.coupon] > 1 {
			mark, wrong = "ERRADO", append(wrong, sale.coupon)
		}
		delete(cloud, sale.coupon)
		d.say("   %-8s %-34s %-10s %s", sale.coupon, sale.said, got, mark)
	}
	for coupon := range cloud {
		wrong = append(wrong, coupon)
	}
	if cancelled := d.clouds.Mercafacil.Sessions()["demo-B-2"]; len(cancelled) != 1 || cancelled[0] != "cancel" {
		wrong = append(wrong, "sessão de B-2")
	}
	for _, session := range d.clouds.Mercafacil.SessionList() {
		if session.Stage == "open" {
			wrong = append(wrong, "transação aberta na nuvem: "+strings.Join(session.Said, " "))
		}
	}
	if len(wrong) > 0 {
		return errors.New("não fechou: " + strings.Join(wrong, ", "))
	}
	d.say("   Cada venda chegou exatamente uma vez, e nenhuma transação ficou aberta na nuvem.")
	return nil
}

// curl prints what a till's programmer may type next.
func (d *demo) curl() {
	d.say("\nA página da nuvem: http://%s/control/mercafacil/", d.clouds.Address())
	d.say("A documentação da API, para ler e experimentar: %s/docs", d.till.base)
	d.say("O agente continua em %s; token do caixa: %s\n(Ctrl+C encerra.) Experimente:\n", d.till.base, d.till.token)
	d.say("curl -s -X POST %s/v2/coupons -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '%s'",
		d.till.base, d.till.token, saleBody("CURL-1", "demo-curl-1"))
	d.say("curl -s -X POST %s/v2/transaction/start -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '{\"document_no\":\"%s\"}'",
		d.till.base, d.till.token, demoMember)
	d.say("curl -s %s/v1/sales/CURL-1 -H 'Authorization: Bearer %s'", d.till.base, d.till.token)
	d.say("curl -s %s/v1/status -H 'Authorization: Bearer %s'", d.till.base, d.till.support)
}
