package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/doctor"
	"pdvagent/agent/osfile"
	"pdvagent/agent/setup"
)

// installerOptions are the flags of what installers call.
type installerOptions struct {
	*options
	dir    string // where the program is installed
	report string // file for the installer's screen
	lines  []string
}

func newSetup(opts *options) *cobra.Command {
	o := &installerOptions{options: opts}
	cmd := &cobra.Command{Use: "setup", Short: "O que os instaladores do Windows chamam: aplicar, remover, testar as respostas"}
	cmd.PersistentFlags().StringVar(&o.report, "report", "", "arquivo em que o resultado é escrito, em UTF-16, para a tela do instalador")
	cmd.PersistentFlags().StringVar(&o.dir, "dir", "", "pasta do programa")
	cmd.AddCommand(o.newApply(), o.newRemove(), o.newTry(), o.newPending())
	return cmd
}

// say tells progress on the screen, and in the end to the installer.
func (o *installerOptions) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	o.lines = append(o.lines, line)
	fmt.Fprintln(o.out, line)
}

// reported runs a command and leaves what it said, its failure last, for the installer.
func (o *installerOptions) reported(do func(cmd *cobra.Command) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		err := do(cmd)
		lines := o.lines
		if err != nil {
			lines = append(lines, sentence(err))
		}
		if o.report != "" {
			err = errors.Join(err, os.WriteFile(o.report, utf16Text(strings.Join(lines, "\r\n")), 0o600))
		}
		o.remember(cmd.Name(), lines)
		return err
	}
}

// remember keeps what an installation said beside the configuration: a silent one has no screen.
func (o *installerOptions) remember(deed string, lines []string) {
	folder := filepath.Dir(o.config)
	if _, err := os.Stat(folder); err != nil || len(lines) == 0 || deed == "try" || deed == "pending" {
		return
	}
	file, err := os.OpenFile(filepath.Join(folder, "instalacao.log"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return // it was said on the screen
	}
	for _, line := range lines {
		fmt.Fprintf(file, "%s setup %s %s: %s\r\n", time.Now().Format(time.RFC3339), deed, version, line)
	}
	_ = file.Close() // see above
}

// utf16Text is what NSIS reads: little endian, with a mark.
func utf16Text(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return out
}

func (o *installerOptions) program() (string, error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return "", err
	}
	if o.dir == "" || filepath.Dir(dir) == dir {
		return "", usageError{errors.New("informe com --dir uma pasta que seja só do programa")}
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
		Use: "apply", Short: "Instala, atualiza ou repara; volta sozinho se a versão nova não responder", Args: noArgs,
		RunE: o.reported(func(cmd *cobra.Command) error {
			if _, err := o.program(); err != nil {
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
			o.say("pdvagent %s instalado e respondendo.", version)
			return nil
		}),
	}
	in.flags(cmd)
	return cmd
}

// configured makes the configuration out of the answers where there is none, and refuses, before anything is touched, one
// that this version does not take.
func (o *installerOptions) configured(cmd *cobra.Command, in *installation) (made bool, err error) {
	if _, err := os.Stat(o.config); errors.Is(err, os.ErrNotExist) {
		text, err := in.text(cmd, filepath.Dir(o.config))
		if err != nil {
			return false, err
		}
		return true, writeNew(o.config, text)
	}
	if _, _, err := config.Load(o.config, os.LookupEnv); err != nil {
		return false, agent.Errorf(agent.CodeBadConfig, nil, "A versão %s não aceita a configuração %s; nada foi alterado. Corrija e repita:\n%v", version, o.config, err)
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
	manager, err := o.managerOf(program)
	if err != nil {
		return setup.Plan{}, err
	}
	return setup.Plan{
		Source: self, Program: program, DataDir: cfg.DataDir, Keep: filepath.Clean(cfg.DataDir) + "-previous",
		Manager: manager, Healthy: answering("http://" + cfg.API.Listen), Version: version, Say: o.say, Why: o.why,
	}, nil
}

// answering asks an agent for its health; version "" is any.
func answering(base string) func(context.Context, string) error {
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
		Use: "remove", Short: "Remove serviço e programa; dados e configuração ficam, salvo com --purge", Args: noArgs,
		RunE: o.reported(func(cmd *cobra.Command) error {
			for _, warning := range o.pendingWarning(cmd.Context()) {
				o.say("%s", warning)
			}
			program, err := o.program()
			if err != nil {
				return err
			}
			manager, err := o.managerOf(program)
			if err != nil {
				return err
			}
			cfg, _, err := config.Load(o.config, os.LookupEnv)
			if err != nil { // what cannot be read does not keep anybody from removing
				cfg.DataDir = config.DefaultDataDir()
			}
			plan := setup.Plan{Program: program, DataDir: cfg.DataDir, Keep: filepath.Clean(cfg.DataDir) + "-previous", Manager: manager, Say: o.say}
			if err := plan.Remove(cmd.Context(), purge, cfg.DataDir, o.ownFolder()); err != nil {
				return err
			}
			o.say("O pdvagent foi removido.")
			return nil
		}),
	}
	said := &flagged{&question{name: "purge", flag: &purge}} // an .msi passes on an empty one
	cmd.Flags().VarPF(said, "purge", "", "apaga também dados e configuração, com o que está por enviar").NoOptDefVal = "true"
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
		Use: "try", Short: "Tenta a nuvem, as pastas e a porta com as respostas, sem instalar", Args: noArgs,
		RunE: o.reported(func(cmd *cobra.Command) (err error) {
			folder, err := os.MkdirTemp("", "pdvagent-")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, osfile.RemoveTree(folder)) }()
			if err := in.say("data-dir", filepath.Join(folder, "data")); err != nil { // whatever was answered: nothing is made there
				return err
			}
			text, err := in.text(cmd, folder)
			if err != nil {
				return err
			}
			tried := &options{config: filepath.Join(folder, "config.yaml"), out: io.Discard}
			if err := writeNew(tried.config, text); err != nil {
				return err
			}
			if err := osfile.MakePrivateFolder(in.answers.DataDir); err != nil {
				return err
			}
			findings, _ := tried.examine(cmd.Context(), "port", "dns", "connect", "tls", "cloud-answer", "cloud-clock")
			return o.verdict(findings)
		}),
	}
	in.flags(cmd)
	return cmd
}

// verdict is a line per warning and one for the first failure: the others are most likely its consequence.
func (o *installerOptions) verdict(findings []doctor.Finding) error {
	for _, f := range findings {
		if f.Verdict == doctor.Fail || f.Verdict == doctor.Warn {
			o.say("%s", told(f))
		}
		if f.Verdict == doctor.Fail {
			return agent.Errorf(agent.CodeBadConfig, nil, "Algo não funciona. Pode-se instalar assim mesmo e corrigir depois.")
		}
	}
	o.say("A conexão funciona.")
	return nil
}

// told is a finding in one line.
func told(f doctor.Finding) string {
	return fmt.Sprintf("%s: %s. %s", f.Title, strings.TrimRight(f.Evidence, "."), f.Advice)
}

// newPending tells the installer whether something would be left behind.
func (o *installerOptions) newPending() *cobra.Command {
	return &cobra.Command{
		Use: "pending", Short: "Diz se há vendas por enviar; não escreve nada quando não há", Args: noArgs,
		RunE: o.reported(func(cmd *cobra.Command) error {
			for _, warning := range o.pendingWarning(cmd.Context()) {
				o.say("%s", warning)
			}
			return nil
		}),
	}
}

// pending is how many records are still to be sent, asked of the agent or, when it does not run, read from its store.
func (o *options) pending(ctx context.Context) (uint64, error) {
	client, err := o.client()
	if err != nil {
		return 0, err
	}
	var status struct{ Queue struct{ Pending uint64 } }
	err = client.call(ctx, http.MethodGet, "/v1/status", nil, &status)
	if err == nil || agent.CodeOf(err) != agent.CodeAgentNotRunning {
		return status.Queue.Pending, err
	}
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, "pdvagent.db")); err != nil {
		return 0, err
	}
	queue, err := openStore(cfg, storeHooks{}, newLog(new(bytes.Buffer), "error"))
	if err != nil {
		return 0, err
	}
	return queue.Counters().Total(agent.Pending), queue.Close()
}
