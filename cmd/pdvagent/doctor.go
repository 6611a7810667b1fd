package main

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
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/doctor"
	"pdvagent/agent/osfile"
	"pdvagent/agent/service"
	"pdvagent/agent/traffic"
	"pdvagent/payments"
	"pdvagent/payments/sicoob"
	"pdvagent/store"
)

func newDoctor(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Verifica a instalação: o que viu, como sabe e o que fazer", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings, _ := opts.examine(cmd.Context())
			if err := opts.print(map[string]any{"verdict": doctor.Worst(findings), "findings": findings}, func(w io.Writer) { printFindings(w, findings) }); err != nil {
				return err
			}
			if doctor.Worst(findings) == doctor.Fail {
				return agent.Errorf(agent.CodeDamaged, nil, "Há falhas: veja acima o que fazer.")
			}
			return nil
		},
	}
}

func printFindings(w io.Writer, findings []doctor.Finding) {
	count := make(map[doctor.Verdict]int)
	for _, f := range findings {
		count[f.Verdict]++
		fmt.Fprintf(w, "%-7s %-36s %s\n", f.Verdict, f.Title, f.Evidence)
		if f.Advice != "" {
			fmt.Fprintf(w, "%-7s %-36s → %s\n", "", "", f.Advice)
		}
	}
	fmt.Fprintf(w, "\n%d verificações: %d ok, %d avisos, %d falhas, %d pulados.\n", len(findings), count[doctor.OK], count[doctor.Warn], count[doctor.Fail], count[doctor.Skipped])
}

// examine looks at the installation of a configuration file; the client is nil when the file says too little.
func (o *options) examine(ctx context.Context, only ...string) ([]doctor.Finding, *localClient) {
	site := doctor.Site{Version: version, Go: goVersion() + " " + runtime.GOOS + "/" + runtime.GOARCH, ConfigPath: o.config, Getenv: os.Getenv, Zone: config.Zone}
	cfg, warnings, err := config.Load(o.config, os.LookupEnv)
	for _, warning := range warnings {
		site.Warnings = append(site.Warnings, warning.String())
	}
	faults, _ := errors.AsType[config.Faults](err)
	for _, fault := range faults {
		site.Faults = append(site.Faults, fault.String())
	}
	if err != nil && len(faults) == 0 {
		site.Faults = []string{err.Error()}
	}
	client, clientErr := o.client()
	if err == nil {
		site.DataDir, site.Listen, site.Timezone, site.MaxBytes = cfg.DataDir, cfg.API.Listen, cfg.Shop.Timezone, int64(cfg.Store.MaxMB)<<20
		if cfg.Mercafacil != nil {
			site.CloudURL = cfg.Mercafacil.BaseURL
		}
		if bank := cfg.Payments.Sicoob; bank != nil && bank.Certificate != "" {
			identity := &sicoob.Identity{Path: bank.Certificate, Password: bank.CertificatePassword.Reveal()}
			site.Certificate = func() (time.Time, error) {
				ends, err := identity.Ends()
				if err != nil {
					err = errors.New(payments.FailureOf(err).Says)
				}
				return ends, err
			}
		}
		site.Local = func(ctx context.Context, path string) (int, []byte, error) {
			if clientErr != nil {
				return 0, nil, clientErr
			}
			return client.get(ctx, path)
		}
		site.Verify = func() error { return verify(cfg) }
		for _, path := range coroner(cfg).Crashes() {
			if at, ok := service.CrashedAt(path); ok {
				site.Crashes = append(site.Crashes, doctor.Crash{File: path, At: at})
			}
		}
		if report, err := store.LastSalvage(cfg.DataDir); err == nil && report != nil {
			site.Salvage = &doctor.Salvage{At: report.At, Held: len(report.Held), Lost: len(report.Lost), Missing: len(report.Missing), File: report.Kept}
		}
		site.Service = o.serviceState
	}
	return doctor.Examine(ctx, site, only...), client
}

// serviceState asks the operating system.
func (o *options) serviceState(ctx context.Context) (doctor.Service, error) {
	manager, err := o.manager()
	if err != nil {
		return doctor.Service{}, err
	}
	status, err := manager.Status(ctx)
	return doctor.Service{State: string(status.State), Start: status.Start, Exit: status.Exit}, err
}

// verify checks a stopped agent's store as a whole. Its error is a person's to read.
func verify(cfg config.Config) error {
	at, err := storeConfig(cfg)
	if err != nil {
		return err
	}
	found, err := store.Verify(at, "") // an opening would put right what is to be seen
	if agent.CodeOf(err) == agent.CodeNotFound {
		err = nil // there is none yet
	}
	if err := errors.Join(append([]error{err}, found.Faults...)...); err != nil {
		return errors.New(sentence(err))
	}
	queue, err := openStore(cfg, storeHooks{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return errors.New(sentence(err))
	}
	return errors.Join(queue.Check(), queue.Close())
}

func newSupportBundle(opts *options) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "support-bundle", Short: "Junta, mascarado, tudo o que o suporte precisa em um arquivo zip", Args: noArgs,
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
			return opts.print(map[string]string{"file": out}, func(w io.Writer) {
				fmt.Fprintf(w, "%s foi escrito. Ele não tem dados pessoais nem senhas; LEIA-ME.txt diz o que há nele.\n", out)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "arquivo a escrever")
	return cmd
}

// bundle is what support needs, all of it masked already where it lies or by the agent that shows it.
func (o *options) bundle(ctx context.Context) []doctor.Item {
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
		{Name: "metricas.txt", About: "GET /metrics", Write: local("/metrics")},
	}
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil { // the first items say why
		return items
	}
	return append(items, fileItems(o, cfg)...)
}

// fileItems is what can be had without the agent running.
func fileItems(o *options, cfg config.Config) []doctor.Item {
	items := []doctor.Item{
		{Name: "configuracao.yaml", About: "a configuração em vigor, sem segredos", Write: func(w io.Writer) error {
			text, err := yaml.Marshal(cfg)
			_, writeErr := w.Write(text)
			return errors.Join(err, writeErr)
		}},
		{Name: "versoes.json", About: "quem mudou o quê na configuração", Write: func(w io.Writer) error {
			versions, err := editor(o.config, cfg).Versions()
			return errors.Join(err, json.NewEncoder(w).Encode(versions))
		}},
		{Name: "diario.ndjson", About: "as últimas 2.000 chamadas, mascaradas", Write: func(w io.Writer) error { return journalLines(w, cfg) }},
	}
	for _, path := range coroner(cfg).Crashes() {
		items = append(items, fileItem("quedas/"+filepath.Base(path), "o que uma execução disse ao cair, sem dados pessoais", path))
	}
	salvages, _ := filepath.Glob(filepath.Join(cfg.DataDir, "salvage", "*.json")) // as below
	for _, path := range salvages {
		items = append(items, fileItem("resgates/"+filepath.Base(path), "o que se achou em um banco de dados danificado: números, sem conteúdo", path))
	}
	logs, _ := filepath.Glob(filepath.Join(logFolder(cfg), "*.log")) // the pattern is right
	slices.Sort(logs)
	for _, path := range logs {
		items = append(items, fileItem("log/"+filepath.Base(path), "o log", path))
	}
	return items
}

// fileItem is a file that holds nothing personal, as it lies.
func fileItem(name, about, path string) doctor.Item {
	return doctor.Item{Name: name, About: about, Write: func(w io.Writer) error {
		text, err := os.ReadFile(path)
		_, writeErr := w.Write(text)
		return errors.Join(err, writeErr)
	}}
}

func journalLines(w io.Writer, cfg config.Config) error {
	journal, err := traffic.New(traffic.Config{Dir: filepath.Join(cfg.DataDir, "traffic"), Log: slog.New(slog.DiscardHandler)})
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

// get reads what the agent shows, as it is.
func (c *localClient) get(ctx context.Context, path string) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	if !strings.HasPrefix(path, "/health") {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end or given up
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, body, err
}
