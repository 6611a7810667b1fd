package keyring_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"pdvagent/store/internal/keyring"
	"pdvagent/store/storetest"
)

func open(t *testing.T, path string, want keyring.Birth) *keyring.Ring {
	t.Helper()
	ring, err := keyring.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if ring.Born != want {
		t.Errorf("born %q, want %q", ring.Born, want)
	}
	return ring
}

func TestKeyIsMadeOnceAndStays(t *testing.T) {
	path := filepath.Join(storetest.Dir(t), "keys.json")
	first := open(t, path, keyring.First)
	second := open(t, path, keyring.Old)
	if first.Current.ID != second.Current.ID || first.AgentID != second.AgentID || first.AgentID == "" ||
		!bytes.Equal(first.Hash("group", "x"), second.Hash("group", "x")) {
		t.Error("the second opening has another key")
	}
}

func TestNamesHashDifferentlyInEachSpaceAndUnderEachKey(t *testing.T) {
	a := open(t, filepath.Join(storetest.Dir(t), "keys.json"), keyring.First)
	b := open(t, filepath.Join(storetest.Dir(t), "keys.json"), keyring.First)
	if bytes.Equal(a.Hash("group", "x"), a.Hash("spool", "x")) || bytes.Equal(a.Hash("group", "x"), b.Hash("group", "x")) ||
		bytes.Equal(a.Hash("a", "bc"), a.Hash("ab", "c")) || len(a.Hash("a", "b")) != keyring.HashLen {
		t.Error("hashes collide")
	}
}

func TestSystemdCredentialSealsTheKey(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("systemd is a Linux thing")
	}
	folder, path := storetest.Dir(t), filepath.Join(storetest.Dir(t), "keys.json")
	credential := filepath.Join(folder, "pdvagent-store-key")
	if err := os.WriteFile(credential, []byte("0123456789abcdef0123"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", folder)
	first := open(t, path, keyring.First)
	if raw, err := os.ReadFile(path); err != nil || !bytes.Contains(raw, []byte(`"protection": "credential"`)) {
		t.Fatalf("%s, %v", raw, err)
	}
	if second := open(t, path, keyring.Old); second.Current.ID != first.Current.ID {
		t.Error("another key")
	}
	if err := os.WriteFile(credential, []byte("another credential!!"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, path, keyring.Lost)
}

// What was sealed before a key was replaced must be readable on another machine, too.
func TestTheRecoveryKeyOpensEveryKeyOfARing(t *testing.T) {
	path := filepath.Join(storetest.Dir(t), "keys.json")
	first := open(t, path, keyring.First)
	raw, err := os.ReadFile(path)
	if err == nil { // the machine's id is another one now
		err = os.WriteFile(path, bytes.Replace(raw, []byte(`"machine": "`), []byte(`"machine": "0`), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	second := open(t, path, keyring.Cloned)
	private, public, err := keyring.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := second.Wrap(public)
	if err != nil {
		t.Fatal(err)
	}
	var keys keyring.Clear
	if err := keys.Unwrap(wrapped, private); err != nil || len(keys.Keys) != 2 || keys.Current != second.Current.ID || !keys.Whole() {
		t.Fatalf("got %d keys, current %d, %v", len(keys.Keys), keys.Current, err)
	}
	elsewhere := filepath.Join(storetest.Dir(t), "keys.json")
	if err := keys.Write(elsewhere); err != nil {
		t.Fatal(err)
	}
	ring := open(t, elsewhere, keyring.Old)
	if ring.Key(first.Current.ID) == nil || ring.Current.ID != second.Current.ID || !bytes.Equal(ring.Hash("a", "b"), second.Hash("a", "b")) {
		t.Error("the ring lacks a key")
	}
}
