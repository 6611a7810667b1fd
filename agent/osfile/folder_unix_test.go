//go:build !windows

package osfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/osfile"
)

func TestRootMakesNoFolderPrivateThroughTheLinkOfAnother(t *testing.T) {
	if os.Getuid() != 0 {
		agenttest.Missing(t, "root, to follow another user's link")
	}
	target := t.TempDir()
	if err := os.Chmod(target, 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "config")
	if err := errors.Join(os.Symlink(target, link), os.Lchown(link, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	err := osfile.MakePrivateFolder(link)
	if info, statErr := os.Stat(target); statErr != nil || info.Mode().Perm() != 0o755 || !errors.Is(err, osfile.ErrForeignLink) {
		t.Errorf("got %v, %v %v", err, info, statErr)
	}
	if err := os.Lchown(link, 0, 0); err != nil { // the administrator's
		t.Fatal(err)
	}
	err = osfile.MakePrivateFolder(link)
	if info, statErr := os.Stat(target); statErr != nil || info.Mode().Perm() != 0o700 || err != nil {
		t.Errorf("got %v, %v %v", err, info, statErr)
	}
}

func TestOpenTakesRegularFilesOnly(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	if err := errors.Join(os.WriteFile(path("file"), []byte("x"), 0o600), os.Symlink("file", path("link")), os.Mkdir(path("folder"), 0o700), syscall.Mkfifo(path("pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "folder", "pipe", "nothing"} {
		want := osfile.ErrNotRegular
		if name == "nothing" {
			want = os.ErrNotExist
		}
		if _, err := osfile.Open(path(name)); !errors.Is(err, want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	file, err := osfile.Open(path("file"))
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	if _, err := osfile.OpenFolder(path("pipe")); !errors.Is(err, osfile.ErrNotFolder) {
		t.Errorf("a pipe as a folder: %v", err)
	}
}
