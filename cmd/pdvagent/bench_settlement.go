package main

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/settlement"
	"pdvagent/payments/boleto"
	"pdvagent/payments/sicoob"
	"pdvagent/store"
)

func newBenchSettlement(opts *options) *cobra.Command {
	var folder string
	var records int
	cmd := &cobra.Command{
		Use: "settlement", Short: "Um arquivo de liquidações do Sicoob: lido, casado com os boletos e gravado; e lido de novo", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if records < 1000 {
				return usageError{errors.New("--records deve ser de ao menos 1000")}
			}
			result, err := benchSettlement(cmd.Context(), folder, records)
			if err != nil {
				return err
			}
			return opts.print(result, result.words)
		},
	}
	cmd.Flags().StringVar(&folder, "dir", "", "pasta no disco a medir; vazio: a pasta atual")
	cmd.Flags().IntVar(&records, "records", 500_000, "registros do arquivo, e boletos registrados")
	return cmd
}

// settlementFigures is what was measured.
type settlementFigures struct {
	Records   int     `json:"records"`
	PackedMiB float64 `json:"packed_mib"`
	Known     float64 `json:"parsed_and_matched_seconds"` // nothing to write: every record was read before
	Paid      float64 `json:"with_every_boleto_written_seconds"`
	Raw       float64 `json:"unpacked_only_seconds"` // the reference of the same run
	OwnMiB    float64 `json:"memory_peak_mib"`       // of the process itself
	WriteMiB  float64 `json:"memory_peak_with_every_boleto_written_mib"`
	AllMiB    float64 `json:"memory_with_mapped_pages_mib"`
}

func (f settlementFigures) words(w io.Writer) {
	fmt.Fprintf(w, "%d registros, ZIP de %.1f MiB, %d boletos registrados\n", f.Records, f.PackedMiB, f.Records)
	fmt.Fprintf(w, "lidos e casados: %.1f s (promessa: <= 10 s), %.1f vezes o tempo de só descompactar (%.2f s); memória no pico: %.0f MiB (promessa: <= 100 MB)\n", f.Known, f.Known/f.Raw, f.Raw, f.OwnMiB)
	fmt.Fprintf(w, "na primeira vez, com a baixa de todos gravada em disco: %.1f s, %.0f MiB; %.0f MiB com as páginas do banco mapeadas\n", f.Paid, f.WriteMiB, f.AllMiB)
}

// gathered is a store that writes a thousand changes at a time: registering is not what is measured.
type gathered struct {
	*store.Store
	puts []agent.Record
}

func (g *gathered) Commit(ctx context.Context, change agent.Change) (agent.Committed, error) {
	if g.puts = append(g.puts, change.Puts...); len(g.puts) < 4000 {
		return agent.Committed{}, nil
	}
	return g.flush(ctx)
}

func (g *gathered) flush(ctx context.Context) (agent.Committed, error) {
	done, err := g.Store.Commit(ctx, agent.Change{Puts: g.puts})
	g.puts = g.puts[:0]
	return done, err
}

// tally is a routine nobody watches.
type tally map[string]int

func (t tally) Count(name string, n int) { t[name] = n }
func (t tally) Fault(string)             {}

func benchSettlement(ctx context.Context, folder string, records int) (f settlementFigures, err error) {
	temp, remove, err := benchFolder(folder)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	today := time.Now().Add(-3 * time.Hour)
	answer := filepath.Join(temp, "answer.json")
	if f.PackedMiB, f.Raw, err = writeSettlements(filepath.Join(temp, "file.zip"), answer, records, today); err != nil {
		return f, err
	}
	queue, err := store.Open(store.Config{Dir: filepath.Join(temp, "data"), MaxBytes: 4 << 30})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, queue.Close()) }()
	address, err := freeAddress(ctx)
	if err != nil {
		return f, err
	}
	server := &http.Server{Addr: address, Handler: bankOf(answer, today.Format(time.DateOnly)), ReadHeaderTimeout: time.Minute}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return f, err
	}
	go func() { _ = server.Serve(listener) }() // it ends with Close
	defer func() { err = errors.Join(err, server.Close()) }()
	base := "http://" + address
	bank, err := sicoob.New(sicoob.Config{BaseURL: base, TokenURL: base + "/token", ClientID: "bench", Client: 567890, PerSecond: 1000})
	if err != nil {
		return f, err
	}
	defer bank.Close()
	if err := registerAll(ctx, queue, bank, records, today); err != nil {
		return f, err
	}
	ledger, err := benchLedger(queue, bank)
	if err != nil {
		return f, err
	}
	f.Records = records
	runtime.GC()
	debug.FreeOSMemory()
	for _, step := range []struct {
		seconds, memory *float64
		count           string
	}{{&f.Paid, &f.WriteMiB, "paid"}, {&f.Known, &f.OwnMiB, "known"}} {
		var own, all atomic.Int64
		stop := watchMemory(&own, &all)
		counts, begun := make(tally), time.Now()
		err := ledger.Settle(ctx, counts)
		stop()
		if err != nil {
			return f, err
		}
		*step.seconds, *step.memory, f.AllMiB = time.Since(begun).Seconds(), float64(own.Load())/1024, max(f.AllMiB, float64(all.Load())/1024)
		if counts[step.count] != records || counts["inconclusive"] != 0 {
			return f, fmt.Errorf("%s: %v", step.count, counts)
		}
	}
	return f, nil
}

func benchLedger(s settlement.Store, bank *sicoob.Client) (*settlement.Ledger, error) {
	return settlement.New(settlement.Config{
		Store: s, Bucket: store.BoletoRecords, Bank: bank, Vendor: sicoob.Name, Client: 567890, Modality: 1, Alarms: new(agent.Alarms), Log: slog.New(slog.DiscardHandler),
	})
}

func registerAll(ctx context.Context, queue *store.Store, bank *sicoob.Client, records int, today time.Time) error {
	into := &gathered{Store: queue}
	ledger, err := benchLedger(into, bank)
	if err != nil {
		return err
	}
	for n := range records {
		_, _, err := ledger.Register(ctx, settlement.Registration{
			NossoNumero: int64(n + 1), SeuNumero: fmt.Sprintf("PDV-%07d", n), Amount: agent.Cents(10_000 + n%5000), Due: today.Format(time.DateOnly), IssuedOn: today.Format(time.DateOnly), Barcode: benchBarcode(n, today),
		})
		if err != nil {
			return err
		}
	}
	_, err = into.flush(ctx)
	return err
}

func benchBarcode(n int, today time.Time) string {
	free := boleto.SicoobField{Portfolio: 1, Cooperative: 1234, Modality: 1, Client: 567890, NossoNumero: n + 1, Parcel: 1}.Free()
	code, _ := boleto.Build(boleto.Sicoob, today, agent.Cents(10_000+n%5000), free) // of these parts there always is one
	return code
}

// watchMemory keeps the largest of the process's own memory, and of all that is resident, in KiB.
func watchMemory(own, all *atomic.Int64) (stop func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		clock := time.NewTicker(20 * time.Millisecond)
		defer clock.Stop()
		for {
			own.Store(max(own.Load(), int64(statusLine("/proc/self/status", "RssAnon"))))
			all.Store(max(all.Load(), int64(statusLine("/proc/self/status", "VmRSS"))))
			select {
			case <-clock.C:
			case <-ended:
				return
			}
		}
	}()
	return func() { close(ended); <-done }
}

// bankOf plays the bank: one file for the window that ends today, and nothing for the others.
func bankOf(file, today string) http.Handler {
	mux := http.NewServeMux()
	says := func(pattern, text string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	}
	says("POST /token", `{"access_token":"t","expires_in":3600}`)
	mux.HandleFunc("POST /boletos/movimentacoes", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // our own client's
		fmt.Fprintf(w, `{"resultado":{"codigoSolicitacao":%d}}`, map[bool]int{true: 1, false: 2}[strings.Contains(string(body), `"dataFinal":"`+today)])
	})
	mux.HandleFunc("GET /boletos/movimentacoes", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"resultado":{"idArquivos":[%s]}}`, map[bool]string{true: "1"}[r.URL.Query().Get("codigoSolicitacao") == "1"])
	})
	mux.HandleFunc("GET /boletos/movimentacoes/download", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	return mux
}

// writeSettlements writes a ZIP with that many records, and the answer that it comes in; and says how long it takes to
// unpack it and do nothing else.
func writeSettlements(zipped, answer string, records int, today time.Time) (packedMiB, raw float64, err error) {
	file, err := os.Create(zipped)
	if err != nil {
		return 0, 0, err
	}
	archive := zip.NewWriter(file)
	entry, err := archive.Create("LIQUI_1234_567890_0.json")
	if err == nil {
		err = writeRecords(entry, records, today)
	}
	if err := errors.Join(err, archive.Close(), file.Close()); err != nil {
		return 0, 0, err
	}
	if packedMiB, err = wrapAnswer(zipped, answer); err != nil {
		return 0, 0, err
	}
	raw, err = unpackOnly(zipped)
	return packedMiB, raw, err
}

func writeRecords(w io.Writer, records int, today time.Time) error {
	out := bufio.NewWriterSize(w, 1<<20)
	day := today.Format(time.DateOnly) + "T00:00:00-03:00"
	for n := range records {
		amount := agent.Cents(10_000 + n%5000)
		value := json.Number(fmt.Sprintf("%d.%02d", amount/100, amount%100))
		fmt.Fprintf(out, `%s{"codigoTipoMovimento":5,"siglaMovimento":"LIQUI","dataInicioMovimento":"%[2]s","dataFimMovimento":"%[2]s","numeroCliente":567890,"numeroContrato":700001,"modalidade":1,"numeroTitulo":%[3]d,`+
			`"seuNumero":"PDV-%07[4]d","dataVencimentoTitulo":"%[2]s","valorTitulo":%[5]s,"codigoBarras":"%[6]s","dataMovimentoLiquidacao":"%[2]s","dataLiquidacao":"%[2]s","dataPrevisaoCredito":"%[2]s",`+
			`"numeroBancoRecebedor":756,"numeroAgenciaRecebedora":%[7]d,"numeroContaCorrente":102938,"idTipoOpFinanceira":212,"tipoOpFinanceira":"Via Pix","valorAbatimento":0.0,"valorDesconto":0.0,"valorMora":0.0,`+
			`"valorLiquido":%[5]s,"valorTarifaMovimento":1.35,"tipoCarteiraOpCredito":"COBRANÇA"}`, map[bool]string{true: "[\n", false: ",\n"}[n == 0], day, n+1, n, value, benchBarcode(n, today), n%9000)
	}
	fmt.Fprintln(out, "\n]")
	return out.Flush()
}

// wrapAnswer writes a ZIP as the bank sends it.
func wrapAnswer(zipped, answer string) (packedMiB float64, err error) {
	packed, err := os.Open(zipped)
	if err != nil {
		return 0, err
	}
	defer func() { _ = packed.Close() }() // it was only read
	out, err := os.Create(answer)
	if err != nil {
		return 0, err
	}
	_, err = io.WriteString(out, `{"resultado":{"arquivo":"`)
	encoder := base64.NewEncoder(base64.StdEncoding, out)
	n, copyErr := io.Copy(encoder, packed)
	err = errors.Join(err, copyErr, encoder.Close())
	_, tailErr := io.WriteString(out, `","nomeArquivo":"LIQUI_1234_567890_0.zip"}}`)
	return float64(n) / (1 << 20), errors.Join(err, tailErr, out.Close())
}

func unpackOnly(zipped string) (seconds float64, err error) {
	archive, err := zip.OpenReader(zipped)
	if err != nil {
		return 0, err
	}
	defer func() { _ = archive.Close() }() // it was only read
	begun := time.Now()
	entry, err := archive.File[0].Open()
	if err == nil {
		_, err = io.Copy(io.Discard, entry)
	}
	return time.Since(begun).Seconds(), err
}
