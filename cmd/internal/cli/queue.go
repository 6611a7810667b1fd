package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/cmd/internal/usage"
)

func newQueue(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "queue", Short: "A fila de vendas: ver, repetir, corrigir, descartar"}
	cmd.AddCommand(newQueueList(opts), newQueueExport(opts), newQueueShow(opts), newQueueRetry(opts), newQueueRepair(opts), newQueueDiscard(opts), newQueueText(opts))
	return cmd
}

// jobView is a job as the lists of the API show it.
type jobView struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	State     string    `json:"state"`
	Reason    string    `json:"reason,omitempty"`
	Session   string    `json:"transaction_id,omitempty"`
	Coupon    string    `json:"coupon,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Attempts  int       `json:"attempts"`
	Failure   *struct {
		Class  string `json:"class"`
		Status int    `json:"status,omitempty"`
	} `json:"last_error,omitempty"`
	Shape *struct { // of a body that could not be read
		Line, Column int
		Near         string
	} `json:"shape,omitempty"`
}

type jobPage struct {
	Jobs []jobView `json:"jobs"`
	Next string    `json:"next,omitempty"` // id to list after; empty at the end
}

const (
	stateUsage = "esperando, enviado, recusado, retido, anulado, descartado; ou ilegível: o que não pôde ser lido"
	kindUsage  = "confirmação, cancelamento, venda, \"cancelamento de venda\", \"resposta do cliente\", produtos, operadores ou \"vendas antigas\""
)

func newQueueList(opts *Options) *cobra.Command {
	return newList(opts, list[jobPage]{
		short: "Lista registros", path: "/v1/queue", print: printJobs,
		filters: []filter{
			{name: "state", usage: stateUsage, words: jobStates()},
			{name: "kind", usage: kindUsage, words: jobKinds()},
			{name: "after", usage: "depois deste registro"},
			{name: "limit", usage: "quantos, no máximo 500", number: 100},
		},
	})
}

func printJobs(w io.Writer, page jobPage) {
	printTable(w, 0, "Nº\tTIPO\tESTADO\tTENTATIVAS\tCRIADO\tCUPOM OU TRANSAÇÃO\tMOTIVO", func(table io.Writer) {
		for _, job := range page.Jobs {
			name := job.Coupon
			if name == "" {
				name = job.Session
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", job.ID, jobKinds().of(job.Kind), jobStates().of(job.State), job.Attempts, second(job.CreatedAt), name, job.why())
		}
	})
	if page.Next != "" {
		fmt.Fprintf(w, "Há mais: pdvagent queue ls --after %s\n", page.Next)
	}
}

// why says why a job is where it is: the reason of its end, or why it still waits.
func (j jobView) why() string {
	switch {
	case j.Shape != nil && j.Shape.Line > 0:
		return fmt.Sprintf("%s: linha %d, coluna %d, perto de «%s»", reasonInWords(j.Reason), j.Shape.Line, j.Shape.Column, j.Shape.Near)
	case j.Reason != "":
		return reasonInWords(j.Reason)
	case j.Failure != nil && j.State == string(agent.Pending) && j.Failure.Status > 0:
		return fmt.Sprintf("%s %d", jobReasons().of(j.Failure.Class), j.Failure.Status)
	case j.Failure != nil && j.State == string(agent.Pending):
		return jobReasons().of(j.Failure.Class)
	}
	return ""
}

func newQueueExport(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "export", Short: "Escreve todos os registros, um JSON por linha, sem dados pessoais", Args: usage.NoArgs}
	query := addFilters(cmd, []filter{
		{name: "state", usage: stateUsage, words: jobStates()},
		{name: "kind", usage: kindUsage, words: jobKinds()},
	})
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		client, err := opts.client()
		if err != nil {
			return err
		}
		parameters := query()
		parameters.Set("limit", "500")
		for {
			var page struct {
				Jobs []json.RawMessage
				Next string
			}
			if err := client.Call(cmd.Context(), http.MethodGet, "/v1/queue?"+parameters.Encode(), nil, &page); err != nil {
				return err
			}
			for _, job := range page.Jobs {
				fmt.Fprintf(opts.out, "%s\n", job)
			}
			if page.Next == "" {
				return nil
			}
			parameters.Set("after", page.Next)
		}
	}
	return cmd
}

func newQueueRetry(opts *Options) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "retry NÚMERO | --reason MOTIVO", Short: "Tenta de novo já: um registro, ou todos os retidos por um motivo",
		Args: func(cmd *cobra.Command, args []string) error {
			if reason != "" {
				return usage.NoArgs(cmd, args)
			}
			return oneArg(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason != "" {
				return opts.retryHeld(cmd.Context(), reason)
			}
			return ask(cmd, opts, request{http.MethodPost, "/v1/queue/" + url.PathEscape(args[0]) + "/retry", nil}, printJob)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "todos os retidos por este motivo: copia (os dados são um clone) ou resgate (de um arquivo danificado ou de um backup)")
	return cmd
}

// retryHeld sends what a copy or a backup left held, oldest first: a person has decided for all of it.
func (o *Options) retryHeld(ctx context.Context, reason string) error {
	reason = vocabulary{agent.ReasonCloned: "copia", agent.ReasonSalvaged: "resgate"}.code(reason)
	if reason != agent.ReasonCloned && reason != agent.ReasonSalvaged {
		return usage.Wrong(errors.New("--reason aceita copia ou resgate; os outros retidos se corrigem um a um (queue repair)"))
	}
	client, err := o.client()
	if err != nil {
		return err
	}
	released := 0
	for page := (jobPage{}); ; {
		query := url.Values{"state": {string(agent.Held)}, "limit": {"500"}}
		if page.Next != "" {
			query.Set("after", page.Next)
		}
		page = jobPage{}
		if err := client.Call(ctx, http.MethodGet, "/v1/queue?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		for _, job := range page.Jobs {
			if job.Reason != reason {
				continue
			}
			if err := client.Call(ctx, http.MethodPost, "/v1/queue/"+job.ID+"/retry", nil, new(json.RawMessage)); err != nil {
				return err
			}
			released++
		}
		if page.Next == "" {
			break
		}
	}
	return o.Print(map[string]int{"released": released}, func(w io.Writer) { fmt.Fprintf(w, "%d registros voltam a ser enviados.\n", released) })
}

func newQueueDiscard(opts *Options) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "discard NÚMERO --reason MOTIVO", Short: "Encerra um registro sem enviar", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usage.Wrong(errors.New("informe --reason"))
			}
			return ask(cmd, opts, request{http.MethodPost, "/v1/queue/" + url.PathEscape(args[0]) + "/discard", map[string]string{"reason": reason}}, printJob)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "por que não enviar")
	return cmd
}

func newQueueRepair(opts *Options) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "repair NÚMERO --file ARQUIVO", Short: "Troca o conteúdo de um registro retido ou recusado", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return usage.Wrong(errors.New("informe --file com o JSON corrigido (valores mascarados podem ficar como estão)"))
			}
			body, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return ask(cmd, opts, request{http.MethodPut, "/v1/queue/" + url.PathEscape(args[0]) + "/body", json.RawMessage(body)}, printRepaired)
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "arquivo JSON com o corpo corrigido")
	return cmd
}

func newQueueText(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "text NÚMERO", Short: "Escreve, como veio, o que não pôde ser lido (token admin); tem dados pessoais", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			status, body, err := client.get(cmd.Context(), "/v1/queue/"+url.PathEscape(args[0])+"/text")
			if err != nil {
				return err
			}
			if status != http.StatusOK {
				return agent.Errorf(agent.CodeNotFound, nil, "Não há nada guardado com este número, ou a configuração não tem token admin.")
			}
			_, err = opts.out.Write(body)
			return err
		},
	}
}
