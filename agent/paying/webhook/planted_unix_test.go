//go:build !windows

package webhook_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/osfile"
	"pdvagent/agent/paying/webhook"
)

// refused runs the listener with these files, and gives why it does not listen.
func refused(t *testing.T, cert, key string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := webhook.Run(ctx, webhook.Config{
		Listen: "127.0.0.1:0", Secret: secret, Cert: cert, Key: key, Log: slog.New(slog.DiscardHandler),
		Read: func([]byte) (string, string, error) { return "", "", nil }, Hint: func(string, string) bool { return true },
	})
	if err == nil || ctx.Err() != nil {
		t.Fatalf("it listens with %s and %s: %v", cert, key, err)
	}
	return err
}

// The folder of the certificate may be one that another user writes in: what he plants there is not read, not waited for, and not
// shown.
func TestACertificateIsNotReadByWhatAnotherUserPlants(t *testing.T) {
	for kind, plant := range agenttest.Plants() {
		for _, name := range []string{"cert.pem", "key.pem"} {
			t.Run(kind+" as "+name, func(t *testing.T) {
				target, untouched := agenttest.Outside(t)
				cert, key, _ := pair(t)
				path := filepath.Join(filepath.Dir(cert), name)
				if err := errors.Join(os.Remove(path), plant(target, path)); err != nil {
					t.Fatal(err)
				}
				agenttest.GiveAway(t, filepath.Dir(cert))
				if err := refused(t, cert, key); strings.Contains(err.Error(), agenttest.Secret) || strings.Contains(err.Error(), "PEM") {
					t.Errorf("it has read: %v", err)
				}
				untouched()
			})
		}
	}
}

func TestACertificateThatIsNoFileIsRefused(t *testing.T) {
	cert, key, _ := pair(t)
	large := filepath.Join(t.TempDir(), "large.pem")
	if err := os.WriteFile(large, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cert, key string
		want      error
	}{
		"a folder": {t.TempDir(), key, osfile.ErrNotRegular}, "more than a megabyte": {large, key, osfile.ErrTooLarge}, "a key of more": {cert, large, osfile.ErrTooLarge},
		"nothing": {cert + ".none", key, fs.ErrNotExist}, "no key": {cert, key + ".none", fs.ErrNotExist},
	} {
		if err := refused(t, c.cert, c.key); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
