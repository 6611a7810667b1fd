//go:build !windows

package keyring

import (
	"os"
	"path/filepath"
	"strings"
)

func machineID() string {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if raw, err := os.ReadFile(filepath.Clean(path)); err == nil {
			return strings.TrimSpace(string(raw))
		}
	}
	return ""
}
