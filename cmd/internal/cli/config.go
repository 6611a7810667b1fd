package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/doctor"
	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

func newConfig(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "O arquivo de configuração: criar, conferir, mostrar, alterar"}
	cmd.AddCommand(newConfigCheck(opts), newConfigShow(opts), newConfigInit(opts), newConfigSet(opts), newConfigHistory(opts), newConfigUndo(opts), newConfigTry(opts), newConfigKeep(opts), newConfigBack(opts), newConfigAccept(opts), newConfigSchema(opts))
	return cmd
}

func newConfigCheck(opts *Options) *cobra.Command {
	var online bool
	cmd := &cobra.Command{
		Use: "check", Short: "Confere o arquivo e lista todos os erros; com --online, tenta as pastas e a nuvem", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			warnings, err := checked(opts.config)
			faults, wrong := errors.AsType[config.Faults](err)
			if err != nil && !wrong {
				return err
			}
			var findings []doctor.Finding
			switch {
			case err == nil && online:
				findings = opts.examine(cmd.Context(), append(doctor.Online(), "bank-certificate")...)
			case err == nil: // a file that is named is looked into; nothing is said of a good one
				findings = opts.examine(cmd.Context(), "bank-certificate")
				findings = slices.DeleteFunc(findings, func(f doctor.Finding) bool { return f.Verdict == doctor.OK || f.Verdict == doctor.Skipped })
			}
			bad := doctor.Worst(findings) == doctor.Fail
			report := map[string]any{
				"file": opts.config, "ok": err == nil && !bad, "faults": append(config.Faults{}, faults...), "warnings": append([]config.Fault{}, warnings...),
				"findings": append([]doctor.Finding{}, findings...),
			}
			if err := opts.Print(report, func(w io.Writer) {
				for _, warning := range warnings {
					fmt.Fprintln(w, "aviso:", warning)
				}
				if err == nil {
					fmt.Fprintf(w, "%s está correto.\n", opts.config)
				}
				if len(findings) > 0 {
					doctor.Print(w, findings)
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

// checked reads the file and holds it against more than the agent needs to start: values that still are the example's, and
// sections that are missing since then; options without effect, and certificates that cannot serve.
func checked(path string) (warnings []config.Fault, err error) {
	cfg, warnings, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return warnings, err
	}
	raw, err := osfile.ReadFile(path)
	if err != nil {
		return warnings, err
	}
	faults := append(config.Placeholders(raw), cfg.BrokenFiles(time.Now())...)
	for _, warning := range warnings {
		if warning.Idle() {
			faults = append(faults, warning)
		}
	}
	warnings = slices.DeleteFunc(warnings, func(w config.Fault) bool {
		return slices.ContainsFunc(faults, func(f config.Fault) bool { return f.Line > 0 && f.Line == w.Line })
	})
	if lost, ok := errors.AsType[config.Faults](app.Editor(path, cfg).Lost()); ok {
		faults = append(lost, faults...)
	}
	if os.Getenv("HTTPS_PROXY")+os.Getenv("https_proxy") != "" && cfg.Network.Proxy == "none" {
		warnings = append(warnings, config.Fault{Field: "network.proxy", Detail: "há um proxy no ambiente (HTTPS_PROXY), e o agente não o usa; se a rede só sai por ele, escreva o endereço aqui"})
	}
	if len(faults) > 0 {
		return warnings, faults
	}
	return warnings, nil
}

func newConfigShow(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Mostra a configuração em uso, com segredos ocultos", Args: usage.NoArgs,
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
			return opts.Print(tree, func(w io.Writer) { fmt.Fprintf(w, "%s", text) })
		},
	}
}
