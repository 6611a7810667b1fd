package store_test

import (
	"bytes"
	"context"
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

// spoil overwrites bytes of a database that may be open, as a disk would.
func spoil(t *testing.T, dir string, at int64, with []byte) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, "pdvagent.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteAt(with, at)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestDamageUnderARunningStoreIsMendedWhileTillsGoOn zeroes the page of some jobs while others are committed. The scrub finds
// it when no read does.
func TestDamageUnderARunningStoreIsMendedWhileTillsGoOn(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	var told []store.Report
	cfg.Salvaged = func(r store.Report) { told = append(told, r) }
	s := storetest.OpenIn(t, cfg)
	before := make([]uint64, 100)
	for i := range before {
		before[i] = add(t, s, coupon(fmt.Sprint("before-", i)))[0]
	}
	ctx, stop := context.WithCancel(t.Context())
	var tills sync.WaitGroup
	acknowledged := make([][]uint64, 4)
	for till := range acknowledged {
		tills.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				committed, err := s.Commit(context.WithoutCancel(ctx), agent.Change{Jobs: []agent.Job{coupon(fmt.Sprintf("%d-%d", till, n))}})
				if err == nil {
					acknowledged[till] = append(acknowledged[till], committed.Seqs[0])
				} else if !errors.Is(err, agent.ErrStoreUnknown) {
					t.Errorf("till %d: %v", till, err)
					return
				}
			}
		})
	}
	spoil(t, cfg.Dir, s.PageOf(t, before[10]), make([]byte, 4096))
	if _, err := s.Scrub(t.Context()); err != nil {
		t.Error(err)
	}
	stop()
	tills.Wait()
	if len(told) == 0 {
		t.Fatal("nobody was told of a salvage")
	}
	for _, seq := range append(before, concat(acknowledged)...) {
		job, err := s.Job(seq)
		if lost := err == nil && job.Status.Reason == agent.ReasonLost; err != nil || (!lost && len(job.Body) == 0) {
			t.Errorf("job %d: %+v, %v", seq, job.Status, err)
		}
	}
	if _, err := s.Scrub(t.Context()); err != nil || len(told) > 2 {
		t.Errorf("a mended store is mended again: %d times, %v", len(told), err)
	}
}

func concat(lists [][]uint64) []uint64 {
	var all []uint64
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func TestReaderOfATornPageGetsAnErrorAndTheNextOneTheTruth(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	for i := range 200 {
		add(t, s, coupon(fmt.Sprint(i)))
	}
	noise := bytes.Repeat([]byte{0xFF}, 64)
	spoil(t, cfg.Dir, s.PageOf(t, 100), noise)
	if _, err := s.Job(100); err == nil {
		t.Fatal("a page of noise was read as if it were none")
	}
	if _, err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Salvaged() == nil {
		t.Fatal("it was not salvaged")
	}
	if job, err := s.Job(100); err != nil || job.Coupon != "99" {
		t.Errorf("got %+v, %v", job, err)
	}
}

// TestOpeningThatDiedTwiceIsNotTriedAThirdTime leaves the marker of two openings that did not end.
func TestOpeningThatDiedTwiceIsNotTriedAThirdTime(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	seqs := add(t, s, coupon("A"), coupon("B"))
	if err := move(t, s, seqs[1], to(agent.Sent)); err != nil {
		t.Fatal(err)
	}
	storetest.Close(t, s)
	for died, want := range map[string]bool{"1": false, "2": true, "x": false} {
		if err := os.WriteFile(filepath.Join(cfg.Dir, "opening"), []byte(died), 0o600); err != nil {
			t.Fatal(err)
		}
		s = storetest.OpenIn(t, cfg)
		report := s.Salvaged()
		if (report != nil) != want {
			t.Fatalf("after %s dead openings: %+v", died, report)
		}
		if want && (report.Carved != 0 || len(report.Held)+len(report.Lost)+len(report.Missing) != 0) {
			t.Errorf("a sound file was salvaged to %+v", report)
		}
		a, errA := s.Job(seqs[0])
		b, errB := s.Job(seqs[1])
		if errA != nil || errB != nil || a.Status.State != agent.Pending || b.Status.State != agent.Sent || a.Status.Attempts != 0 {
			t.Errorf("after %s: %+v, %+v, %v, %v", died, a.Status, b.Status, errA, errB)
		}
		storetest.Close(t, s)
		if _, err := os.Stat(filepath.Join(cfg.Dir, "opening")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the marker is still there: %v", err)
		}
	}
}

// TestWhatMayHaveBeenSentIsHeldOrSentAgainAsTheShopWants destroys the page of a job's state.
func TestWhatMayHaveBeenSentIsHeldOrSentAgainAsTheShopWants(t *testing.T) {
	for _, resend := range []bool{false, true} {
		cfg := store.Config{Dir: storetest.Dir(t), ResendSalvaged: resend}
		s := storetest.OpenIn(t, cfg)
		seq := add(t, s, coupon("A"))[0]
		storetest.Close(t, s)
		spoil(t, cfg.Dir, 0, make([]byte, 2*4096)) // both metas: nothing says what is of today
		s = storetest.OpenIn(t, cfg)
		job, err := s.Job(seq)
		if err != nil || !job.Status.Unanswered || string(job.Body) != string(coupon("A").Body) {
			t.Fatalf("got %+v, %v", job, err)
		}
		want := map[bool]agent.State{false: agent.Held, true: agent.Pending}[resend]
		if job.Status.State != want || (job.Status.Reason == agent.ReasonSalvaged) == resend {
			t.Errorf("resend %v: %s %q", resend, job.Status.State, job.Status.Reason)
		}
	}
}

// TestWriteThatADiskHasLostSendsNothingTwice puts the former state of a sent job back: its receipt is newer, and the sender's
// next attempt is refused.
func TestWriteThatADiskHasLostSendsNothingTwice(t *testing.T) {
	s := storetest.Open(t)
	seq := add(t, s, coupon("A"))[0]
	before := s.Sealed(t, "state", seq)
	if err := move(t, s, seq, to(agent.Sent)); err != nil {
		t.Fatal(err)
	}
	s.LoseWrite(t, "state", seq, before)
	if err := move(t, s, seq, func(st *agent.Status) { st.Attempts++ }); !errors.Is(err, agent.ErrDamaged) {
		t.Errorf("an attempt got %v", err)
	}
	awaitSalvage(t, s)
	wantState(t, s, seq, agent.Sent, "")
}

// awaitSalvage waits for the mend that a read has begun.
func awaitSalvage(t *testing.T, s *store.Store) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); s.Salvaged() == nil; {
		if time.Now().After(deadline) {
			t.Fatal("nobody mends it")
		}
		<-time.After(time.Millisecond)
	}
}

// TestSalvageBringsNothingBackThatWasDropped has deleted personal data in the file's free pages.
func TestSalvageBringsNothingBackThatWasDropped(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	seqs := add(t, s, coupon("A"), coupon("B"))
	wire := agent.Change{Wires: []agent.Wire{{Seq: seqs[0], Revision: 0, Body: []byte("as it went up")}}}
	if _, err := s.Commit(t.Context(), wire); err != nil {
		t.Fatal(err)
	}
	put(t, s, "member", "a name")
	for _, seq := range seqs {
		if err := move(t, s, seq, to(agent.Sent)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Forget(t.Context(), time.Now().Add(time.Hour)); err != nil || n != 2 {
		t.Fatalf("%d forgotten, %v", n, err)
	}
	gone := agent.Change{Puts: []agent.Record{{Bucket: store.SessionRecords, Key: "member", IfVersion: agent.AnyVersion}}}
	if _, err := s.Commit(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	storetest.Close(t, s)
	if report, err := store.Carve(cfg); err != nil || len(report.Lost)+len(report.Held)+len(report.Missing) > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	s = storetest.OpenIn(t, cfg)
	for _, seq := range seqs {
		if job, err := s.Job(seq); err != nil || len(job.Body) > 0 || job.Status.State != agent.Sent {
			t.Errorf("job %d has the body %q, %v", seq, job.Body, err)
		}
	}
	if body, err := s.Wire(seqs[0], 0); !errors.Is(err, agent.ErrNotFound) {
		t.Errorf("the wire is back: %q, %v", body, err)
	}
	if value, _, err := s.Record(store.SessionRecords, "member"); !errors.Is(err, agent.ErrNotFound) {
		t.Errorf("the record is back: %q, %v", value, err)
	}
}

// TestFileThatNoTransactionLetsGoOfEndsTheAgentAndNotItsEnd has a transaction that never ends: only a new process opens the
// file.
func TestFileThatNoTransactionLetsGoOfEndsTheAgentAndNotItsEnd(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s, err := store.Open(cfg) // not storetest: what is held can be neither checked nor closed in order
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, coupon("A"))
	s.HoldForEver(t)
	if err := s.Repair(errors.New("torn")); err == nil {
		t.Error("it was mended")
	}
	select {
	case <-s.Broken():
	default:
		t.Error("nobody is told that a new process is needed")
	}
	if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{coupon("B")}}); err == nil {
		t.Error("a sale was taken by a store that cannot write")
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the agent cannot end")
	}
}
