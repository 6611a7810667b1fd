package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/ops/routine"
	"pdvagent/cmd/internal/usage"
)

func newRoutines(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "routines", Short: "O que roda pelo relógio: ver e rodar já"}
	cmd.AddCommand(newRoutinesList(opts), newRoutinesRun(opts))
	return cmd
}

type routinePage struct {
	Routines []routine.Entry `json:"routines"`
}

type runPage struct {
	Runs []routine.Report `json:"runs"`
}

func newRoutinesList(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "ls [NOME]", Short: "Lista as rotinas, ou as execuções de uma", Args: func(cmd *cobra.Command, args []string) error {
			return usage.Arguments(cmd, cobra.MaximumNArgs(1)(cmd, args))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return ask(cmd, opts, request{method: http.MethodGet, path: "/v1/routines"}, printRoutines)
			}
			runs := request{method: http.MethodGet, path: "/v1/routines/" + url.PathEscape(args[0]) + "/runs"}
			return ask(cmd, opts, runs, func(w io.Writer, page runPage) { printRuns(w, page.Runs) })
		},
	}
}

func printRoutines(w io.Writer, page routinePage) {
	printTable(w, 0, "ROTINA\tQUANDO\tPRÓXIMA\tÚLTIMA\tRESULTADO", func(table io.Writer) {
		for _, e := range page.Routines {
			when, next, last, result := e.When, "-", "-", "-"
			if e.Every == "" && len(e.At) == 0 {
				when = "só quando pedida"
			}
			switch {
			case e.Running != nil:
				next = "em execução"
			case !e.Here:
				next = "só no caixa principal"
			case e.NextAt != nil:
				next = second(*e.NextAt)
			}
			if e.Last != nil && e.Last.EndedAt != nil {
				last, result = second(*e.Last.EndedAt), stateInWords(e.Last.State)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", e.Name, when, next, last, result)
		}
	})
}

func stateInWords(state routine.State) string {
	return map[routine.State]string{
		routine.Running: "em execução", routine.Done: "ok", routine.Failed: "com falhas", routine.Interrupted: "interrompida",
	}[state]
}

func printRuns(w io.Writer, runs []routine.Report) {
	if len(runs) == 0 {
		fmt.Fprintln(w, "Ainda não rodou.")
	}
	for _, run := range runs {
		fmt.Fprintf(w, "%s  %s  %s\n", second(run.StartedAt), stateInWords(run.State), countsInWords(run))
		for _, fault := range run.Errors {
			fmt.Fprintf(w, "    %s\n", fault)
		}
	}
}

func newRoutinesRun(opts *Options) *cobra.Command {
	var full, confirm, noWait bool
	cmd := &cobra.Command{
		Use: "run NOME", Short: "Roda uma rotina já e espera o resultado", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			path := "/v1/routines/" + url.PathEscape(args[0])
			query := url.Values{}
			if full {
				query.Set("full", "1")
			}
			if confirm {
				query.Set("confirm", "1")
			}
			var run routine.Report
			if err := client.Call(cmd.Context(), http.MethodPost, path+"/run?"+query.Encode(), struct{}{}, &run); err != nil {
				return err
			}
			if !noWait {
				if run, err = opts.follow(cmd.Context(), client, path, run); err != nil {
					return err
				}
			}
			if err := opts.Print(run, func(w io.Writer) { printRuns(w, []routine.Report{run}) }); err != nil {
				return err
			}
			if run.State == routine.Failed || run.State == routine.Interrupted {
				return agent.Errorf(agent.CodeInternal, nil, "A rotina terminou com falhas.")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&full, "full", false, "products e operators: envia tudo, não só o que mudou")
	cmd.Flags().BoolVar(&confirm, "confirm", false, "products e operators: aceita uma carga completa muito menor que a anterior")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "não espera o fim")
	return cmd
}

// follow waits for the end of a run. It shows the progress on standard error: on a terminal as text, with --json as JSON.
func (o *Options) follow(ctx context.Context, client *Client, path string, run routine.Report) (routine.Report, error) {
	ticker := time.NewTicker(300 * time.Millisecond)
	defer ticker.Stop()
	shown := ""
	for {
		var page runPage
		if err := client.Call(ctx, http.MethodGet, path+"/runs", nil, &page); err != nil {
			return run, err
		}
		i := slices.IndexFunc(page.Runs, func(r routine.Report) bool { return r.ID == run.ID })
		if i < 0 {
			return run, agent.Errorf(agent.CodeNotFound, nil, "A execução %s não está mais na lista.", run.ID)
		}
		run = page.Runs[i]
		if run.State != routine.Running {
			return run, nil
		}
		counts := countsInWords(run)
		switch {
		case counts == shown:
		case o.json:
			_ = json.NewEncoder(os.Stderr).Encode(run) // the result goes to standard output
		case isTerminal(os.Stderr):
			fmt.Fprintf(os.Stderr, "\r%s … %s", run.Routine, counts)
		}
		shown = counts
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return run, ctx.Err()
		}
	}
}
