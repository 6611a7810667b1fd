package service

import (
	"os"
	"path/filepath"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

// Places are what an installation finds of an earlier one: the configuration's folder where that is the agent's own, the
// configuration, and the data folder.
func Places(config, dataDir string) []string {
	list := []string{config, dataDir}
	if folder, own := ownFolder(config); own {
		return append([]string{folder}, list...)
	}
	return list
}

// ownFolder is the folder of a configuration, and whether it is the agent's own.
func ownFolder(config string) (string, bool) {
	folder := filepath.Dir(config)
	return folder, strings.EqualFold(filepath.Base(folder), Source)
}

// Own refuses places that a stranger has prepared for a first installation, with a configuration of his perhaps: in ProgramData
// every user may make folders. An empty folder of his is taken over. stranger names the owner of a place who is no
// administrator; osfile.Stranger.
func Own(stranger func(path string) (string, error), places ...string) error {
	for _, place := range places {
		owner, err := stranger(place)
		if err != nil {
			return err
		}
		if owner == "" {
			continue
		}
		if empty(place) { // it is looked at again once nobody else can put anything into it
			if err := osfile.MakePrivateFolder(place); err != nil {
				return err
			}
			if empty(place) {
				continue
			}
		}
		return agent.Errorf(agent.CodeBadConfig, nil, "%s já existia e é de %s, que não é administrador: pode ter sido preparado por outra pessoa, e nada dele foi usado. "+
			`Veja o que há nele e apague-o; se é mesmo do pdvagent, entregue-o aos administradores e repita: icacls "%s" /setowner *S-1-5-32-544 /T`, place, owner, place)
	}
	return nil
}

// empty tells whether a folder has nothing in it; a link to one is none.
func empty(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	entries, err := os.ReadDir(path)
	return err == nil && len(entries) == 0
}
