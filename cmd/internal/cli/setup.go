package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/doctor"
	"pdvagent/agent/ops/service"
	"pdvagent/agent/ops/setup"
	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

// installerOptions are the flags of the commands that installers call.
type installerOptions struct {
	*Options
	dir    string   // of the installed program
	report string   // path of the text for the installer's screen; empty: none
	lines  []string // printed so far
}

func newSetup(opts *Options) *cobra.Command {
	o := &installerOptions{Options: opts}
	cmd := &cobra.Command{Use: "setup", Short: "O que os instaladores do Windows chamam: aplicar, remover, testar as respostas"}
	cmd.PersistentFlags().StringVar(&o.report, "report", "", "arquivo em que o resultado é escrito, em UTF-16, para a tela do instalador")
	cmd.PersistentFlags().StringVar(&o.dir, "dir", "", "pasta do programa")
	cmd.AddCommand(o.newApply(), o.newRemove(), o.newTry(), o.newPending())
	return cmd
}

// program is the path of the installed program.
func (o *installerOptions) program() (string, error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return "", err
	}
	if o.dir == "" || filepath.Dir(dir) == dir {
		return "", usage.Wrong(errors.New("informe com --dir uma pasta que seja só do programa"))
	}
	name := "pdvagent"
	if os.PathSeparator == '\\' {
		name += ".exe"
	}
	return filepath.Join(dir, name), nil
}

func (o *installerOptions) newApply() *cobra.Command {
	in := newInstallation()
	cmd := &cobra.Command{
		Use: "apply", Short: "Instala, atualiza ou repara; volta sozinho se a versão nova não responder", Args: usage.NoArgs,
		RunE: o.reported(func(cmd *cobra.Command) error {
			if err := o.own(cmd.Context()); err != nil {
				return err
			}
			made, err := o.configured(cmd, in)
			if err != nil {
				return err
			}
			plan, err := o.plan()
			if err == nil {
				err = plan.Apply(cmd.Context())
			}
			if err != nil {
				return err
			}
			if made {
				o.say("A configuração é %s. O token local do caixa está nela.", o.config)
			}
			o.say("pdvagent %s instalado e respondendo.", app.Version)
			return nil
		}),
	}
	in.addFlags(cmd)
	return cmd
}

// own refuses places that a stranger prepared, before anything in them is read. Where the service is installed already nobody
// could.
func (o *installerOptions) own(ctx context.Context) error {
	if _, err := o.program(); err != nil {
		return err
	}
	status, err := service.NewManager(service.Command{}).Status(ctx)
	if err == nil && status.State == service.NotInstalled {
		return service.Own(osfile.Stranger, service.Places(o.config, config.DefaultDataDir())...)
	}
	return nil // the installation says what is wrong
}

// configured writes a configuration of the answers where there is none. It refuses one that this version does not accept,
// before anything is changed.
func (o *installerOptions) configured(cmd *cobra.Command, in *installation) (made bool, err error) {
	if _, err := os.Stat(o.config); errors.Is(err, os.ErrNotExist) {
		text, err := in.text(cmd, filepath.Dir(o.config))
		if err != nil {
			return false, err
		}
		return true, config.Create(o.config, text)
	}
	if _, _, err := config.Load(o.config, os.LookupEnv); err != nil {
		return false, agent.Errorf(agent.CodeBadConfig, nil, "A versão %s não aceita a configuração %s; nada foi alterado. Corrija e repita:\n%v", app.Version, o.config, err)
	}
	return false, nil
}

func (o *installerOptions) plan() (setup.Plan, error) {
	program, err := o.program()
	if err != nil {
		return setup.Plan{}, err
	}
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return setup.Plan{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return setup.Plan{}, err
	}
	manager, err := app.ServiceManager(program, o.config)
	if err != nil {
		return setup.Plan{}, err
	}
	return setup.Plan{
		Source: self, Program: program, DataDir: cfg.DataDir, Keep: filepath.Clean(cfg.DataDir) + "-previous",
		Manager: manager, Healthy: healthCheck("http://" + cfg.API.Listen), Version: app.Version, Progress: o.say, Diagnose: o.startFailures,
	}, nil
}

// healthCheck asks an agent for its health and version; wanted "" is any.
func healthCheck(base string) func(context.Context, string) error {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context, wanted string) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/health", http.NoBody)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }() // read to its end or given up
		var health struct{ Status, Version string }
		if err := json.NewDecoder(io.LimitReader(response.Body, 4096)).Decode(&health); err != nil {
			return err
		}
		if health.Status != "ok" || (wanted != "" && health.Version != wanted) {
			return fmt.Errorf("%s answers as %s %s", base, health.Status, health.Version)
		}
		return nil
	}
}

func (o *installerOptions) newRemove() *cobra.Command {
	var purge bool
	cmd := &cobra.Command{
		Use: "remove", Short: "Remove serviço e programa; dados e configuração ficam, salvo com --purge", Args: usage.NoArgs,
		RunE: o.reported(func(cmd *cobra.Command) error {
			for _, warning := range o.pendingWarning(cmd.Context()) {
				o.say("%s", warning)
			}
			program, err := o.program()
			if err != nil {
				return err
			}
			manager, err := app.ServiceManager(program, o.config)
			if err != nil {
				return err
			}
			cfg, _, err := config.Load(o.config, os.LookupEnv)
			if err != nil { // a configuration that cannot be read does not prevent the removal
				cfg.DataDir = config.DefaultDataDir()
			}
			plan := setup.Plan{Program: program, DataDir: cfg.DataDir, Keep: filepath.Clean(cfg.DataDir) + "-previous", Manager: manager, Progress: o.say}
			if err := plan.Remove(cmd.Context(), purge, cfg.DataDir, o.ownFolder()); err != nil {
				return err
			}
			o.say("O pdvagent foi removido.")
			return nil
		}),
	}
	flag := &questionFlag{&question{name: "purge", flag: &purge}} // an .msi passes an empty value
	cmd.Flags().VarPF(flag, "purge", "", "apaga também dados e configuração, com o que está por enviar").NoOptDefVal = "true"
	return cmd
}

// ownFolder is what a purge removes of the configuration: its folder where that is the agent's own, else the file.
func (o *installerOptions) ownFolder() string {
	if folder := filepath.Dir(o.config); strings.EqualFold(filepath.Base(folder), "pdvagent") {
		return folder
	}
	return o.config
}

// newTry tries answers before anything is installed, for the installer's "Testar conexão".
func (o *installerOptions) newTry() *cobra.Command {
	in := newInstallation()
	cmd := &cobra.Command{
		Use: "try", Short: "Tenta a nuvem, as pastas e a porta com as respostas, sem instalar", Args: usage.NoArgs,
		RunE: o.reported(func(cmd *cobra.Command) (err error) {
			folder, err := os.MkdirTemp("", "pdvagent-")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, osfile.RemoveTree(folder)) }()
			if err := in.override("data-dir", filepath.Join(folder, "data")); err != nil { // the folder of the answers is not made
				return err
			}
			text, err := in.text(cmd, folder)
			if err != nil {
				return err
			}
			trial := &Options{config: filepath.Join(folder, "config.yaml"), out: io.Discard}
			if err := config.Create(trial.config, text); err != nil {
				return err
			}
			if err := osfile.MakePrivateFolder(in.answers.DataDir); err != nil {
				return err
			}
			findings := trial.examine(cmd.Context(), "port", "dns", "connect", "tls", "cloud-answer", "cloud-clock")
			return o.verdict(findings)
		}),
	}
	in.addFlags(cmd)
	return cmd
}

// verdict prints the warnings and the first failure: the others are most likely its consequence.
func (o *installerOptions) verdict(findings []doctor.Finding) error {
	for _, f := range findings {
		if f.Verdict == doctor.Fail || f.Verdict == doctor.Warn {
			o.say("%s", findingLine(f))
		}
		if f.Verdict == doctor.Fail {
			return agent.Errorf(agent.CodeBadConfig, nil, "Algo não funciona. Pode-se instalar assim mesmo e corrigir depois.")
		}
	}
	o.say("A conexão funciona.")
	return nil
}

// findingLine is a finding in one line.
func findingLine(f doctor.Finding) string {
	return fmt.Sprintf("%s: %s. %s", f.Title, strings.TrimRight(f.Evidence, "."), f.Advice)
}

// newPending warns the installer of sales that would be left behind.
func (o *installerOptions) newPending() *cobra.Command {
	return &cobra.Command{
		Use: "pending", Short: "Diz se há vendas por enviar; não escreve nada quando não há", Args: usage.NoArgs,
		RunE: o.reported(func(cmd *cobra.Command) error {
			for _, warning := range o.pendingWarning(cmd.Context()) {
				o.say("%s", warning)
			}
			return nil
		}),
	}
}
