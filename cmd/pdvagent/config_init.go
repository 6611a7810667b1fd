package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
)

// answersName is the file of answers that is looked for beside the program and in the current folder: one for a whole
// shop, what differs from till to till comes by flags.
const answersName = "pdvagent-install.json"

// question is one thing that an installation may say: by flag, by environment, in the file of answers, or when asked.
type question struct {
	name  string // of the flag; in the file of answers with _ instead of -
	usage string
	text  *string
	flag  *bool // instead of text
	must  bool  // asked when it is missing
}

func (q question) key() string { return strings.ReplaceAll(q.name, "-", "_") }

func (q question) variable() string { return "PDVAGENT_INSTALL_" + strings.ToUpper(q.key()) }

func (q question) set(value string) error {
	if q.flag == nil {
		*q.text = value
		return nil
	}
	is, err := strconv.ParseBool(value)
	if err != nil {
		return usageError{fmt.Errorf("%s: use true ou false", q.key())}
	}
	*q.flag = is
	return nil
}

func questions(a *config.Answers) []question {
	return []question{
		{"shop", "código da loja", &a.Shop, nil, true},
		{"till", "código deste caixa", &a.Till, nil, true},
		{"primary", "este é o caixa que envia as cargas da loja (true ou false)", nil, &a.Primary, false},
		{"token", "token da loja na Mercafácil", &a.Token, nil, true},
		{"base-url", "endereço da Mercafácil", &a.BaseURL, nil, false},
		{"pdv-version", "versão do programa do caixa", &a.PDVVersion, nil, false},
		{"dialect", "v2 ou v2.2", &a.Dialect, nil, false},
		{"data-dir", "pasta dos dados", &a.DataDir, nil, false},
		{"listen", "endereço local do agente", &a.Listen, nil, false},
		{"till-token", "token local do caixa; sem ele, um é sorteado", &a.TillToken, nil, false},
		{"support-token", "token local do suporte; sem ele, um é sorteado", &a.SupportToken, nil, false},
		{"admin-token", "token local de administração; sem ele, um é sorteado", &a.AdminToken, nil, false},
	}
}

func newConfigInit(opts *options) *cobra.Command {
	answers := config.Example()
	answers.DataDir, answers.Token, answers.Shop, answers.Till = config.DefaultDataDir(), "", "", ""
	answers.TillToken, answers.SupportToken, answers.AdminToken = "", "", ""
	list := questions(&answers)
	var file string
	var ask bool
	cmd := &cobra.Command{
		Use: "init", Short: "Escreve um arquivo comentado, com tokens locais sorteados; nunca por cima de outro", Args: noArgs,
		Long: "Escreve um arquivo de configuração comentado, nunca por cima de outro. Cada resposta vem, nesta ordem: da opção, da variável\n" +
			"PDVAGENT_INSTALL_..., do arquivo de respostas (" + answersName + " ao lado do programa ou na pasta atual), da pergunta na tela.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fillIn(cmd, list, file, ask); err != nil {
				return err
			}
			for _, token := range []*string{&answers.TillToken, &answers.SupportToken, &answers.AdminToken} {
				if *token == "" {
					*token = rand.Text()
				}
			}
			text := config.Template(answers)
			if _, _, err := config.Parse([]byte(text), filepath.Dir(opts.config), os.LookupEnv); err != nil {
				return err
			}
			if err := writeNew(opts.config, text); err != nil {
				return err
			}
			return opts.print(map[string]string{"file": opts.config}, func(w io.Writer) {
				fmt.Fprintf(w, "%s foi escrito. Os tokens locais do caixa, do suporte e de administração estão nele.\n", opts.config)
			})
		},
	}
	flags := cmd.Flags()
	for _, q := range list {
		if q.flag != nil {
			flags.BoolVar(q.flag, q.name, false, q.usage)
			continue
		}
		flags.StringVar(q.text, q.name, *q.text, q.usage)
	}
	flags.StringVar(&file, "answers", "", "arquivo de respostas em JSON")
	flags.BoolVar(&ask, "ask", terminal(os.Stdin), "pergunta o que falta")
	return cmd
}

func terminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// fillIn fills in what no flag said.
func fillIn(cmd *cobra.Command, list []question, file string, ask bool) error {
	given, err := answersOf(file, list)
	if err != nil {
		return err
	}
	in := bufio.NewReader(cmd.InOrStdin())
	var missing []string
	for _, q := range list {
		if cmd.Flags().Changed(q.name) {
			continue
		}
		if value, ok := os.LookupEnv(q.variable()); ok {
			err = q.set(value)
		} else if value, ok := given[q.key()]; ok {
			err = q.set(value)
		} else if q.must && ask {
			err = q.ask(cmd, in)
		}
		if err != nil {
			return err
		}
		if q.must && *q.text == "" {
			missing = append(missing, "--"+q.name)
		}
	}
	if len(missing) > 0 {
		return usageError{fmt.Errorf("informe %s", strings.Join(missing, ", "))}
	}
	return nil
}

func (q question) ask(cmd *cobra.Command, in *bufio.Reader) error {
	for {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: ", q.usage)
		line, err := in.ReadString('\n')
		if value := strings.TrimSpace(line); value != "" {
			return q.set(value)
		}
		if err != nil { // nobody is there: the missing answer is said below
			return nil //nolint:nilerr // see above
		}
	}
}

// answersOf reads the file of answers: the one named, or the one that lies beside the program or here. A name that no
// question has is refused: a typing error would be a default that nobody wanted.
func answersOf(file string, list []question) (map[string]string, error) {
	places := []string{file}
	if file == "" {
		places = []string{answersName}
		if self, err := os.Executable(); err == nil {
			places = []string{filepath.Join(filepath.Dir(self), answersName), answersName}
		}
	}
	for _, path := range places {
		raw, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) && file == "" {
			continue
		}
		if err != nil {
			return nil, agent.Errorf(agent.CodeBadConfig, err, "O arquivo de respostas %s não pôde ser lido.", path)
		}
		return parseAnswers(path, bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), list)
	}
	return nil, nil
}

func parseAnswers(path string, raw []byte, list []question) (map[string]string, error) {
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, agent.Errorf(agent.CodeBadConfig, err, "O arquivo de respostas %s não é um JSON válido.", path)
	}
	known := make(map[string]bool)
	for _, q := range list {
		known[q.key()] = true
	}
	given := make(map[string]string)
	for name, value := range object {
		if !known[name] {
			return nil, agent.Errorf(agent.CodeBadConfig, nil, "O arquivo de respostas %s tem %q, que não é uma resposta conhecida.", path, name)
		}
		given[name] = fmt.Sprint(value)
	}
	return given, nil
}
