package config

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// DefaultDataDir is where the store lives when the file does not say.
func DefaultDataDir() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(programData(), "pdvagent", "data")
	}
	return "/var/lib/pdvagent"
}

// DefaultPath is where the file is looked for.
func DefaultPath() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(programData(), "pdvagent", "config.yaml")
	}
	return "/etc/pdvagent/config.yaml"
}

func programData() string {
	if folder := os.Getenv("ProgramData"); folder != "" {
		return folder
	}
	return `C:\ProgramData`
}

// resolve makes a path of the file absolute: it is meant from the file's folder.
func resolve(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

// secretFiles are the files named by the configuration that hold secrets.
func (c Config) secretFiles(folder string) []string {
	var list []string
	for _, token := range c.API.Tokens {
		list = append(list, token.File)
	}
	if c.Mercafacil != nil {
		list = append(list, c.Mercafacil.TokenFile)
	}
	for _, source := range c.sourceSecrets() {
		list = append(list, source.DSNFile)
	}
	_, files := c.Payments.secrets()
	list = append(list, files...)
	list = slices.DeleteFunc(list, func(path string) bool { return path == "" })
	for i, path := range list {
		list[i] = resolve(folder, path)
	}
	return list
}
