package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
)

func newOrders(opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "orders", Short: "Pedidos com cartão: ver, e registrar o que o fornecedor respondeu"}
	cmd.AddCommand(newOrdersList(opts), newOrdersResolve(opts))
	return cmd
}

// orderLine is an order as the API shows it.
type orderLine struct {
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

func newOrdersList(opts *options) *cobra.Command {
	var attention bool
	cmd := &cobra.Command{
		Use: "ls", Short: "Lista pedidos com cartão, os mais novos primeiro", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			path := "/v1/orders"
			if attention {
				path += "?attention=1"
			}
			var page struct {
				Orders []orderLine `json:"orders"`
			}
			if err := client.call(cmd.Context(), http.MethodGet, path, nil, &page); err != nil {
				return err
			}
			return opts.print(page, func(w io.Writer) { printOrders(w, page.Orders) })
		},
	}
	cmd.Flags().BoolVar(&attention, "attention", false, "só os que pedem uma decisão")
	return cmd
}

func printOrders(w io.Writer, list []orderLine) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tPEDIDO\tESTADO\tVALOR\tCARTÃO\tCRIADO\tNO FORNECEDOR\t")
	for _, o := range list {
		mark, vendor := "", ""
		if o.Agent.Attention {
			mark = " (!)"
		}
		if o.OrderVendorID != nil {
			vendor = *o.OrderVendorID
		}
		fmt.Fprintf(table, "%s\t%d\t%s%s\t%s\t%s %dx\t%s\t%s\t\n", o.Agent.ID, o.Agent.OrderID, o.Agent.State, mark, o.Agent.Amount.Reais(), o.Agent.Brand, o.Agent.Parcels, o.Agent.CreatedAt.Local().Format("02/01 15:04"), vendor)
	}
	_ = table.Flush() // to the terminal
	for _, o := range list {
		if o.Agent.Attention {
			fmt.Fprintf(w, "\n%s\n", o.Agent.Detail)
		}
	}
}

func newOrdersResolve(opts *options) *cobra.Command {
	var state, vendor, reason string
	cmd := &cobra.Command{
		Use: "resolve ID", Short: "Registra o que o fornecedor respondeu de um pedido que ficou sem resposta", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if state == "" || reason == "" {
				return usageError{fmt.Errorf("informe --state (completed ou failed) e --reason: o que o fornecedor respondeu")}
			}
			client, err := opts.client()
			if err != nil {
				return err
			}
			var o orderLine
			body := map[string]string{"state": state, "order_vendor_id": vendor, "reason": reason}
			if err := client.call(cmd.Context(), http.MethodPost, "/v1/orders/"+url.PathEscape(args[0])+"/resolve", body, &o); err != nil {
				return err
			}
			return opts.print(o, func(w io.Writer) {
				fmt.Fprintf(w, "Registrado: o pedido %d está como %s.\n", o.Agent.OrderID, o.Agent.State)
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "completed: o fornecedor tem o pedido; failed: não tem")
	cmd.Flags().StringVar(&vendor, "order-vendor-id", "", "o número do pedido no fornecedor, se ele o tem")
	cmd.Flags().StringVar(&reason, "reason", "", "o que o fornecedor respondeu")
	return cmd
}
