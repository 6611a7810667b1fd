package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/config"
)

func TestCreateWritesAPrivateFileAndNeverReplacesOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "config.yaml")
	if err := config.Create(path, "first"); err != nil {
		t.Fatal(err)
	}
	if err := config.Create(path, "second"); agent.CodeOf(err) != agent.CodeBadConfig {
		t.Errorf("over another: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "first" {
		t.Errorf("got %q, %v", text, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if foreign := info.Mode().Perm() & 0o077; os.PathSeparator == '/' && foreign != 0 {
		t.Errorf("others have the rights %o", foreign)
	}
}
