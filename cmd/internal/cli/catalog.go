package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/rawjson"
	"pdvagent/cmd/internal/usage"
	"pdvagent/mercafacil"
)

func newCatalog(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "catalog", Short: "Cargas de produtos e operadores"}
	cmd.AddCommand(newCatalogPreview(opts))
	return cmd
}

// preview is what a source would send to the cloud.
type preview struct {
	Routine string            `json:"routine"`
	Path    string            `json:"path"` // of the cloud's API
	Records []json.RawMessage `json:"records"`
	Faults  []previewFault    `json:"faults"`
	Read    int               `json:"read"`
	Sources []string          `json:"sources"`
}

type previewFault struct {
	Place string `json:"place"`
	agent.Fault
}

func newCatalogPreview(opts *Options) *cobra.Command {
	var rows int
	cmd := &cobra.Command{
		Use: "preview products|operators", Short: "Lê a origem configurada e mostra o que seria enviado; não envia nada nem move arquivos",
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := agent.Kind(args[0])
			if !slices.Contains(config.SourceLoads(), kind) {
				return usage.Wrong(errors.New("informe products ou operators"))
			}
			cfg, _, err := config.Load(opts.config, os.LookupEnv)
			if err != nil {
				return err
			}
			rule := cfg.Routine(args[0])
			if rule.Source == nil || cfg.Mercafacil == nil {
				return agent.Errorf(agent.CodeNotConfigured, nil, "A rotina %s não tem source na configuração, ou falta a seção mercafacil.", args[0])
			}
			profile, _ := mercafacil.ProfileOf(agent.Dialect(cfg.Mercafacil.Dialect))
			p := preview{Routine: args[0], Path: profile.Paths[kind], Records: []json.RawMessage{}, Faults: []previewFault{}, Sources: []string{}}
			if err := p.read(cmd.Context(), rule.Source.Open(), mercafacil.Shape(kind, false), rows); err != nil {
				return err
			}
			if err := opts.Print(p, p.print); err != nil {
				return err
			}
			if len(p.Faults) > 0 {
				return agent.Errorf(agent.CodeInvalid, nil, "Há registros com erro: eles não seriam enviados.")
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&rows, "rows", 5, "quantos registros mostrar")
	return cmd
}

// read reads the first rows, from as many sources as it needs, and leaves the sources as they are.
func (p *preview) read(ctx context.Context, cfg source.Config, shape agent.LoadShape, rows int) error {
	sources, err := source.Open(ctx, cfg, shape)
	if err != nil {
		return err
	}
	for _, opened := range sources {
		p.Sources = append(p.Sources, opened.Name())
		for record := range opened.Records(ctx) {
			if p.Read == rows {
				break
			}
			p.Read++
			p.add(record, shape)
		}
		err := opened.Err()
		if closed := opened.Close(source.Left); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// add checks one record.
func (p *preview) add(record source.Record, shape agent.LoadShape) {
	if record.Fault == nil {
		parsed, err := rawjson.Parse(record.Body)
		if err != nil {
			refusal := rawjson.Refusal(err)
			p.Faults = append(p.Faults, previewFault{record.Place, agent.Fault{Code: string(refusal.Code), Detail: refusal.Message}})
			return
		}
		_, form := mercafacil.ReadRecord(shape, parsed)
		for _, fault := range form.Faults {
			p.Faults = append(p.Faults, previewFault{record.Place, fault})
		}
		p.Records = append(p.Records, form.Wire())
		return
	}
	p.Faults = append(p.Faults, previewFault{record.Place, *record.Fault})
}

func (p preview) print(w io.Writer) {
	if len(p.Sources) == 0 {
		fmt.Fprintln(w, "A origem não tem nada novo: nenhum arquivo *.csv, *.json ou *.ndjson pronto na pasta.")
		return
	}
	fmt.Fprintf(w, "Lido de: %s. Iria para POST %s:\n", strings.Join(p.Sources, ", "), p.Path)
	for _, record := range p.Records {
		var object map[string]any
		decoder := json.NewDecoder(strings.NewReader(string(record)))
		decoder.UseNumber()
		if err := decoder.Decode(&object); err != nil {
			continue // it was parsed before
		}
		fmt.Fprintln(w)
		for _, name := range slices.Sorted(maps.Keys(object)) {
			fmt.Fprintf(w, "  %-18s %v\n", name, object[name])
		}
	}
	for _, fault := range p.Faults {
		fmt.Fprintf(w, "\n  %s: %s %s\n", fault.Place, fault.Field, fault.Detail)
	}
}
