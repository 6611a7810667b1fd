package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/routine"
)

func newRoutines(opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "routines", Short: "O que roda pelo relógio: ver e rodar já"}
	cmd.AddCommand(newRoutinesList(opts), newRoutinesRun(opts))
	return cmd
}

func newRoutinesList(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls [NOME]", Short: "Lista as rotinas, ou as execuções de uma", Args: func(cmd *cobra.Command, args []string) error { return wrongUse(cobra.MaximumNArgs(1)(cmd, args)) },
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				var page struct {
					Runs []routine.Report `json:"runs"`
				}
				if err := client.call(cmd.Context(), http.MethodGet, "/v1/routines/"+url.PathEscape(args[0])+"/runs", nil, &page); err != nil {
					return err
				}
				return opts.print(page, func(w io.Writer) { printRuns(w, page.Runs) })
			}
			var page struct {
				Routines []routine.Entry `json:"routines"`
			}
			if err := client.call(cmd.Context(), http.MethodGet, "/v1/routines", nil, &page); err != nil {
				return err
			}
			return opts.print(page, func(w io.Writer) { printRoutines(w, page.Routines) })
		},
	}
}

func printRoutines(w io.Writer, entries []routine.Entry) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROTINA\tQUANDO\tPRÓXIMA\tÚLTIMA\tRESULTADO")
	for _, e := range entries {
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
			next = shopTime(*e.NextAt)
		}
		if e.Last != nil && e.Last.EndedAt != nil {
			last, result = shopTime(*e.Last.EndedAt), stateInWords(e.Last.State)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", e.Name, when, next, last, result)
	}
	_ = table.Flush() // to the terminal
}

func shopTime(at time.Time) string { return at.Local().Format("02/01 15:04:05") }

func stateInWords(state routine.State) string {
	return map[routine.State]string{
		routine.Running: "em execução", routine.Done: "ok", routine.Failed: "com falhas", routine.Interrupted: "interrompida",
	}[state]
}

func printRuns(w io.Writer, runs []routine.Report) {
	for _, run := range runs {
		fmt.Fprintf(w, "%s  %s  %s\n", shopTime(run.StartedAt), stateInWords(run.State), countsInWords(run))
		for _, fault := range run.Errors {
			fmt.Fprintf(w, "    %s\n", fault)
		}
	}
}

func countsInWords(run routine.Report) string {
	names := map[string]string{
		"accepted": "certos", "changed": "enviados", "unchanged": "sem mudança", "rejected": "recusados", "batches": "lotes", "removed": "sumiram",
		"pending": "esperando", "delivered": "entregues", "hastened": "adiantados", "abandoned": "abandonadas", "unconfirmed": "sem confirmação",
		"values_read": "valores lidos", "bodies_dropped": "corpos apagados", "heads_dropped": "registros de mais de 400 dias apagados", "bytes_freed": "bytes liberados", "bytes": "bytes copiados",
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(run.Counts)) {
		word, known := names[name]
		if !known {
			word = name
		}
		parts = append(parts, fmt.Sprintf("%d %s", run.Counts[name], word))
	}
	return strings.Join(parts, ", ")
}

func newRoutinesRun(opts *options) *cobra.Command {
	var everything, noWait bool
	cmd := &cobra.Command{
		Use: "run NOME", Short: "Roda uma rotina já e espera o resultado", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			path := "/v1/routines/" + url.PathEscape(args[0])
			query := ""
			if everything {
				query = "?full=1"
			}
			var run routine.Report
			if err := client.call(cmd.Context(), http.MethodPost, path+"/run"+query, struct{}{}, &run); err != nil {
				return err
			}
			if !noWait {
				if run, err = opts.follow(cmd.Context(), client, path, run); err != nil {
					return err
				}
			}
			if err := opts.print(run, func(w io.Writer) { printRuns(w, []routine.Report{run}) }); err != nil {
				return err
			}
			if run.State == routine.Failed || run.State == routine.Interrupted {
				return agent.Errorf(agent.CodeInternal, nil, "A rotina terminou com falhas.")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&everything, "full", false, "products e operators: envia tudo, não só o que mudou")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "não espera o fim")
	return cmd
}

// follow waits for the end of a run, and shows on the terminal how far it is.
func (o *options) follow(ctx context.Context, client *localClient, path string, run routine.Report) (routine.Report, error) {
	ticker := time.NewTicker(300 * time.Millisecond)
	defer ticker.Stop()
	told := ""
	for {
		var page struct {
			Runs []routine.Report `json:"runs"`
		}
		if err := client.call(ctx, http.MethodGet, path+"/runs", nil, &page); err != nil {
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
		words := countsInWords(run)
		switch {
		case words == told:
		case o.json:
			_ = json.NewEncoder(os.Stderr).Encode(run) // progress: the result goes to stdout
		case terminal(os.Stderr):
			fmt.Fprintf(os.Stderr, "\r%s … %s", run.Routine, words)
		}
		told = words
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return run, ctx.Err()
		}
	}
}
