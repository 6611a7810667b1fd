// Package cli is the hub's command line: serve runs it, invite and tills work beside it on the same data folder. No command
// decides anything.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"pdvagent/cmd/internal/usage"
)

// Exit codes.
const (
	ExitDone = iota
	ExitFailed
	ExitUsage
)

// options are the flags of every command.
type options struct {
	dir  string
	json bool
	out  io.Writer
}

// Execute runs one command line and gives its exit code.
func Execute(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(os.Stdout)
	root.SetArgs(args)
	err := usage.Named(root.ExecuteContext(ctx))
	if err == nil {
		return ExitDone
	}
	fmt.Fprintln(os.Stderr, err)
	var wrong usage.Error
	if errors.As(err, &wrong) {
		return ExitUsage
	}
	return ExitFailed
}

func newRoot(out io.Writer) *cobra.Command {
	o := &options{out: out}
	root := &cobra.Command{Use: "pdvhub", Short: "O hub da rede: como estão todos os caixas", SilenceUsage: true, SilenceErrors: true}
	root.PersistentFlags().StringVar(&o.dir, "data-dir", defaultDir(), "pasta de dados do hub")
	root.PersistentFlags().BoolVar(&o.json, "json", false, "saída em JSON")
	root.SetOut(out)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newServe(o), newInvite(o), newTills(o))
	usage.InPortuguese(root)
	return root
}

func defaultDir() string {
	dir, err := filepath.Abs("pdvhub-dados")
	if err != nil {
		return "pdvhub-dados"
	}
	return dir
}

// print writes value as JSON, or what plain says.
func (o *options) print(value any, plain func(w io.Writer) error) error {
	if !o.json {
		return plain(o.out)
	}
	encoder := json.NewEncoder(o.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
