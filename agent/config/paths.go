package config

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"pdvagent/agent/osfile"
)

// DefaultDataDir is the data folder of a file that names none.
func DefaultDataDir() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(programData(), "pdvagent", "data")
	}
	return "/var/lib/pdvagent"
}

var dataDirLine = regexp.MustCompile(`(?m)^data_dir:[ \t]*(?:'([^']+)'|"([^"\\]+)"|([^'"#\r\n]+))`)

// DataDirOf is the data folder that a file names which may not be readable otherwise.
func DataDirOf(path string) string {
	raw, err := osfile.ReadFile(path)
	if err != nil {
		return DefaultDataDir()
	}
	match := dataDirLine.FindSubmatch(Text(raw))
	if match == nil {
		return DefaultDataDir()
	}
	return strings.TrimSpace(string(match[1]) + string(match[2]) + string(match[3]))
}

// DefaultPath is the path of the file.
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

// resolve makes a path absolute: relative paths are below the file's folder.
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
	list = append(list, c.Network.LoginFile)
	_, files := c.Payments.secrets()
	list = append(list, files...)
	list = slices.DeleteFunc(list, func(path string) bool { return path == "" })
	for i, path := range list {
		list[i] = resolve(folder, path)
	}
	return list
}
