package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/ops/fleet"
	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

// fleetFlags are those of the command that installs many tills.
type fleetFlags struct {
	inventory, tokens, out, check string
	places                        fleet.Places
}

func newHomologationFleet(opts *Options) *cobra.Command {
	var f fleetFlags
	cmd := &cobra.Command{
		Use: "fleet", Short: "Prepara a instalação de muitos caixas de uma vez, e diz depois o que cada um respondeu", Args: usage.NoArgs,
		Long: "Lê uma planilha em CSV (loja;caixa;maquina;principal, e se preciso sistema, endereco, dialeto, versao_pdv, escuta, pasta_dos_dados) e\n" +
			"escreve em --out um arquivo de respostas privado para cada caixa e os scripts que instalam e conferem todos: instalar.bat e\n" +
			"instalar.ps1 (Windows, com o psexec), instalar.sh (Linux, por ssh). Depois, com --check, mostra o que cada caixa respondeu.",
		Example: "  pdvagent homologation fleet --inventory caixas.csv --tokens tokens --out instalacao\n  pdvagent homologation fleet --check instalacao",
		RunE: func(_ *cobra.Command, _ []string) error {
			switch {
			case f.check != "" && f.inventory == "" && f.out == "":
				return checkFleet(opts, f.check)
			case f.check == "" && f.inventory != "" && f.out != "" && f.tokens != "":
				return writeFleet(opts, f)
			}
			return usage.Wrong(errors.New("informe --inventory, --tokens e --out para preparar, ou só --check para conferir"))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.inventory, "inventory", "", "planilha dos caixas, em CSV")
	flags.StringVar(&f.tokens, "tokens", "", "pasta com o token de cada loja em um arquivo, LOJA.txt")
	flags.StringVar(&f.out, "out", "", "pasta nova para os scripts e as respostas")
	flags.StringVar(&f.check, "check", "", "pasta de uma instalação: mostra o que cada caixa respondeu")
	flags.StringVar(&f.places.Setup, "setup", `\\servidor\implantacao\setup.exe`, "setup.exe, como cada caixa com Windows o alcança")
	flags.StringVar(&f.places.Package, "package", "pdvagent.deb", ".deb ou .rpm dos caixas com Linux, como instalar.sh o alcança")
	return cmd
}

func writeFleet(opts *Options, f fleetFlags) error {
	content, err := osfile.ReadUpTo(f.inventory, 16<<20)
	if err != nil {
		return agent.Errorf(agent.CodeNotFound, err, "A planilha %s não pôde ser lida.", f.inventory)
	}
	name := filepath.Base(f.inventory)
	tills, err := fleet.ReadInventory(name, content)
	if err != nil {
		return err
	}
	tokens, err := fleet.ReadTokens(f.tokens, tills)
	if err != nil {
		return err
	}
	for i := range tills {
		if err := tryAnswers(&tills[i], tokens[tills[i].Shop]); err != nil {
			return agent.Errorf(agent.CodeInvalid, nil, "%s, linha %d: com estas respostas o caixa não se instala. %s", name, tills[i].Line, app.Sentence(err))
		}
	}
	scripts, err := fleet.Write(f.out, tills, f.places, tokens)
	if err != nil {
		return err
	}
	return opts.Print(map[string]any{"tills": tills, "scripts": scripts}, func(w io.Writer) {
		fmt.Fprintf(w, "Prontos: %d caixas em %s. Execute %s nessa pasta; os tokens estão em %s, que ninguém mais deve ver.\n",
			len(tills), f.out, strings.Join(scripts, " ou "), filepath.Join(f.out, "respostas"))
	})
}

// tryAnswers makes the configuration that a till would get, and drops it.
func tryAnswers(till *fleet.Till, token string) error {
	text, err := till.Answers(token)
	if err != nil {
		return err
	}
	in := newInstallation()
	values, err := parseAnswers("respostas", text, in.questions)
	if err != nil {
		return err
	}
	for key, value := range values {
		if err := in.override(strings.ReplaceAll(key, "_", "-"), value); err != nil {
			return err
		}
	}
	_, err = in.made(os.TempDir())
	return err
}

func checkFleet(opts *Options, dir string) error {
	answers, err := fleet.Check(dir)
	if err != nil {
		return err
	}
	right := 0
	for _, a := range answers {
		if a.Right {
			right++
		}
	}
	err = opts.Print(answers, func(w io.Writer) {
		printTable(w, 0, "LOJA\tCAIXA\tMÁQUINA\tPRINCIPAL\tVERSÃO\tSITUAÇÃO", func(table io.Writer) {
			for _, a := range answers {
				primary := ""
				if a.Primary {
					primary = "sim"
				}
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", a.Shop, a.Till.Till, a.Machine, primary, a.Version, a.Says)
			}
		})
		fmt.Fprintf(w, "%d de %d caixas instalados e respondendo.\n", right, len(answers))
	})
	if err == nil && right < len(answers) {
		return agent.Errorf(agent.CodeConflict, nil, "Falta acertar %d. Corrija o que a tabela diz e execute o script de novo: ele pula os que já responderam.", len(answers)-right)
	}
	return err
}
