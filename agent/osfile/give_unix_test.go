//go:build !windows

package osfile_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/osfile"
)

func ownerOf(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Lstat(path)
	try(t, err)
	return info.Sys().(*syscall.Stat_t).Uid
}

func TestAFolderIsGivenAwayWithAllInItThatIsItsOwn(t *testing.T) {
	target, untouched := agenttest.Outside(t)
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	try(t, os.MkdirAll(in("a/b"), 0o700), os.WriteFile(in("a/b/file"), nil, 0o600), os.Link(in("a/b/file"), in("a/copy")), // as a backup's
		os.Symlink(target, in("link")), os.Symlink(filepath.Join(target, "file"), in("a/link")), syscall.Mkfifo(in("pipe"), 0o600))
	try(t, osfile.Give(folder, 1234, 1234))
	for _, name := range []string{".", "a", "a/b", "a/b/file", "a/copy"} {
		if got := ownerOf(t, in(name)); got != 1234 {
			t.Errorf("%s belongs to %d", name, got)
		}
	}
	for _, name := range []string{"link", "a/link", "pipe"} {
		if got := ownerOf(t, in(name)); got != 0 {
			t.Errorf("%s belongs to %d", name, got)
		}
	}
	untouched()
}

func TestASecondNameThatTheOwnerMadeIsNotGiven(t *testing.T) {
	target, untouched := agenttest.Outside(t)
	folder := t.TempDir()
	try(t, os.Mkdir(filepath.Join(folder, "a"), 0o700), os.Link(filepath.Join(target, "file"), filepath.Join(folder, "a", "file")))
	agenttest.GiveAway(t, folder)
	try(t, osfile.Give(folder, 1234, 1234))
	if got := ownerOf(t, filepath.Join(folder, "a")); got != 1234 {
		t.Errorf("the folder belongs to %d", got)
	}
	link := filepath.Join(folder, "link")
	try(t, os.Symlink(target, link), os.Lchown(link, 1234, 1234))
	if err := osfile.Give(link, 1234, 1234); err == nil {
		t.Error("a stranger's link is followed")
	}
	if err := osfile.Share(filepath.Join(folder, "a", "file"), 1234); err == nil {
		t.Error("a second name is shared")
	}
	untouched()
}

func TestAFileIsSharedWithAGroup(t *testing.T) {
	if os.Getuid() != 0 {
		agenttest.Missing(t, "root, who gives files away")
	}
	path := filepath.Join(t.TempDir(), "file")
	try(t, os.WriteFile(path, nil, 0o600), osfile.Share(path, 1234))
	info, err := os.Stat(path)
	try(t, err)
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 0 || stat.Gid != 1234 || info.Mode().Perm() != 0o640 {
		t.Errorf("got %+v", info)
	}
}

func TestAFileIsReadUpToABound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	try(t, os.WriteFile(path, []byte("12345"), 0o600))
	if text, err := osfile.ReadUpTo(path, 5); err != nil || string(text) != "12345" {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := osfile.ReadUpTo(path, 4); err == nil {
		t.Error("a larger one is read")
	}
}
