// Package storetest opens real stores for tests and checks every invariant when the test ends. Tests alone import it.
package storetest

import (
	"errors"
	"os"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store"
)

// Open opens a store in a folder of the test's own. When the test ends the store is checked as a whole and closed.
func Open(t testing.TB) *store.Store { return OpenIn(t, store.Config{Dir: Dir(t)}) }

// Dir is t.TempDir for tests that also run as Windows programs under wine, where os.RemoveAll does not work.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "storetest-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := osfile.RemoveTree(dir); err != nil {
			t.Errorf("remove the test's folder: %v", err)
		}
	})
	return dir
}

// OpenIn is [Open] with a configuration, for a second opening of the same folder or a clock of the test's own.
func OpenIn(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() { Close(t, s) })
	return s
}

// Close checks and closes the store; a second time it does nothing.
func Close(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Check(); err != nil && !errors.Is(err, agent.ErrStoreClosed) {
		t.Errorf("the store is not sound: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close the store: %v", err)
	}
}
