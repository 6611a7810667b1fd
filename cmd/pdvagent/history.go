package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/history"
	"pdvagent/agent/loyalty"
	"pdvagent/agent/osfile"
	"pdvagent/agent/source"
	"pdvagent/mercafacil"
)

func newHistory(opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "history", Short: "Vendas antigas: a carga da implantação"}
	cmd.AddCommand(newHistoryImport(opts))
	return cmd
}

// historyImport is what a person asked for.
type historyImport struct {
	source   config.Source
	file     string
	columns  map[string]string
	batch    int
	dry      bool
	restart  bool
	progress historyProgress
	refused  *os.File
	report   string
	trouble  error // with the report
}

func newHistoryImport(opts *options) *cobra.Command {
	h := &historyImport{}
	cmd := &cobra.Command{
		Use: "import", Short: "Envia vendas antigas de um CSV, NDJSON, JSON ou consulta; interrompida, continua de onde parou", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (h.file == "") == (h.source.Query == "") {
				return usageError{errors.New("informe --file, ou --driver, --dsn-file e --query")}
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

func (h *historyImport) run(ctx context.Context, opts *options, cfg config.Config) (err error) {
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
	mark := bookmark(filepath.Join(cfg.DataDir, "history", identity+".json"))
	if h.restart {
		if err := os.Remove(string(mark)); err != nil && !errors.Is(err, fs.ErrNotExist) {
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
	h.progress = historyProgress{opened: opened, json: opts.json || !terminal(os.Stderr), out: os.Stderr, begun: time.Now()}
	job.Progress = h.progress.show
	if !h.dry {
		cloud, err := mercafacil.New(mercafacil.Config{BaseURL: cfg.Mercafacil.BaseURL, Token: cfg.Mercafacil.Token.Reveal(), PDVVersion: cfg.Mercafacil.PDVVersion})
		if err != nil {
			return err
		}
		defer cloud.Close()
		job.Cloud = cloud
	}
	done, err := history.Import(ctx, job)
	h.progress.end()
	return errors.Join(err, h.tell(opts, done, err == nil))
}

// open gives the source, and what it is known by for the next time.
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
		return source.OpenFile(h.source.Open(), shape, path), known(path, string(head)), nil
	}
	if h.source.DSNFile != "" {
		text, err := os.ReadFile(h.source.DSNFile)
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
	return list[0], known(h.source.Driver, h.source.DSN.Reveal(), h.source.Query), nil
}

func (h *historyImport) check() error {
	faults := h.source.Open().Check()
	if len(faults) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("--%s: %s", faults[0].Field, faults[0].Detail)}
}

func known(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// bookmark is a cursor's file.
type bookmark string

// Load implements history.Bookmark.
func (b bookmark) Load() (cursor history.Cursor, err error) {
	raw, err := os.ReadFile(string(b))
	if errors.Is(err, fs.ErrNotExist) {
		return cursor, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &cursor)
	}
	return cursor, err
}

// Save implements history.Bookmark.
func (b bookmark) Save(cursor history.Cursor) error {
	raw, err := json.Marshal(cursor)
	if err != nil {
		return err
	}
	return osfile.WriteNew(string(b), raw)
}

// openReport begins, or goes on with, the list of what does not go.
func (h *historyImport) openReport(cursor string) (func() error, error) {
	if err := osfile.MakePrivateFolder(filepath.Dir(cursor)); err != nil {
		return nil, err
	}
	how := os.O_APPEND
	h.report = strings.TrimSuffix(cursor, ".json") + ".recusadas.txt"
	if h.dry {
		how, h.report = os.O_TRUNC, strings.TrimSuffix(cursor, ".json")+".conferencia.txt"
	}
	file, err := os.OpenFile(h.report, os.O_CREATE|os.O_WRONLY|how, 0o600)
	if err != nil {
		return nil, err
	}
	h.refused = file
	return func() error { return errors.Join(h.trouble, file.Close()) }, nil
}

// refuse writes a line at once: the cursor must not pass a receipt that is named nowhere.
func (h *historyImport) refuse(place string, fault agent.Fault) {
	_, err := fmt.Fprintf(h.refused, "%s\t%s\t%s\t%s\n", place, fault.Field, fault.Code, fault.Detail)
	h.trouble = errors.Join(h.trouble, err)
}

// historyResult is the end, or how far it came.
type historyResult struct {
	history.Progress
	Report string `json:"report"`
	DryRun bool   `json:"dry_run,omitempty"`
}

func (h *historyImport) tell(opts *options, done history.Progress, whole bool) error {
	return opts.print(historyResult{done, h.report, h.dry}, func(w io.Writer) {
		verb, state := "enviadas", "Importação completa"
		if h.dry {
			verb, state = "certas", "Conferência completa, nada foi enviado"
		}
		if !whole {
			state = "Interrompida; rode o mesmo comando para continuar"
		}
		fmt.Fprintf(w, "%s: %d vendas %s (%d em execuções anteriores), %d com erro, %d recusadas pela nuvem.\n", state, done.Sent, verb, done.Skipped, done.Faulty, done.Refused)
		if done.Faulty+done.Refused > 0 {
			fmt.Fprintf(w, "Uma linha para cada uma que não foi: %s\n", h.report)
		}
	})
}

// historyProgress shows how far it is: a bar, or lines of JSON where nobody looks.
type historyProgress struct {
	opened source.Opened
	json   bool
	out    io.Writer
	begun  time.Time
	shown  bool
}

func (p *historyProgress) show(now history.Progress) {
	took := time.Since(p.begun).Seconds()
	rate := float64(now.Sent-now.Skipped) / max(took, 0.001)
	done, total, sized := source.Position(p.opened)
	left := time.Duration(-1)
	if sized && done > 0 {
		left = time.Duration(took * float64(total-done) / float64(done) * float64(time.Second)).Round(time.Second)
	}
	if p.json {
		line := map[string]any{"sent": now.Sent, "faulty": now.Faulty, "refused": now.Refused, "per_second": int(rate), "waiting": now.Waiting}
		if left >= 0 {
			line["percent"], line["remaining_seconds"] = int(100*done/total), int(left.Seconds())
		}
		_ = json.NewEncoder(p.out).Encode(line) // progress only
		return
	}
	p.shown = true
	text := fmt.Sprintf("%d vendas, %.0f/s", now.Sent, rate)
	if left >= 0 {
		const width = 24
		full := int(int64(width) * done / total)
		text = fmt.Sprintf("[%s%s] %3d %%  %s, faltam %s", strings.Repeat("#", full), strings.Repeat("-", width-full), 100*done/total, text, left)
	}
	if now.Waiting != "" {
		text = now.Waiting
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s", text)
}

func (p *historyProgress) end() {
	if p.shown {
		fmt.Fprintln(p.out)
	}
}
