package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/ops/evidence"
)

func newHomologationVerify(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "verify ARQUIVO", Short: "Confere, sem rede, se um relatório de homologação é o que foi assinado, e diz onde não é", Args: oneArg,
		Long: "Confere um relatório de homologação com a assinatura dele, sem rede. ARQUIVO é um dos quatro do relatório (.json, .html, .pdf, .p7m)\n" +
			"ou a pasta em que estão. Prova que nada mudou desde que foi assinado; quem assinou, só a impressão digital diz: compare-a com a\n" +
			"que a loja mostra. Termina com 1 se algo mudou.",
		RunE: func(_ *cobra.Command, args []string) error {
			v, err := evidence.Verify(args[0])
			if err != nil {
				return err
			}
			if err := opts.Print(v, func(w io.Writer) { printVerification(w, v) }); err != nil {
				return err
			}
			if len(v.Changes) > 0 {
				return agent.Errorf(agent.CodeConflict, nil, "O relatório não é o que foi assinado.")
			}
			return nil
		},
	}
}

func printVerification(w io.Writer, v *evidence.Verification) {
	fmt.Fprintf(w, "Relatório da loja %s, caixa %s, assinado em %s.\n", v.Shop, v.Till, v.At.Local().Format("02/01/2006 15:04:05"))
	if v.By.Made {
		fmt.Fprintln(w, "Assinado por uma chave feita para ele.")
	} else {
		fmt.Fprintf(w, "Assinado pelo certificado %s, emitido por %s (o emissor não é conferido aqui).\n", v.By.Subject, v.Issuer)
	}
	fmt.Fprintf(w, "Impressão digital (SHA-256): %s\n", evidence.Pairs(v.By.Fingerprint))
	if len(v.Absent) > 0 {
		fmt.Fprintf(w, "Não estão aqui: %s.\n", strings.Join(v.Absent, ", "))
	}
	for _, change := range v.Changes {
		fmt.Fprintln(w, change)
	}
	if len(v.Changes) == 0 {
		fmt.Fprintf(w, "Nada mudou em %s.\n", strings.Join(v.Checked, ", "))
	}
}
