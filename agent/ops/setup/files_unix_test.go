//go:build !windows

package setup

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pdvagent/agent/agenttest"
)

// What an upgrade keeps is given back to the service's user.
func TestCopyOfTheDataHasNoFileOfRoots(t *testing.T) {
	target, untouched := agenttest.Outside(t)
	data, kept := t.TempDir(), filepath.Join(t.TempDir(), "data")
	file := filepath.Join(target, "file")
	if err := errors.Join(
		os.WriteFile(filepath.Join(data, "pdvagent.db"), []byte("sales"), 0o600), os.Symlink(file, filepath.Join(data, "link")), os.Link(file, filepath.Join(data, "second")),
		os.Symlink(target, filepath.Join(data, "folder")), syscall.Mkfifo(filepath.Join(data, "pipe"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	agenttest.GiveAway(t, data)
	if err := copyTree(data, kept); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(kept)
	if err != nil || len(entries) != 1 || entries[0].Name() != "pdvagent.db" {
		t.Errorf("kept are %v, %v", entries, err)
	}
	untouched()
}
