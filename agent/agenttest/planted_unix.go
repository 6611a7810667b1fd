//go:build !windows

package agenttest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Secret is the content of the file that [Outside] makes.
const Secret = "root's alone"

// another is the user in whose folder root works.
const another = 65534

// Outside makes a folder of root's with the file "file", as the aim of what another user plants where root works. untouched
// looks that both stayed as they were. It skips the test where it does not run as root.
func Outside(t *testing.T) (folder string, untouched func()) {
	t.Helper()
	if os.Getuid() != 0 {
		Missing(t, "root, whom others lead elsewhere")
	}
	folder = t.TempDir()
	file := filepath.Join(folder, "file")
	if err := errors.Join(os.Chmod(folder, 0o755), os.WriteFile(file, []byte(Secret), 0o600), os.Chmod(file, 0o644)); err != nil {
		t.Fatal(err)
	}
	return folder, func() {
		t.Helper()
		entries, err := os.ReadDir(folder)
		text, readErr := os.ReadFile(file)
		if len(entries) != 1 || err != nil || readErr != nil || string(text) != Secret {
			t.Errorf("outside are %v, %q, %v", entries, text, errors.Join(err, readErr))
		}
		for path, mode := range map[string]os.FileMode{folder: 0o755, file: 0o644} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode || info.Sys().(*syscall.Stat_t).Uid != 0 {
				t.Errorf("%s is %+v, %v", path, info, err)
			}
		}
	}
}

// Plants is what another user may put at a path where root works, by name: it leads into the folder that [Outside] made, or has
// no end.
func Plants() map[string]func(outside, path string) error {
	return map[string]func(outside, path string) error{
		"a link":            func(outside, path string) error { return os.Symlink(filepath.Join(outside, "file"), path) },
		"a link to nothing": func(outside, path string) error { return os.Symlink(filepath.Join(outside, "new"), path) },
		"a second name":     func(outside, path string) error { return os.Link(filepath.Join(outside, "file"), path) },
		"a pipe":            func(_, path string) error { return syscall.Mkfifo(path, 0o666) },
	}
}

// GiveAway gives a folder and all in it to another user, links themselves; a second name of a file stays root's.
func GiveAway(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		info, statErr := os.Lstat(path)
		if err = errors.Join(err, statErr); err != nil {
			return err
		}
		if stat := info.Sys().(*syscall.Stat_t); stat.Nlink > 1 && info.Mode().IsRegular() {
			return nil
		}
		return os.Lchown(path, another, another)
	})
	if err != nil {
		t.Fatal(err)
	}
}
