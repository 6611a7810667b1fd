//go:build !windows

package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// A backup, a restore and a run by root work in the data folder, which is the service's user's.
func TestRootIsLedNowhereByWhatLiesInTheDataFolder(t *testing.T) {
	for kind, plant := range agenttest.Plants() {
		for _, name := range []string{"pdvagent.db", "keys.json", "lock", "opening", "spool", "backup", "origin.json", "catalog.db"} {
			t.Run(name+", "+kind, func(t *testing.T) {
				target, untouched := agenttest.Outside(t)
				cfg := store.Config{Dir: storetest.Dir(t)}
				s, err := store.Open(cfg)
				if err == nil {
					_, err = s.Backup()
				}
				path := filepath.Join(cfg.Dir, name)
				if err := errors.Join(err, s.Close(), os.RemoveAll(path), plant(target, path)); err != nil {
					t.Fatal(err)
				}
				agenttest.GiveAway(t, cfg.Dir)
				if s, err = store.Open(cfg); err == nil {
					_, err = s.Backup()
					catalog, catalogErr := s.OpenCatalog(false)
					if catalogErr == nil {
						catalogErr = catalog.Close()
					}
					err = errors.Join(err, catalogErr, s.Close())
				}
				t.Log(err)
				untouched()
			})
		}
	}
}

// A folder becomes a link while the agent runs: what the store removes in it is not removed outside.
func TestNothingIsRemovedThroughAFolderThatBecameALink(t *testing.T) {
	target, untouched := agenttest.Outside(t)
	cfg := store.Config{Dir: filepath.Join(storetest.Dir(t), "data")}
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	spool := filepath.Join(cfg.Dir, "spool")
	if err := errors.Join(os.Remove(spool), os.Symlink(target, spool)); err != nil {
		t.Fatal(err)
	}
	agenttest.GiveAway(t, cfg.Dir)
	s.RemoveSpooled("file")
	moved := cfg.Dir + ".moved"
	ballast := filepath.Join(moved, "ballast")
	if err := errors.Join(os.Rename(cfg.Dir, moved), os.WriteFile(ballast, nil, 0o600), os.Symlink(moved, cfg.Dir), os.Lchown(cfg.Dir, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(ballast); s.ReleaseBallast() || err != nil {
		t.Errorf("the ballast behind a link: %v", err)
	}
	if err := errors.Join(os.Remove(cfg.Dir), os.Rename(moved, cfg.Dir), s.Close()); err != nil {
		t.Error(err)
	}
	untouched()
}
