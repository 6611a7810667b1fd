package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/cmd/internal/usage"
)

func newOrders(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "orders", Short: "Pedidos com cartão: ver, e registrar o que o fornecedor respondeu"}
	cmd.AddCommand(newOrdersList(opts), newOrdersResolve(opts))
	return cmd
}

// orderView is an order as the API shows it.
type orderView struct {
	OrderVendorID *string `json:"orderVendorId"`
	Agent         struct {
		ID        string      `json:"id"`
		State     string      `json:"state"`
		Detail    string      `json:"detail,omitempty"`
		OrderID   int64       `json:"order_id"`
		Amount    agent.Cents `json:"amount"`
		Brand     string      `json:"brand"`
		Parcels   int         `json:"parcels"`
		CreatedAt time.Time   `json:"created_at"`
		Attention bool        `json:"attention"`
	} `json:"agent"`
}

type orderPage struct {
	Orders []orderView `json:"orders"`
}

func newOrdersList(opts *Options) *cobra.Command {
	return newList(opts, list[orderPage]{
		short: "Lista pedidos com cartão, os mais novos primeiro", path: "/v1/orders", print: printOrders,
		filters: []filter{{name: "attention", usage: "só os que pedem uma decisão", isSwitch: true}},
	})
}

func printOrders(w io.Writer, page orderPage) {
	printTable(w, 0, "ID\tPEDIDO\tESTADO\tVALOR\tCARTÃO\tCRIADO\tNO FORNECEDOR\t", func(table io.Writer) {
		for _, o := range page.Orders {
			fmt.Fprintf(table, "%s\t%d\t%s%s\t%s\t%s %dx\t%s\t%s\t\n", o.Agent.ID, o.Agent.OrderID, orderStates().of(o.Agent.State), attentionMark(o.Agent.Attention), o.Agent.Amount.Reais(),
				o.Agent.Brand, o.Agent.Parcels, minute(o.Agent.CreatedAt), orEmpty(o.OrderVendorID))
		}
	})
	for _, o := range page.Orders {
		if o.Agent.Attention {
			fmt.Fprintf(w, "\n%s\n", o.Agent.Detail)
		}
	}
}

func newOrdersResolve(opts *Options) *cobra.Command {
	var state, vendor, reason string
	cmd := &cobra.Command{
		Use: "resolve ID", Short: "Registra o que o fornecedor respondeu de um pedido que ficou sem resposta", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if state == "" || reason == "" {
				return usage.Wrong(fmt.Errorf("informe --state (concluído ou recusado) e --reason: o que o fornecedor respondeu"))
			}
			body := map[string]string{"state": orderStates().code(state), "order_vendor_id": vendor, "reason": reason}
			return ask(cmd, opts, request{http.MethodPost, "/v1/orders/" + url.PathEscape(args[0]) + "/resolve", body}, func(w io.Writer, o orderView) {
				fmt.Fprintf(w, "Registrado: o pedido %d está como %s.\n", o.Agent.OrderID, orderStates().of(o.Agent.State))
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "concluído: o fornecedor tem o pedido; recusado: não tem")
	cmd.Flags().StringVar(&vendor, "order-vendor-id", "", "o número do pedido no fornecedor, se ele o tem")
	cmd.Flags().StringVar(&reason, "reason", "", "o que o fornecedor respondeu")
	return cmd
}
