package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/ops/doctor"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

func newDoctor(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Verifica a instalação: o que viu, como sabe e o que fazer", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := opts.examine(cmd.Context())
			if err := opts.Print(map[string]any{"verdict": doctor.Worst(findings), "findings": findings}, func(w io.Writer) { doctor.Print(w, findings) }); err != nil {
				return err
			}
			if doctor.Worst(findings) == doctor.Fail {
				return agent.Errorf(agent.CodeDamaged, nil, "Há falhas: veja acima o que fazer.")
			}
			return nil
		},
	}
}

// examine checks the installation of the configuration file; only names checks, none: all.
func (o *Options) examine(ctx context.Context, only ...string) []doctor.Finding {
	return app.Installation{File: o.config}.Examine(ctx, nil, only...)
}
