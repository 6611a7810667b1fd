package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// jobLine is a job as the lists of the local API give it.
type jobLine struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	State     string    `json:"state"`
	Reason    string    `json:"reason,omitempty"`
	Session   string    `json:"transaction_id,omitempty"`
	Coupon    string    `json:"coupon,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	Attempts  int       `json:"attempts"`
	Failure   *struct {
		Class  string `json:"class"`
		Status int    `json:"status,omitempty"`
	} `json:"last_error,omitempty"`
}

type jobPage struct {
	Jobs []jobLine `json:"jobs"`
	Next string    `json:"next,omitempty"`
}

func newQueue(opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "queue", Short: "A fila de vendas: ver, repetir, corrigir, descartar"}
	cmd.AddCommand(newQueueList(opts), newQueueExport(opts), newQueueShow(opts), newQueueRetry(opts), newQueueRepair(opts), newQueueDiscard(opts))
	return cmd
}

func newQueueList(opts *options) *cobra.Command {
	var state, kind, after string
	var limit int
	cmd := &cobra.Command{
		Use: "ls", Short: "Lista registros", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			var page jobPage
			if err := client.call(cmd.Context(), http.MethodGet, "/v1/queue?"+listQuery(state, kind, after, limit), nil, &page); err != nil {
				return err
			}
			return opts.print(page, func(w io.Writer) { printJobs(w, page) })
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "pending, sent, dead, held, annulled ou discarded")
	cmd.Flags().StringVar(&kind, "kind", "", "confirm, cancel, coupon, coupon-cancellation, message, products, operators ou coupons-list")
	cmd.Flags().StringVar(&after, "after", "", "depois deste registro")
	cmd.Flags().IntVar(&limit, "limit", 100, "quantos, no máximo 500")
	return cmd
}

func listQuery(state, kind, after string, limit int) string {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	for name, value := range map[string]string{"state": state, "kind": kind, "after": after} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query.Encode()
}

func printJobs(w io.Writer, page jobPage) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "Nº\tTIPO\tESTADO\tTENTATIVAS\tCRIADO\tCUPOM OU TRANSAÇÃO\tMOTIVO")
	for _, job := range page.Jobs {
		name, reason := job.Coupon, job.Reason
		if name == "" {
			name = job.Session
		}
		if reason == "" && job.Failure != nil {
			reason = fmt.Sprintf("%s %d", job.Failure.Class, job.Failure.Status)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", job.ID, job.Kind, job.State, job.Attempts,
			job.CreatedAt.Local().Format("02/01 15:04:05"), name, reason)
	}
	_ = table.Flush() // standard output: nobody to tell
	if page.Next != "" {
		fmt.Fprintf(w, "Há mais: pdvagent queue ls --after %s\n", page.Next)
	}
}

func newQueueExport(opts *options) *cobra.Command {
	var state, kind string
	cmd := &cobra.Command{
		Use: "export", Short: "Escreve todos os registros, um JSON por linha, sem dados pessoais", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			for after := ""; ; {
				var page struct {
					Jobs []json.RawMessage
					Next string
				}
				if err := client.call(cmd.Context(), http.MethodGet, "/v1/queue?"+listQuery(state, kind, after, 500), nil, &page); err != nil {
					return err
				}
				for _, job := range page.Jobs {
					fmt.Fprintf(opts.out, "%s\n", job)
				}
				if after = page.Next; after == "" {
					return nil
				}
			}
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "pending, sent, dead, held, annulled ou discarded")
	cmd.Flags().StringVar(&kind, "kind", "", "confirm, cancel, coupon ou coupon-cancellation")
	return cmd
}

func newQueueShow(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "show NÚMERO", Short: "Mostra um registro inteiro, com dados pessoais mascarados", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return opts.jobCall(cmd, http.MethodGet, args[0], "", nil)
		},
	}
}

func newQueueRetry(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "retry NÚMERO", Short: "Tenta de novo já", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return opts.jobCall(cmd, http.MethodPost, args[0], "/retry", nil)
		},
	}
}

func newQueueDiscard(opts *options) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "discard NÚMERO --reason MOTIVO", Short: "Encerra um registro sem enviar", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usageError{errors.New("informe --reason")}
			}
			return opts.jobCall(cmd, http.MethodPost, args[0], "/discard", map[string]string{"reason": reason})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "por que não enviar")
	return cmd
}

func newQueueRepair(opts *options) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "repair NÚMERO --file ARQUIVO", Short: "Troca o conteúdo de um registro retido ou recusado", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return usageError{errors.New("informe --file com o JSON corrigido (valores mascarados podem ficar como estão)")}
			}
			body, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return opts.jobCall(cmd, http.MethodPut, args[0], "/body", json.RawMessage(body))
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "arquivo JSON com o corpo corrigido")
	return cmd
}

// jobCall does one thing to one job and shows the answer as it is.
func (o *options) jobCall(cmd *cobra.Command, method, id, action string, body any) error {
	client, err := o.client()
	if err != nil {
		return err
	}
	var answer json.RawMessage
	if err := client.call(cmd.Context(), method, "/v1/queue/"+url.PathEscape(id)+action, body, &answer); err != nil {
		return err
	}
	var text bytes.Buffer // the answer's own order and spelling of numbers: it may come back as a repair
	if err := json.Indent(&text, answer, "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintln(o.out, text.String())
	return err
}
