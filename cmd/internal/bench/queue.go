package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/sandbox"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/rig"
)

// mostDrained is how many jobs of a longer queue are sent before its drain has been measured.
const mostDrained = 100_000

// queueRow is what one length of the queue gives.
type queueRow struct {
	Pending int     `json:"pending"`
	FileMB  float64 `json:"database_mb"`
	OpenMS  float64 `json:"open_ms"`        // from the process's start to its first answer
	SaleMS  float64 `json:"sale_p50_ms"`    // one more sale by HTTP while nothing can be sent
	Drain   float64 `json:"drain_per_s"`    // jobs, until all or mostDrained of them are sent
	JobUS   float64 `json:"drain_job_us"`   // the same for one job
	PeakMB  float64 `json:"peak_memory_mb"` // most while it drained, without mapped pages of the file; 0 where the system does not say
	IdleMB  float64 `json:"idle_memory_mb"` // the same some seconds after the last one was sent
	Wakeups float64 `json:"idle_wakeups_s"` // context switches of the process per second then
}

type queueFigures []queueRow

func (f queueFigures) print(w io.Writer) {
	fmt.Fprintf(w, "%10s %9s %9s %10s %9s %9s %9s %9s %9s\n", "na fila", "banco", "abrir", "venda p50", "enviar", "uma", "memória", "ociosa", "acordares")
	for _, r := range f {
		fmt.Fprintf(w, "%10d %5.0f MB %6.0f ms %7.2f ms %7.0f/s %6.0f us %5.0f MB %5.0f MB %7.1f/s\n",
			r.Pending, r.FileMB, r.OpenMS, r.SaleMS, r.Drain, r.JobUS, r.PeakMB, r.IdleMB, r.Wakeups)
	}
	first, last := f[0], f[len(f)-1]
	fmt.Fprintf(w, "promessas: abrir com 100000 <= 1000 ms; enviar >= 1500/s; de %d a %d na fila, venda %.2f x e envio %.2f x (<= 1.3), memória %.2f x (<= 1.5), sem as páginas do banco que o sistema mantém mapeadas\n",
		first.Pending, last.Pending, last.SaleMS/first.SaleMS, last.JobUS/first.JobUS, last.PeakMB/first.PeakMB)
}

func newQueue(opts *cli.Options) *cobra.Command {
	var counts []int
	cmd := newBenchmark(opts, benchmark[queueFigures]{
		use: "queue", short: "Com filas cada vez maiores: abrir, gravar mais uma venda, esvaziar e memória, num processo do agente",
		check: func() error {
			if len(counts) == 0 || slices.Min(counts) < 100 {
				return errors.New("--pending deve ter números a partir de 100")
			}
			return nil
		},
		run: func(ctx context.Context, folder string) (rows queueFigures, err error) {
			for n, pending := range counts {
				own := filepath.Join(folder, strconv.Itoa(n))
				row, err := measureQueue(ctx, own, pending)
				if err := errors.Join(err, os.RemoveAll(own)); err != nil {
					return nil, err
				}
				rows = append(rows, row)
			}
			return rows, nil
		},
	})
	cmd.Flags().IntSliceVar(&counts, "pending", []int{1000, 10_000, 100_000}, "vendas na fila, uma linha da tabela para cada")
	return cmd
}

// queueBench is an agent whose queue is full, and a cloud that can be taken off the network.
type queueBench struct {
	*agentProcess
	clouds *sandbox.Sandbox
}

func measureQueue(ctx context.Context, folder string, pending int) (row queueRow, err error) {
	row.Pending = pending
	b := &queueBench{}
	if b.clouds, err = rig.StartClouds(ctx, false); err != nil {
		return row, err
	}
	defer b.clouds.Close()
	b.agentProcess, err = newAgentProcess(ctx, folder, b.clouds.BaseURL(),
		"per_second: 20 ", "per_second: 100000 ", "parallel: 4 ", "parallel: 64 ", "retry_min: 5s ", "retry_min: 500ms ", "max_mb: 1024 ", "max_mb: 8192 ")
	if err != nil {
		return row, err
	}
	if row.FileMB, err = b.fill(ctx, pending); err != nil {
		return row, err
	}
	b.clouds.Leave()
	defer func() { err = errors.Join(err, b.stop()) }()
	for _, measure := range []func(context.Context, *queueRow) error{b.open, b.sale, b.drain, b.idle} {
		if err := measure(ctx, &row); err != nil {
			return row, err
		}
	}
	return row, nil
}

// fill puts sales without a session into the store before the agent starts; it gives the file's size in MB.
func (b *queueBench) fill(ctx context.Context, pending int) (float64, error) {
	queue, err := app.OpenStore(b.config, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	for n := 0; n < pending && err == nil; {
		var change agent.Change
		for ; len(change.Jobs) < 512 && n < pending; n++ {
			change.Jobs = append(change.Jobs, couponJob(fmt.Sprint("fila-", n), ""))
		}
		_, err = queue.Commit(ctx, change)
	}
	used, _ := queue.Size()
	return mb(used), errors.Join(err, queue.Close())
}

func (b *queueBench) open(ctx context.Context, row *queueRow) error {
	took, err := b.start(ctx)
	row.OpenMS = milliseconds(took)
	return err
}

func (b *queueBench) sale(ctx context.Context, row *queueRow) error {
	const sales = 300
	times := make([]float64, 0, sales)
	for n := range sales {
		took, err := b.sell(ctx, fmt.Sprint("mais-", n))
		if err != nil {
			return err
		}
		times = append(times, took)
	}
	row.SaleMS = median(times)
	return nil
}

// drain brings the cloud back, and measures from the first job that was sent.
func (b *queueBench) drain(ctx context.Context, row *queueRow) error {
	if err := b.clouds.Mercafacil.Set(`{"strict":false}`); err != nil { // its checks are not to be measured
		return err
	}
	if err := b.clouds.Return(ctx); err != nil {
		return err
	}
	goal := min(row.Pending, mostDrained)
	var start time.Time
	before := 0
	for {
		queue, err := b.till.Queue(ctx)
		if err != nil {
			return err
		}
		row.PeakMB = max(row.PeakMB, b.ownMemory())
		if start.IsZero() && queue.Sent > 0 {
			start, before = time.Now(), queue.Sent
		}
		if queue.Sent >= goal {
			took, sent := time.Since(start), float64(queue.Sent-before)
			row.Drain, row.JobUS = sent/took.Seconds(), float64(took.Microseconds())/sent
			return nil
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// idle measures the agent after everything was sent.
func (b *queueBench) idle(ctx context.Context, row *queueRow) error {
	if row.Pending > mostDrained {
		return nil // it still sends
	}
	const settle, interval = 3 * time.Second, 5 * time.Second
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	before := b.contextSwitches()
	if err := sleep(ctx, interval); err != nil {
		return err
	}
	row.Wakeups = float64(b.contextSwitches()-before) / interval.Seconds()
	row.IdleMB = b.ownMemory()
	return nil
}
