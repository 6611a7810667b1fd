package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pdvagent/agent/sandbox"
)

func newSandbox(_ *options) *cobra.Command {
	var listen, control string
	var tokens []string
	var empty bool
	cmd := &cobra.Command{
		Use: "sandbox", Short: "Nuvens simuladas, para integrar e testar sem internet", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg := sandbox.Config{Listen: listen, Control: control, Tokens: tokens, Seed: !empty, Log: newLog(os.Stderr, "info")}
			clouds, err := sandbox.Start(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer clouds.Close()
			fmt.Fprintf(cmd.OutOrStdout(), "Mercafácil simulada: mercafacil.base_url = %s\nTudo o que ela sabe e recebeu: http://%s/control/mercafacil/\n",
				clouds.BaseURL(), clouds.Address())
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8790", "endereço local das nuvens e de /control")
	cmd.Flags().StringVar(&control, "listen-control", "", "segundo endereço de /control, que continua no ar quando a nuvem sai da rede")
	cmd.Flags().StringSliceVar(&tokens, "token", nil, "token aceito pela Mercafácil simulada, um por loja; nenhum: qualquer um serve")
	cmd.Flags().BoolVar(&empty, "empty", false, "começa sem clube nem ofertas")
	return cmd
}
