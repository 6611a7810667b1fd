package config

import (
	"os"
	"path/filepath"
	"runtime"
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
