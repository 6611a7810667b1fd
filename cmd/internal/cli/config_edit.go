package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/settings"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

// editResult is what a command that changed the file prints.
type editResult struct {
	Version      config.Version `json:"version"`
	Running      bool           `json:"running"`       // the agent runs and has read the file
	Applied      []string       `json:"applied"`       // fields that it uses already
	NeedsRestart []string       `json:"needs_restart"` // fields that it uses after a restart
}

func newConfigSet(opts *Options) *cobra.Command {
	var seal bool
	cmd := &cobra.Command{
		Use: "set CAMPO VALOR [CAMPO VALOR]...", Short: "Altera campos do arquivo de uma vez, sem perder comentários; VALOR vazio ('') remove",
		Long: "Altera campos do arquivo de uma vez, sem perder comentários. O tipo é o do campo: em um texto, 013 fica 013 e 3.0 fica 3.0;\n" +
			"não é preciso pôr aspas. VALOR vazio ('') remove o campo.",
		Example: "  pdvagent config set sender.per_second 10\n  pdvagent config set api.allowed_origins '[https://caixa.exemplo.com.br]'\n" +
			"  pdvagent config set --seal mercafacil.token SEGREDO",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args)%2 != 0 {
				return usage.Wrong(errors.New("informe campo e valor, aos pares"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var changes []config.Change
			for i := 0; i < len(args); i += 2 {
				value, err := config.ParseValue(args[i], args[i+1])
				if err == nil && seal {
					value, err = config.Seal(args[i+1])
				}
				if err != nil {
					return err
				}
				changes = append(changes, config.Change{Path: args[i], Value: value})
			}
			return opts.edit(cmd.Context(), func(e *config.Editor) (config.Edited, error) { return e.Apply(changes, author()) })
		},
	}
	cmd.Flags().BoolVar(&seal, "seal", false, "grava o valor selado para esta máquina (Windows, DPAPI): para tokens")
	return cmd
}

func newConfigUndo(opts *Options) *cobra.Command {
	var confirmed bool
	cmd := &cobra.Command{
		Use: "undo", Short: "Volta à versão anterior do arquivo; de novo, à anterior a ela", Args: usage.NoArgs,
		Long: "Volta à versão anterior do arquivo; de novo, à anterior a ela. Uma versão com outros endereços ou outros arquivos\n" +
			"que são lidos só vale com --confirm: sem ele, o comando diz quais são.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			undo := func(e *config.Editor) (config.Edited, error) { return e.Undo(author(), confirmed) }
			if _, _, err := config.Load(opts.config, os.LookupEnv); err != nil { // the file of now cannot even be read
				return opts.editIn(cmd.Context(), config.Config{DataDir: config.DataDirOf(opts.config)}, undo)
			}
			return opts.edit(cmd.Context(), undo)
		},
	}
	cmd.Flags().BoolVar(&confirmed, "confirm", false, "aceita os endereços e arquivos da versão anterior")
	return cmd
}

func newConfigAccept(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "accept", Short: "Aceita o arquivo como está, também sem seções que estavam nele", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return opts.edit(cmd.Context(), func(e *config.Editor) (config.Edited, error) {
				edited, err := e.Accept()
				edited.Same = false // the change was made by hand, before
				return edited, err
			})
		},
	}
}

func newConfigHistory(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "history", Short: "As últimas versões do arquivo: quando, quem e o que mudou", Args: usage.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, _, err := config.Load(opts.config, os.LookupEnv)
			if err != nil {
				return err
			}
			tellTimesOf(cfg)
			versions, err := app.Editor(opts.config, cfg).Versions()
			if err != nil {
				return err
			}
			return opts.Print(map[string]any{"versions": versions}, func(w io.Writer) {
				for _, v := range versions {
					what := strings.Join(v.Changed, ", ")
					if v.Restores > 0 {
						what = fmt.Sprintf("volta à versão %d: %s", v.Restores, what)
					}
					fmt.Fprintf(w, "%4d  %s  %-16s %s\n", v.Number, local(v.At).Format("02/01/2006 15:04:05"), v.Author, what)
				}
			})
		},
	}
}

// author is the operating system's user.
func author() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "desconhecido"
}

// edit changes the file, and makes the running agent read it.
func (o *Options) edit(ctx context.Context, change func(*config.Editor) (config.Edited, error)) error {
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return err
	}
	return o.editIn(ctx, cfg, change)
}

// editIn is edit with the configuration that holds before.
func (o *Options) editIn(ctx context.Context, cfg config.Config, change func(*config.Editor) (config.Edited, error)) error {
	edited, err := change(app.Editor(o.config, cfg))
	if err != nil {
		return err
	}
	result, err := reload(ctx, cfg)
	if err != nil {
		return err
	}
	result.Version = edited.Version
	return o.Print(result, func(w io.Writer) {
		changed := "nada mudou"
		if len(edited.Version.Changed) > 0 && !edited.Same {
			changed = strings.Join(edited.Version.Changed, ", ")
		}
		fmt.Fprintf(w, "%s: versão %d, %s.\n", o.config, edited.Version.Number, changed)
		for _, warning := range edited.Warnings {
			fmt.Fprintln(w, "aviso:", warning)
		}
		switch {
		case !result.Running:
			fmt.Fprintln(w, "Vale a partir do próximo início do pdvagent.")
		case len(result.NeedsRestart) > 0:
			fmt.Fprintf(w, "Reinicie o pdvagent para valer: %s.\n", strings.Join(result.NeedsRestart, ", "))
		default:
			fmt.Fprintln(w, "Já vale.")
		}
	})
}

// reload makes the running agent read its file. before is the configuration as it was: the agent still has that one's admin
// token. Without an admin token the agent is left alone.
func reload(ctx context.Context, before config.Config) (editResult, error) {
	unread := editResult{Applied: []string{}, NeedsRestart: []string{}}
	secret := adminToken(before)
	if secret == "" {
		return unread, nil
	}
	var outcome settings.Outcome
	err := NewClient("http://"+before.API.Listen, secret).Call(ctx, http.MethodPut, "/v1/config", json.RawMessage("{}"), &outcome)
	if agent.CodeOf(err) == agent.CodeAgentNotRunning {
		return unread, nil
	}
	return editResult{Running: true, Applied: outcome.Applied, NeedsRestart: outcome.NeedsRestart}, err
}

func newConfigSchema(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Mostra o JSON Schema do arquivo, para editores de texto", Args: usage.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := opts.out.Write(config.Schema)
			return err
		},
	}
}
