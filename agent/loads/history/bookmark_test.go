package history_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"pdvagent/agent/loads/history"
)

func TestABookmarkIsAFileThatOutlivesTheImport(t *testing.T) {
	mark := history.File(filepath.Join(t.TempDir(), "a.json"))
	if cursor, err := mark.Load(); err != nil || cursor != (history.Cursor{}) {
		t.Fatalf("before the first import: %+v %v", cursor, err)
	}
	if err := mark.Remove(); err != nil {
		t.Errorf("removing one that is not there: %v", err)
	}
	want := history.Cursor{Position: 7, Last: "C7", Sent: 5, Faulty: 1, Refused: 1, At: time.Date(2026, 5, 14, 19, 12, 46, 0, time.UTC)}
	for range 2 {
		if err := mark.Save(want); err != nil {
			t.Fatal(err)
		}
		want.Done = true
	}
	if cursor, err := mark.Load(); err != nil || cursor != want {
		t.Errorf("got %+v %v", cursor, err)
	}
	if raw, err := os.ReadFile(string(mark)); err != nil || string(raw) != `{"position":7,"last":"C7","sent":5,"faulty":1,"refused":1,"done":true,"at":"2026-05-14T19:12:46Z"}` {
		t.Errorf("the file has %s %v", raw, err)
	}
	if err := mark.Remove(); err != nil {
		t.Fatal(err)
	}
	if cursor, err := mark.Load(); err != nil || cursor != (history.Cursor{}) {
		t.Errorf("after the removal: %+v %v", cursor, err)
	}
}

// TestABookmarkThatCannotBeReadIsNoBeginning has a damaged file: an import must not send everything again because of it.
func TestABookmarkThatCannotBeReadIsNoBeginning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(path, []byte(`{"position":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := history.File(path).Load(); err == nil {
		t.Error("a cut file was read")
	}
	if _, err := history.File(filepath.Dir(path)).Load(); err == nil {
		t.Error("a folder was read")
	}
}
