package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent/agenttest"
)

// Manual reads a document below docs.
func Manual(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(agenttest.Root(), "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ParseURL is url.Parse of an address that must be right.
func ParseURL(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
