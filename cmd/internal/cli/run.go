package cli

import (
	"context"

	"github.com/spf13/cobra"

	"pdvagent/agent/ops/service"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

func newRun(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Executa o agente: em primeiro plano, ou para o gerenciador de serviços que o iniciou", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return service.Run(cmd.Context(), func(ctx context.Context, ready func()) error { return app.Serve(ctx, opts.config, ready) })
		},
	}
}

func newWatchdog(*Options) *cobra.Command {
	return &cobra.Command{
		Use: service.WatchdogCommand, Short: "Vigia do serviço do Windows: o agente o inicia e o encerra", Hidden: true, Args: usage.NoArgs,
		RunE: func(*cobra.Command, []string) error { return service.Watchdog() },
	}
}
