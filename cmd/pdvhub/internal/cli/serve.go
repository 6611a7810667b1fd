package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/spf13/cobra"

	"pdvagent/cmd/internal/usage"
	"pdvagent/cmd/pdvhub/internal/hub"
)

func newServe(o *options) *cobra.Command {
	var names []string
	var join, broker string
	cmd := &cobra.Command{
		Use: "serve", Short: "Põe o hub no ar, até ser parado", Args: usage.NoArgs,
		Example: "  pdvhub serve --name hub.rede.com.br --data-dir /var/lib/pdvhub",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(names) == 0 {
				return usage.Wrong(errors.New("informe --name: o nome ou endereço pelo qual os caixas chegam ao hub"))
			}
			for _, listen := range []string{join, broker} {
				if _, _, err := net.SplitHostPort(listen); err != nil {
					return usage.Wrong(fmt.Errorf("%q não é endereço:porta", listen))
				}
			}
			log := slog.New(slog.NewTextHandler(os.Stderr, nil))
			h, err := hub.Open(cmd.Context(), hub.Config{Dir: o.dir, Join: join, Broker: broker, Names: names, Log: log})
			if err != nil {
				return fmt.Errorf("o hub não pôde iniciar: %w", err)
			}
			fmt.Fprintf(o.out, "O hub está no ar. Os caixas entram por %s; convide um com: pdvhub invite --shop LOJA --till CAIXA --data-dir %s\n", h.Address(), o.dir)
			return h.Run(cmd.Context())
		},
	}
	cmd.Flags().StringSliceVar(&names, "name", nil, "nome ou endereço pelo qual os caixas chegam ao hub; o primeiro é dito a eles")
	cmd.Flags().StringVar(&join, "join", ":8443", "endereço em que os caixas entram na rede")
	cmd.Flags().StringVar(&broker, "broker", ":4222", "endereço em que os caixas ficam ligados")
	return cmd
}
