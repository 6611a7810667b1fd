package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"pdvagent/agent/osfile"
)

// Fault is one thing wrong with the file. Line 0 is the file as a whole.
type Fault struct {
	Line   int    `json:"line"`
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"` // Portuguese, whole; never a secret
}

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

// Faults is every fault of a file, in its order.
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

// Load reads, completes and checks the file. The error is [Faults] when the content is wrong. The warnings name what
// has no effect, tokens that everybody knows, and files with secrets that others could read: they cannot any more (SEC-07).
func Load(path string, env Env) (Config, []Fault, error) {
	raw, err := os.ReadFile(filepath.Clean(path))
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

// restrict takes strangers' rights from the files that hold secrets, and says which had any.
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

// Parse is [Load] of bytes, and touches no file's rights; folder is where relative secret files are looked for.
func Parse(raw []byte, folder string, env Env) (Config, []Fault, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if fault, ok := emptyFile(raw); ok {
		return Config{}, nil, Faults{fault}
	}
	var tree yaml.Node
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		return Config{}, nil, Faults{syntaxFault(raw, err)}
	}
	lines := make(lineIndex)
	lines.add("", &tree)
	faults := controlCharacters(&tree)
	cfg := Default()
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	err := decoder.Decode(&cfg)
	if wrong, ok := errors.AsType[*yaml.TypeError](err); ok {
		for _, text := range wrong.Errors {
			faults = append(faults, translate(text, lines))
		}
	} else if err != nil {
		return Config{}, nil, Faults{syntaxFault(raw, err)}
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		faults = append(faults, Fault{Detail: "o arquivo tem mais de um documento YAML (---); deixe só um"})
	}
	if cfg.Mercafacil != nil {
		cfg.Mercafacil.fill()
	}
	c := checker{cfg: &cfg, lines: lines, folder: folder, env: env}
	c.secrets()
	c.all()
	faults = append(faults, c.faults...)
	if len(faults) > 0 {
		return Config{}, nil, inOrder(faults)
	}
	return cfg, append(c.idle(), c.published()...), nil
}

// emptyFile refuses a file without content: a default configuration would be a till that sends nowhere.
func emptyFile(raw []byte) (Fault, bool) {
	for line := range bytes.Lines(raw) {
		text := bytes.TrimSpace(line)
		if len(text) > 0 && text[0] != '#' && string(text) != "---" {
			return Fault{}, false
		}
	}
	return Fault{Detail: "o arquivo de configuração está vazio. Crie um com: pdvagent config init"}, true
}

var lineOf = regexp.MustCompile(`line (\d+): (.*)`)

// syntaxFault says where the YAML stops being YAML; the backslash of a Windows path is the usual reason.
func syntaxFault(raw []byte, err error) Fault {
	fault := Fault{Detail: "o arquivo não é um YAML válido (confira recuos, dois-pontos e aspas)"}
	if match := lineOf.FindStringSubmatch(err.Error()); match != nil {
		fault.Line, _ = strconv.Atoi(match[1]) // digits by the expression
		if strings.Contains(match[2], "escape") {
			fault.Detail = backslash
		}
	}
	if fault.Line == 0 && bytes.Contains(raw, []byte("\t")) {
		fault.Detail = "o YAML não aceita tabulações no recuo; use espaços"
	}
	return fault
}

const backslash = `barra invertida entre aspas duplas vira outro caractere. Escreva o caminho entre aspas simples ('C:\Pasta') ou com barras comuns ("C:/Pasta")`

// controlCharacters finds what "C:\temp" in double quotes becomes: a text with a tab in it.
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

// oddRune is a control or separator character: none belongs into a value of this file.
func oddRune(r rune) bool {
	return r < 0x20 || (r >= 0x7f && r <= 0xa0) || r == 0x2028 || r == 0x2029
}

var (
	unknownField = regexp.MustCompile(`^field (\S+) not found in type`)
	wrongType    = regexp.MustCompile(`^cannot unmarshal \S+(?: .*)? into (\S+)$`)
	definedTwice = regexp.MustCompile(`^mapping key "(.*)" already defined at line (\d+)`)
)

// translate says what yaml.v3 found, in words, without repeating the value: it may be a secret.
func translate(text string, lines lineIndex) Fault {
	match := lineOf.FindStringSubmatch(text)
	if match == nil {
		return Fault{Detail: "o arquivo tem um valor de tipo errado"}
	}
	line, _ := strconv.Atoi(match[1]) // digits by the expression
	fault := Fault{Line: line, Field: lines.at(line), Detail: match[2]}
	if m := unknownField.FindStringSubmatch(match[2]); m != nil {
		fault.Field, fault.Detail = "", fmt.Sprintf("a chave %q não existe; confira o nome e o recuo", m[1])
	} else if m := definedTwice.FindStringSubmatch(match[2]); m != nil {
		fault.Field, fault.Detail = "", fmt.Sprintf("a chave %q já foi definida na linha %s", m[1], m[2])
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

// lineIndex finds the line of a field by its path: sender.retry_min, api.tokens[0].token.
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

// at gives the longest path that stands on a line.
func (l lineIndex) at(line int) string {
	found := ""
	for path, at := range l {
		if at == line && (len(path) > len(found) || (len(path) == len(found) && path > found)) {
			found = path
		}
	}
	return found
}
