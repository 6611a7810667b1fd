package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"pdvagent/agent/osfile"
)

// Fault is one error in the file. Line 0: it concerns the complete file.
type Fault struct {
	Line   int    `json:"line"`
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"` // a sentence in Portuguese; never with a secret

	idle bool
}

// Idle tells that the field is right and has no effect.
func (f Fault) Idle() bool { return f.idle }

func (f Fault) String() string {
	var out strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&out, "linha %d: ", f.Line)
	}
	if f.Field != "" {
		out.WriteString(f.Field + ": ")
	}
	return out.String() + f.Detail
}

// Faults are all faults of a file, by line.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// Env looks up an environment variable; os.LookupEnv in the agent.
type Env func(name string) (string, bool)

// Load reads the file, fills in defaults and checks it. The error is [Faults] for invalid content. The warnings name settings
// without effect, tokens of the example, and secret files that others could read; Load removes those rights (SEC-07).
func Load(path string, env Env) (Config, []Fault, error) {
	raw, err := osfile.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Config{}, nil, Faults{{Detail: fmt.Sprintf("o arquivo de configuração %s não existe. Crie um com: pdvagent config init", path)}}
	}
	if err != nil {
		return Config{}, nil, Faults{{Detail: fmt.Sprintf("o arquivo de configuração %s não pôde ser lido: %v", path, err)}}
	}
	cfg, warnings, err := Parse(raw, filepath.Dir(path), env)
	if err != nil {
		return cfg, nil, err
	}
	return cfg, append(warnings, restrict(append(cfg.secretFiles(filepath.Dir(path)), path))...), nil
}

// restrict removes the rights of others on the files that hold secrets, and warns of each.
func restrict(paths []string) []Fault {
	var warnings []Fault
	for _, path := range paths {
		open, err := osfile.Restrict(path)
		switch {
		case err != nil:
			warnings = append(warnings, Fault{Detail: fmt.Sprintf("outros usuários podem ler %s e os direitos não puderam ser corrigidos: %v", path, err)})
		case open:
			warnings = append(warnings, Fault{Detail: fmt.Sprintf("outros usuários podiam ler %s; os direitos foram corrigidos. Se o arquivo esteve exposto, troque os tokens", path)})
		}
	}
	return warnings
}

// Parse is [Load] of a text; it changes no rights. Relative paths of secret files are below folder.
func Parse(raw []byte, folder string, env Env) (Config, []Fault, error) {
	raw = Text(raw)
	if fault, ok := emptyFile(raw); ok {
		return Config{}, nil, Faults{fault}
	}
	if at := bytes.IndexByte(raw, 0); at >= 0 {
		line := 1 + bytes.Count(raw[:at], []byte("\n"))
		return Config{}, nil, Faults{{Line: line, Detail: "há bytes zero no arquivo, como os que uma queda de energia deixa; volte à versão anterior com: pdvagent config undo"}}
	}
	if fault, ok := strangeSpace(raw); ok {
		return Config{}, nil, Faults{fault}
	}
	var tree yaml.Node
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		return Config{}, nil, Faults{syntaxFault(raw, err)}
	}
	if len(tree.Content) == 0 {
		return Config{}, nil, Faults{{Detail: nothing}}
	}
	if fault, ok := lessIndented(tree.Content[0]); ok {
		return Config{}, nil, Faults{fault}
	}
	lines := make(lineIndex)
	lines.add("", &tree)
	cfg := Default()
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	faults, twice, err := decode(decoder, &cfg, lines)
	if err != nil {
		return Config{}, nil, Faults{syntaxFault(raw, err)}
	}
	if len(twice) > 0 { // the rest was not read
		return Config{}, nil, twice
	}
	faults = append(faults, controlCharacters(&tree)...)
	structural := len(faults) > 0
	tidy(reflect.ValueOf(&cfg), "", tree.Content[0])
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		faults = append(faults, Fault{Detail: "o arquivo tem mais de um documento YAML (---); deixe só um"})
	}
	if cfg.Mercafacil != nil {
		cfg.Mercafacil.fill()
	}
	c := checker{cfg: &cfg, lines: lines, folder: folder, env: env}
	c.secrets()
	c.all()
	for _, fault := range c.faults {
		if fault.Line > 0 || !structural { // what is missing is most likely what has a wrong name
			faults = append(faults, fault)
		}
	}
	if len(faults) > 0 {
		return Config{}, nil, inOrder(faults)
	}
	return cfg, slices.Concat(c.ineffective(), c.elsewhere(), c.shares(), c.exampleTokens()), nil
}

// decode reads the file's values. The faults of members that stand twice come apart: what follows them is not read.
func decode(decoder *yaml.Decoder, cfg *Config, lines lineIndex) (faults, twice Faults, err error) {
	err = decoder.Decode(cfg)
	wrong, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return nil, nil, err
	}
	for _, text := range wrong.Errors {
		fault := translate(text, lines)
		if strings.Contains(text, "already defined") {
			twice = append(twice, fault)
		}
		faults = append(faults, fault)
	}
	return faults, twice, nil
}

// emptyFile refuses a file without content: an agent with defaults alone would send nothing.
func emptyFile(raw []byte) (Fault, bool) {
	for line := range bytes.Lines(raw) {
		text := bytes.TrimSpace(line)
		if len(text) > 0 && text[0] != '#' && string(text) != "---" {
			return Fault{}, false
		}
	}
	return Fault{Detail: nothing}, true
}

const nothing = "o arquivo de configuração está vazio. Crie um com: pdvagent config init"

var lineOf = regexp.MustCompile(`line (\d+): (.*)`)

// syntaxFault reports the line of a YAML syntax error; the usual cause is the backslash of a Windows path.
func syntaxFault(raw []byte, err error) Fault {
	if fault, ok := wrongIndent(raw); ok {
		return fault
	}
	fault := Fault{Detail: "o arquivo não é um YAML válido (confira recuos, dois-pontos e aspas)"}
	if match := lineOf.FindStringSubmatch(err.Error()); match != nil {
		fault.Line, _ = strconv.Atoi(match[1]) // the expression allows digits only
		if strings.Contains(match[2], "escape") {
			fault.Detail = backslash
		}
	}
	return fault
}

const backslash = `barra invertida entre aspas duplas vira outro caractere. Escreva o caminho entre aspas simples ('C:\Pasta') ou com barras comuns ("C:/Pasta")`

// controlCharacters finds values such as "C:\temp" in double quotes, which YAML reads with a tab.
func controlCharacters(node *yaml.Node) Faults {
	var faults Faults
	if node.Kind == yaml.ScalarNode && node.Style&yaml.DoubleQuotedStyle != 0 && strings.ContainsFunc(node.Value, oddRune) {
		faults = append(faults, Fault{Line: node.Line, Detail: backslash})
	}
	for _, child := range node.Content {
		faults = append(faults, controlCharacters(child)...)
	}
	return faults
}

// oddRune reports a control or separator character: no value of this file has one.
func oddRune(r rune) bool {
	return r < 0x20 || (r >= 0x7f && r <= 0xa0) || r == 0x2028 || r == 0x2029
}

var (
	unknownField = regexp.MustCompile(`^field (\S+) not found in type`)
	wrongType    = regexp.MustCompile(`^cannot unmarshal \S+(?: .*)? into (\S+)$`)
	definedTwice = regexp.MustCompile(`^mapping key "(.*)" already defined at line (\d+)`)
)

// translate makes a Fault of an error of yaml.v3, without the value: that may be a secret.
func translate(text string, lines lineIndex) Fault {
	match := lineOf.FindStringSubmatch(text)
	if match == nil {
		return Fault{Detail: "o arquivo tem um valor de tipo errado"}
	}
	line, _ := strconv.Atoi(match[1]) // the expression allows digits only
	fault := Fault{Line: line, Field: lines.at(line), Detail: match[2]}
	if m := unknownField.FindStringSubmatch(match[2]); m != nil {
		fault.Field, fault.Detail = "", fmt.Sprintf("a chave %q não existe; confira o nome e o recuo", m[1])
	} else if m := definedTwice.FindStringSubmatch(match[2]); m != nil {
		fault.Field, fault.Detail = "", fmt.Sprintf("%q já foi definida na linha %s; junte as duas em uma só e apague a outra", m[1], m[2])
	} else if m := wrongType.FindStringSubmatch(match[2]); m != nil {
		fault.Detail = "o valor deve ser " + typeName(m[1])
	}
	return fault
}

func typeName(goType string) string {
	switch {
	case goType == "int":
		return "um número inteiro"
	case goType == "float64":
		return "um número"
	case goType == "bool":
		return "true ou false"
	case goType == "string":
		return "um texto"
	case strings.HasPrefix(goType, "[]"):
		return "uma lista"
	}
	return "uma seção com chaves"
}

// lineIndex maps the path of a field to its line: sender.retry_min, api.tokens[0].token.
type lineIndex map[string]int

func (l lineIndex) add(path string, node *yaml.Node) {
	if path != "" {
		l[path] = node.Line
	}
	switch node.Kind {
	case yaml.DocumentNode:
		for _, child := range node.Content {
			l.add(path, child)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := node.Content[i].Value
			if path != "" {
				name = path + "." + name
			}
			l.add(name, node.Content[i+1])
			l[name] = node.Content[i].Line
		}
	case yaml.SequenceNode:
		for i, child := range node.Content {
			l.add(fmt.Sprintf("%s[%d]", path, i), child)
		}
	}
}

// at returns the longest path of a line.
func (l lineIndex) at(line int) string {
	found := ""
	for path, at := range l {
		if at == line && (len(path) > len(found) || (len(path) == len(found) && path > found)) {
			found = path
		}
	}
	return found
}
