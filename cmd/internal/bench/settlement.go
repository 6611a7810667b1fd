package bench

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
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/paying/settlement"
	"pdvagent/agent/records"
	"pdvagent/cmd/internal/cli"
	"pdvagent/payments/boleto"
	"pdvagent/payments/sicoob"
	"pdvagent/store"
)

// SettlementFigures are those of a file of settlements that is read twice.
type SettlementFigures struct {
	Records  int     `json:"records"`
	PackedMB float64 `json:"packed_mb"`
	Known    float64 `json:"parsed_and_matched_seconds"` // every record was read before: nothing is written
	Paid     float64 `json:"with_every_boleto_written_seconds"`
	Raw      float64 `json:"unpacked_only_seconds"` // the reference
	OwnMB    float64 `json:"memory_peak_mb"`        // of the process itself
	WriteMB  float64 `json:"memory_peak_with_every_boleto_written_mb"`
	AllMB    float64 `json:"memory_with_mapped_pages_mb"`
}

func (f SettlementFigures) print(w io.Writer) {
	fmt.Fprintf(w, "%d registros, ZIP de %.1f MB, %d boletos registrados\n", f.Records, f.PackedMB, f.Records)
	fmt.Fprintf(w, "lidos e casados: %.1f s (promessa: <= 10 s), %.1f vezes o tempo de só descompactar (%.2f s); memória no pico: %.0f MB (promessa: <= 100 MB)\n", f.Known, f.Known/f.Raw, f.Raw, f.OwnMB)
	fmt.Fprintf(w, "na primeira vez, com a baixa de todos gravada em disco: %.1f s, %.0f MB; %.0f MB com as páginas do banco mapeadas\n", f.Paid, f.WriteMB, f.AllMB)
}

func newSettlement(opts *cli.Options) *cobra.Command {
	var records int
	cmd := newBenchmark(opts, benchmark[SettlementFigures]{
		use: "settlement", short: "Um arquivo de liquidações do Sicoob: lido, casado com os boletos e gravado; e lido de novo",
		check: atLeast("records", 1000, &records),
		run: func(ctx context.Context, folder string) (SettlementFigures, error) {
			return measureSettlement(ctx, folder, records)
		},
	})
	cmd.Flags().IntVar(&records, "records", 500_000, "registros do arquivo, e boletos registrados")
	return cmd
}

// batchedStore commits 4,000 puts at a time: registering is not measured.
type batchedStore struct {
	*store.Store
	puts []agent.Record
}

func (b *batchedStore) Commit(ctx context.Context, change agent.Change) (agent.Committed, error) {
	if b.puts = append(b.puts, change.Puts...); len(b.puts) < 4000 {
		return agent.Committed{}, nil
	}
	return b.flush(ctx)
}

func (b *batchedStore) flush(ctx context.Context) (agent.Committed, error) {
	done, err := b.Store.Commit(ctx, agent.Change{Puts: b.puts})
	b.puts = b.puts[:0]
	return done, err
}

// runCounts takes the figures of the routine.
type runCounts map[string]int

func (r runCounts) Count(name string, n int) { r[name] = n }

func (r runCounts) Fault(string) {}

func measureSettlement(ctx context.Context, folder string, records int) (f SettlementFigures, err error) {
	today := time.Now().Add(-3 * time.Hour)
	answer := filepath.Join(folder, "answer.json")
	f.Records = records
	if f.PackedMB, f.Raw, err = writeSettlements(filepath.Join(folder, "file.zip"), answer, records, today); err != nil {
		return f, err
	}
	queue, err := store.Open(store.Config{Dir: filepath.Join(folder, "data"), MaxBytes: 4 << 30})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, queue.Close()) }()
	base, stopServer, err := serve(ctx, bankServer(answer, today.Format(time.DateOnly)))
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, stopServer()) }()
	bank, err := sicoob.New(sicoob.Config{BaseURL: base, TokenURL: base + "/token", ClientID: "bench", Client: 567890, PerSecond: 1000})
	if err != nil {
		return f, err
	}
	defer bank.Close()
	if err := registerAll(ctx, queue, bank, records, today); err != nil {
		return f, err
	}
	ledger, err := newLedger(queue, bank)
	if err != nil {
		return f, err
	}
	runtime.GC()
	debug.FreeOSMemory()
	for _, step := range []struct {
		seconds, memory *float64
		count           string // must be all records
	}{{&f.Paid, &f.WriteMB, "paid"}, {&f.Known, &f.OwnMB, "known"}} {
		stop := watchMemory()
		counts, start := make(runCounts), time.Now()
		err := ledger.Settle(ctx, counts)
		own, all := stop()
		if err != nil {
			return f, err
		}
		*step.seconds, *step.memory, f.AllMB = time.Since(start).Seconds(), own, max(f.AllMB, all)
		if counts[step.count] != records || counts["inconclusive"] != 0 {
			return f, fmt.Errorf("%s: %v", step.count, counts)
		}
	}
	return f, nil
}

func newLedger(s records.Store, bank *sicoob.Client) (*settlement.Ledger, error) {
	return settlement.New(settlement.Config{
		Store: s, Bucket: store.BoletoRecords, Bank: bank, Vendor: sicoob.Name, Client: 567890, Modality: 1, Alarms: new(agent.Alarms), Log: slog.New(slog.DiscardHandler),
	})
}

func registerAll(ctx context.Context, queue *store.Store, bank *sicoob.Client, records int, today time.Time) error {
	into := &batchedStore{Store: queue}
	ledger, err := newLedger(into, bank)
	if err != nil {
		return err
	}
	for n := range records {
		_, _, err := ledger.Register(ctx, settlement.Registration{
			NossoNumero: int64(n + 1), SeuNumero: fmt.Sprintf("PDV-%07d", n), Amount: agent.Cents(10_000 + n%5000), Due: today.Format(time.DateOnly), IssuedOn: today.Format(time.DateOnly), Barcode: barcodeOf(n, today),
		})
		if err != nil {
			return err
		}
	}
	_, err = into.flush(ctx)
	return err
}

func barcodeOf(n int, today time.Time) string {
	free := boleto.SicoobField{Portfolio: 1, Cooperative: 1234, Modality: 1, Client: 567890, NossoNumero: n + 1, Parcel: 1}.Free()
	code, _ := boleto.Build(boleto.Sicoob, today, agent.Cents(10_000+n%5000), free) // these parts always make one
	return code
}

// watchMemory watches this process until stop gives the most that it held: its own memory, and all that was resident, in MB.
func watchMemory() (stop func() (own, all float64)) {
	var own, all float64
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			own, all = max(own, ownMemory()), max(all, residentMemory())
			select {
			case <-ticker.C:
			case <-ended:
				return
			}
		}
	}()
	return func() (float64, float64) { close(ended); <-done; return own, all }
}

// bankServer is the bank: one file for the window that ends today, and none for the others.
func bankServer(file, today string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":"t","expires_in":3600}`)
	})
	mux.HandleFunc("POST /boletos/movimentacoes", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // of our own client
		fmt.Fprintf(w, `{"resultado":{"codigoSolicitacao":%d}}`, map[bool]int{true: 1, false: 2}[strings.Contains(string(body), `"dataFinal":"`+today)])
	})
	mux.HandleFunc("GET /boletos/movimentacoes", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"resultado":{"idArquivos":[%s]}}`, map[bool]string{true: "1"}[r.URL.Query().Get("codigoSolicitacao") == "1"])
	})
	mux.HandleFunc("GET /boletos/movimentacoes/download", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	return mux
}

// writeSettlements writes a ZIP with that many records, and the bank's answer that contains it. raw is the time to unpack it
// and do nothing else.
func writeSettlements(zipped, answer string, records int, today time.Time) (packedMB, raw float64, err error) {
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
	if packedMB, err = wrapAnswer(zipped, answer); err != nil {
		return 0, 0, err
	}
	raw, err = unpackOnly(zipped)
	return packedMB, raw, err
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
			`"valorLiquido":%[5]s,"valorTarifaMovimento":1.35,"tipoCarteiraOpCredito":"COBRANÇA"}`, map[bool]string{true: "[\n", false: ",\n"}[n == 0], day, n+1, n, value, barcodeOf(n, today), n%9000)
	}
	fmt.Fprintln(out, "\n]")
	return out.Flush()
}

// wrapAnswer writes the bank's answer with a ZIP; it gives the ZIP's size.
func wrapAnswer(zipped, answer string) (packedMB float64, err error) {
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
	return mb(n), errors.Join(err, tailErr, out.Close())
}

func unpackOnly(zipped string) (seconds float64, err error) {
	archive, err := zip.OpenReader(zipped)
	if err != nil {
		return 0, err
	}
	defer func() { _ = archive.Close() }() // it was only read
	start := time.Now()
	entry, err := archive.File[0].Open()
	if err == nil {
		_, err = io.Copy(io.Discard, entry)
	}
	return time.Since(start).Seconds(), err
}
