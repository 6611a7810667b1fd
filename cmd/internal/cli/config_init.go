package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"pdvagent/agent/config"
	"pdvagent/cmd/internal/usage"
)

func newConfigInit(opts *Options) *cobra.Command {
	in := newInstallation()
	cmd := &cobra.Command{
		Use: "init", Short: "Escreve um arquivo comentado, com tokens locais sorteados; nunca por cima de outro", Args: usage.NoArgs,
		Long: "Escreve um arquivo de configuração comentado, nunca por cima de outro. Cada resposta vem, nesta ordem: da opção, da variável\n" +
			"PDVAGENT_INSTALL_..., do arquivo de respostas (" + answersName + " ao lado do programa ou na pasta atual), da pergunta na tela.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := in.text(cmd, filepath.Dir(opts.config))
			if err != nil {
				return err
			}
			if err := config.Create(opts.config, text); err != nil {
				return err
			}
			return opts.Print(map[string]string{"file": opts.config}, func(w io.Writer) {
				fmt.Fprintf(w, "%s foi escrito. Os tokens locais do caixa, do suporte e de administração estão nele.\n", opts.config)
			})
		},
	}
	in.addFlags(cmd)
	cmd.Flags().BoolVar(&in.ask, "ask", isTerminal(os.Stdin), "pergunta o que falta")
	return cmd
}

// isTerminal reports whether a person sits at the other end of a file.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
