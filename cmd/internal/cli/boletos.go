package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
)

func newBoletos(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "boletos", Short: "Boletos: ver, registrar os emitidos em outro lugar, e encerrar os que pedem uma decisão"}
	cmd.AddCommand(newBoletosList(opts), newBoletosImport(opts), newBoletosResolve(opts))
	return cmd
}

// boletoView is a boleto as the API shows it.
type boletoView struct {
	NossoNumero string       `json:"nosso_numero"`
	SeuNumero   string       `json:"seu_numero,omitempty"`
	Status      string       `json:"status"`
	Detail      string       `json:"detail,omitempty"`
	Due         string       `json:"due_date"`
	Expected    agent.Cents  `json:"expected"`
	Received    *agent.Cents `json:"received"`
	Difference  *agent.Cents `json:"difference"`
	PaidOn      *string      `json:"paid_on"`
	CreditOn    *string      `json:"credit_on"`
	Channel     *string      `json:"channel"`
	Attention   bool         `json:"attention"`
	UpdatedAt   time.Time    `json:"updated_at"`
}

type boletoPage struct {
	Boletos []boletoView `json:"boletos"`
}

func newBoletosList(opts *Options) *cobra.Command {
	return newList(opts, list[boletoPage]{
		short: "Lista boletos, os que mudaram por último primeiro", path: "/v1/boletos", print: printBoletos,
		filters: []filter{
			{name: "status", usage: "só os deste estado: aberto, pago, baixado ou conferir", words: boletoStates()},
			{name: "since", usage: "só os que mudaram desde AAAA-MM-DD"},
		},
	})
}

func printBoletos(w io.Writer, page boletoPage) {
	printTable(w, 0, "NOSSO NÚMERO\tSEU NÚMERO\tESTADO\tVENCE\tESPERADO\tRECEBIDO\tPAGO EM\tPOR\t", func(table io.Writer) {
		for _, b := range page.Boletos {
			received := ""
			if b.Received != nil {
				received = b.Received.Reais()
			}
			fmt.Fprintf(table, "%s\t%s\t%s%s\t%s\t%s\t%s\t%s\t%s\t\n", b.NossoNumero, b.SeuNumero, boletoStates().of(b.Status), attentionMark(b.Attention), day(b.Due), b.Expected.Reais(), received,
				day(orEmpty(b.PaidOn)), channels().of(orEmpty(b.Channel)))
		}
	})
	for _, b := range page.Boletos {
		if b.Attention {
			fmt.Fprintf(w, "\n%s: %s\n", b.NossoNumero, b.Detail)
		}
	}
}

func newBoletosResolve(opts *Options) *cobra.Command {
	return newResolve(opts, resolution[boletoView]{
		use: "resolve NOSSO_NUMERO", short: "Encerra um boleto que pede decisão: o que veio conta como o pagamento, o motivo é guardado",
		path: "/v1/boletos/", example: "devolvido ao cliente",
		done: func(b boletoView) string {
			return fmt.Sprintf("Encerrado: %s está como %s.", b.NossoNumero, boletoStates().of(b.Status))
		},
	})
}
