package main

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/sandbox"
)

func newBenchQueue(opts *options) *cobra.Command {
	var folder string
	var counts []int
	cmd := &cobra.Command{
		Use: "queue", Short: "Com filas cada vez maiores: abrir, gravar mais uma venda, esvaziar e memória, num processo do agente", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(counts) == 0 || slices.Min(counts) < 100 {
				return usageError{errors.New("--pending deve ter números a partir de 100")}
			}
			result, err := benchQueue(cmd.Context(), folder, counts)
			if err != nil {
				return err
			}
			return opts.print(result, func(w io.Writer) { printQueue(w, result) })
		},
	}
	cmd.Flags().StringVar(&folder, "dir", "", "pasta no disco a medir; vazio: a pasta atual")
	cmd.Flags().IntSliceVar(&counts, "pending", []int{1000, 10_000, 100_000}, "vendas na fila, uma linha da tabela para cada")
	return cmd
}

// queueRow is one length of the queue.
type queueRow struct {
	Pending int     `json:"pending"`
	FileMiB float64 `json:"database_mib"`
	OpenMS  float64 `json:"open_ms"`         // from the process's start to its first answer
	SaleMS  float64 `json:"sale_p50_ms"`     // one more sale by HTTP while nothing can be sent
	Drain   float64 `json:"drain_per_s"`     // jobs, until all or measuredDrain of them are sent
	JobUS   float64 `json:"drain_job_us"`    // the same for one job
	PeakMiB float64 `json:"peak_memory_mib"` // most while it drained, without mapped pages of the file; 0 where nobody says
	IdleMiB float64 `json:"idle_memory_mib"` // the same some seconds after the last one was sent
	Wakeups float64 `json:"idle_wakeups_s"`  // context switches of the process per second then
}

func printQueue(w io.Writer, rows []queueRow) {
	fmt.Fprintf(w, "%10s %9s %9s %10s %9s %9s %9s %9s %9s\n", "na fila", "banco", "abrir", "venda p50", "enviar", "uma", "memória", "ociosa", "acordares")
	for _, r := range rows {
		fmt.Fprintf(w, "%10d %5.0f MiB %6.0f ms %7.2f ms %7.0f/s %6.0f us %5.0f MiB %5.0f MiB %7.1f/s\n",
			r.Pending, r.FileMiB, r.OpenMS, r.SaleMS, r.Drain, r.JobUS, r.PeakMiB, r.IdleMiB, r.Wakeups)
	}
	first, last := rows[0], rows[len(rows)-1]
	fmt.Fprintf(w, "promessas: abrir com 100000 <= 1000 ms; enviar >= 1500/s; de %d a %d na fila, venda %.2f x e envio %.2f x (<= 1.3), memória %.2f x (<= 1.5), sem as páginas do banco que o sistema mantém mapeadas\n",
		first.Pending, last.Pending, last.SaleMS/first.SaleMS, last.JobUS/first.JobUS, last.PeakMiB/first.PeakMiB)
}

// measuredDrain is after how many sent jobs the drain of a longer queue has been seen.
const measuredDrain = 100_000

func benchQueue(ctx context.Context, folder string, counts []int) ([]queueRow, error) {
	var rows []queueRow
	for _, pending := range counts {
		temp, remove, err := benchFolder(folder)
		if err != nil {
			return nil, err
		}
		row, err := benchOneQueue(ctx, temp, pending)
		if err := errors.Join(err, remove()); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// queueBench is an agent in a process of its own, with a queue, and a cloud that can go.
type queueBench struct {
	clouds  *sandbox.Sandbox
	till    *demoTill
	config  string
	process *agentProcess
}

func benchOneQueue(ctx context.Context, temp string, pending int) (row queueRow, err error) {
	row.Pending = pending
	b, cfg, err := newQueueBench(ctx, temp)
	if err != nil {
		return row, err
	}
	defer b.clouds.Close()
	if row.FileMiB, err = fillQueue(ctx, cfg, pending); err != nil {
		return row, err
	}
	b.clouds.Leave()
	defer func() {
		if b.process != nil {
			err = errors.Join(err, b.process.kill())
		}
	}()
	for _, measure := range []func(context.Context, *queueRow) error{b.open, b.sale, b.drain, b.idle} {
		if err := measure(ctx, &row); err != nil {
			return row, err
		}
	}
	return row, nil
}

func newQueueBench(ctx context.Context, temp string) (*queueBench, config.Config, error) {
	var cfg config.Config
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, cfg, err
	}
	clouds, err := sandbox.Start(ctx, sandbox.Config{Listen: address, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, cfg, err
	}
	if address, err = freeAddress(ctx); err != nil {
		return nil, cfg, err
	}
	answers := config.Example()
	answers.Listen, answers.BaseURL = address, clouds.BaseURL()
	answers.TillToken, answers.SupportToken, answers.AdminToken, answers.Token = crand.Text(), crand.Text(), crand.Text(), crand.Text()
	b := &queueBench{clouds: clouds, till: newDemoTill("http://"+address, answers.TillToken, answers.SupportToken)}
	b.config, cfg, err = benchConfig(temp, answers, "per_second: 20 ", "per_second: 100000 ", "parallel: 4 ", "parallel: 64 ", "start_jitter: 60s", "start_jitter: 0s",
		"retry_min: 5s ", "retry_min: 500ms ", "max_mb: 1024 ", "max_mb: 8192 ", "level: info", "level: error")
	return b, cfg, err
}

// fillQueue puts sales without a session into the store of an agent that does not run.
func fillQueue(ctx context.Context, cfg config.Config, pending int) (mib float64, err error) {
	queue, err := openStore(cfg, storeHooks{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	for n := 0; n < pending && err == nil; {
		var change agent.Change
		for ; len(change.Jobs) < 512 && n < pending; n++ {
			change.Jobs = append(change.Jobs, benchSale(fmt.Sprint("fila-", n)))
		}
		_, err = queue.Commit(ctx, change)
	}
	used, _ := queue.Size()
	return float64(used) / (1 << 20), errors.Join(err, queue.Close())
}

func benchSale(coupon string) agent.Job {
	return agent.Job{
		Kind: agent.KindCoupon, Dialect: agent.V2, Coupon: coupon, Unique: agent.CouponGroup(coupon), Moment: coupon,
		Body: []byte(strings.Replace(saleBody(coupon, ""), `"transaction_id":"",`, "", 1)), CreatedAt: time.Now(),
	}
}

func (b *queueBench) open(ctx context.Context, row *queueRow) error {
	begun := time.Now()
	var err error
	if b.process, err = startAgent(ctx, b.config); err != nil {
		return err
	}
	for {
		status, _, _, err := b.till.do(ctx, b.till.http, http.MethodGet, "/health", b.till.token, "")
		if err == nil && status == http.StatusOK {
			row.OpenMS = ms(time.Since(begun))
			return nil
		}
		if time.Since(begun) > time.Minute {
			return fmt.Errorf("the agent does not answer: %s", b.process.log.String())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (b *queueBench) sale(ctx context.Context, row *queueRow) error {
	const sales = 300
	took := make([]float64, 0, sales)
	for n := range sales {
		begun := time.Now()
		if err := b.till.post(ctx, "venda", "/v2/coupons", strings.Replace(saleBody(fmt.Sprint("mais-", n), ""), `"transaction_id":"",`, "", 1)); err != nil {
			return err
		}
		took = append(took, ms(time.Since(begun)))
	}
	row.SaleMS = median(took)
	return nil
}

func (b *queueBench) drain(ctx context.Context, row *queueRow) error {
	if err := b.clouds.Mercafacil.Set(`{"strict":false}`); err != nil { // its checks would be measured, too
		return err
	}
	if err := b.clouds.Return(ctx); err != nil {
		return err
	}
	goal := min(row.Pending, measuredDrain)
	var begun time.Time
	before := 0
	for {
		sent, err := b.sent(ctx)
		if err != nil {
			return err
		}
		row.PeakMiB = max(row.PeakMiB, b.memory())
		if begun.IsZero() && sent > 0 {
			begun, before = time.Now(), sent
		}
		if sent >= goal {
			took := time.Since(begun)
			row.Drain, row.JobUS = float64(sent-before)/took.Seconds(), float64(took.Microseconds())/float64(sent-before)
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// memory is what the agent holds for itself, in MiB; the pages of its file are the system's to keep or to drop.
func (b *queueBench) memory() float64 {
	return float64(statusLine(fmt.Sprintf("/proc/%d/status", b.process.cmd.Process.Pid), "RssAnon")) / 1024
}

func (b *queueBench) sent(ctx context.Context) (int, error) {
	_, answer, _, err := b.till.do(ctx, b.till.http, http.MethodGet, "/v1/status", b.till.support, "")
	var view struct {
		Queue struct{ Sent int }
	}
	if err == nil {
		err = json.Unmarshal(answer, &view)
	}
	return view.Queue.Sent, err
}

// idle looks at the agent when it has nothing to do.
func (b *queueBench) idle(ctx context.Context, row *queueRow) error {
	if row.Pending > measuredDrain {
		return nil // it still has
	}
	const settle, look = 3 * time.Second, 5 * time.Second
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	pid := b.process.cmd.Process.Pid
	before := switches(pid)
	if err := sleep(ctx, look); err != nil {
		return err
	}
	row.Wakeups = float64(switches(pid)-before) / look.Seconds()
	row.IdleMiB = b.memory()
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// statusLine reads a number of Linux's account of a process or thread, 0 where there is none.
func statusLine(path, name string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); key == name {
			n := 0
			_, _ = fmt.Sscan(value, &n) // a line of another form counts nothing
			return n
		}
	}
	return 0
}

// switches counts how often the threads of a process have begun to wait.
func switches(pid int) int {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid)) // the pattern is right
	sum := 0
	for _, task := range tasks {
		sum += statusLine(task, "voluntary_ctxt_switches")
	}
	return sum
}
