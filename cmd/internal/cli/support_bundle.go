package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/doctor"
	"pdvagent/agent/ops/traffic"
	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/app"
)

func newSupportBundle(opts *Options) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "support-bundle", Short: "Junta, mascarado, tudo o que o suporte precisa em um arquivo zip", Args: NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			if out == "" {
				out = "pdvagent-suporte-" + now.Format("20060102-150405") + ".zip"
			}
			file, err := osfile.CreatePrivate(out)
			if errors.Is(err, fs.ErrExist) {
				return agent.Errorf(agent.CodeBadConfig, nil, "%s já existe e não foi alterado. Use outro nome com --out.", out)
			}
			if err != nil {
				return err
			}
			err = errors.Join(doctor.Bundle(file, now, opts.bundle(cmd.Context())), file.Close())
			if err != nil {
				return err
			}
			return opts.Print(map[string]string{"file": out}, func(w io.Writer) {
				fmt.Fprintf(w, "%s foi escrito. Ele não tem dados pessoais nem senhas; LEIA-ME.txt diz o que há nele.\n", out)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "arquivo a escrever")
	return cmd
}

// bundle is what support needs. All of it is masked, in its files or by the agent that shows it.
func (o *Options) bundle(ctx context.Context) []doctor.Item {
	findings, client := o.examine(ctx)
	local := func(path string) func(io.Writer) error {
		return func(w io.Writer) error {
			if client == nil {
				return errors.New("a configuração não pôde ser lida")
			}
			status, body, err := client.get(ctx, path)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("o agente respondeu %d", status)
			}
			if err != nil {
				return err
			}
			_, err = w.Write(body)
			return err
		}
	}
	items := []doctor.Item{
		{Name: "verificacoes.txt", About: "pdvagent doctor", Write: func(w io.Writer) error { printFindings(w, findings); return nil }},
		{Name: "verificacoes.json", About: "o mesmo, para programas", Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(findings) }},
		{Name: "situacao.json", About: "GET /v1/status", Write: local("/v1/status")},
		{Name: "fila-pendente.json", About: "o que está por enviar, sem corpos", Write: local("/v1/queue?state=pending&limit=500")},
		{Name: "fila-recusada.json", About: "o que a nuvem recusou, sem corpos", Write: local("/v1/queue?state=dead&limit=500")},
		{Name: "fila-retida.json", About: "o que espera uma pessoa, sem corpos", Write: local("/v1/queue?state=held&limit=500")},
		{Name: "fila-ilegivel.json", About: "o que o caixa enviou e não pôde ser lido: só a forma e o tamanho", Write: local("/v1/queue?state=unread")},
		{Name: "metricas.txt", About: "GET /metrics", Write: local("/metrics")},
	}
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil { // the findings say why
		return items
	}
	return append(items, fileItems(o, cfg)...)
}

// fileItems is what needs no running agent.
func fileItems(o *Options, cfg config.Config) []doctor.Item {
	items := []doctor.Item{
		{Name: "configuracao.yaml", About: "a configuração em vigor, sem segredos", Write: func(w io.Writer) error {
			text, err := yaml.Marshal(cfg)
			_, writeErr := w.Write(text)
			return errors.Join(err, writeErr)
		}},
		{Name: "versoes.json", About: "quem mudou o quê na configuração", Write: func(w io.Writer) error {
			versions, err := app.Editor(o.config, cfg).Versions()
			return errors.Join(err, json.NewEncoder(w).Encode(versions))
		}},
		{Name: "diario.ndjson", About: "as últimas 2.000 chamadas, mascaradas", Write: func(w io.Writer) error { return journalLines(w, cfg) }},
	}
	for _, path := range app.CrashReporter(cfg).Reports() {
		items = append(items, fileItem("quedas/", "o que uma execução disse ao cair, sem dados pessoais", path))
	}
	salvages, _ := filepath.Glob(filepath.Join(cfg.DataDir, "salvage", "*.json")) // the pattern is right
	for _, path := range salvages {
		items = append(items, fileItem("resgates/", "o que se achou em um banco de dados danificado: números, sem conteúdo", path))
	}
	logs, _ := filepath.Glob(filepath.Join(app.LogFolder(cfg), "*.log")) // the pattern is right
	slices.Sort(logs)
	for _, path := range logs {
		items = append(items, fileItem("log/", "o log", path))
	}
	return items
}

// fileItem is a file of the data folder without personal data, unchanged. A link is not followed: root runs this, and the
// service's user may put one there.
func fileItem(where, about, path string) doctor.Item {
	return doctor.Item{Name: where + filepath.Base(path), About: about, Write: func(w io.Writer) error {
		file, err := osfile.Open(path)
		if errors.Is(err, osfile.ErrNotRegular) || errors.Is(err, osfile.ErrForeignLink) {
			return errors.New("não é um arquivo comum (um atalho?) e não foi copiado")
		}
		if err != nil {
			return err
		}
		_, err = io.Copy(w, file)
		return errors.Join(err, file.Close())
	}}
}

// openJournal reads the journal's files, also while the agent writes them.
func openJournal(cfg config.Config) (*traffic.Journal, error) {
	return traffic.New(traffic.Config{Dir: filepath.Join(cfg.DataDir, "traffic"), Log: slog.New(slog.DiscardHandler)})
}

func journalLines(w io.Writer, cfg config.Config) error {
	journal, err := openJournal(cfg)
	if err != nil {
		return err
	}
	lines, err := journal.Read(traffic.Query{Limit: 2000})
	encoder := json.NewEncoder(w)
	for _, line := range lines {
		err = errors.Join(err, encoder.Encode(line))
	}
	return err
}
