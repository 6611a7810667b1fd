package fleet

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/osfile"
)

// Answer is what became of a till.
type Answer struct {
	Till
	Installed bool   `json:"installed"` // the installer ended well
	Right     bool   `json:"right"`     // the agent answers as this till, primary or not as it should be
	Version   string `json:"version,omitempty"`
	Online    bool   `json:"online"` // in contact with Mercafácil
	Says      string `json:"says"`   // Portuguese
}

// maxResult bounds what a till answered, in bytes.
const maxResult = 1 << 20

// Check reads what the scripts left of each till. The answers of one that is right are removed where the script has not done so.
func Check(dir string) ([]Answer, error) {
	content, err := osfile.ReadUpTo(filepath.Join(dir, listName), 16<<20)
	if err != nil {
		return nil, agent.Errorf(agent.CodeNotFound, err, "%s não é a pasta de uma instalação de caixas.", dir)
	}
	var tills []Till
	if err := json.Unmarshal(content, &tills); err != nil {
		return nil, agent.Errorf(agent.CodeInvalid, err, "%s não se lê.", filepath.Join(dir, listName))
	}
	all := make([]Answer, 0, len(tills))
	for _, t := range tills {
		answer := Answer{Till: t}
		if err := answer.read(filepath.Join(dir, results, t.Name())); err != nil {
			return nil, err
		}
		if answer.Right {
			if err := osfile.Remove(filepath.Join(dir, answers, t.Name()+".json")); err != nil {
				return nil, err
			}
		}
		all = append(all, answer)
	}
	return all, nil
}

// result reads a file that a script wrote; a missing one is empty.
func result(path string) ([]byte, error) {
	content, err := osfile.ReadUpTo(path, maxResult)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return config.Text(content), err
}

// longest is how much of what a till says of itself is shown.
const longest = 40

// printable is what a till said as a line of a table may have it.
func printable(text string) string {
	shown := []rune(strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)))
	return string(shown[:min(len(shown), longest)])
}

func (a *Answer) read(path string) error {
	exit, err1 := result(path + ended)
	settings, err2 := result(path + shown)
	state, err3 := result(path + status)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	code := printable(string(exit))
	var is struct {
		Shop struct {
			ID      string `json:"id"`
			Till    string `json:"till"`
			Primary bool   `json:"primary"`
		} `json:"shop"`
	}
	var answers struct {
		Version string `json:"version"`
		Online  bool   `json:"online"`
	}
	a.Installed = code == "0"
	known, answering := json.Unmarshal(settings, &is) == nil, json.Unmarshal(state, &answers) == nil && answers.Version != ""
	a.Version, a.Online = printable(answers.Version), answers.Online
	switch {
	case code == "":
		a.Says = "ainda não instalado"
	case !a.Installed && !answering:
		a.Says = "o instalador terminou com " + code + "; veja instalacao.log na máquina"
	case !known || !answering:
		a.Says = "instalado, mas não respondeu; rode pdvagent doctor na máquina"
	case is.Shop.ID != a.Shop || is.Shop.Till != a.Till.Till:
		a.Says = "responde como caixa " + printable(is.Shop.Till) + " da loja " + printable(is.Shop.ID)
	case is.Shop.Primary && !a.Primary:
		a.Says = "é o caixa principal e não devia ser; corrija com pdvagent config set shop.primary false"
	case !is.Shop.Primary && a.Primary:
		a.Says = "devia ser o caixa principal; corrija com pdvagent config set shop.primary true"
	case !a.Installed:
		a.Says = "responde, mas o instalador terminou com " + code
	default:
		a.Right = true
		a.Says = "responde, sem contato com a Mercafácil"
		if a.Online {
			a.Says = "responde, em contato com a Mercafácil"
		}
	}
	return nil
}
