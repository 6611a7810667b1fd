//go:build !windows

package osfile_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/osfile"
)

func try(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// verbs are what root does with a path in the folder of another.
var verbs = map[string]func(path string) ([]byte, error){
	"lock": func(path string) ([]byte, error) {
		unlock, err := osfile.Lock(path)
		if err == nil {
			unlock()
		}
		return nil, err
	},
	"protect":     func(path string) ([]byte, error) { return nil, osfile.Protect(path) },
	"restrict":    func(path string) ([]byte, error) { _, err := osfile.Restrict(path); return nil, err },
	"create":      func(path string) ([]byte, error) { return nil, closed(osfile.CreatePrivate(path)) },
	"reserve":     func(path string) ([]byte, error) { return nil, osfile.Reserve(path, 1) },
	"write new":   func(path string) ([]byte, error) { return nil, osfile.WriteNew(path, []byte("x")) },
	"replace":     func(path string) ([]byte, error) { return nil, osfile.Replace(path, []byte("x")) },
	"sync":        func(path string) ([]byte, error) { return nil, osfile.Sync(path) },
	"sync folder": func(path string) ([]byte, error) { return nil, osfile.SyncFolder(path) },
	"make folder": func(path string) ([]byte, error) { return nil, osfile.MakePrivateFolder(path) },
	"make below":  func(path string) ([]byte, error) { return nil, osfile.MakePrivateFolder(filepath.Join(path, "a", "b")) },
	"rename":      func(path string) ([]byte, error) { return nil, osfile.Rename(path, path+".new") },
	"remove":      func(path string) ([]byte, error) { return nil, osfile.Remove(path) },
	"remove tree": func(path string) ([]byte, error) { return nil, osfile.RemoveTree(path) },
	"open":        func(path string) ([]byte, error) { return nil, closed(osfile.Open(path)) },
	"open to write": func(path string) ([]byte, error) {
		file, err := osfile.OpenFile(path, os.O_RDWR)
		if err == nil {
			_, err = file.WriteString("x")
		}
		return nil, errors.Join(err, closed(file, nil))
	},
	"read": osfile.ReadFile,
}

func closed(file *os.File, err error) error {
	if err != nil || file == nil {
		return err
	}
	return file.Close()
}

// Whatever another puts where root works, in place of the file itself, of its temporary name or of the folder: nothing outside
// is read, truncated or given other rights, and nothing waits.
func TestNobodyLeadsRootElsewhere(t *testing.T) {
	plants := map[string]func(target, folder string) (path string, err error){
		"a link": func(target, folder string) (string, error) {
			path := filepath.Join(folder, "name")
			return path, errors.Join(os.Symlink(filepath.Join(target, "file"), path), os.Symlink(filepath.Join(target, "file"), path+".tmp"))
		},
		"a link to nothing": func(target, folder string) (string, error) {
			path := filepath.Join(folder, "name")
			return path, errors.Join(os.Symlink(filepath.Join(target, "new"), path), os.Symlink(filepath.Join(target, "new"), path+".tmp"))
		},
		"a link to a folder": func(target, folder string) (string, error) {
			path := filepath.Join(folder, "name")
			return path, os.Symlink(target, path)
		},
		"a folder's link": func(target, folder string) (string, error) {
			path := filepath.Join(folder, "inner")
			return filepath.Join(path, "file"), os.Symlink(target, path)
		},
		"a link within": func(target, folder string) (string, error) {
			path := filepath.Join(folder, "inner")
			return filepath.Join(path, "file"), errors.Join(os.Symlink("step", path), os.Symlink(target, filepath.Join(folder, "step")))
		},
		"a second name": func(target, folder string) (string, error) {
			path := filepath.Join(folder, "name")
			return path, errors.Join(os.Link(filepath.Join(target, "file"), path), os.Link(filepath.Join(target, "file"), path+".tmp"))
		},
		"a pipe": func(_, folder string) (string, error) {
			path := filepath.Join(folder, "name")
			return path, errors.Join(syscall.Mkfifo(path, 0o666), syscall.Mkfifo(path+".tmp", 0o666))
		},
	}
	for kind, plant := range plants {
		for verb, do := range verbs {
			t.Run(verb+", "+kind, func(t *testing.T) {
				target, untouched := agenttest.Outside(t)
				folder := t.TempDir()
				path, err := plant(target, folder)
				try(t, err)
				agenttest.GiveAway(t, folder)
				text, err := do(path)
				if bytes.Contains(text, []byte(agenttest.Secret)) {
					t.Error("it was read")
				}
				untouched()
				replaces := slices.Contains([]string{"write new", "remove", "remove tree", "rename"}, verb)
				if passes := verb == "restrict" && (kind == "a pipe" || kind == "a link to a folder"); err == nil && !replaces && !passes {
					t.Error("it says that all is well")
				}
			})
		}
	}
}

// What is there between the look and the act is found by the act alone.
func TestWhatTakesANamesPlaceBetweenTheLookAndTheActIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	try(t, os.WriteFile(path, []byte("x"), 0o600))
	named, err := os.Lstat(path)
	try(t, err)
	folder, err := osfile.OpenFolder(dir)
	try(t, err)
	defer func() { try(t, folder.Close()) }()
	for kind, plant := range map[string]func() error{
		"a pipe":       func() error { return syscall.Mkfifo(path, 0o600) },
		"a link":       func() error { return os.Symlink("other", path) },
		"another file": func() error { return os.WriteFile(path, []byte("y"), 0o600) },
	} {
		try(t, os.WriteFile(filepath.Join(dir, "other"), []byte("z"), 0o600), os.Rename(path, path+".old"), plant())
		if file, err := osfile.OpenNamed(folder, named, "file", os.O_RDONLY); !errors.Is(err, osfile.ErrNotRegular) {
			t.Errorf("%s: got %v, %v", kind, file, err)
		}
		try(t, os.Rename(path+".old", path))
	}
	for kind, plant := range map[string]func() error{
		"a link":            func() error { return os.Symlink("other", path) },
		"a link to nothing": func() error { return os.Symlink("new", path) },
		"a file":            func() error { return os.WriteFile(path, []byte("y"), 0o600) },
		"a pipe":            func() error { return syscall.Mkfifo(path, 0o600) },
	} {
		try(t, os.Remove(path), plant())
		if file, err := osfile.CreateNew(folder, "file"); !errors.Is(err, os.ErrExist) {
			t.Errorf("%s: got %v, %v", kind, file, err)
		}
		if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil {
			t.Errorf("%s: made elsewhere", kind)
		}
	}
}

func TestRootFollowsTheLinksOfAnAdministrator(t *testing.T) {
	target := t.TempDir()
	link := filepath.Join(t.TempDir(), "data")
	inner := filepath.Join(target, "token")
	try(t, os.Symlink(target, link), os.WriteFile(inner, []byte("x"), 0o600), os.Chmod(inner, 0o644), os.Symlink("token", filepath.Join(target, "name")))
	if text, err := osfile.ReadFile(filepath.Join(link, "name")); err != nil || string(text) != "x" {
		t.Errorf("got %q, %v", text, err)
	}
	if had, err := osfile.Restrict(filepath.Join(link, "name")); err != nil || !had {
		t.Errorf("got %v, %v", had, err)
	}
	try(t, osfile.MakePrivateFolder(filepath.Join(link, "a", "b")), osfile.WriteNew(filepath.Join(link, "a", "b", "c"), []byte("y")),
		osfile.Rename(filepath.Join(link, "a", "b", "c"), filepath.Join(target, "d")), osfile.RemoveTree(filepath.Join(link, "a")))
	if text, err := os.ReadFile(filepath.Join(target, "d")); err != nil || string(text) != "y" {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := os.Lstat(filepath.Join(target, "a")); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
}
