package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
)

// version is set by the release build.
var version = "dev"

// Exit codes (till-api.md section 6).
const (
	exitDone = iota
	exitFailed
	exitUsage
	exitNotRunning
)

// options are the flags of every command.
type options struct {
	config string
	json   bool
	out    io.Writer
}

// usageError is a wrong call of a command.
type usageError struct{ error }

// execute runs one command line and gives its exit code. What a person must read goes to standard error.
func execute(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(os.Stdout)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(os.Stderr, sentence(err))
	return exitCode(err)
}

func exitCode(err error) int {
	var usage usageError
	switch {
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown command"):
		return exitUsage
	case agent.CodeOf(err) == agent.CodeAgentNotRunning:
		return exitNotRunning
	}
	return exitFailed
}

// sentence is what a person reads of an error.
func sentence(err error) string {
	if e, ok := errors.AsType[*agent.Error](err); ok {
		if e.Err != nil {
			return fmt.Sprintf("%s (%v)", e.Message, e.Err)
		}
		return e.Message
	}
	return err.Error()
}

func newRoot(out io.Writer) *cobra.Command {
	opts := &options{out: out}
	root := &cobra.Command{
		Use:           "pdvagent",
		Short:         "Agente local do caixa: fidelidade, fila de vendas e pagamentos",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&opts.config, "config", config.DefaultPath(), "arquivo de configuração")
	root.PersistentFlags().BoolVar(&opts.json, "json", false, "saída em JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetOut(out)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		newRun(opts), newDemo(opts), newSandbox(opts), newConfig(opts), newQueue(opts), newStatus(opts), newTraffic(opts), newMember(opts), newPayments(opts), newBoletos(opts), newOrders(opts), newStore(opts), newService(opts), newSetup(opts), newDoctor(opts), newSupportBundle(opts),
		newRoutines(opts), newCatalog(opts), newHistory(opts), newReconcile(opts),
		newBench(opts),
		newVersion(opts),
	)
	return root
}

// print writes value as JSON, or what plain says.
func (o *options) print(value any, plain func(w io.Writer)) error {
	if !o.json {
		plain(o.out)
		return nil
	}
	encoder := json.NewEncoder(o.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// noArgs is cobra.NoArgs as a usage error.
func noArgs(cmd *cobra.Command, args []string) error { return wrongUse(cobra.NoArgs(cmd, args)) }

// oneArg is cobra.ExactArgs(1) as a usage error.
func oneArg(cmd *cobra.Command, args []string) error { return wrongUse(cobra.ExactArgs(1)(cmd, args)) }

func wrongUse(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

func newVersion(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Mostra a versão", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			info := map[string]string{"version": version, "go": goVersion()}
			return opts.print(info, func(w io.Writer) { fmt.Fprintf(w, "pdvagent %s (%s)\n", version, info["go"]) })
		},
	}
}

func goVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.GoVersion
	}
	return ""
}
