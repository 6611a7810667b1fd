package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/loads/history"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/osfile"
	"pdvagent/agent/sales/loyalty"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
	"pdvagent/mercafacil"
)

func newHistory(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "history", Short: "Vendas antigas: a carga da implantação"}
	cmd.AddCommand(newHistoryImport(opts))
	return cmd
}

// historyImport is one import, as its flags ask for it.
type historyImport struct {
	source   config.Source
	file     string
	columns  map[string]string
	batch    int
	dry      bool
	restart  bool
	progress historyProgress
	report   *os.File // of the sales that are not sent
	writeErr error    // of the report
}

func newHistoryImport(opts *Options) *cobra.Command {
	h := &historyImport{}
	cmd := &cobra.Command{
		Use: "import", Short: "Envia vendas antigas de um CSV, NDJSON, JSON ou consulta; interrompida, continua de onde parou", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (h.file == "") == (h.source.Query == "") {
				return usage.Wrong(errors.New("informe --file, ou --driver, --dsn-file e --query"))
			}
			cfg, _, err := config.Load(opts.config, os.LookupEnv)
			if err != nil {
				return err
			}
			return h.run(cmd.Context(), opts, cfg)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&h.file, "file", "", "arquivo .csv (uma linha por item), .ndjson ou .json (uma venda por objeto)")
	flags.StringVar(&h.source.Driver, "driver", "", "banco de dados: "+strings.Join(source.Drivers(), ", "))
	flags.StringVar(&h.source.DSNFile, "dsn-file", "", "arquivo com o endereço do banco de dados")
	flags.StringVar(&h.source.Query, "query", "", "SELECT com uma linha por item, ordenado sempre igual")
	flags.StringToStringVar(&h.columns, "columns", nil, "campo=coluna, separados por vírgula")
	flags.StringVar(&h.source.Separator, "separator", "", "do CSV; vazio: descoberto")
	flags.StringVar(&h.source.Quote, "quote", "", `do CSV, padrão "; none: sem aspas`)
	flags.StringVar(&h.source.Encoding, "encoding", "", "utf-8 (padrão), windows-1252 ou iso-8859-1")
	flags.StringVar(&h.source.Decimal, "decimal", "", "point (padrão) ou comma")
	flags.IntVar(&h.batch, "batch", 2000, "vendas por lote")
	flags.BoolVar(&h.dry, "dry-run", false, "só lê e confere; não envia nada")
	flags.BoolVar(&h.restart, "restart", false, "começa do início, sem o que já foi feito")
	return cmd
}

func (h *historyImport) run(ctx context.Context, opts *Options, cfg config.Config) (err error) {
	switch {
	case cfg.Mercafacil == nil:
		return agent.Errorf(agent.CodeNotConfigured, nil, "A integração com a Mercafácil não está configurada (seção mercafacil do arquivo de configuração).")
	case !cfg.Shop.Primary && !h.dry:
		return agent.Errorf(agent.CodeNotPrimary, nil, "O histórico é da loja inteira e só é enviado do caixa principal (shop.primary: true); este não é ele.")
	}
	opened, identity, err := h.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close(source.Left)) }()
	mark := history.File(filepath.Join(cfg.DataDir, "history", identity+".json"))
	if h.restart {
		if err := mark.Remove(); err != nil {
			return err
		}
	}
	closeReport, err := h.openReport(string(mark))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeReport()) }()
	job := history.Config{
		Source: opened, Rows: h.file == "" || strings.EqualFold(filepath.Ext(h.file), ".csv"), Check: loyalty.CheckSale, Dialect: agent.Dialect(cfg.Mercafacil.Dialect),
		Wrapper: mercafacil.Shape(agent.KindCouponsList, cfg.Mercafacil.Wrapper == "object").Wrapper, Bookmark: mark,
		MaxBytes: mercafacil.MaxBatch, MaxCount: h.batch, Refuse: h.refuse,
	}
	h.progress = historyProgress{opened: opened, json: opts.json || !isTerminal(os.Stderr), out: os.Stderr, begun: time.Now()}
	job.Progress = h.progress.show
	if !h.dry {
		cloud, err := mercafacil.New(mercafacil.Config{BaseURL: cfg.Mercafacil.BaseURL, Token: cfg.Mercafacil.Token.Reveal(), PDVVersion: cfg.Mercafacil.PDVVersion, Dial: app.Dial(cfg)})
		if err != nil {
			return err
		}
		defer cloud.Close()
		job.Cloud = cloud
	}
	done, err := history.Import(ctx, job)
	h.progress.end()
	state := ""
	if err != nil {
		state = "Interrompida; rode o mesmo comando para continuar"
	}
	if refusal := opened.Err(); ctx.Err() == nil && (refusal != nil || agent.CodeOf(err) == agent.CodeConflict) { // the same command would end the same way
		state = "Recusada (" + strings.TrimSuffix(app.Sentence(err), ".") + "); corrija isso e rode de novo"
	}
	return errors.Join(err, h.printResult(opts, done, state))
}

// open opens the source. Its identity names the bookmark: the same source continues where it was interrupted.
func (h *historyImport) open(ctx context.Context) (source.Opened, string, error) {
	h.source.Columns, h.source.Type = h.columns, "query"
	shape := history.Columns()
	if h.file != "" {
		path, err := filepath.Abs(h.file)
		if err != nil {
			return nil, "", err
		}
		file, err := os.Open(path)
		if err != nil {
			return nil, "", agent.Errorf(agent.CodeNotFound, nil, "O arquivo %s não existe ou não pode ser lido.", h.file)
		}
		head, err := io.ReadAll(io.LimitReader(file, 4096))
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, "", err
		}
		h.source.Type, h.source.Path = "folder", filepath.Dir(path)
		if err := h.check(); err != nil {
			return nil, "", err
		}
		return source.OpenFile(h.source.Open(), shape, path), identify(path, string(head)), nil
	}
	if h.source.DSNFile != "" {
		text, err := osfile.ReadFile(h.source.DSNFile)
		if err != nil {
			return nil, "", agent.Errorf(agent.CodeNotFound, nil, "O arquivo %s não existe ou não pode ser lido.", h.source.DSNFile)
		}
		h.source.DSN = config.Secret(strings.TrimSpace(string(text)))
	}
	if err := h.check(); err != nil {
		return nil, "", err
	}
	list, err := source.Open(ctx, h.source.Open(), shape)
	if err != nil {
		return nil, "", err
	}
	return list[0], identify(h.source.Driver, h.source.DSN.Reveal(), h.source.Query), nil
}

// check is a usage error for the first flag that is wrong.
func (h *historyImport) check() error {
	faults := h.source.Open().Check()
	if len(faults) == 0 {
		return nil
	}
	return usage.Wrong(fmt.Errorf("--%s: %s", faults[0].Field, faults[0].Detail))
}

func identify(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// openReport opens the list of the sales that are not sent: a new one for a dry run, else one that goes on.
func (h *historyImport) openReport(cursor string) (func() error, error) {
	if err := osfile.MakePrivateFolder(filepath.Dir(cursor)); err != nil {
		return nil, err
	}
	path := strings.TrimSuffix(cursor, ".json") + ".recusadas.txt"
	if h.dry {
		path = strings.TrimSuffix(cursor, ".json") + ".conferencia.txt"
	}
	file, err := osfile.OpenOrCreate(path, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	if h.dry {
		if err := file.Truncate(0); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	h.report = file
	return func() error { return errors.Join(h.writeErr, file.Close()) }, nil
}

// refuse writes a line before the cursor passes the sale.
func (h *historyImport) refuse(place string, fault agent.Fault) {
	_, err := fmt.Fprintf(h.report, "%s\t%s\t%s\t%s\n", place, fault.Field, fault.Code, fault.Detail)
	h.writeErr = errors.Join(h.writeErr, err)
}

// historyResult is what was sent when the import ended or was interrupted.
type historyResult struct {
	history.Progress
	Report string `json:"report"`
	DryRun bool   `json:"dry_run,omitempty"`
}

// printResult prints what was sent; failure says how the import ended when it did not reach the end.
func (h *historyImport) printResult(opts *Options, done history.Progress, failure string) error {
	return opts.Print(historyResult{done, h.report.Name(), h.dry}, func(w io.Writer) {
		verb, state := "enviadas", "Importação completa"
		if h.dry {
			verb, state = "certas", "Conferência completa, nada foi enviado"
		}
		if failure != "" {
			state = failure
		}
		fmt.Fprintf(w, "%s: %d vendas %s (%d em execuções anteriores), %d com erro, %d recusadas pela nuvem.\n", state, done.Sent, verb, done.Skipped, done.Faulty, done.Refused)
		if done.Faulty+done.Refused > 0 {
			fmt.Fprintf(w, "Uma linha para cada uma que não foi: %s\n", h.report.Name())
		}
	})
}
