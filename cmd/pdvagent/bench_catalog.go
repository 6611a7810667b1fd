package main

import (
	"bufio"
	"bytes"
	"context"
	crand "crypto/rand"
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

	"pdvagent/agent/config"
	"pdvagent/agent/routine"
	"pdvagent/mercafacil"
)

func newBenchCatalog(opts *options) *cobra.Command {
	var folder string
	var products int
	cmd := &cobra.Command{
		Use: "catalog", Short: "Cargas de produtos de uma pasta: a primeira, uma sem mudança, uma com 1.000 mudanças; vendas ao mesmo tempo", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if products < 10_000 {
				return usageError{errors.New("--products deve ser de ao menos 10000")}
			}
			result, err := benchCatalog(cmd.Context(), folder, products)
			if err != nil {
				return err
			}
			return opts.print(result, result.words)
		},
	}
	cmd.Flags().StringVar(&folder, "dir", "", "pasta no disco a medir; vazio: a pasta atual")
	cmd.Flags().IntVar(&products, "products", 1_000_000, "produtos da loja")
	return cmd
}

// catalogFigures is what was measured.
type catalogFigures struct {
	Products int         `json:"products"`
	FileMiB  float64     `json:"file_mib"`
	Loads    []loadPhase `json:"loads"`
	PeakMiB  float64     `json:"peak_rss_mib"` // of the agent's process, mapped pages of its files included
	HeapMiB  float64     `json:"peak_own_memory_mib"`
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

func (f catalogFigures) words(w io.Writer) {
	fmt.Fprintf(w, "%d produtos, arquivo de %.0f MiB (NDJSON)\n", f.Products, f.FileMiB)
	for _, p := range f.Loads {
		fmt.Fprintf(w, "%-22s %7.1f s  %4d chamadas  %8d registros  maior %5.2f MB\n", p.Name, p.Seconds, p.Requests, p.Records, float64(p.Largest)/1e6)
	}
	fmt.Fprintf(w, "memória no pico: %.0f MiB residentes, %.0f MiB sem as páginas mapeadas de arquivos\n", f.PeakMiB, f.HeapMiB)
	fmt.Fprintf(w, "venda na fila, p99: %.2f ms sozinha, %.2f ms durante a carga: %.2f x\n", f.AloneMS, f.DuringMS, f.DuringMS/f.AloneMS)
	fmt.Fprintln(w, "promessas, com 1000000: primeira <= 60 s e <= 150 MB; sem mudança nenhuma chamada e <= 1/3 do tempo; venda <= 2 x")
}

// countingCloud takes loads and receipts and keeps nothing.
type countingCloud struct {
	mu                         sync.Mutex
	requests, records, largest int
}

func (c *countingCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && strings.Trim(r.URL.Path, "/") == "v2/products" {
		c.mu.Lock()
		c.requests++
		c.records += bytes.Count(body, []byte(`"sku"`))
		c.largest = max(c.largest, len(body))
		c.mu.Unlock()
	}
	w.WriteHeader(http.StatusOK)
}

func (c *countingCloud) take() loadPhase {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := loadPhase{Requests: c.requests, Records: c.records, Largest: c.largest}
	c.requests, c.records, c.largest = 0, 0, 0
	return p
}

// catalogBench is an agent in a process of its own, with a folder of products.
type catalogBench struct {
	queueBench
	local  *localClient
	folder string
	cloud  countingCloud
}

func benchCatalog(ctx context.Context, folder string, products int) (f catalogFigures, err error) {
	temp, remove, err := benchFolder(folder)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	b := &catalogBench{}
	stop, err := b.start(ctx, temp)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	f.Products = products
	if f.AloneMS, err = b.sales(ctx, nil); err != nil {
		return f, err
	}
	for _, phase := range []struct {
		name    string
		changed int
	}{{"primeira carga", 0}, {"sem mudança", 0}, {"1.000 mudanças", 1000}} {
		size, err := b.drop(products, phase.changed)
		if err != nil {
			return f, err
		}
		f.FileMiB = float64(size) / (1 << 20)
		if err := b.load(ctx, phase.name, &f); err != nil {
			return f, err
		}
	}
	f.PeakMiB = float64(statusLine(fmt.Sprintf("/proc/%d/status", b.process.cmd.Process.Pid), "VmHWM")) / 1024
	return f, nil
}

func (b *catalogBench) start(ctx context.Context, temp string) (stop func() error, err error) {
	server := &http.Server{Handler: &b.cloud, ReadHeaderTimeout: time.Minute}
	if server.Addr, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	go func() { _ = server.ListenAndServe() }() // it ends with Close
	answers := config.Example()
	answers.BaseURL, answers.Primary = "http://"+server.Addr+"/", true
	if answers.Listen, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	answers.TillToken, answers.SupportToken, answers.AdminToken, answers.Token = crand.Text(), crand.Text(), crand.Text(), crand.Text()
	if b.folder, err = filepath.Abs(filepath.Join(temp, "produtos")); err != nil {
		return nil, err
	}
	if err := os.Mkdir(b.folder, 0o700); err != nil {
		return nil, err
	}
	source := fmt.Sprintf("  products: {every: 6h, source: {type: folder, path: '%s', mode: full}}", b.folder)
	b.till = newDemoTill("http://"+answers.Listen, answers.TillToken, answers.SupportToken)
	b.local = &localClient{base: "http://" + answers.Listen, token: answers.SupportToken, http: &http.Client{Timeout: localPatience}}
	b.config, _, err = benchConfig(temp, answers, "level: info", "level: error", "start_jitter: 60s", "start_jitter: 0s", "per_second: 20 ", "per_second: 1000 ",
		"  # products: {every: 6h, source: {type: folder, path: '/var/lib/erp/produtos', mode: full}}", source)
	if err != nil {
		return nil, err
	}
	if err := b.open(ctx, &queueRow{}); err != nil {
		return nil, err
	}
	return func() error { return errors.Join(b.process.kill(), server.Close()) }, nil
}

// drop writes the shop's products; the first changed ones have another price.
func (b *catalogBench) drop(products, changed int) (int64, error) {
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
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// load runs the routine; sales go on beside the first one.
func (b *catalogBench) load(ctx context.Context, name string, f *catalogFigures) error {
	begun := time.Now()
	var run routine.Report
	if err := b.local.call(ctx, http.MethodPost, "/v1/routines/products/run", struct{}{}, &run); err != nil {
		return err
	}
	ended := make(chan struct{})
	watching := make(chan error, 1)
	go func() { defer close(ended); watching <- b.follow(ctx, &run, f) }()
	if len(f.Loads) == 0 {
		var err error
		if f.DuringMS, err = b.sales(ctx, ended); err != nil {
			return err
		}
	}
	if err := <-watching; err != nil {
		return err
	}
	if run.State != routine.Done {
		return fmt.Errorf("the load ended as %s: %v", run.State, run.Errors)
	}
	phase := b.cloud.take()
	phase.Name, phase.Seconds = name, time.Since(begun).Seconds()
	if phase.Largest > mercafacil.MaxBatch {
		return fmt.Errorf("a request of %d bytes", phase.Largest)
	}
	f.Loads = append(f.Loads, phase)
	return nil
}

func (b *catalogBench) follow(ctx context.Context, run *routine.Report, f *catalogFigures) error {
	for run.State == routine.Running {
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		var page struct{ Runs []routine.Report }
		if err := b.local.call(ctx, http.MethodGet, "/v1/routines/products/runs", nil, &page); err != nil {
			return err
		}
		if i := slices.IndexFunc(page.Runs, func(r routine.Report) bool { return r.ID == run.ID }); i >= 0 {
			*run = page.Runs[i]
		}
		f.HeapMiB = max(f.HeapMiB, b.memory())
	}
	return nil
}

// sales gives the p99 of one sale after the other: 1,000 of them, or as many as there is time for until the end.
func (b *catalogBench) sales(ctx context.Context, until <-chan struct{}) (float64, error) {
	var took []float64
	for n := 0; until != nil || n < 1000; n++ {
		select {
		case <-until:
			until = nil
			n = max(n, 1000)
			continue
		case <-ctx.Done():
			return 0, ctx.Err()
		default:
		}
		begun := time.Now()
		if err := b.till.post(ctx, "venda", "/v2/coupons", strings.Replace(saleBody(crand.Text(), ""), `"transaction_id":"",`, "", 1)); err != nil {
			return 0, err
		}
		took = append(took, ms(time.Since(begun)))
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
	}
	slices.Sort(took)
	return took[len(took)*99/100], nil
}
