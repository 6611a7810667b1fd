//go:build linux

package operation

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// nobody is a user of the machine that is none of ours.
const nobody = 65534

// SEC-07: another user of the machine reads no file of the agent, and what was opened to it is closed at the next start.
func TestAnotherUserReadsNoFileOfTheAgent(t *testing.T) {
	if os.Getuid() != 0 {
		agenttest.Missing(t, "root, to become another user")
	}
	s := e2e.NewSite(t)
	folder := filepath.Dir(s.Config)
	for _, parent := range []string{folder, filepath.Dir(folder)} { // the way there is open, as /etc and /var/lib are
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.Start()
	s.Post("/v2/coupons", agenttest.Receipt("K", "T"))
	s.WaitDrained()
	s.Until("the journal is written", func() bool { return len(s.Journal("")) > 0 })
	wantPrivate(t, folder)
	s.Stop()
	wantPrivate(t, folder)
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o755)
	})
	if err != nil {
		t.Fatal(err)
	}
	if reads(t, filepath.Join(folder, "data", "keys.json")) != nil {
		t.Fatal("the stranger cannot even read what is open: this test proves nothing")
	}
	s.Start()
	s.Stop()
	wantPrivate(t, folder)
}

func wantPrivate(t *testing.T, folder string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if seen++; reads(t, path) == nil {
			t.Errorf("another user reads %s", path)
		}
		return nil
	})
	if err != nil || seen < 5 {
		t.Errorf("found %d files, %v", seen, err)
	}
	write := exec.CommandContext(t.Context(), "touch", filepath.Join(folder, "data", "planted"))
	if as(write, nobody).Run() == nil {
		t.Error("another user makes a file in the data folder")
	}
}

// reads tries as another user.
func reads(t *testing.T, path string) error {
	t.Helper()
	return as(exec.CommandContext(t.Context(), "cat", path), nobody).Run()
}

func as(command *exec.Cmd, user uint32) *exec.Cmd {
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	return command
}
