package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/cmd/internal/usage"
	"pdvagent/cmd/pdvhub/internal/hub"
)

// validFor is how long an invitation is good when nothing else is said.
const validFor = 24 * time.Hour

func newInvite(o *options) *cobra.Command {
	var shop, till string
	var valid time.Duration
	cmd := &cobra.Command{
		Use: "invite", Short: "Faz o convite de um caixa, que vale uma vez", Args: usage.NoArgs,
		Example: "  pdvhub invite --shop 001 --till 012 --data-dir /var/lib/pdvhub",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if shop == "" || till == "" {
				return usage.Wrong(errors.New("informe --shop e --till, como estão na configuração do caixa"))
			}
			if valid <= 0 {
				return usage.Wrong(errors.New("informe em --valid um tempo maior que zero"))
			}
			invitation, err := hub.Invite(cmd.Context(), o.dir, shop, till, valid)
			if err != nil {
				return err
			}
			code, err := invitation.Code()
			if err != nil {
				return err
			}
			ends := time.Now().Add(valid)
			return o.print(invited{code, shop, till, ends}, func(w io.Writer) error { return printInvited(w, invited{code, shop, till, ends}) })
		},
	}
	cmd.Flags().StringVar(&shop, "shop", "", "loja, como em shop.id do caixa")
	cmd.Flags().StringVar(&till, "till", "", "caixa, como em shop.till")
	cmd.Flags().DurationVar(&valid, "valid", validFor, "por quanto tempo o convite vale")
	return cmd
}

// invited is an invitation as it is printed.
type invited struct {
	Code string    `json:"code"`
	Shop string    `json:"shop"`
	Till string    `json:"till"`
	Ends time.Time `json:"ends"`
}

func printInvited(w io.Writer, i invited) error {
	_, err := fmt.Fprintf(w, "Convite da loja %s, caixa %s; vale uma vez, até %s. No caixa, como administrador:\n\n  pdvagent config set chain.invitation %s\n\ne reinicie o serviço. Quem tem este código entra na rede no lugar do caixa: não o publique.\n",
		i.Shop, i.Till, i.Ends.Format("02/01/2006 15:04"), i.Code)
	return err
}
