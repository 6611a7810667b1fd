package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent/sandbox"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

func newSandbox(_ *Options) *cobra.Command {
	var listen, control, secure string
	var tokens []string
	var empty bool
	cmd := &cobra.Command{
		Use: "sandbox", Short: "Nuvens simuladas, para integrar e testar sem internet", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg := sandbox.Config{Listen: listen, Control: control, TLS: secure, Tokens: tokens, Seed: !empty, Log: app.NewLog(os.Stderr, "info"), FirstNosso: nextNosso(time.Now())}
			clouds, err := sandbox.Start(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer clouds.Close()
			fmt.Fprintf(cmd.OutOrStdout(), "Mercafácil simulada: mercafacil.base_url = %s\nTudo o que ela sabe e recebeu: http://%s/control/mercafacil/\n",
				clouds.BaseURL(), clouds.Address())
			fmt.Fprintf(cmd.OutOrStdout(), "Pagamentos simulados: payments.ideamaker.gateway_url = http://%[1]s/gateway, titles_url = http://%[1]s/ideamaker; payments.sevenaz.base_url = http://%[1]s/sevenaz\n"+
				"Pagar: curl -d '{}' http://%[1]s/control/gateway/pay (docs/pagamentos.md)\n", clouds.Address())
			fmt.Fprintf(cmd.OutOrStdout(), "Boletos simulados: payments.sicoob.base_url = http://%[1]s/sicoob/cobranca-bancaria/v3, token_url = http://%[1]s/sicoob/auth/realms/cooperado/protocol/openid-connect/token\n"+
				"Pedidos com cartão simulados: payments.cashorder.base_url = http://%[1]s/cashorder\n", clouds.Address())
			if address := clouds.TLSAddress(); address != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "Com TLS e certificado da loja: https://%s/sicoob/…; os arquivos: http://%[2]s/control/sicoob/ca.pem, client.pem e client.pfx (senha %[3]s)\n", address, clouds.Address(), sandbox.Password)
			}
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8790", "endereço local das nuvens e de /control")
	cmd.Flags().StringVar(&control, "listen-control", "", "segundo endereço de /control, que continua no ar quando a nuvem sai da rede")
	cmd.Flags().StringVar(&secure, "listen-tls", "", "terceiro endereço, com TLS; nele o Sicoob exige o certificado da loja")
	cmd.Flags().StringSliceVar(&tokens, "token", nil, "token aceito pela Mercafácil simulada, um por loja; nenhum: qualquer um serve")
	cmd.Flags().BoolVar(&empty, "empty", false, "começa sem clube nem ofertas")
	return cmd
}

// nextNosso is where a simulated bank begins to count that was there before: a number of an earlier run, which a till may still
// know, is not given again. It has seven digits, and goes up by one every four seconds.
func nextNosso(now time.Time) int { return 1000 + int(now.Unix()/4%9_000_000) }
