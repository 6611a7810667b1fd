package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"pdvagent/agent/config"
)

func newStore(opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: "Os arquivos de dados, com o agente parado"}
	cmd.AddCommand(&cobra.Command{
		Use: "compact", Short: "Reescreve o banco de dados sem o que já foi apagado", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, _, err := config.Load(opts.config, os.LookupEnv)
			if err != nil {
				return err
			}
			before, after, err := compact(cfg)
			if err != nil {
				return err
			}
			return opts.print(map[string]int64{"bytes_before": before, "bytes_after": after}, func(w io.Writer) {
				fmt.Fprintf(w, "O banco de dados tinha %d bytes e tem %d.\n", before, after)
			})
		},
	})
	return cmd
}

// compact works on the file of a stopped agent, and gives its length before and after.
func compact(cfg config.Config) (before, after int64, err error) {
	queue, err := openStore(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, 0, err
	}
	_, before = queue.Slack()
	if err := queue.Compact(); err != nil {
		_ = queue.Close() // the failure is what matters
		return 0, 0, err
	}
	_, after = queue.Slack()
	return before, after, queue.Close()
}
