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
	said  bool  // by a flag
}

func (q question) key() string { return strings.ReplaceAll(q.name, "-", "_") }

func (q question) variable() string { return "PDVAGENT_INSTALL_" + strings.ToUpper(q.key()) }

func (q question) set(value string) error {
	if q.flag == nil {
		*q.text = value
		return nil
	}
	is, err := yes(value)
	if err != nil {
		return usageError{fmt.Errorf("%s: use true ou false, sim ou não", q.key())}
	}
	*q.flag = is
	return nil
}

// yes reads what people answer; a box that is ticked in an installer says 1.
func yes(value string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "sim", "s":
		return true, nil
	case "não", "nao", "n":
		return false, nil
	}
	return strconv.ParseBool(strings.TrimSpace(value))
}

func questions(a *config.Answers) []question {
	return []question{
		{"shop", "código da loja", &a.Shop, nil, true, false},
		{"till", "código deste caixa", &a.Till, nil, true, false},
		{"primary", "este é o caixa que envia as cargas da loja (true ou false)", nil, &a.Primary, false, false},
		{"token", "token da loja na Mercafácil", &a.Token, nil, true, false},
		{"base-url", "endereço da Mercafácil", &a.BaseURL, nil, false, false},
		{"pdv-version", "versão do programa do caixa", &a.PDVVersion, nil, false, false},
		{"dialect", "v2 ou v2.2", &a.Dialect, nil, false, false},
		{"data-dir", "pasta dos dados", &a.DataDir, nil, false, false},
		{"listen", "endereço local do agente", &a.Listen, nil, false, false},
		{"till-token", "token local do caixa; sem ele, um é sorteado", &a.TillToken, nil, false, false},
		{"support-token", "token local do suporte; sem ele, um é sorteado", &a.SupportToken, nil, false, false},
		{"admin-token", "token local de administração; sem ele, um é sorteado", &a.AdminToken, nil, false, false},
	}
}

// installation is the answers of an installation, and the flags by which they come.
type installation struct {
	answers config.Answers
	list    []question
	file    string // of answers
	ask     bool
}

func newInstallation() *installation {
	in := &installation{answers: config.Example()}
	in.answers.DataDir, in.answers.Token, in.answers.Shop, in.answers.Till = config.DefaultDataDir(), "", "", ""
	in.answers.TillToken, in.answers.SupportToken, in.answers.AdminToken = "", "", ""
	in.list = questions(&in.answers)
	return in
}

// flags gives a command a flag for every answer.
func (in *installation) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	for i, q := range in.list {
		flag := flags.VarPF(&flagged{&in.list[i]}, q.name, "", q.usage)
		if q.flag != nil {
			flag.NoOptDefVal = "true"
		}
	}
	flags.StringVar(&in.file, "answers", "", "arquivo de respostas em JSON")
}

// say answers a question in everybody's place.
func (in *installation) say(name, value string) error {
	for i := range in.list {
		if in.list[i].name == name {
			in.list[i].said = true
			return in.list[i].set(value)
		}
	}
	return fmt.Errorf("there is no question %q", name)
}

// flagged is a question's flag. An empty one says nothing: installers pass on what nobody filled in.
type flagged struct{ *question }

func (a *flagged) Set(value string) error {
	if value == "" {
		return nil
	}
	a.said = true
	return a.set(value)
}

func (a *flagged) String() string {
	if a.question == nil || a.text == nil {
		return ""
	}
	return *a.text
}

func (a *flagged) Type() string {
	if a.flag != nil {
		return "bool"
	}
	return "string"
}

// text is the configuration that the answers give, checked; what is missing is asked or refused.
func (in *installation) text(cmd *cobra.Command, folder string) (string, error) {
	if err := in.fill(cmd); err != nil {
		return "", err
	}
	for _, token := range []*string{&in.answers.TillToken, &in.answers.SupportToken, &in.answers.AdminToken} {
		if *token == "" {
			*token = rand.Text()
		}
	}
	text := config.Template(in.answers)
	_, _, err := config.Parse([]byte(text), folder, os.LookupEnv)
	return text, err
}

func newConfigInit(opts *options) *cobra.Command {
	in := newInstallation()
	cmd := &cobra.Command{
		Use: "init", Short: "Escreve um arquivo comentado, com tokens locais sorteados; nunca por cima de outro", Args: noArgs,
		Long: "Escreve um arquivo de configuração comentado, nunca por cima de outro. Cada resposta vem, nesta ordem: da opção, da variável\n" +
			"PDVAGENT_INSTALL_..., do arquivo de respostas (" + answersName + " ao lado do programa ou na pasta atual), da pergunta na tela.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := in.text(cmd, filepath.Dir(opts.config))
			if err != nil {
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
	in.flags(cmd)
	cmd.Flags().BoolVar(&in.ask, "ask", terminal(os.Stdin), "pergunta o que falta")
	return cmd
}

func terminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// fill fills in what no flag said. An installer that passes on what nobody answered passes an empty text.
func (in *installation) fill(cmd *cobra.Command) error {
	given, err := answersOf(in.file, in.list)
	if err != nil {
		return err
	}
	reader := bufio.NewReader(cmd.InOrStdin())
	var missing []string
	for _, q := range in.list {
		if q.said {
			continue
		}
		if value := os.Getenv(q.variable()); value != "" {
			err = q.set(value)
		} else if value, ok := given[q.key()]; ok {
			err = q.set(value)
		} else if q.must && in.ask {
			err = q.ask(cmd, reader)
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
