//go:build !windows

package sicoob_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pdvagent/payments/sicoob"
)

func TestACertificateThatIsAPipeIsRefusedAndNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loja.pfx")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&sicoob.Identity{Path: path}).Load(); err == nil || !strings.Contains(err.Error(), "our certificate") {
		t.Errorf("got %v", err)
	}
	if _, err := sicoob.ReadRoots(path); err == nil {
		t.Error("roots are read from a pipe")
	}
}
