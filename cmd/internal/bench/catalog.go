package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent/ops/routine"
	"pdvagent/cmd/internal/cli"
	"pdvagent/mercafacil"
)

// catalogFigures are those of three loads of a shop's products.
type catalogFigures struct {
	Products int         `json:"products"`
	FileMB   float64     `json:"file_mb"`
	Loads    []loadPhase `json:"loads"`
	PeakMB   float64     `json:"peak_rss_mb"` // of the agent's process, mapped pages of its files included
	HeapMB   float64     `json:"peak_own_memory_mb"`
	AloneMS  float64     `json:"sale_p99_alone_ms"`
	DuringMS float64     `json:"sale_p99_during_ms"`
}

type loadPhase struct {
	Name     string  `json:"name"`
	Seconds  float64 `json:"seconds"`
	Requests int     `json:"requests"`
	Records  int     `json:"records"`
	Largest  int     `json:"largest_bytes"`
}

func (f catalogFigures) print(w io.Writer) {
	fmt.Fprintf(w, "%d produtos, arquivo de %.0f MB (NDJSON)\n", f.Products, f.FileMB)
	for _, p := range f.Loads {
		fmt.Fprintf(w, "%-22s %7.1f s  %4d chamadas  %8d registros  maior %5.2f MB\n", p.Name, p.Seconds, p.Requests, p.Records, float64(p.Largest)/1e6)
	}
	fmt.Fprintf(w, "memória no pico: %.0f MB residentes, %.0f MB sem as páginas mapeadas de arquivos\n", f.PeakMB, f.HeapMB)
	fmt.Fprintf(w, "venda na fila, p99: %.2f ms sozinha, %.2f ms durante a carga: %.2f x\n", f.AloneMS, f.DuringMS, f.DuringMS/f.AloneMS)
	fmt.Fprintln(w, "promessas, com 1000000: primeira <= 60 s e <= 150 MB; sem mudança nenhuma chamada e <= 1/3 do tempo; venda <= 2 x")
}

func newCatalog(opts *cli.Options) *cobra.Command {
	var products int
	cmd := newBenchmark(opts, benchmark[catalogFigures]{
		use: "catalog", short: "Cargas de produtos de uma pasta: a primeira, uma sem mudança, uma com 1.000 mudanças; vendas ao mesmo tempo",
		check: atLeast("products", 10_000, &products),
		run: func(ctx context.Context, folder string) (catalogFigures, error) {
			return measureCatalog(ctx, folder, products)
		},
	})
	cmd.Flags().IntVar(&products, "products", 1_000_000, "produtos da loja")
	return cmd
}

// catalogBench is an agent that loads products from a folder.
type catalogBench struct {
	*agentProcess
	folder  string
	cloud   countingCloud
	figures catalogFigures
}

func measureCatalog(ctx context.Context, folder string, products int) (f catalogFigures, err error) {
	b := &catalogBench{figures: catalogFigures{Products: products}}
	cloudURL, stopCloud, err := serve(ctx, &b.cloud)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, stopCloud()) }()
	if err := b.configure(ctx, folder, cloudURL+"/"); err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	if _, err := b.start(ctx); err != nil {
		return f, err
	}
	if b.figures.AloneMS, err = b.sales(ctx, nil); err != nil {
		return f, err
	}
	for _, phase := range []struct {
		name    string
		changed int
	}{{"primeira carga", 0}, {"sem mudança", 0}, {"1.000 mudanças", 1000}} {
		size, err := b.writeProducts(products, phase.changed)
		if err != nil {
			return f, err
		}
		b.figures.FileMB = mb(size)
		if err := b.load(ctx, phase.name); err != nil {
			return f, err
		}
	}
	b.figures.PeakMB = b.peakMemory()
	return b.figures, nil
}

func (b *catalogBench) configure(ctx context.Context, folder, cloudURL string) error {
	var err error
	if b.folder, err = filepath.Abs(filepath.Join(folder, "produtos")); err != nil {
		return err
	}
	if err := os.Mkdir(b.folder, 0o700); err != nil {
		return err
	}
	b.agentProcess, err = newAgentProcess(ctx, folder, cloudURL, "primary: false", "primary: true ", "per_second: 20 ", "per_second: 1000 ",
		"  # products: {every: 6h, source: {type: folder, path: '/var/lib/erp/produtos', mode: full}}",
		fmt.Sprintf("  products: {every: 6h, source: {type: folder, path: '%s', mode: full}}", b.folder))
	return err
}

// writeProducts writes the shop's products; the first ones have another price. It gives the file's length.
func (b *catalogBench) writeProducts(products, changed int) (int64, error) {
	path := filepath.Join(b.folder, "produtos.ndjson")
	file, err := os.Create(path + ".part")
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	for n := range products {
		price := n%9000 + 99
		if n < changed {
			price++
		}
		fmt.Fprintf(w, "{\"sku\":\"%07d\",\"ean\":\"789%010d\",\"name\":\"PRODUTO DE TESTE NUMERO %d 500G\",\"price\":%d.%02d,\"unit\":\"UN\",\"department\":\"MERCEARIA\",\"section\":\"SECA\",\"active\":true}\n",
			n, n, n, price/100, price%100)
	}
	if err := errors.Join(w.Flush(), file.Close(), os.Rename(path+".part", path)); err != nil {
		return 0, err
	}
	return fileSize(path)
}

// load runs the routine; sales go on beside the first one.
func (b *catalogBench) load(ctx context.Context, name string) error {
	start := time.Now()
	var run routine.Report
	if err := b.support.Call(ctx, http.MethodPost, "/v1/routines/products/run", struct{}{}, &run); err != nil {
		return err
	}
	ended := make(chan struct{})
	followed := make(chan error, 1)
	go func() { defer close(ended); followed <- b.follow(ctx, &run) }()
	if len(b.figures.Loads) == 0 {
		var err error
		if b.figures.DuringMS, err = b.sales(ctx, ended); err != nil {
			return err
		}
	}
	if err := <-followed; err != nil {
		return err
	}
	if run.State != routine.Done {
		return fmt.Errorf("the load ended as %s: %v", run.State, run.Errors)
	}
	phase := b.cloud.reset()
	phase.Name, phase.Seconds = name, time.Since(start).Seconds()
	if phase.Largest > mercafacil.MaxBatch {
		return fmt.Errorf("a request of %d bytes", phase.Largest)
	}
	b.figures.Loads = append(b.figures.Loads, phase)
	return nil
}

// follow waits for the end of a run, and measures the agent's memory meanwhile.
func (b *catalogBench) follow(ctx context.Context, run *routine.Report) error {
	for run.State == routine.Running {
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		var page struct{ Runs []routine.Report }
		if err := b.support.Call(ctx, http.MethodGet, "/v1/routines/products/runs", nil, &page); err != nil {
			return err
		}
		if i := slices.IndexFunc(page.Runs, func(r routine.Report) bool { return r.ID == run.ID }); i >= 0 {
			*run = page.Runs[i]
		}
		b.figures.HeapMB = max(b.figures.HeapMB, b.ownMemory())
	}
	return nil
}

// sales sells until the channel is closed, or 1,000 times if it is nil; it gives the p99 of a sale in milliseconds.
func (b *catalogBench) sales(ctx context.Context, until <-chan struct{}) (float64, error) {
	var times []float64
	for until != nil || len(times) < 1000 {
		select {
		case <-until:
			return percentile(times, 99), nil
		default:
		}
		took, err := b.sell(ctx, rand.Text())
		if err != nil {
			return 0, err
		}
		times = append(times, took)
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return percentile(times, 99), nil
}

// countingCloud takes loads and receipts and keeps nothing.
type countingCloud struct {
	mu     sync.Mutex
	counts loadPhase // without a name
}

func (c *countingCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && strings.Trim(r.URL.Path, "/") == "v2/products" {
		c.mu.Lock()
		c.counts.Requests++
		c.counts.Records += bytes.Count(body, []byte(`"sku"`))
		c.counts.Largest = max(c.counts.Largest, len(body))
		c.mu.Unlock()
	}
	w.WriteHeader(http.StatusOK)
}

// reset gives the counts of one load and begins those of the next.
func (c *countingCloud) reset() loadPhase {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts
	c.counts = loadPhase{}
	return counts
}
