package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/doctor"
	"pdvagent/agent/ops/service"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

func newService(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "service", Short: "O serviço do sistema operacional: instalar, iniciar, parar, ver"}
	cmd.AddCommand(
		opts.serviceVerb("install", "Registra o serviço, ou repara o registro; o que um administrador mudou fica", "instalado", opts.installService),
		opts.serviceVerb("ensure", "Deixa o serviço instalado e em execução; não inicia um que foi desativado", "como deve ser", opts.ensureService),
		opts.serviceVerb("uninstall", "Remove o registro do serviço; dados e configuração ficam", "removido", func(ctx context.Context, m service.Manager) ([]string, error) {
			return opts.pendingWarning(ctx), m.Uninstall(ctx)
		}),
		opts.serviceVerb("start", "Inicia o serviço e espera que responda", "em execução", func(ctx context.Context, m service.Manager) ([]string, error) {
			return nil, m.Start(ctx)
		}),
		opts.serviceVerb("stop", "Para o serviço; o que está em andamento termina antes", "parado", func(ctx context.Context, m service.Manager) ([]string, error) {
			return nil, m.Stop(ctx)
		}),
		opts.serviceVerb("restart", "Para e inicia o serviço", "em execução", func(ctx context.Context, m service.Manager) ([]string, error) {
			if err := m.Stop(ctx); err != nil {
				return nil, err
			}
			return nil, m.Start(ctx)
		}),
		newServiceStatus(opts),
	)
	return cmd
}

// serviceVerb is a command that changes the service and then prints its state; do gives notes for standard error.
func (o *Options) serviceVerb(use, short, done string, do func(context.Context, service.Manager) ([]string, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			manager, err := o.manager()
			if err != nil {
				return err
			}
			notes, err := do(cmd.Context(), manager)
			for _, note := range notes {
				fmt.Fprintln(cmd.ErrOrStderr(), note)
			}
			if err != nil {
				return o.withDiagnosis(cmd.Context(), err)
			}
			status, err := manager.Status(cmd.Context())
			if err != nil {
				return err
			}
			return o.Print(status, func(w io.Writer) { fmt.Fprintf(w, "Serviço pdvagent: %s.\n", done) })
		},
	}
}

// withDiagnosis adds the doctor's findings to the error of a start that failed.
func (o *Options) withDiagnosis(ctx context.Context, err error) error {
	failure, ok := errors.AsType[*agent.Error](err)
	if !ok || !errors.Is(err, service.ErrDied) {
		return err
	}
	if reason := o.startFailures(ctx); reason != "" {
		return agent.Errorf(failure.Code, failure.Err, "%s %s", failure.Message, reason)
	}
	return err
}

// startFailures are the doctor's failures that keep a stopped agent from starting.
func (o *Options) startFailures(ctx context.Context) string {
	findings := o.examine(ctx, "config", "data-folder", "data-local", "disk-space", "timezone", "port", "store-verify")
	var reasons []string
	for _, f := range findings {
		if f.Verdict == doctor.Fail {
			reasons = append(reasons, findingLine(f))
		}
	}
	return strings.Join(reasons, " ")
}

func (o *Options) installService(ctx context.Context, manager service.Manager) ([]string, error) {
	if _, _, err := config.Load(o.config, os.LookupEnv); err != nil {
		return nil, agent.Errorf(agent.CodeBadConfig, nil, "O serviço não foi instalado: corrija antes a configuração %s.\n%v", o.config, err)
	}
	return manager.Install(ctx)
}

func (o *Options) ensureService(ctx context.Context, manager service.Manager) ([]string, error) {
	notes, err := o.installService(ctx, manager)
	if err != nil {
		return notes, err
	}
	status, err := manager.Status(ctx)
	if err != nil {
		return notes, err
	}
	if status.Start == "disabled" || status.Start == "manual" || status.Start == "masked" {
		return append(notes, "O serviço não foi iniciado: um administrador o deixou como "+status.Start+"."), nil
	}
	return notes, manager.Start(ctx)
}

// manager is the service manager for this program and this configuration.
func (o *Options) manager() (service.Manager, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return app.ServiceManager(program, o.config)
}

func newServiceStatus(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Como está o serviço; termina com 3 quando não está em execução", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			manager, err := opts.manager()
			if err != nil {
				return err
			}
			status, err := manager.Status(cmd.Context())
			if err != nil {
				return err
			}
			if err := opts.Print(status, func(w io.Writer) { printService(w, status) }); err != nil {
				return err
			}
			if status.State != service.Running {
				return agent.Errorf(agent.CodeAgentNotRunning, nil, "O serviço não está em execução.")
			}
			return nil
		},
	}
}

func printService(w io.Writer, status service.Status) {
	fmt.Fprintf(w, "situação: %s\n", serviceStates().of(string(status.State)))
	for _, line := range []struct{ name, value string }{
		{"início", status.Start}, {"conta", status.Account}, {"comando", status.Command},
	} {
		if line.value != "" {
			fmt.Fprintf(w, "%s: %s\n", line.name, line.value)
		}
	}
	if status.PID != 0 {
		fmt.Fprintf(w, "processo: %d\n", status.PID)
	}
	if status.Exit != 0 {
		fmt.Fprintf(w, "último término: código %d\n", status.Exit)
	}
}
