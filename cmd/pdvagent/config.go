package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/doctor"
	"pdvagent/agent/osfile"
)

func newConfig(opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "O arquivo de configuração: criar, conferir, mostrar, alterar"}
	cmd.AddCommand(newConfigCheck(opts), newConfigShow(opts), newConfigInit(opts), newConfigSet(opts), newConfigHistory(opts), newConfigUndo(opts), newConfigSchema(opts))
	return cmd
}

func newConfigCheck(opts *options) *cobra.Command {
	var online bool
	cmd := &cobra.Command{
		Use: "check", Short: "Confere o arquivo e lista todos os erros; com --online, tenta as pastas e a nuvem", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, warnings, err := config.Load(opts.config, os.LookupEnv)
			faults, wrong := errors.AsType[config.Faults](err)
			if err != nil && !wrong {
				return err
			}
			var findings []doctor.Finding
			if online && err == nil {
				findings, _ = opts.examine(cmd.Context(), doctor.Online()...)
			}
			bad := doctor.Worst(findings) == doctor.Fail
			report := map[string]any{
				"file": opts.config, "ok": err == nil && !bad, "faults": append(config.Faults{}, faults...), "warnings": append([]config.Fault{}, warnings...),
				"findings": append([]doctor.Finding{}, findings...),
			}
			if err := opts.print(report, func(w io.Writer) {
				for _, warning := range warnings {
					fmt.Fprintln(w, "aviso:", warning)
				}
				if err == nil {
					fmt.Fprintf(w, "%s está correto.\n", opts.config)
				}
				if len(findings) > 0 {
					printFindings(w, findings)
				}
			}); err != nil {
				return err
			}
			if err != nil && !opts.json {
				return agent.Errorf(agent.CodeBadConfig, nil, "%s tem %d erro(s):\n%v", opts.config, len(faults), err)
			}
			if err != nil {
				return agent.Errorf(agent.CodeBadConfig, nil, "%s tem %d erro(s).", opts.config, len(faults))
			}
			if bad {
				return agent.Errorf(agent.CodeBadConfig, nil, "O arquivo está correto, mas algo não funciona: veja acima o que fazer.")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "tenta também as pastas, a porta e a nuvem")
	return cmd
}

func newConfigShow(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Mostra a configuração em uso, com segredos ocultos", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, _, err := config.Load(opts.config, os.LookupEnv)
			if err != nil {
				return err
			}
			text, err := yaml.Marshal(cfg)
			if err != nil {
				return err
			}
			tree, err := cfg.Tree()
			if err != nil {
				return err
			}
			return opts.print(tree, func(w io.Writer) { fmt.Fprintf(w, "%s", text) })
		},
	}
}

// writeNew writes a file that only its owner can read, and refuses to touch one that is there.
func writeNew(path, text string) error {
	if err := osfile.MakeConfigFolder(filepath.Dir(path)); err != nil {
		return err
	}
	file, err := osfile.CreatePrivate(path)
	if errors.Is(err, os.ErrExist) {
		return agent.Errorf(agent.CodeBadConfig, nil, "%s já existe e não foi alterado. Use outro nome com --config.", path)
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Sync(), file.Close())
}
