package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"pdvagent/agent/config"
	"pdvagent/agent/ops/doctor"
	"pdvagent/agent/ops/traffic"
	"pdvagent/agent/osfile"
)

// Bundle writes the zip of what support needs. Only its administrator may see the configuration.
func (i Installation) Bundle(ctx context.Context, w io.Writer, at time.Time, admin bool) error {
	items := i.items(ctx)
	if !admin {
		items = slices.DeleteFunc(items, func(item doctor.Item) bool { return item.Name == configItem || item.Name == versionsItem })
	}
	return doctor.Bundle(w, at, items)
}

// The items that say what the configuration is.
const (
	configItem   = "configuracao.yaml"
	versionsItem = "versoes.json"
)

// items is what support needs. All of it is masked, in its files or by the agent that shows it.
func (i Installation) items(ctx context.Context) []doctor.Item {
	findings := i.Examine(ctx, nil)
	cfg, _, err := config.Load(i.File, os.LookupEnv)
	local := func(path string) func(io.Writer) error {
		return func(w io.Writer) error {
			if err != nil {
				return errors.New("a configuração não pôde ser lida")
			}
			status, body, err := askOwn(ctx, cfg, path)
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
		{Name: "verificacoes.txt", About: "pdvagent doctor", Write: func(w io.Writer) error { doctor.Print(w, findings); return nil }},
		{Name: "verificacoes.json", About: "o mesmo, para programas", Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(findings) }},
		{Name: "situacao.json", About: "GET /v1/status", Write: local("/v1/status")},
		{Name: "fila-pendente.json", About: "o que está por enviar, sem corpos", Write: local("/v1/queue?state=pending&limit=500")},
		{Name: "fila-recusada.json", About: "o que a nuvem recusou, sem corpos", Write: local("/v1/queue?state=dead&limit=500")},
		{Name: "fila-retida.json", About: "o que espera uma pessoa, sem corpos", Write: local("/v1/queue?state=held&limit=500")},
		{Name: "fila-ilegivel.json", About: "o que o caixa enviou e não pôde ser lido: só a forma e o tamanho", Write: local("/v1/queue?state=unread")},
		{Name: "metricas.txt", About: "GET /metrics", Write: local("/metrics")},
	}
	if err != nil { // the findings say why
		return items
	}
	return append(items, fileItems(i.File, cfg)...)
}

// fileItems is what needs no running agent.
func fileItems(file string, cfg config.Config) []doctor.Item {
	items := []doctor.Item{
		{Name: configItem, About: "a configuração em vigor, sem segredos", Write: func(w io.Writer) error {
			text, err := yaml.Marshal(cfg)
			_, writeErr := w.Write(text)
			return errors.Join(err, writeErr)
		}},
		{Name: versionsItem, About: "quem mudou o quê na configuração", Write: func(w io.Writer) error {
			versions, err := Editor(file, cfg).Versions()
			return errors.Join(err, json.NewEncoder(w).Encode(versions))
		}},
		{Name: "diario.ndjson", About: "as últimas 2.000 chamadas, mascaradas", Write: func(w io.Writer) error { return journalLines(w, cfg) }},
	}
	for _, path := range CrashReporter(cfg).Reports() {
		items = append(items, fileItem("quedas/", "o que uma execução disse ao cair, sem dados pessoais", path))
	}
	salvages, _ := filepath.Glob(filepath.Join(cfg.DataDir, "salvage", "*.json")) // the pattern is right
	for _, path := range salvages {
		items = append(items, fileItem("resgates/", "o que se achou em um banco de dados danificado: números, sem conteúdo", path))
	}
	logs, _ := filepath.Glob(filepath.Join(LogFolder(cfg), "*.log")) // the pattern is right
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

func journalLines(w io.Writer, cfg config.Config) error {
	journal, err := OpenJournal(cfg)
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
