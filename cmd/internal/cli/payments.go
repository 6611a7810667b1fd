package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/payments"
)

func newPayments(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "payments", Short: "Pagamentos: ver, e encerrar os que pedem uma decisão"}
	cmd.AddCommand(newPaymentsList(opts), newPaymentsShow(opts), newPaymentsResolve(opts))
	return cmd
}

// paymentView is a payment as the API shows it.
type paymentView struct {
	ID         string               `json:"id"`
	Kind       payments.Kind        `json:"kind"`
	Provider   string               `json:"provider"`
	Status     payments.State       `json:"status"`
	Detail     string               `json:"detail,omitempty"`
	Amount     agent.Cents          `json:"amount"`
	Received   *agent.Cents         `json:"received,omitempty"`
	Reference  string               `json:"reference,omitempty"`
	CreatedAt  time.Time            `json:"created_at"`
	UpdatedAt  time.Time            `json:"updated_at"`
	ExpiresAt  *time.Time           `json:"expires_at"`
	Attention  bool                 `json:"attention"`
	Resolution *payments.Resolution `json:"resolution,omitempty"`
	Events     []payments.Event     `json:"events,omitempty"`
}

type paymentPage struct {
	Payments []paymentView `json:"payments"`
}

func newPaymentsList(opts *Options) *cobra.Command {
	return newList(opts, list[paymentPage]{
		short: "Lista pagamentos, os mais novos primeiro", path: "/v1/payments", print: printPayments,
		filters: []filter{
			{name: "status", usage: "só os deste estado, por exemplo \"esperando o pagamento\"", words: paymentStates()},
			{name: "since", usage: "só os que mudaram desde AAAA-MM-DD"},
			{name: "reference", usage: "só os desta referência do caixa"},
			{name: "attention", usage: "só os que pedem uma decisão", isSwitch: true},
		},
	})
}

func printPayments(w io.Writer, page paymentPage) {
	printTable(w, 0, "ID\tTIPO\tESTADO\tVALOR\tCRIADO\tREFERÊNCIA\t", func(table io.Writer) {
		for _, p := range page.Payments {
			fmt.Fprintf(table, "%s\t%s\t%s%s\t%s\t%s\t%s\t\n", p.ID, paymentKinds().of(string(p.Kind)), paymentStates().of(string(p.Status)), attentionMark(p.Attention), p.Amount.Reais(), minute(p.CreatedAt), p.Reference)
		}
	})
	for _, p := range page.Payments {
		if p.Attention {
			fmt.Fprintf(w, "\n%s: %s\n", p.ID, p.Detail)
		}
	}
}

func newPaymentsShow(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Um pagamento e a sua história", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd, opts, request{method: http.MethodGet, path: "/v1/payments/" + url.PathEscape(args[0])}, printPayment)
		},
	}
}

func printPayment(w io.Writer, p paymentView) {
	printPayments(w, paymentPage{[]paymentView{p}})
	if p.Detail != "" && !p.Attention {
		fmt.Fprintf(w, "\n%s\n", p.Detail)
	}
	fmt.Fprintln(w)
	for _, event := range p.Events {
		fmt.Fprintf(w, "%s  %-22s %s\n", second(event.At), paymentStates().of(string(event.State)), event.Detail)
	}
	if r := p.Resolution; r != nil {
		fmt.Fprintf(w, "%s  resolvido por %s: %s\n", second(r.At), r.By, r.Reason)
	}
}

func newPaymentsResolve(opts *Options) *cobra.Command {
	return newResolve(opts, resolution[paymentView]{
		use: "resolve ID", short: "Encerra um pagamento que pede decisão: o estado fica, o motivo é guardado",
		path: "/v1/payments/", example: "devolvido por Pix, entregue",
		done: func(p paymentView) string {
			return fmt.Sprintf("Encerrado: %s continua como %s.", p.ID, paymentStates().of(string(p.Status)))
		},
	})
}
