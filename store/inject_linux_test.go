package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// TestFailedSystemCallIsSaidOrSurvivedAndLosesNothing makes one sync, write or growth of the file fail at a time. What was
// acknowledged before and after it is there; the process goes on.
func TestFailedSystemCallIsSaidOrSurvivedAndLosesNothing(t *testing.T) {
	needStrace(t)
	faults := []struct{ name, errno string }{
		{"fdatasync", "EIO"}, {"pwrite64", "EIO"}, {"pwrite64", "ENOSPC"}, {"fdatasync", "ENOSPC"}, {"ftruncate", "ENOSPC"}, {"fsync", "EIO"}, {"pread64", "EIO"},
	}
	failed := 0
	for n := range *faultPoints {
		f := faults[n%len(faults)]
		fault := faultOf(f.name, f.errno, 1+n/len(faults)*3)
		dir := storetest.Dir(t)
		storetest.Close(t, storetest.OpenIn(t, store.Config{Dir: dir}))
		said := injected(t, dir, fault)
		if len(said.errors) > 0 || !said.opened {
			failed++
		}
		if lost := said.lost(t, dir); lost != "" {
			t.Errorf("%s: %s; it said %v", fault, lost, said.errors)
		}
		if refused := len(said.errors); said.opened && (len(said.jobs)+refused < scriptJobs || refused > scriptJobs/4) { // once in each thread
			t.Errorf("%s: %d of %d sales went through, %d things were refused: %v", fault, len(said.jobs), scriptJobs, refused, said.errors)
		}
		if err := osfile.RemoveTree(dir); err != nil {
			t.Fatal(err)
		}
	}
	if failed < *faultPoints/4 {
		t.Errorf("only %d of %d faults were noticed: they hit nothing", failed, *faultPoints)
	}
	t.Logf("%d faults, %d of them noticed", *faultPoints, failed)
}

// TestStalledSyncDelaysAndLosesNothing makes a sync take two seconds.
func TestStalledSyncDelaysAndLosesNothing(t *testing.T) {
	needStrace(t)
	dir := storetest.Dir(t)
	storetest.Close(t, storetest.OpenIn(t, store.Config{Dir: dir}))
	said := injected(t, dir, fmt.Sprintf("fdatasync:delay_enter=%d:when=20", 2_000_000))
	if lost := said.lost(t, dir); lost != "" || len(said.errors) > 0 || len(said.jobs) != scriptJobs {
		t.Errorf("%s; %d sales, %v", lost, len(said.jobs), said.errors)
	}
}

// TestScrubThatCannotOpenTheFileLeavesTheStoreAsItIs moves the file away for a moment, as a virus scanner may. (On Windows
// an open file cannot be moved.)
func TestScrubThatCannotOpenTheFileLeavesTheStoreAsItIs(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	seq := add(t, s, coupon("A"))[0]
	path := filepath.Join(cfg.Dir, "pdvagent.db")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Scrub(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if s.Salvaged() != nil {
		t.Error("it was written anew")
	}
	wantState(t, s, seq, agent.Pending, "")
	add(t, s, coupon("B"))
}
