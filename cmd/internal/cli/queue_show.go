package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"pdvagent/agent"
)

// jobDetail is one job as the API shows it alone.
type jobDetail struct {
	jobView
	Faults []agent.Fault `json:"faults"`
	Answer *struct {
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body"`
	} `json:"last_answer"`
	Body json.RawMessage `json:"body"`
}

func newQueueShow(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "show NÚMERO", Short: "Mostra um registro, o que há de errado e o que fazer; dados pessoais mascarados", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			var answer json.RawMessage // with its own order and spelling of numbers: it may come back as a repair
			if err := client.Call(cmd.Context(), http.MethodGet, "/v1/queue/"+url.PathEscape(args[0]), nil, &answer); err != nil {
				return err
			}
			var job jobDetail
			if err := json.Unmarshal(answer, &job); err != nil {
				return err
			}
			return opts.Print(answer, func(w io.Writer) { printJobDetail(w, job) })
		},
	}
}

// printJob says in a sentence where a job is.
func printJob(w io.Writer, job jobView) {
	if job.State == string(agent.Damaged) {
		fmt.Fprintf(w, "Registro %s: o disco o danificou, e o agente está refazendo o banco de dados. Repita em instantes; se continuar, veja pdvagent status.\n", job.ID)
		return
	}
	fmt.Fprintf(w, "Registro %s: %s, %s desde %s.\n", job.ID, jobKinds().of(job.Kind), jobStates().of(job.State), second(job.UpdatedAt))
	if why := job.why(); why != "" {
		fmt.Fprintf(w, "Por quê: %s.\n", why)
	}
}

func printJobDetail(w io.Writer, job jobDetail) {
	printJob(w, job.jobView)
	if job.Coupon != "" {
		fmt.Fprintf(w, "Cupom: %s\n", job.Coupon)
	}
	if job.Session != "" {
		fmt.Fprintf(w, "Transação: %s\n", job.Session)
	}
	for _, fault := range job.Faults {
		fmt.Fprintf(w, "  %s: %s\n", fault.Field, fault.Detail)
	}
	if todo := job.todo(); todo != "" {
		fmt.Fprintf(w, "O que fazer: %s\n", todo)
	}
	if job.Answer != nil {
		fmt.Fprintf(w, "\nA Mercafácil respondeu %d:\n%s", job.Answer.Status, indented(job.Answer.Body))
	}
	if len(job.Body) > 0 {
		fmt.Fprintf(w, "\nO que vai à Mercafácil, mascarado:\n%s", indented(job.Body))
	}
}

// todo says what a person can do for a job.
func (j jobView) todo() string {
	switch {
	case j.State == "unread":
		return fmt.Sprintf("pdvagent queue text %[1]s > venda.json, corrija, e pdvagent queue repair %[1]s --file venda.json; ou pdvagent queue discard %[1]s --reason MOTIVO.", j.ID)
	case j.State == string(agent.Held) && (j.Reason == agent.ReasonSalvaged || j.Reason == agent.ReasonCloned):
		return fmt.Sprintf("pdvagent queue retry %[1]s envia (a Mercafácil recusa o que já tem); pdvagent queue discard %[1]s --reason MOTIVO desiste.", j.ID)
	case j.State == string(agent.Held), j.State == string(agent.Dead):
		return fmt.Sprintf("corrija a venda no ERP ou o programa do caixa, e pdvagent queue repair %[1]s --file venda.json; ou pdvagent queue discard %[1]s --reason MOTIVO.", j.ID)
	}
	return ""
}

// indented is a JSON text for a person; nothing for none.
func indented(text json.RawMessage) string {
	var out bytes.Buffer
	if len(text) == 0 || json.Indent(&out, text, "", "  ") != nil {
		return ""
	}
	return out.String() + "\n"
}

// repaired is the answer to a repair.
type repaired struct {
	Job      string   `json:"job"`
	Warnings []string `json:"warnings"`
}

func printRepaired(w io.Writer, r repaired) {
	fmt.Fprintf(w, "Corrigido: vai como registro %s.\n", r.Job)
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, warning)
	}
}
