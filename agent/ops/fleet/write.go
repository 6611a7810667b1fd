package fleet

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

// What stands in the folder of an installation.
const (
	listName = "inventario.json" // the tills, for Check
	answers  = "respostas"
	results  = "resultados"

	ended  = ".codigo"   // exit code of the installer
	shown  = ".config"   // what the till says of its configuration, without secrets
	status = ".situacao" // what the till's agent says of itself
)

//go:embed instalar.bat
var batch string

//go:embed instalar.ps1
var powershell string

//go:embed instalar.sh
var shell string

// Places are where the scripts find what they install.
type Places struct {
	Setup   string // path of setup.exe, as every till with Windows reaches it
	Package string // path of the .deb or .rpm, on the machine where the script runs
}

// Answers are the answers of a till's installation (docs/instalacao.md). They hold the shop's token.
func (t *Till) Answers(token string) ([]byte, error) {
	all := map[string]string{"shop": t.Shop, "till": t.Till, "primary": strconv.FormatBool(t.Primary), "token": token}
	for key, value := range t.More {
		all[key] = value
	}
	text, err := json.MarshalIndent(all, "", "  ")
	return append(text, '\n'), err
}

// check refuses a path that would be more than a path in a script.
func (p Places) check() error {
	for _, path := range []string{p.Setup, p.Package} {
		if path == "" || strings.ContainsAny(path, "\"'%&|<>^!`$\r\n") {
			return agent.Errorf(agent.CodeInvalid, nil, "O caminho %q não serve para um script; use um sem aspas e sem os sinais %% & | < > ^ ! ` $.", path)
		}
	}
	return nil
}

// Write writes the folder of an installation: a private file of answers for each till, the scripts for what systems there are, and
// the list that Check reads. A folder that has one already is left as it is. It gives the names of the scripts.
func Write(dir string, tills []Till, places Places, tokens map[string]string) ([]string, error) {
	if err := places.check(); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(dir, listName)); err == nil {
		return nil, agent.Errorf(agent.CodeConflict, nil, "A pasta %s já tem uma instalação; confira-a com --check, ou escolha outra pasta.", dir)
	}
	for _, folder := range []string{dir, filepath.Join(dir, answers), filepath.Join(dir, results)} {
		if err := osfile.MakePrivateFolder(folder); err != nil {
			return nil, err
		}
	}
	for i := range tills {
		text, err := tills[i].Answers(tokens[tills[i].Shop])
		if err == nil {
			err = osfile.WriteNew(filepath.Join(dir, answers, tills[i].Name()+".json"), text)
		}
		if err != nil {
			return nil, err
		}
	}
	var written []string
	for _, script := range scripts(tills, places) {
		if err := osfile.WriteNew(filepath.Join(dir, script.name), []byte(script.text)); err != nil {
			return nil, err
		}
		written = append(written, script.name)
	}
	list, err := json.MarshalIndent(tills, "", "  ")
	if err != nil {
		return nil, err
	}
	return written, osfile.WriteNew(filepath.Join(dir, listName), append(list, '\n'))
}

type script struct{ name, text string }

// scripts are those for the systems that the tills have. Every text that goes into one was held against a pattern.
func scripts(tills []Till, places Places) []script {
	var bat, ps1, sh []string
	for _, t := range tills {
		if t.Linux {
			sh = append(sh, fmt.Sprintf("caixa %s %s %s", t.Shop, t.Till, t.Machine))
			continue
		}
		bat = append(bat, fmt.Sprintf("call :caixa %s %s %s", t.Shop, t.Till, t.Machine))
		ps1 = append(ps1, fmt.Sprintf("Instalar-Caixa '%s' '%s' '%s'", t.Shop, t.Till, t.Machine))
	}
	filled := func(text string, lines []string) string {
		return strings.NewReplacer("{{setup}}", places.Setup, "{{pacote}}", places.Package, "{{caixas}}", strings.Join(lines, "\n")).Replace(text)
	}
	var all []script
	if len(bat) > 0 {
		all = append(all, script{"instalar.bat", strings.ReplaceAll(filled(batch, bat), "\n", "\r\n")})
		all = append(all, script{"instalar.ps1", "\ufeff" + strings.ReplaceAll(filled(powershell, ps1), "\n", "\r\n")}) // PowerShell 5 reads UTF-8 by its mark
	}
	if len(sh) > 0 {
		all = append(all, script{"instalar.sh", filled(shell, sh)})
	}
	return all
}

// ReadTokens reads the token of each shop from a folder: a file for each, named by the shop's code, with .txt.
func ReadTokens(dir string, tills []Till) (map[string]string, error) {
	tokens := make(map[string]string)
	for _, t := range tills {
		if tokens[t.Shop] != "" {
			continue
		}
		path := filepath.Join(dir, t.Shop+".txt")
		content, err := osfile.ReadUpTo(path, 64<<10)
		if errors.Is(err, os.ErrNotExist) {
			return nil, agent.Errorf(agent.CodeNotFound, nil, "Falta o token da loja %s: ponha-o em %s.", t.Shop, path)
		}
		if err != nil {
			return nil, agent.Errorf(agent.CodeInvalid, err, "O token da loja %s não pôde ser lido.", t.Shop)
		}
		token := strings.TrimSpace(strings.TrimPrefix(string(content), "\ufeff"))
		if token == "" || strings.ContainsAny(token, "\r\n\t ") {
			return nil, agent.Errorf(agent.CodeInvalid, nil, "O arquivo %s deve ter só o token da loja %s, numa linha.", path, t.Shop)
		}
		tokens[t.Shop] = token
	}
	return tokens, nil
}
