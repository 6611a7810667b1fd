package cli

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pdvagent/cmd/internal/usage"
)

func newMember(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "member", Short: "O que o agente lembra de clientes do clube"}
	cmd.AddCommand(newMemberForget(opts))
	return cmd
}

// newMemberForget reads the document from the standard input: arguments are seen by every user of the machine.
func newMemberForget(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "forget", Short: "Esquece um cliente (LGPD); o CPF ou CNPJ é lido da entrada padrão", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			text, err := bufio.NewReader(os.Stdin).ReadString('\n')
			if err != nil && text == "" {
				return usage.Wrong(fmt.Errorf("informe o documento na entrada padrão: %w", err))
			}
			var result struct {
				Forgotten bool `json:"forgotten"`
			}
			body := map[string]string{"document": strings.TrimSpace(text)}
			if err := client.Call(cmd.Context(), http.MethodPost, "/v1/members/forget", body, &result); err != nil {
				return err
			}
			return opts.Print(result, func(w io.Writer) {
				if result.Forgotten {
					fmt.Fprintln(w, "Esquecido.")
				} else {
					fmt.Fprintln(w, "Não havia nada guardado sobre este documento.")
				}
			})
		},
	}
}
