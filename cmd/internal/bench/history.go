package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/loads/history"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/sales/loyalty"
	"pdvagent/cmd/internal/cli"
	"pdvagent/mercafacil"
)

// historyFigures are those of an import that is interrupted once.
type historyFigures struct {
	Sales    int     `json:"sales"`
	FileMB   float64 `json:"file_mb"`
	Seconds  float64 `json:"seconds"`
	Arrived  int     `json:"arrived"`  // different receipts
	Repeated int     `json:"repeated"` // of them, sent again after the interruption
	Requests int     `json:"requests"`
	Largest  int     `json:"largest_bytes"`
	EarlyMB  float64 `json:"memory_at_a_fifth_mb"`
	PeakMB   float64 `json:"memory_peak_mb"`
}

func (f historyFigures) print(w io.Writer) {
	fmt.Fprintf(w, "%d vendas de 3 itens, CSV de %.0f MB: %.1f s, %.0f vendas/s\n", f.Sales, f.FileMB, f.Seconds, float64(f.Sales)/f.Seconds)
	fmt.Fprintf(w, "%d chegaram, %d de novo em volta da interrupção; %d chamadas, a maior de %.2f MB (promessa: <= 24 MB)\n", f.Arrived, f.Repeated, f.Requests, float64(f.Largest)/1e6)
	fmt.Fprintf(w, "memória: %.0f MB depois de um quinto, %.0f MB no pico (promessa: não cresce)\n", f.EarlyMB, f.PeakMB)
}

func newHistory(opts *cli.Options) *cobra.Command {
	var sales int
	cmd := newBenchmark(opts, benchmark[historyFigures]{
		use: "history", short: "Vendas antigas de um CSV, com uma interrupção no meio: ritmo, memória, tamanho das chamadas",
		check: atLeast("sales", 10_000, &sales),
		run: func(ctx context.Context, folder string) (historyFigures, error) {
			return measureHistory(ctx, folder, sales)
		},
	})
	cmd.Flags().IntVar(&sales, "sales", 500_000, "vendas")
	return cmd
}

// historyCloud counts receipts, and interrupts the import once.
type historyCloud struct {
	figures   *historyFigures
	seen      []uint64 // a bit for each receipt
	fifth     int      // of the receipts
	interrupt func()   // nil once it was called
}

// Deliver implements history.Cloud.
func (c *historyCloud) Deliver(_ context.Context, _ agent.Kind, _ agent.Dialect, body []byte) agent.Outcome {
	c.figures.Requests++
	c.figures.Largest = max(c.figures.Largest, len(body))
	for rest := body; ; {
		_, after, found := bytes.Cut(rest, []byte(`"coupon":"V`))
		if !found {
			break
		}
		n := 0
		_, _ = fmt.Sscanf(string(after[:8]), "%08d", &n) // writeSales wrote it so
		if c.seen[n/64]&(1<<(n%64)) != 0 {
			c.figures.Repeated++
		} else {
			c.figures.Arrived++
		}
		c.seen[n/64] |= 1 << (n % 64)
		rest = after
	}
	own := ownMemory()
	if c.figures.Arrived <= c.fifth {
		c.figures.EarlyMB = max(c.figures.EarlyMB, own)
	}
	c.figures.PeakMB = max(c.figures.PeakMB, own)
	if c.interrupt != nil && c.figures.Arrived > 2*c.fifth {
		c.interrupt()
		c.interrupt = nil
		return agent.Outcome{Class: agent.ClassTimeout, Reached: true} // it arrived, and the client cannot know
	}
	return agent.Outcome{Class: agent.ClassOK, Status: 200}
}

func measureHistory(ctx context.Context, folder string, sales int) (f historyFigures, err error) {
	path := filepath.Join(folder, "vendas.csv")
	size, err := writeSales(path, sales)
	if err != nil {
		return f, err
	}
	f.Sales, f.FileMB = sales, mb(size)
	interruptible, interrupt := context.WithCancel(ctx)
	defer interrupt()
	cloud := &historyCloud{figures: &f, seen: make([]uint64, sales/64+1), fifth: sales / 5, interrupt: interrupt}
	start := time.Now()
	if _, err := importSales(interruptible, path, cloud); !errors.Is(err, context.Canceled) {
		return f, fmt.Errorf("the interrupted import ended with %w", err)
	}
	if _, err := importSales(ctx, path, cloud); err != nil {
		return f, err
	}
	f.Seconds = time.Since(start).Seconds()
	return f, nil
}

func importSales(ctx context.Context, path string, cloud history.Cloud) (history.Progress, error) {
	return history.Import(ctx, history.Config{
		Source: source.OpenFile(source.Default(), history.Columns(), path), Rows: true, Check: loyalty.CheckSale, Cloud: cloud, Dialect: agent.V2,
		Bookmark: history.File(path + ".json"), MaxBytes: mercafacil.MaxBatch, Progress: func(history.Progress) {}, Refuse: func(string, agent.Fault) {},
	})
}

// writeSales writes a CSV of receipts with three items each; it gives the file's length.
func writeSales(path string, sales int) (int64, error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	fmt.Fprintln(w, "coupon;date;time;client_id;pdv_code;operator_id;payment_form;sku;ean;product_name;quantity;unit_value;total_value")
	for n := range sales {
		for item := range 3 {
			fmt.Fprintf(w, "V%08d;2026-%02d-%02d;%02d:%02d:00;0;012;7;cash;%d;789%010d;PRODUTO %d;1;10.00;10.00\n", n, n%6+5, n%28+1, n%12+8, n%60, item, item, item)
		}
	}
	if err := errors.Join(w.Flush(), file.Close()); err != nil {
		return 0, err
	}
	return fileSize(path)
}
