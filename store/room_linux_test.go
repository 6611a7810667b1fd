package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// smallDisk mounts a disk of some MiB.
func smallDisk(t *testing.T, mib int) string {
	t.Helper()
	if os.Getuid() != 0 {
		agenttest.Missing(t, "root, to mount a small disk")
	}
	folder := t.TempDir()
	if err := syscall.Mount("none", folder, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=700", mib)); err != nil {
		agenttest.Missing(t, "the right to mount: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	return folder
}

// occupy fills a disk, like another program, up to some bytes, and gives the file.
func occupy(t *testing.T, folder string, left int64) string {
	t.Helper()
	path := filepath.Join(folder, "of-another-program")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it is only there to be in the way
	for {
		var disk syscall.Statfs_t
		if err := syscall.Statfs(folder, &disk); err != nil {
			t.Fatal(err)
		}
		free := int64(disk.Bavail) * disk.Bsize
		if free <= left {
			return path
		}
		if _, err := file.Write(make([]byte, min(free-left, 1<<20))); err != nil && left > 0 {
			t.Fatal(err)
		}
	}
}

// cyclesOfADisk is how often one small disk is filled: what was settled stays for days, and leaves no room for the ballast after a
// dozen.
const cyclesOfADisk = 8

// Disk full, settle, refill: acknowledged jobs are settled on a full disk, and new jobs are accepted when there is room again.
func TestFullDiskSettlesWhatItHasAndTakesNothingNew(t *testing.T) {
	for from := 0; from < *fullDisks; from += cyclesOfADisk {
		t.Run(fmt.Sprint(from), func(t *testing.T) { fillAndDrain(t, min(cyclesOfADisk, *fullDisks-from)) })
	}
}

func fillAndDrain(t *testing.T, cycles int) {
	t.Helper()
	disk := smallDisk(t, 96)
	now := time.Now()
	s := storetest.OpenIn(t, store.Config{Dir: filepath.Join(disk, "data"), MaxBytes: 64 << 20, MinFree: 8 << 20, Now: func() time.Time {
		now = now.Add(2 * time.Second) // so that it looks at the disk each time
		return now
	}})
	ballast := filepath.Join(disk, "data", "ballast")
	for cycle := range cycles {
		seqs := add(t, s, coupon(fmt.Sprint("A-", cycle)), coupon(fmt.Sprint("B-", cycle)), coupon(fmt.Sprint("C-", cycle)))
		if info, err := os.Stat(ballast); err != nil || info.Size() != 16<<20 {
			t.Fatalf("cycle %d: no ballast: %v", cycle, err)
		}
		other := occupy(t, disk, 4<<20) // below the floor
		if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{coupon("X")}}); !errors.Is(err, agent.ErrStoreFull) {
			t.Errorf("cycle %d: below the floor: %v", cycle, err)
		}
		if err := move(t, s, seqs[0], to(agent.Sent)); err != nil {
			t.Errorf("cycle %d: settling below the floor: %v", cycle, err)
		}
		if err := os.Remove(other); err != nil {
			t.Fatal(err)
		}
		other = occupy(t, disk, 0)
		grow(t, s, seqs[1]) // needs new pages: there is not one byte
		if _, err := os.Stat(ballast); !os.IsNotExist(err) {
			t.Errorf("cycle %d: the ballast was not needed: %v", cycle, err)
		}
		if err := move(t, s, seqs[2], to(agent.Sent)); err != nil {
			t.Errorf("cycle %d: settling on a full disk: %v", cycle, err)
		}
		if err := os.Remove(other); err != nil {
			t.Fatal(err)
		}
		add(t, s, coupon(fmt.Sprint("D-", cycle)))
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if _, err := s.Unique(agent.KindCoupon, agent.CouponGroup("X")); !errors.Is(err, agent.ErrNotFound) {
		t.Errorf("what was refused is there: %v", err)
	}
}

// grow settles a job with an answer so large that the file grows.
func grow(t *testing.T, s *store.Store, seq uint64) {
	t.Helper()
	for revision := range 4 {
		if _, err := s.Commit(t.Context(), agent.Change{Wires: []agent.Wire{{Seq: seq, Revision: revision + 1, Body: make([]byte, 1<<20)}}}); err != nil {
			t.Errorf("settling with %d MiB: %v", revision+1, err)
		}
	}
	if err := move(t, s, seq, to(agent.Sent)); err != nil {
		t.Error(err)
	}
}
