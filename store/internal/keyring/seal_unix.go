//go:build !windows

package keyring

import (
	"os"
	"path/filepath"
	"strings"
)

// platformSeal: Linux has no seal of its own beside the systemd credential.
func platformSeal([]byte) (string, []byte, error) { return "", nil, errNoSeal }

func platformUnseal(string, []byte) ([]byte, error) { return nil, errNoSeal }

func machineID() string {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if raw, err := os.ReadFile(filepath.Clean(path)); err == nil {
			return strings.TrimSpace(string(raw))
		}
	}
	return ""
}
