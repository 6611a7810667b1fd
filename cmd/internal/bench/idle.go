package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/cmd/internal/cli"
)

// IdleFigures are those of an agent that rests after many sales.
type IdleFigures struct {
	Sales      int     `json:"sales"`
	BusyMB     float64 `json:"resident_after_the_last_sale_mb"` // mapped pages of files included
	IdleMB     float64 `json:"idle_resident_mb"`
	OwnMB      float64 `json:"idle_own_memory_mb"` // of it, what is no file's
	SaleMS     float64 `json:"sale_p50_ms"`
	SaleP99    float64 `json:"sale_p99_ms"`
	Rests      int     `json:"rests"`
	FirstMS    float64 `json:"first_sale_p50_ms"` // after a rest
	FirstWorst float64 `json:"first_sale_p99_ms"`
	Faults     float64 `json:"first_sale_page_faults_p50"` // pages that came back without the disk
}

func (f IdleFigures) print(w io.Writer) {
	fmt.Fprintf(w, "depois de %d vendas entregues: %.0f MB residentes; em repouso: %.1f MB (promessa: <= 25), %.1f deles do próprio programa\n", f.Sales, f.BusyMB, f.IdleMB, f.OwnMB)
	fmt.Fprintf(w, "venda na fila: p50 %.2f ms, p99 %.2f ms; a primeira depois de cada um de %d repousos: p50 %.2f ms, p99 %.2f ms, %.0f páginas de volta à memória\n", f.SaleMS, f.SaleP99, f.Rests, f.FirstMS, f.FirstWorst, f.Faults)
}

func newIdle(opts *cli.Options) *cobra.Command {
	var sales, rests int
	cmd := newBenchmark(opts, benchmark[IdleFigures]{
		use: "idle", short: "A memória de um agente em repouso depois de muitas vendas, e a primeira venda depois do repouso",
		check: func() error { return errors.Join(atLeast("sales", 1, &sales)(), atLeast("rests", 1, &rests)()) },
		run: func(ctx context.Context, folder string) (IdleFigures, error) {
			return measureIdle(ctx, folder, sales, rests)
		},
	})
	cmd.Flags().IntVar(&sales, "sales", 10_000, "vendas antes do repouso")
	cmd.Flags().IntVar(&rests, "rests", 5, "repousos, com uma venda depois de cada um")
	return cmd
}

// repose is how long the agent is left alone: longer than it waits before it gives memory back.
const repose = 130 * time.Second

func measureIdle(ctx context.Context, folder string, sales, rests int) (f IdleFigures, err error) {
	f.Sales, f.Rests = sales, rests
	var cloud countingCloud
	cloudURL, stopCloud, err := serve(ctx, &cloud)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, stopCloud()) }()
	agent, err := newAgentProcess(ctx, folder, cloudURL+"/", "per_second: 20 ", "per_second: 1000 ")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, agent.stop()) }()
	if _, err := agent.start(ctx); err != nil {
		return f, err
	}
	times := make([]float64, sales)
	for n := range times {
		if times[n], err = agent.sell(ctx, rand.Text()); err != nil {
			return f, err
		}
	}
	f.SaleMS, f.SaleP99 = median(times), percentile(times, 99)
	if err := agent.delivered(ctx, sales); err != nil {
		return f, err
	}
	f.BusyMB = agent.residentMemory()
	firsts, faults := make([]float64, rests), make([]float64, rests)
	for n := range firsts {
		if err := sleep(ctx, repose); err != nil {
			return f, err
		}
		f.IdleMB, f.OwnMB = max(f.IdleMB, agent.residentMemory()), max(f.OwnMB, agent.ownMemory())
		before := agent.pageFaults()
		if firsts[n], err = agent.sell(ctx, rand.Text()); err != nil {
			return f, err
		}
		faults[n] = float64(agent.pageFaults() - before)
	}
	f.FirstMS, f.FirstWorst, f.Faults = median(firsts), percentile(firsts, 99), median(faults)
	return f, nil
}

// delivered waits until the cloud has so many jobs.
func (a *agentProcess) delivered(ctx context.Context, jobs int) error {
	for {
		queue, err := a.till.Queue(ctx)
		if err != nil || queue.Sent >= jobs {
			return err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
