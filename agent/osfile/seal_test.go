package osfile_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent/osfile"
	"pdvagent/store/storetest"
)

func TestSealIsOpenedForTheSamePurposeOnly(t *testing.T) {
	sealed, err := osfile.Seal("purpose", []byte("segredo"))
	if errors.Is(err, osfile.ErrNoSeal) {
		if _, err := osfile.Unseal("purpose", sealed); !errors.Is(err, osfile.ErrNoSeal) {
			t.Errorf("a system that seals nothing opens something: %v", err)
		}
		return
	}
	if err != nil || bytes.Contains(sealed, []byte("segredo")) {
		t.Fatalf("got %q, %v", sealed, err)
	}
	if opened, err := osfile.Unseal("purpose", sealed); err != nil || string(opened) != "segredo" {
		t.Errorf("got %q, %v", opened, err)
	}
	if opened, err := osfile.Unseal("another", sealed); err == nil {
		t.Errorf("opened as %q", opened)
	}
}

func TestTreeIsRemovedWholeAndNothingIsNoError(t *testing.T) {
	root := filepath.Join(storetest.Dir(t), "a")
	if err := os.MkdirAll(filepath.Join(root, "b", "c"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x", "b/y", "b/c/z"} {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := osfile.RemoveTree(root); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(root); !os.IsNotExist(err) {
			t.Errorf("it is still there: %v", err)
		}
	}
}

func TestLockThatIsTakenIsSaidAndComesFreeAgain(t *testing.T) {
	path := filepath.Join(storetest.Dir(t), "lock")
	unlock, taken, err := osfile.TryLock(path)
	if taken || err != nil {
		t.Fatalf("taken %v, %v", taken, err)
	}
	if _, taken, err := osfile.TryLock(path); !taken || err != nil {
		t.Errorf("taken %v, %v", taken, err)
	}
	unlock()
	unlock, taken, err = osfile.TryLock(path)
	if taken || err != nil {
		t.Fatalf("taken %v, %v", taken, err)
	}
	unlock()
}
