package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// soldIn makes a data folder with a pending and a sent sale.
func soldIn(t *testing.T, cfg store.Config) (pending, sent uint64) {
	t.Helper()
	s := storetest.OpenIn(t, cfg)
	seqs := add(t, s, coupon("pending"), coupon("sent"))
	if err := move(t, s, seqs[1], to(agent.Sent)); err != nil {
		t.Fatal(err)
	}
	storetest.Close(t, s)
	return seqs[0], seqs[1]
}

func folderCopy(t *testing.T, dir string) string {
	t.Helper()
	to := storetest.Dir(t)
	if err := os.CopyFS(filepath.Join(to, "data"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(to, "data")
}

func wantClone(t *testing.T, dir, sign string, held int) {
	t.Helper()
	clone, err := store.LastClone(dir)
	if err != nil || (clone == nil) != (sign == "") || (clone != nil && (clone.Sign != sign || clone.Held != held)) {
		t.Errorf("noticed %+v, %v; want %q with %d held", clone, err, sign, held)
	}
}

// TestACopiedFolderHoldsItsSales: one machine, one id: the original goes on, the copy waits for a person.
func TestACopiedFolderHoldsItsSales(t *testing.T) {
	original := store.Config{Dir: storetest.Dir(t)}
	pending, sent := soldIn(t, original)
	copied := store.Config{Dir: folderCopy(t, original.Dir)}
	s := storetest.OpenIn(t, copied)
	wantState(t, s, pending, agent.Held, agent.ReasonCloned)
	wantState(t, s, sent, agent.Sent, "")
	wantClone(t, copied.Dir, store.SignCopy, 1)
	today := add(t, s, coupon("today"))[0]
	if err := move(t, s, pending, to(agent.Pending)); err != nil {
		t.Errorf("support cannot release it: %v", err)
	}
	storetest.Close(t, s)
	s = storetest.OpenIn(t, copied)
	wantState(t, s, today, agent.Pending, "")
	wantState(t, s, pending, agent.Pending, agent.ReasonCloned) // what it was held for stays until it is sent
	s = storetest.OpenIn(t, original)
	wantState(t, s, pending, agent.Pending, "")
	wantClone(t, original.Dir, "", 0)
}

func TestAFolderThatIsNoCopyIsLeftAlone(t *testing.T) {
	for name, change := range map[string]func(dir string) string{
		"renamed":            func(dir string) string { return renamed(t, dir) },
		"of an older agent":  func(dir string) string { return without(t, dir, "origin.json") },
		"a file of nonsense": func(dir string) string { return overwritten(t, dir) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := store.Config{Dir: filepath.Join(storetest.Dir(t), "data")}
			pending, _ := soldIn(t, cfg)
			cfg.Dir = change(cfg.Dir)
			wantState(t, storetest.OpenIn(t, cfg), pending, agent.Pending, "")
			wantClone(t, cfg.Dir, "", 0)
		})
	}
}

func renamed(t *testing.T, dir string) string {
	t.Helper()
	if err := os.Rename(dir, dir+"-elsewhere"); err != nil {
		t.Fatal(err)
	}
	return dir + "-elsewhere"
}

func without(t *testing.T, dir, name string) string {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func overwritten(t *testing.T, dir string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "origin.json"), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A disk image on other hardware is a clone, also with the machine's id; a repaired machine is none.
func TestADiskImageOnOtherHardwareHoldsItsSales(t *testing.T) {
	for name, c := range map[string]struct {
		was, is []string
		sign    string
	}{
		"all of it is another": {[]string{"board", "card"}, []string{"other board", "other card"}, store.SignHardware},
		"a new card":           {[]string{"board", "card"}, []string{"board", "other card"}, ""},
		"a disk moved":         {[]string{"board", "disk"}, []string{"disk", "other board"}, ""},
		"nothing was known":    {nil, []string{"board"}, ""},
		"nothing is known":     {[]string{"board"}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			parts := c.was
			cfg := store.Config{Dir: storetest.Dir(t), Hardware: func() []string { return parts }}
			pending, _ := soldIn(t, cfg)
			parts = c.is
			state, reason, held := agent.Pending, "", 0
			if c.sign != "" {
				state, reason, held = agent.Held, agent.ReasonCloned, 1
			}
			s := storetest.OpenIn(t, cfg)
			wantState(t, s, pending, state, reason)
			wantClone(t, cfg.Dir, c.sign, held)
		})
	}
}

func TestACloneByTheMachinesIDIsSaid(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	pending, _ := soldIn(t, cfg)
	fromAnotherMachine(t, cfg.Dir)
	wantState(t, storetest.OpenIn(t, cfg), pending, agent.Held, agent.ReasonCloned)
	wantClone(t, cfg.Dir, store.SignMachine, 1)
}

// TestRestoreJoinsATillThatHasSold: its own sales stay and go, the backup's are held, and a second restore adds nothing.
func TestRestoreJoinsATillThatHasSold(t *testing.T) {
	other := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, other)
	seqs := add(t, s, coupon("both"), coupon("sent"), large("large"), coupon("changed"), coupon("frozen"))
	if err := move(t, s, seqs[1], to(agent.Sent)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), agent.Change{Wires: []agent.Wire{{Seq: seqs[4], Body: []byte("as it went up")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Backup(); err != nil {
		t.Fatal(err)
	}
	backups, _ := store.Backups(other.Dir)
	cfg := store.Config{Dir: storetest.Dir(t)}
	ours := storetest.OpenIn(t, cfg)
	changed := coupon("changed")
	changed.Body, changed.Fingerprint = []byte("another content"), agent.Fingerprint{9}
	own := add(t, ours, coupon("ours"), coupon("both"), changed)
	if _, err := store.Restore(cfg, backups[0].Path); agent.CodeOf(err) != agent.CodeAlreadyRunning {
		t.Errorf("with the agent running: %v", err)
	}
	storetest.Close(t, ours)
	report, err := store.Restore(cfg, backups[0].Path)
	if err != nil || !report.Joined || len(report.Held) != 3 || report.Known != 1 || report.Restored != backups[0].Path || report.Unsure {
		t.Fatalf("got %+v, %v", report, err)
	}
	again, err := store.Restore(cfg, backups[0].Path)
	if err != nil || len(again.Held) != 0 || again.Known != 4 {
		t.Errorf("a second time: %+v, %v", again, err)
	}
	ours = storetest.OpenIn(t, cfg)
	for _, seq := range own {
		wantState(t, ours, seq, agent.Pending, "")
	}
	wantState(t, ours, report.Held[0], agent.Held, agent.ReasonSalvaged)
	if job, err := ours.Job(report.Held[0]); err != nil || len(job.Body) != len(large("large").Body) || !job.Status.Unanswered {
		t.Errorf("the large one: %d bytes, %+v, %v", len(job.Body), job.Status, err)
	}
	wantState(t, ours, report.Held[1], agent.Held, agent.ReasonConflict)
	if wire, err := ours.Wire(report.Held[2], 0); err != nil || !bytes.Equal(wire, []byte("as it went up")) {
		t.Errorf("the frozen bytes: %q, %v", wire, err)
	}
	if last, err := store.LastSalvage(cfg.Dir); err != nil || last == nil || !last.Joined {
		t.Errorf("the report: %+v, %v", last, err)
	}
	if _, err := store.Restore(cfg, storetest.Dir(t)); agent.CodeOf(err) != agent.CodeNotFound {
		t.Errorf("a folder that is no backup: %v", err)
	}
}
