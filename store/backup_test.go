package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// large is a coupon whose body is spooled.
func large(id string) agent.Job {
	job := coupon(id)
	job.Body = append(job.Body, make([]byte, 300<<10)...)
	return job
}

func TestBackupWhileTillsGoOnIsWholeAndTheOldestGo(t *testing.T) {
	now := time.Now()
	cfg := store.Config{Dir: storetest.Dir(t), Now: func() time.Time { return now }}
	s := storetest.OpenIn(t, cfg)
	add(t, s, large("L"))
	for range 5 {
		now = now.Add(time.Hour)
		var till sync.WaitGroup
		till.Go(func() {
			for n := range 50 {
				if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{coupon(fmt.Sprint(now.Unix(), n))}}); err != nil {
					t.Error(err)
				}
			}
		})
		if size, err := s.Backup(); err != nil || size < 16<<10 {
			t.Fatalf("%d bytes, %v", size, err)
		}
		till.Wait()
	}
	list, err := store.Backups(cfg.Dir)
	if err != nil || len(list) != 3 || !list[2].At.Equal(now.UTC().Truncate(time.Millisecond)) {
		t.Fatalf("got %+v, %v", list, err)
	}
	if used, _ := s.BackupSize(); used != list[0].Bytes+list[1].Bytes+list[2].Bytes || used < 3*16<<10 {
		t.Errorf("the backups have %d bytes: %+v", used, list)
	}
	for _, backup := range list {
		found, err := store.Verify(store.Config{Dir: backup.Path}, "")
		if err != nil || len(found.Faults) > 0 || found.Jobs < 1 {
			t.Errorf("%s: %+v, %v", backup.Path, found, err)
		}
	}
}

func TestBackupIsMadeOnceADayHoweverOftenTheAgentStarts(t *testing.T) {
	now := time.Now()
	cfg := store.Config{Dir: storetest.Dir(t), Now: func() time.Time { return now }}
	for hours, want := range []int{1, 1, 2} {
		now = now.Add(time.Duration(hours) * 15 * time.Hour)
		s := storetest.OpenIn(t, cfg)
		if _, err := s.BackupIfDue(); err != nil {
			t.Fatal(err)
		}
		storetest.Close(t, s)
		if list, err := store.Backups(cfg.Dir); err != nil || len(list) != want {
			t.Errorf("opening %d: %d backups, want %d, %v", hours, len(list), want, err)
		}
	}
}

func TestBackupOnADiskWithoutRoomIsRefusedInWords(t *testing.T) {
	s := storetest.OpenIn(t, store.Config{Dir: storetest.Dir(t), MinFree: 1 << 62})
	if _, err := s.Backup(); agent.CodeOf(err) != agent.CodeStoreFull {
		t.Errorf("got %v", err)
	}
}

// TestRestoreOnANewMachineHoldsWhatMayHaveBeenSentSince restores last night's backup into an empty folder.
func TestRestoreOnANewMachineHoldsWhatMayHaveBeenSentSince(t *testing.T) {
	old := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, old)
	seqs := add(t, s, coupon("pending"), coupon("sent"), large("large"))
	if err := move(t, s, seqs[1], to(agent.Sent)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Backup(); err != nil {
		t.Fatal(err)
	}
	today := add(t, s, coupon("today"))[0]
	storetest.Close(t, s)
	backups, err := store.Backups(old.Dir)
	if err != nil || len(backups) != 1 {
		t.Fatal(backups, err)
	}
	for name, prepare := range map[string]func(store.Config){
		"empty folder":       func(store.Config) {},
		"fresh installation": func(cfg store.Config) { storetest.Close(t, storetest.OpenIn(t, cfg)) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := store.Config{Dir: storetest.Dir(t)}
			prepare(cfg)
			report, err := store.Restore(cfg, backups[0].Path)
			if err != nil || len(report.Held) != 2 || !report.Unsure {
				t.Fatalf("got %+v, %v", report, err)
			}
			s := storetest.OpenIn(t, cfg)
			wantState(t, s, seqs[0], agent.Held, agent.ReasonSalvaged)
			wantState(t, s, seqs[1], agent.Sent, "")
			wantState(t, s, seqs[2], agent.Held, agent.ReasonSalvaged)
			if job, err := s.Job(seqs[2]); err != nil || len(job.Body) != len(large("large").Body) {
				t.Errorf("the large body: %d bytes, %v", len(job.Body), err)
			}
			if next := add(t, s, coupon("new"))[0]; next <= today {
				t.Errorf("number %d is given twice", next)
			}
		})
	}
}

func wantState(t *testing.T, s *store.Store, seq uint64, state agent.State, reason string) {
	t.Helper()
	job, err := s.Job(seq)
	if err != nil || job.Status.State != state || job.Status.Reason != reason {
		t.Errorf("job %d is %s %q, %v, want %s %q", seq, job.Status.State, job.Status.Reason, err, state, reason)
	}
}

func TestRestoreNeverTakesANewerSaleAway(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	first := add(t, s, coupon("A"))[0]
	if _, err := s.Backup(); err != nil {
		t.Fatal(err)
	}
	if err := move(t, s, first, to(agent.Sent)); err != nil {
		t.Fatal(err)
	}
	second := add(t, s, coupon("B"))[0]
	storetest.Close(t, s)
	backups, _ := store.Backups(cfg.Dir)
	report, err := store.Restore(cfg, backups[0].Path)
	if err != nil || len(report.Held)+len(report.Lost)+len(report.Missing) > 0 {
		t.Fatalf("got %+v, %v", report, err)
	}
	s = storetest.OpenIn(t, cfg)
	wantState(t, s, first, agent.Sent, "")
	wantState(t, s, second, agent.Pending, "")
}

func TestLostFileComesBackFromTheNewestBackup(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	seq := add(t, s, coupon("A"))[0]
	if _, err := s.Backup(); err != nil {
		t.Fatal(err)
	}
	storetest.Close(t, s)
	if err := os.Truncate(filepath.Join(cfg.Dir, "pdvagent.db"), 0); err != nil {
		t.Fatal(err)
	}
	s = storetest.OpenIn(t, cfg)
	wantState(t, s, seq, agent.Held, agent.ReasonSalvaged)
}

func TestOlderSchemaIsCopiedAsideAndBroughtHereStepByStep(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	add(t, s, coupon("A"))
	broken := errors.New("step fails")
	before, err := s.Schema()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if at, err := s.Schema(); err != nil || at != before {
		t.Errorf("after a failed step the schema is %d, %v", at, err)
	}
	ran := 0
	if err := s.Migrate(t, func() error { ran++; return nil }); err != nil || ran != 1 {
		t.Fatalf("ran %d times, %v", ran, err)
	}
	if at, err := s.Schema(); err != nil || at != before+1 {
		t.Errorf("the schema is %d, %v", at, err)
	}
	found, err := store.Verify(cfg, filepath.Join(cfg.Dir, fmt.Sprint("pdvagent.db.schema-", before)))
	if err != nil || len(found.Faults) > 0 || found.Jobs != 1 {
		t.Errorf("the copy: %+v, %v", found, err)
	}
}
