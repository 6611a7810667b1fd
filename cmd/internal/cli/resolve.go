package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"pdvagent/cmd/internal/usage"
)

// resolution is a command that records a person's decision about something that asks for one. T is the API's answer.
type resolution[T any] struct {
	use, short string
	path       string // of the API, before the id
	example    string // of a reason
	done       func(T) string
}

func newResolve[T any](opts *Options, r resolution[T]) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: r.use, Short: r.short, Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usage.Wrong(fmt.Errorf("informe --reason: o que foi feito com o dinheiro"))
			}
			call := request{http.MethodPost, r.path + url.PathEscape(args[0]) + "/resolve", map[string]string{"reason": reason}}
			return ask(cmd, opts, call, func(w io.Writer, answer T) { fmt.Fprintln(w, r.done(answer)) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "o que foi feito, por exemplo: "+r.example)
	return cmd
}
