//go:build !windows

package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
)

// Root's `config set`, `config history` and `config undo` write below the data folder, which is the service's user's.
func TestRootsChangeOfTheFileIsLedNowhereByTheServicesUser(t *testing.T) {
	names := []string{"lock", "sections.list", "sections.list.tmp", "000001.json.tmp", "000002.json.tmp", "000001.json", "."}
	for kind, plant := range agenttest.Plants() {
		for _, name := range names {
			target, untouched := agenttest.Outside(t)
			e := newEditor(t, minimal())
			path := filepath.Join(e.Folder, name)
			err := os.Mkdir(e.Folder, 0o700)
			if name == "." {
				err = errors.Join(err, os.Remove(e.Folder))
			}
			if err = errors.Join(err, plant(target, path)); err != nil {
				t.Fatal(err)
			}
			agenttest.GiveAway(t, e.Folder)
			_, setErr := e.Apply([]config.Change{{Path: "log.level", Value: "debug"}}, "root")
			_, undoErr := e.Undo("root", false)
			_, listErr := e.Versions()
			t.Logf("%s %s: %v, %v, %v", kind, name, setErr, undoErr, listErr)
			untouched()
		}
	}
}

// The links of another machine's disk would lead into this one.
func TestLinksOfAnOldDiskAreNotFollowed(t *testing.T) {
	old, _ := oldTill(t)
	token := filepath.Join(filepath.Dir(old), "cloud.token")
	if err := errors.Join(os.Remove(token), os.Symlink("/etc/hostname", token)); err != nil {
		t.Fatal(err)
	}
	packed, err := config.Pack(old, true)
	if err != nil || len(packed.Missing) != 2 || packed.Files["cloud.token"] != nil {
		t.Errorf("got %+v, %v", packed, err)
	}
}
