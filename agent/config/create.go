package config

import (
	"errors"
	"io/fs"
	"path/filepath"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

// Create writes a new configuration file that only its owner can read, and its folder. It refuses to replace a file.
func Create(path, text string) error {
	if err := osfile.MakeConfigFolder(filepath.Dir(path)); err != nil {
		return err
	}
	file, err := osfile.CreatePrivate(path)
	if errors.Is(err, fs.ErrExist) {
		return agent.Errorf(agent.CodeBadConfig, nil, "%s já existe e não foi alterado. Use outro nome com --config.", path)
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Sync(), file.Close())
}
