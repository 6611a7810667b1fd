package cli

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/cmd/internal/usage"
)

// answersName is the file of answers that is looked for beside the program and in the current folder. One serves a whole
// shop; what differs from till to till comes by flags.
const answersName = "pdvagent-install.json"

// installation is the answers that make a configuration. Each comes from its flag, else from the environment, from the file of
// answers, or from the person who is asked.
type installation struct {
	answers   config.Answers
	questions []question
	file      string // of answers
	ask       bool   // a person for what is missing
}

// question is one answer of an installation.
type question struct {
	name     string // of the flag
	usage    string
	text     *string
	flag     *bool // instead of text
	required bool  // asked for, or refused, when it is missing
	given    bool  // by a flag
}

func newInstallation() *installation {
	in := &installation{answers: config.Example()}
	in.answers.DataDir, in.answers.Token, in.answers.Shop, in.answers.Till = config.DefaultDataDir(), "", "", ""
	in.answers.TillToken, in.answers.SupportToken, in.answers.AdminToken = "", "", ""
	in.questions = questions(&in.answers)
	return in
}

func questions(a *config.Answers) []question {
	return []question{
		{name: "shop", usage: "código da loja", text: &a.Shop, required: true},
		{name: "till", usage: "código deste caixa", text: &a.Till, required: true},
		{name: "primary", usage: "este é o caixa que envia as cargas da loja (true ou false)", flag: &a.Primary},
		{name: "token", usage: "token da loja na Mercafácil", text: &a.Token, required: true},
		{name: "base-url", usage: "endereço da Mercafácil", text: &a.BaseURL},
		{name: "pdv-version", usage: "versão do programa do caixa", text: &a.PDVVersion},
		{name: "dialect", usage: "v2 ou v2.2", text: &a.Dialect},
		{name: "data-dir", usage: "pasta dos dados", text: &a.DataDir},
		{name: "listen", usage: "endereço local do agente", text: &a.Listen},
		{name: "till-token", usage: "token local do caixa; sem ele, um é sorteado", text: &a.TillToken},
		{name: "support-token", usage: "token local do suporte; sem ele, um é sorteado", text: &a.SupportToken},
		{name: "admin-token", usage: "token local de administração; sem ele, um é sorteado", text: &a.AdminToken},
	}
}

// addFlags gives a command a flag for every question, and one for the file of answers.
func (in *installation) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	for i, q := range in.questions {
		flag := flags.VarPF(&questionFlag{&in.questions[i]}, q.name, "", q.usage)
		if q.flag != nil {
			flag.NoOptDefVal = "true"
		}
	}
	flags.StringVar(&in.file, "answers", "", "arquivo de respostas em JSON")
}

// override answers a question as its flag would.
func (in *installation) override(name, value string) error {
	for i := range in.questions {
		if in.questions[i].name == name {
			in.questions[i].given = true
			return in.questions[i].set(value)
		}
	}
	return fmt.Errorf("there is no question %q", name)
}

// text is the configuration that the answers give, checked; folder is its own. Local tokens that nobody gave are random.
func (in *installation) text(cmd *cobra.Command, folder string) (string, error) {
	if err := in.fill(cmd); err != nil {
		return "", err
	}
	return in.made(folder)
}

// made is the configuration of the answers that there are.
func (in *installation) made(folder string) (string, error) {
	for _, token := range []*string{&in.answers.TillToken, &in.answers.SupportToken, &in.answers.AdminToken} {
		if *token == "" {
			*token = rand.Text()
		}
	}
	text := config.Template(in.answers)
	_, _, err := config.Parse([]byte(text), folder, os.LookupEnv)
	return text, err
}

// fill answers what no flag did. An empty answer of the environment is none.
func (in *installation) fill(cmd *cobra.Command) error {
	fromFile, err := readAnswers(in.file, in.questions)
	if err != nil {
		return err
	}
	reader := bufio.NewReader(cmd.InOrStdin())
	var missing []string
	for _, q := range in.questions {
		if q.given {
			continue
		}
		if value := os.Getenv(q.variable()); value != "" {
			err = q.set(value)
		} else if value, ok := fromFile[q.key()]; ok {
			err = q.set(value)
		} else if q.required && in.ask {
			err = q.ask(cmd, reader)
		}
		if err != nil {
			return err
		}
		if q.required && *q.text == "" {
			missing = append(missing, "--"+q.name)
		}
	}
	if len(missing) > 0 {
		return usage.Wrong(fmt.Errorf("informe %s", strings.Join(missing, ", ")))
	}
	return nil
}

// key is the question's name in the file of answers.
func (q question) key() string { return strings.ReplaceAll(q.name, "-", "_") }

// variable is its name in the environment.
func (q question) variable() string { return "PDVAGENT_INSTALL_" + strings.ToUpper(q.key()) }

func (q question) set(value string) error {
	if q.flag == nil {
		*q.text = value
		return nil
	}
	is, err := parseYesNo(value)
	if err != nil {
		return usage.Wrong(fmt.Errorf("%s: use true ou false, sim ou não", q.key()))
	}
	*q.flag = is
	return nil
}

// ask asks a person until there is an answer. The end of the input leaves the question open.
func (q question) ask(cmd *cobra.Command, in *bufio.Reader) error {
	for {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: ", q.usage)
		line, err := in.ReadString('\n')
		if value := strings.TrimSpace(line); value != "" {
			return q.set(value)
		}
		if err != nil {
			return nil //nolint:nilerr // fill refuses what is missing
		}
	}
}

// parseYesNo reads what people answer, and the 1 of a ticked box of an installer.
func parseYesNo(value string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "sim", "s":
		return true, nil
	case "não", "nao", "n":
		return false, nil
	}
	return strconv.ParseBool(strings.TrimSpace(value))
}

// questionFlag is a question's flag. An empty value is none: installers pass on fields that nobody filled in.
type questionFlag struct{ *question }

func (f *questionFlag) Set(value string) error {
	if value == "" {
		return nil
	}
	f.given = true
	return f.set(value)
}

func (f *questionFlag) String() string {
	if f.question == nil || f.text == nil {
		return ""
	}
	return *f.text
}

func (f *questionFlag) Type() string {
	if f.flag != nil {
		return "bool"
	}
	return "string"
}

// readAnswers reads the file of answers: the one named, else the one beside the program or in the current folder, if any.
func readAnswers(file string, questions []question) (map[string]string, error) {
	paths := []string{file}
	if file == "" {
		paths = []string{answersName}
		if self, err := os.Executable(); err == nil {
			paths = []string{filepath.Join(filepath.Dir(self), answersName), answersName}
		}
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) && file == "" {
			continue
		}
		if err != nil {
			return nil, agent.Errorf(agent.CodeBadConfig, err, "O arquivo de respostas %s não pôde ser lido.", path)
		}
		return parseAnswers(path, config.Text(raw), questions)
	}
	return nil, nil
}

// parseAnswers refuses a name that no question has: a typing error would leave a default that nobody wanted. A text may be
// written as a number; it is taken as it is spelled.
func parseAnswers(path string, raw []byte, questions []question) (map[string]string, error) {
	refuse := func(at int, detail string) error {
		return agent.Errorf(agent.CodeBadConfig, nil, "O arquivo de respostas %s, linha %d: %s.", path, 1+bytes.Count(raw[:max(0, min(at, len(raw)))], []byte("\n")), detail)
	}
	if at := bytes.IndexFunc(raw, func(r rune) bool { return r > 0x7f && unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' }); at >= 0 {
		return nil, refuse(at, "há um espaço que não é o comum (colado de uma página ou do Word); apague-o e digite de novo")
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		at := len(raw)
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = int(syntax.Offset) - 1
		}
		return nil, refuse(at, "isto não é um JSON válido; confira vírgulas, chaves e aspas (um código como 013 fica entre aspas: \"013\")")
	}
	known := make(map[string]bool)
	for _, q := range questions {
		known[q.key()] = true
	}
	answers := make(map[string]string)
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	_, err := decoder.Token() // the opening brace
	for err == nil && decoder.More() {
		token, _ := decoder.Token() // it was read before
		name, at := fmt.Sprint(token), int(decoder.InputOffset())
		var value any
		err = decoder.Decode(&value)
		_, twice := answers[name]
		_, list := value.([]any)
		_, section := value.(map[string]any)
		switch {
		case !known[name]:
			return nil, refuse(at, fmt.Sprintf("%q não é uma resposta conhecida", name))
		case twice:
			return nil, refuse(at, fmt.Sprintf("%q está duas vezes; apague uma", name))
		case list || section:
			return nil, refuse(at, fmt.Sprintf("%q deve ser um texto", name))
		case value == nil:
			value = ""
		}
		answers[name] = strings.TrimSpace(fmt.Sprint(value))
	}
	return answers, err
}
