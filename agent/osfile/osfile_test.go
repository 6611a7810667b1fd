package osfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent/osfile"
	"pdvagent/store/storetest"
)

func TestNewFileIsWholeAndReplacesTheOldOne(t *testing.T) {
	path := filepath.Join(storetest.Dir(t), "file")
	for _, want := range []string{"first", "second"} {
		if err := os.WriteFile(path+".tmp", []byte("left by a power cut"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := osfile.WriteNew(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if _, err := os.Stat(path + ".tmp"); !os.IsNotExist(err) {
		t.Errorf("the temporary file is still there: %v", err)
	}
}

func TestPrivateFileIsNeverOneThatIsThere(t *testing.T) {
	path := filepath.Join(storetest.Dir(t), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if file, err := osfile.CreatePrivate(path); err == nil {
		_ = file.Close()
		t.Error("a file that somebody else made was taken")
	}
}

func TestTestFolderIsOnThisMachine(t *testing.T) {
	if remote, err := osfile.Network(storetest.Dir(t)); err != nil || remote {
		t.Errorf("got %v, %v", remote, err)
	}
}
