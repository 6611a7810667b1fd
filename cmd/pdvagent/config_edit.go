package main

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
	"gopkg.in/yaml.v3"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/settings"
)

// changed is what a command that changes the file tells.
type changed struct {
	Version      config.Version `json:"version"`
	Running      bool           `json:"running"`       // the agent was told
	Applied      []string       `json:"applied"`       // hold already
	NeedsRestart []string       `json:"needs_restart"` // hold after a restart
}

func newConfigSet(opts *options) *cobra.Command {
	var seal bool
	cmd := &cobra.Command{
		Use: "set CAMPO VALOR [CAMPO VALOR]...", Short: "Altera campos do arquivo de uma vez, sem perder comentários; VALOR vazio ('') remove",
		Example: "  pdvagent config set sender.per_second 10\n  pdvagent config set api.allowed_origins '[https://caixa.exemplo.com.br]'\n" +
			"  pdvagent config set --seal mercafacil.token SEGREDO",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args)%2 != 0 {
				return usageError{errors.New("informe campo e valor, aos pares")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var changes []config.Change
			for i := 0; i < len(args); i += 2 {
				value, err := valueOf(args[i+1])
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

// valueOf reads a value as the file would: 8 is a number, '"8"' a text.
func valueOf(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		return nil, usageError{fmt.Errorf("%q não é um valor; ponha textos com sinais entre aspas", text)}
	}
	return value, nil
}

func newConfigUndo(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "undo", Short: "Volta à versão anterior do arquivo; de novo, à anterior a ela", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return opts.edit(cmd.Context(), func(e *config.Editor) (config.Edited, error) { return e.Undo(author()) })
		},
	}
}

func newConfigHistory(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "history", Short: "As últimas versões do arquivo: quando, quem e o que mudou", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, _, err := config.Load(opts.config, os.LookupEnv)
			if err != nil {
				return err
			}
			versions, err := editor(opts.config, cfg).Versions()
			if err != nil {
				return err
			}
			return opts.print(map[string]any{"versions": versions}, func(w io.Writer) {
				for _, v := range versions {
					what := strings.Join(v.Changed, ", ")
					if v.Restores > 0 {
						what = fmt.Sprintf("volta à versão %d: %s", v.Restores, what)
					}
					fmt.Fprintf(w, "%4d  %s  %-16s %s\n", v.Number, v.At.Local().Format("02/01/2006 15:04:05"), v.Author, what)
				}
			})
		},
	}
}

// author is the user of the machine who runs the command.
func author() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "desconhecido"
}

// edit changes the file, and tells the running agent to take what it can.
func (o *options) edit(ctx context.Context, change func(*config.Editor) (config.Edited, error)) error {
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return err
	}
	edited, err := change(editor(o.config, cfg))
	if err != nil {
		return err
	}
	told, err := o.take(ctx, cfg)
	if err != nil {
		return err
	}
	told.Version = edited.Version
	return o.print(told, func(w io.Writer) {
		fmt.Fprintf(w, "%s: versão %d, %s.\n", o.config, edited.Version.Number, either(len(edited.Version.Changed) > 0, strings.Join(edited.Version.Changed, ", "), "nada mudou"))
		for _, warning := range edited.Warnings {
			fmt.Fprintln(w, "aviso:", warning)
		}
		switch {
		case !told.Running:
			fmt.Fprintln(w, "Vale a partir do próximo início do pdvagent.")
		case len(told.NeedsRestart) > 0:
			fmt.Fprintf(w, "Reinicie o pdvagent para valer: %s.\n", strings.Join(told.NeedsRestart, ", "))
		default:
			fmt.Fprintln(w, "Já vale.")
		}
	})
}

// take lets the running agent take the file as it is now. It knows the admin token that the agent knows: of before.
func (o *options) take(ctx context.Context, before config.Config) (changed, error) {
	told := changed{Applied: []string{}, NeedsRestart: []string{}}
	token := ""
	for _, candidate := range before.API.Tokens {
		if candidate.Scope == "admin" {
			token = candidate.Token.Reveal()
		}
	}
	if token == "" { // nobody may tell it
		return told, nil
	}
	client := &localClient{base: "http://" + before.API.Listen, token: token, http: &http.Client{Timeout: localPatience}}
	var outcome settings.Outcome
	err := client.call(ctx, http.MethodPut, "/v1/config", json.RawMessage("{}"), &outcome)
	if agent.CodeOf(err) == agent.CodeAgentNotRunning {
		return told, nil
	}
	return changed{Running: true, Applied: outcome.Applied, NeedsRestart: outcome.NeedsRestart}, err
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func newConfigSchema(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Mostra o JSON Schema do arquivo, para editores de texto", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := opts.out.Write(config.Schema)
			return err
		},
	}
}
