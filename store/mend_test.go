package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// damagedShop is a closed store of three sales, of which one bit has changed, opened again.
func damagedShop(t *testing.T, spoil func(dir string, seqs []uint64)) (s *store.Store, seqs []uint64, raised *atomic.Int32) {
	t.Helper()
	raised = new(atomic.Int32)
	cfg := store.Config{Dir: storetest.Dir(t), Damaged: func(fault error) {
		if fault != nil {
			raised.Add(1)
		}
	}}
	s = storetest.OpenIn(t, cfg)
	seqs = add(t, s, coupon("A"), coupon("B"), coupon("C"))
	storetest.Close(t, s)
	spoil(cfg.Dir, seqs)
	return storetest.OpenIn(t, cfg), seqs, raised
}

// TestEveryReadGoesOnAroundDamageAndHasItMended damages the first of three pending sales in each place where a bit may flip,
// and reads it in each way in which the agent reads.
func TestEveryReadGoesOnAroundDamageAndHasItMended(t *testing.T) {
	reads := map[string]func(*testing.T, *store.Store){
		"list":                func(t *testing.T, s *store.Store) { listAll(t, s, "") },
		"list of the pending": func(t *testing.T, s *store.Store) { listAll(t, s, agent.Pending) },
		"due": func(t *testing.T, s *store.Store) {
			if jobs, _, err := s.Due(time.Now(), 0, 10, nil); err != nil || len(jobs) < 2 {
				t.Errorf("due: %d, %v", len(jobs), err)
			}
		},
		"oldest": func(t *testing.T, s *store.Store) {
			if at, err := s.OldestPending(); err != nil || at.IsZero() {
				t.Errorf("the oldest is of %s, %v", at, err)
			}
		},
	}
	for _, place := range []string{"job", "state", "ready"} {
		for name, read := range reads {
			if place == "ready" && name != "due" {
				continue // they do not come to it
			}
			t.Run(place+", "+name, func(t *testing.T) {
				s, seqs, raised := damagedShop(t, func(dir string, seqs []uint64) { storetest.FlipBit(t, dir, place, seqs[0]) })
				read(t, s)
				awaitSalvage(t, s)
				if raised.Load() == 0 {
					t.Error("no alarm")
				}
				wantMended(t, s, seqs[0])
				wantState(t, s, seqs[1], agent.Pending, "")
				wantState(t, s, seqs[2], agent.Pending, "")
			})
		}
	}
}

// wantMended wants a job that is whole or shows that it is not.
func wantMended(t *testing.T, s *store.Store, seq uint64) {
	t.Helper()
	job, err := s.Job(seq)
	lost := job.Status.State == agent.Dead && job.Status.Reason == agent.ReasonLost
	unsure := job.Status.State == agent.Held && job.Status.Reason == agent.ReasonSalvaged
	if err != nil || (!lost && len(job.Body) == 0) || (!lost && !unsure && job.Status.State != agent.Pending) {
		t.Errorf("it is %+v with %d bytes, %v", job.Status, len(job.Body), err)
	}
}

// listAll wants three rows, of which one may be damaged.
func listAll(t *testing.T, s *store.Store, state agent.State) {
	t.Helper()
	jobs, err := s.List(state, "", 0, 10)
	if err != nil || len(jobs) != 3 || jobs[0].Status.State != agent.Damaged || jobs[1].Coupon != "B" {
		t.Errorf("the list is %+v, %v", jobs, err)
	}
}

func TestChangeOfADamagedJobIsRefusedAndHasItMended(t *testing.T) {
	s, seqs, raised := damagedShop(t, func(dir string, seqs []uint64) { storetest.FlipBit(t, dir, "state", seqs[0]) })
	change := agent.Change{Moves: []agent.Move{{Seq: seqs[0], Status: agent.Status{Version: 1, State: agent.Sent}}}}
	if _, err := s.Commit(t.Context(), change); !errors.Is(err, agent.ErrDamaged) || raised.Load() == 0 {
		t.Errorf("got %v, %d alarms", err, raised.Load())
	}
	awaitSalvage(t, s)
}

// largeSale is a sale with a body in the spool.
func largeSale(id string) agent.Job {
	job := coupon(id)
	job.Body = bytes.Repeat([]byte("x"), 300<<10)
	return job
}

// spoolOf gives the one file in the spool.
func spoolOf(t *testing.T, dir string) string {
	t.Helper()
	return filepath.Join(dir, "spool", spoolFiles(t, dir)[0])
}

// TestDamagedSpooledBodyIsMendedFromABackupOrLostAloud flips a bit of the file of a body, and leaves it out.
func TestDamagedSpooledBodyIsMendedFromABackupOrLostAloud(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"flipped": func(path string) error {
			data, err := os.ReadFile(path)
			if err == nil {
				data[len(data)/2] ^= 1
				err = errors.Join(os.Remove(path), os.WriteFile(path, data, 0o600)) // the backup has the same sectors else
			}
			return err
		},
		"missing":  os.Remove,
		"a folder": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		for _, backup := range []bool{false, true} {
			cfg := store.Config{Dir: storetest.Dir(t)}
			s := storetest.OpenIn(t, cfg)
			seq := add(t, s, largeSale("A"))[0]
			if backup {
				if _, err := s.Backup(); err != nil {
					t.Fatal(err)
				}
			}
			if err := spoil(spoolOf(t, cfg.Dir)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Job(seq); !errors.Is(err, agent.ErrDamaged) {
				t.Errorf("%s: got %v", name, err)
			}
			awaitSalvage(t, s)
			job, err := s.Job(seq)
			if err != nil || (job.Status.State == agent.Pending) != backup || (backup && !bytes.Equal(job.Body, largeSale("A").Body)) {
				t.Errorf("%s, backup %v: %s %q with %d bytes, %v", name, backup, job.Status.State, job.Status.Reason, len(job.Body), err)
			}
			storetest.Close(t, s)
		}
	}
}

func TestStrangersInTheSpoolKeepNoAgentFromStarting(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	seq := add(t, s, largeSale("A"))[0]
	storetest.Close(t, s)
	stray := filepath.Join(cfg.Dir, "spool", "Nova pasta")
	if err := errors.Join(os.Mkdir(stray, 0o700), os.WriteFile(filepath.Join(stray, "a.txt"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	s = storetest.OpenIn(t, cfg)
	if job, err := s.Job(seq); err != nil || len(job.Body) == 0 {
		t.Errorf("the body has %d bytes, %v", len(job.Body), err)
	}
	if _, err := s.Backup(); err != nil {
		t.Errorf("no backup is made: %v", err)
	}
	if _, err := os.Stat(filepath.Join(stray, "a.txt")); err != nil {
		t.Errorf("what is no one's was deleted: %v", err)
	}
}

// TestDamageThatCannotBeMendedBlindsNobody cannot write a report: the folder of the salvages is a file.
func TestDamageThatCannotBeMendedBlindsNobody(t *testing.T) {
	s, seqs, raised := damagedShop(t, func(dir string, seqs []uint64) {
		storetest.FlipBit(t, dir, "job", seqs[0])
		if err := os.WriteFile(filepath.Join(dir, "salvage"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	listAll(t, s, "")
	for range 50 { // while it is tried, and afterwards
		listAll(t, s, "")
	}
	if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{coupon("D")}}); err != nil {
		t.Errorf("a new sale: %v", err)
	}
	wantState(t, s, seqs[1], agent.Pending, "")
	if raised.Load() == 0 || s.Salvaged() != nil {
		t.Errorf("%d alarms, %+v", raised.Load(), s.Salvaged())
	}
	if err := os.Remove(filepath.Join(s.Dir(), "salvage")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Scrub(t.Context()); err != nil || s.Salvaged() == nil {
		t.Errorf("with the cause gone: %v", err)
	}
}

// TestRepairedBytesThatAreLostAreNoDeadEnd damages the bytes that support gave a pending sale.
func TestRepairedBytesThatAreLostAreNoDeadEnd(t *testing.T) {
	s := storetest.Open(t)
	seq := add(t, s, coupon("A"))[0]
	job, err := s.Head(seq)
	if err != nil {
		t.Fatal(err)
	}
	job.Status.Revision = 1
	wire := agent.Wire{Seq: seq, Revision: 1, Body: []byte("repaired")}
	if _, err := s.Commit(t.Context(), agent.Change{Moves: []agent.Move{{Seq: seq, Status: job.Status}}, Wires: []agent.Wire{wire}}); err != nil {
		t.Fatal(err)
	}
	s.LoseWire(t, seq, 1)
	if _, err := s.Wire(seq, 1); !errors.Is(err, agent.ErrDamaged) {
		t.Errorf("got %v", err)
	}
	awaitSalvage(t, s)
	wantState(t, s, seq, agent.Held, agent.ReasonSalvaged)
	if job, err = s.Head(seq); err != nil || job.Status.Revision != 0 {
		t.Errorf("revision %d, %v", job.Status.Revision, err)
	}
}

// A killed commit has written the state of a number that nobody was given; then a page is damaged elsewhere.
func TestWhatAKilledCommitLeftIsNoLostSale(t *testing.T) {
	for _, whole := range []bool{true, false} {
		cfg := store.Config{Dir: storetest.Dir(t)}
		path := filepath.Join(cfg.Dir, "pdvagent.db")
		s := storetest.OpenIn(t, cfg)
		for i := range 100 {
			add(t, s, coupon(fmt.Sprint(i)))
		}
		page := s.PageOf(t, 50)
		storetest.Close(t, s)
		sound, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s = storetest.OpenIn(t, cfg)
		second := add(t, s, coupon("B"))[0]
		storetest.Close(t, s)
		left := make([]byte, 4096)
		copy(left, store.StateOf(t, path, second))
		clear(sound[page : page+16]) // the page's header
		if !whole {
			clear(olderMeta(sound))
		}
		if err := os.WriteFile(path, append(sound, left...), 0o600); err != nil {
			t.Fatal(err)
		}
		s = storetest.OpenIn(t, cfg)
		lost := s.Salvaged().Lost
		if got := slices.Contains(lost, second); got == whole {
			t.Errorf("both meta pages %v: lost are %v", whole, lost)
		}
		if next := add(t, s, coupon("C"))[0]; (next == second) != whole {
			t.Errorf("both meta pages %v: the next number is %d", whole, next)
		}
	}
}

// olderMeta is the meta page of a file that is not the newest commit's.
func olderMeta(file []byte) []byte {
	commit := func(page int) uint64 { return binary.LittleEndian.Uint64(file[page*os.Getpagesize()+64:]) }
	if commit(0) < commit(1) {
		return file[:os.Getpagesize()]
	}
	return file[os.Getpagesize() : 2*os.Getpagesize()]
}

// The agent's folder is removed, or opened by the next process, as soon as Close returns.
func TestCloseWaitsForTheMend(t *testing.T) {
	mended, ended := make(chan struct{}), atomic.Bool{}
	cfg := store.Config{Dir: storetest.Dir(t), Damaged: func(fault error) {
		if fault == nil {
			close(mended)
			<-time.After(50 * time.Millisecond)
			ended.Store(true)
		}
	}}
	s := storetest.OpenIn(t, cfg)
	seq := add(t, s, coupon("A"))[0]
	storetest.Close(t, s)
	storetest.FlipBit(t, cfg.Dir, "job", seq)
	s, err := store.Open(cfg)
	if err == nil {
		_, err = s.List("", "", 0, 10)
	}
	if err != nil {
		t.Fatal(err)
	}
	<-mended
	if err := s.Close(); err != nil || !ended.Load() {
		t.Errorf("closed beside the mend: %v", err)
	}
}
