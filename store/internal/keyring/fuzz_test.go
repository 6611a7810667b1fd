//go:build !windows

package keyring

import (
	"os"
	"path/filepath"
	"testing"

	"pdvagent/store/internal/envelope"
)

// FuzzKeyFile: any key file opens only the keys that it holds, and never ends the agent.
func FuzzKeyFile(f *testing.F) {
	path := filepath.Join(f.TempDir(), "keys.json")
	if _, err := Open(path); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(whole), string(whole[:100]), `{"version":1,"keys":[{"id":0,"secret":""}]}`, `{"version":2}`, `{"version":1,"current":7,"keys":[{"id":7,"protection":"none","secret":"AAAA"}]}`, ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "keys.json")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		stored, err := read(path)
		if err != nil {
			return
		}
		ring := &Ring{AgentID: stored.AgentID, keys: make(map[uint32]*envelope.Key)}
		if birth := ring.load(stored); birth == Old && (ring.Current == nil || len(ring.mac) != 32) {
			t.Fatalf("took %q for a ring", content)
		}
	})
}
