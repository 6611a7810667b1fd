// Package cli is the command line: a file per command, the flags they share, exit codes, and the client that asks the running
// agent as support does. No command decides anything: it calls app, the agent's API or a package of the agent and prints what
// comes back. Only main calls it, and what measures and tests the program.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

// Exit codes (till-api.md section 6).
const (
	ExitDone = iota
	ExitFailed
	ExitUsage
	ExitNotRunning
)

// Options are the flags of every command.
type Options struct {
	config string
	json   bool
	out    io.Writer
}

// Execute runs one command line and gives its exit code: 0 done, 1 failed, 2 wrong use, 3 the agent does not run
// (till-api.md section 6). What a person must read goes to standard error. More commands, made with the flags of every
// command, may be handed in.
func Execute(args []string, more ...func(*Options) *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(os.Stdout, more...)
	root.SetArgs(args)
	err := usage.Named(root.ExecuteContext(ctx))
	if err == nil {
		return ExitDone
	}
	fmt.Fprintln(os.Stderr, app.Sentence(err))
	return exitCode(err)
}

func exitCode(err error) int {
	var wrong usage.Error
	switch {
	case errors.As(err, &wrong):
		return ExitUsage
	case agent.CodeOf(err) == agent.CodeAgentNotRunning:
		return ExitNotRunning
	}
	return ExitFailed
}

func newRoot(out io.Writer, more ...func(*Options) *cobra.Command) *cobra.Command {
	opts := &Options{out: out}
	root := &cobra.Command{
		Use:           "pdvagent",
		Short:         "Agente local do caixa: fidelidade, fila de vendas e pagamentos",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&opts.config, "config", config.DefaultPath(), "arquivo de configuração")
	root.PersistentFlags().BoolVar(&opts.json, "json", false, "saída em JSON")
	root.SetOut(out)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		newRun(opts), newWatchdog(opts), newDemo(opts), newSandbox(opts), newConfig(opts), newQueue(opts), newStatus(opts), newConsole(opts), newTraffic(opts), newMember(opts), newPayments(opts), newBoletos(opts), newOrders(opts), newStore(opts), newService(opts), newSetup(opts), newDoctor(opts), newSupportBundle(opts),
		newRoutines(opts), newCatalog(opts), newHistory(opts), newReconcile(opts), newHomologation(opts),
		newVersion(opts),
	)
	for _, command := range more {
		root.AddCommand(command(opts))
	}
	usage.InPortuguese(root)
	return root
}

// Print writes value as JSON, or what plain says.
func (o *Options) Print(value any, plain func(w io.Writer)) error {
	if !o.json {
		plain(o.out)
		return nil
	}
	encoder := json.NewEncoder(o.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// oneArg is cobra.ExactArgs(1) as a usage error.
func oneArg(cmd *cobra.Command, args []string) error {
	return usage.Arguments(cmd, cobra.ExactArgs(1)(cmd, args))
}

func newVersion(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Mostra a versão", Args: usage.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info := map[string]string{"version": app.Version, "go": app.GoVersion()}
			return opts.Print(info, func(w io.Writer) { fmt.Fprintf(w, "pdvagent %s (%s)\n", app.Version, info["go"]) })
		},
	}
}
