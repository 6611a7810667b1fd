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

func TestNetworkFileSystemsAreKnownByTheirMagic(t *testing.T) {
	for name, c := range map[string]struct {
		magic uint32
		want  bool
	}{
		"nfs": {0x6969, true}, "cifs": {0xff534d42, true}, "smb2": {0xfe534d42, true}, "9p": {0x01021997, true},
		"ext4": {0xef53, false}, "xfs": {0x58465342, false}, "btrfs": {0x9123683e, false}, "tmpfs": {0x01021994, false}, "overlay": {0x794c7630, false},
	} {
		if got := osfile.NetworkMagic(c.magic); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestStrangersLoseTheirRightsOnAFileWithSecrets(t *testing.T) {
	for mode, want := range map[os.FileMode]os.FileMode{0o644: 0o640, 0o666: 0o640, 0o604: 0o600, 0o600: 0o600, 0o640: 0o640, 0o400: 0o400} {
		path := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		open, err := osfile.Restrict(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || info.Mode().Perm() != want || open != (mode != want) {
			t.Errorf("%v: got %v, had strangers %v, %v, %v", mode, info.Mode().Perm(), open, err, statErr)
		}
	}
	folder := t.TempDir()
	if open, err := osfile.Restrict(folder); open || err != nil {
		t.Errorf("a folder: got %v, %v", open, err)
	}
	if _, err := osfile.Restrict(filepath.Join(folder, "nothing")); !os.IsNotExist(err) {
		t.Errorf("no file: got %v", err)
	}
}

func TestReplacedFileKeepsItsOwnerAndRights(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(path, 0, 65534); err != nil {
			t.Fatal(err)
		}
	}
	if err := osfile.Replace(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	text, readErr := os.ReadFile(path)
	if err != nil || readErr != nil || info.Mode().Perm() != 0o640 || string(text) != "new" {
		t.Errorf("got %v %q, %v, %v", info.Mode(), text, err, readErr)
	}
	if group := info.Sys().(*syscall.Stat_t).Gid; os.Getuid() == 0 && group != 65534 {
		t.Errorf("its group is %d", group)
	}
}

// An administrator's command must not leave files that the service cannot read.
func TestWhatRootMakesBelongsToTheFoldersOwner(t *testing.T) {
	if os.Getuid() != 0 {
		agenttest.Missing(t, "root, to make files for others")
	}
	folder := t.TempDir()
	if err := os.Chown(folder, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	inner := filepath.Join(folder, "inner")
	if err := osfile.MakePrivateFolder(inner); err != nil {
		t.Fatal(err)
	}
	if err := osfile.WriteNew(filepath.Join(inner, "file"), []byte("x")); err != nil {
		t.Fatal(err)
	}
	unlock, err := osfile.Lock(filepath.Join(inner, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	for _, path := range []string{inner, filepath.Join(inner, "file"), filepath.Join(inner, "lock")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 65534 || stat.Gid != 65534 || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: user %d, group %d, %v", path, stat.Uid, stat.Gid, info.Mode())
		}
	}
}
