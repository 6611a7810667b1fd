package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// soldShop is the configuration of a closed store with two pending sales, of which a backup has the first, and one in the
// spool; its marker lies beside the folder.
func soldShop(t *testing.T) store.Config {
	t.Helper()
	folder := storetest.Dir(t)
	cfg := store.Config{Dir: filepath.Join(folder, "data"), Markers: []string{filepath.Join(folder, "config.yaml.store")}}
	s := storetest.OpenIn(t, cfg)
	add(t, s, coupon("A"))
	if _, err := s.Backup(); err != nil {
		t.Fatal(err)
	}
	add(t, s, coupon("B"), largeSale("C"))
	storetest.Close(t, s)
	return cfg
}

func removeAll(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := osfile.RemoveTree(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDatabaseThatIsGoneComesBackFromTheBackupAloud(t *testing.T) {
	for _, gone := range [][]string{{"pdvagent.db"}, {"pdvagent.db", "keys.json"}, {"pdvagent.db", "keys.json", "spool", "lock", "origin.json"}} {
		cfg := soldShop(t)
		removeAll(t, cfg.Dir, gone...)
		told := 0
		cfg.Salvaged = func(r store.Report) {
			if r.Gone {
				told++
			}
		}
		s := storetest.OpenIn(t, cfg)
		wantState(t, s, 1, agent.Held, agent.ReasonSalvaged)
		if job, err := s.Job(1); err != nil || len(job.Body) == 0 || told != 1 {
			t.Errorf("without %v: %d bytes, %v, %d alarms", gone, len(job.Body), err, told)
		}
		if seq := add(t, s, coupon("D"))[0]; seq <= 3 {
			t.Errorf("number %d is given again", seq)
		}
		if len(gone) < 3 {
			if kept, err := os.ReadDir(filepath.Join(cfg.Dir, "salvage", "spool")); err != nil || len(kept) != 1 {
				t.Errorf("the body of the lost sale is not kept: %v, %v", kept, err)
			}
		}
	}
}

func TestDatabaseThatIsGoneWithoutABackupIsSaid(t *testing.T) {
	for name, gone := range map[string][]string{"the keys are there": {"pdvagent.db", "backup"}, "the marker is there": {""}} {
		cfg := soldShop(t)
		removeAll(t, cfg.Dir, gone...)
		s := storetest.OpenIn(t, cfg)
		if report := s.Salvaged(); report == nil || !report.Gone || s.Counters().Accepted() != 0 {
			t.Errorf("%s: %+v", name, report)
		}
		if seq := add(t, s, coupon("D"))[0]; seq <= 3 {
			t.Errorf("number %d is given again", seq)
		}
	}
}

func TestNewShopIsNoDamage(t *testing.T) {
	folder := storetest.Dir(t)
	place := filepath.Join(folder, "config.yaml.store")
	cfg := store.Config{Dir: filepath.Join(folder, "data"), Markers: []string{filepath.Join(folder, "none", "marker"), place}, Hardware: func() []string { return []string{"this"} }}
	s := storetest.OpenIn(t, cfg)
	if s.Salvaged() != nil {
		t.Error("the first start is a salvage")
	}
	storetest.Close(t, s)
	if _, err := os.Stat(place); err != nil {
		t.Errorf("no marker where one can be: %v", err)
	}
	removeAll(t, cfg.Dir, "")
	cfg.Hardware = func() []string { return []string{"another"} }
	if s = storetest.OpenIn(t, cfg); s.Salvaged() != nil {
		t.Error("a marker that came with a copied configuration is believed")
	}
}

func TestStoreIsNewWhenAPersonSaysSo(t *testing.T) {
	cfg := soldShop(t)
	s := storetest.OpenIn(t, cfg)
	if _, err := store.StartNew(cfg); agent.CodeOf(err) != agent.CodeAlreadyRunning {
		t.Errorf("while it is open: %v", err)
	}
	storetest.Close(t, s)
	aside, err := store.StartNew(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s = storetest.OpenIn(t, cfg)
	if s.Salvaged() != nil || s.LastSeq() != 0 {
		t.Errorf("%+v, last number %d", s.Salvaged(), s.LastSeq())
	}
	var missing error
	for _, name := range []string{"pdvagent.db", "keys.json", "spool", "backup"} {
		_, err := os.Stat(filepath.Join(aside, name))
		missing = errors.Join(missing, err)
	}
	if missing != nil {
		t.Error(missing)
	}
}

func TestWhetherADatabaseIsGoneIsKnownBeforeTheStart(t *testing.T) {
	cfg := soldShop(t)
	if missing, _, err := store.Missing(cfg); missing || err != nil {
		t.Errorf("it is there: %v, %v", missing, err)
	}
	removeAll(t, cfg.Dir, "pdvagent.db", "keys.json")
	if missing, backup, err := store.Missing(cfg); !missing || backup.IsZero() || err != nil {
		t.Errorf("with a backup: %v, %s, %v", missing, backup, err)
	}
	if _, err := os.Lstat(filepath.Join(cfg.Dir, "keys.json")); err == nil {
		t.Error("who only looks has brought the keys")
	}
	removeAll(t, cfg.Dir, "")
	if missing, backup, err := store.Missing(cfg); !missing || !backup.IsZero() || err != nil {
		t.Errorf("with the marker alone: %v, %s, %v", missing, backup, err)
	}
	cfg.Markers = nil
	if missing, _, err := store.Missing(cfg); missing || err != nil {
		t.Errorf("a new shop: %v, %v", missing, err)
	}
}
