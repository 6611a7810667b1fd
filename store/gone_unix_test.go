//go:build !windows

package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// TestDatabaseTakenAwayUnderARunningAgentAcknowledgesNothing takes the file or its folder away, or puts another in its place.
func TestDatabaseTakenAwayUnderARunningAgentAcknowledgesNothing(t *testing.T) {
	for name, take := range map[string]func(dir, other string) error{
		"file deleted":   func(dir, _ string) error { return os.Remove(filepath.Join(dir, "pdvagent.db")) },
		"folder deleted": func(dir, _ string) error { return os.RemoveAll(dir) },
		"folder renamed": func(dir, _ string) error { return os.Rename(dir, dir+".away") },
		"file replaced":  func(dir, other string) error { return os.Rename(other, filepath.Join(dir, "pdvagent.db")) },
		"folder replaced": func(dir, other string) error {
			return errors.Join(os.Rename(dir, dir+".away"), os.Rename(filepath.Dir(other), dir))
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := storetest.Dir(t)
			other := store.Config{Dir: filepath.Join(folder, "other")}
			storetest.Close(t, storetest.OpenIn(t, other))
			raised := 0
			cfg := store.Config{Dir: filepath.Join(folder, "data"), Damaged: func(fault error) {
				if fault != nil {
					raised++
				}
			}}
			s, err := store.Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			add(t, s, coupon("A"))
			if err := take(cfg.Dir, filepath.Join(other.Dir, "pdvagent.db")); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{"B", "C"} {
				if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{coupon(id)}}); err == nil {
					t.Errorf("sale %s is acknowledged", id)
				}
			}
			select {
			case <-s.Broken():
			default:
				t.Error("the process is not to end")
			}
			if err := s.Close(); err != nil || raised != 1 {
				t.Errorf("%d alarms, %v", raised, err)
			}
			again := storetest.OpenIn(t, cfg)
			wantState(t, again, 1, agent.Pending, "")
			if report, err := store.LastSalvage(cfg.Dir); err != nil || report == nil || !report.Rescued {
				t.Errorf("the report is %+v, %v", report, err)
			}
		})
	}
}
