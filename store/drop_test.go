package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// drop deletes the bodies that are older than a week, then the heads that are older than 400 days.
func (a *archive) drop() int {
	a.Helper()
	a.forget()
	n, err := a.Drop(context.Background(), a.now.Add(-400*24*time.Hour))
	if err != nil {
		a.Fatal(err)
	}
	if err := a.Check(); err != nil {
		a.Error(err)
	}
	if _, err := a.Scrub(context.Background()); err != nil {
		a.Error(err)
	}
	return n
}

func (a *archive) wantGone(gone bool, seqs ...uint64) {
	a.Helper()
	for _, seq := range seqs {
		if _, err := a.Head(seq); errors.Is(err, agent.ErrNotFound) != gone || err != nil && !gone {
			a.Errorf("job %d: got %v, want it gone: %v", seq, err, gone)
		}
	}
}

// years is an archive with five jobs of 401 days ago, of which a dead and a pending one stay, and a sale of today.
func years(t *testing.T) (a *archive, gone, kept []uint64) {
	t.Helper()
	a = newArchive(t)
	sent, dead, annulled, pending, last := a.sale("sent"), a.sale("dead"), a.sale("annulled"), a.sale("pending"), a.sale("last")
	for seq, state := range map[uint64]agent.State{sent: agent.Sent, dead: agent.Dead, annulled: agent.Annulled, last: agent.Sent} {
		a.settle(seq, state)
	}
	a.now = a.now.Add(401 * 24 * time.Hour)
	return a, []uint64{sent, annulled, last}, []uint64{dead, pending, a.sale("today")}
}

func TestHeadsOfEndedJobsGoAfter400Days(t *testing.T) {
	a := newArchive(t)
	seq := a.sale("A")
	a.settle(seq, agent.Sent)
	a.now = a.now.Add(399 * 24 * time.Hour)
	if n := a.drop(); n != 0 {
		t.Errorf("%d dropped after 399 days", n)
	}
	a.wantGone(false, seq)
	a.now = a.now.Add(25 * time.Hour)
	if n := a.drop(); n != 1 {
		t.Errorf("%d dropped after 400 days", n)
	}
	a.wantGone(true, seq)
}

func TestDroppedJobLeavesNothingAndItsNeighboursStay(t *testing.T) {
	a, gone, kept := years(t)
	before := a.Counters().Accepted()
	if n := a.drop(); n != len(gone) {
		t.Errorf("%d dropped, want %d", n, len(gone))
	}
	for range 2 {
		a.wantGone(true, gone...)
		a.wantGone(false, kept...)
		if after := a.Counters().Accepted(); after != before || a.Counters().Total(agent.Sent) != 2 {
			t.Errorf("the lifetime counters went from %d to %d", before, after)
		}
		a.reopen()
	}
	if jobs, err := a.List(agent.Sent, "", 0, 100); err != nil || len(jobs) != 0 {
		t.Errorf("listed as sent: %+v, %v", jobs, err)
	}
	for coupon, want := range map[string]bool{"sent": false, "annulled": false, "last": false, "dead": true, "pending": true, "today": true} {
		_, err := a.Unique(agent.KindCoupon, agent.CouponGroup(coupon))
		jobs, groupErr := a.Group(agent.CouponGroup(coupon))
		if (err == nil) != want || (len(jobs) == 1) != want || groupErr != nil {
			t.Errorf("%s is found by its key: %v, in its group: %d, %v", coupon, err, len(jobs), groupErr)
		}
	}
	if next := a.sale("sent"); next != kept[2]+1 {
		t.Errorf("its id can be used again, under number %d", next)
	}
	a.settle(kept[0], agent.Discarded) // a person has decided at last
	a.settle(kept[1], agent.Sent)
	if n := a.drop(); n != 0 {
		t.Errorf("%d dropped that ended today", n)
	}
	a.now = a.now.Add(401 * 24 * time.Hour)
	if n := a.drop(); n != 2 {
		t.Errorf("%d dropped 401 days later, want 2: nobody has settled the other two", n)
	}
	a.wantGone(true, kept[:2]...)
}

func TestJobThatIsNotOverOrHasItsBodyIsNotDropped(t *testing.T) {
	a := newArchive(t)
	pending, sent := a.sale("pending"), a.sale("sent")
	a.settle(sent, agent.Sent)
	for seq, want := range map[uint64]error{pending: agent.ErrBadMove, sent: agent.ErrBadMove, 99: agent.ErrNotFound} {
		if _, err := a.Commit(t.Context(), agent.Change{Drops: []uint64{seq}}); !errors.Is(err, want) {
			t.Errorf("job %d: got %v, want %v", seq, err, want)
		}
	}
	a.now = a.now.Add(-time.Hour)
	if n, err := a.Drop(t.Context(), a.now.Add(1000*24*time.Hour)); n != 0 || err != nil {
		t.Errorf("by a clock that is suspect: %d dropped, %v", n, err)
	}
	a.wantGone(false, pending, sent)
}

// TestDroppedJobsDoNotComeBack salvages, restores and clones a store whose old jobs were just dropped: free pages still hold
// them.
func TestDroppedJobsDoNotComeBack(t *testing.T) {
	for name, trouble := range map[string]func(a *archive, kept []uint64){
		"salvage": func(a *archive, kept []uint64) {
			a.FlipBit(a.T, "state", kept[2])
			if _, err := a.Scrub(a.Context()); err != nil {
				a.Fatal(err)
			}
			if report := a.Salvaged(); report == nil || len(report.Missing)+len(report.Lost) > 0 {
				a.Errorf("the report is %+v", report)
			}
		},
		"backup from before": func(a *archive, _ []uint64) {
			backups, err := store.Backups(a.dir)
			if err != nil || len(backups) != 1 {
				a.Fatal(backups, err)
			}
			storetest.Close(a.T, a.Store)
			if report, err := store.Restore(store.Config{Dir: a.dir, Now: func() time.Time { return a.now }}, backups[0].Path); err != nil || len(report.Missing)+len(report.Lost)+len(report.Held) > 0 {
				a.Errorf("got %+v, %v", report, err)
			}
			a.open()
		},
		"carved": func(a *archive, _ []uint64) {
			storetest.Close(a.T, a.Store)
			report, err := store.Carve(store.Config{Dir: a.dir, Now: func() time.Time { return a.now }})
			if err != nil || len(report.Missing)+len(report.Lost) > 0 {
				a.Errorf("got %+v, %v", report, err)
			}
			a.open()
		},
		"key lost": func(a *archive, _ []uint64) {
			storetest.Close(a.T, a.Store)
			if err := os.Remove(filepath.Join(a.dir, "keys.json")); err != nil {
				a.Fatal(err)
			}
			a.open()
		},
		"another machine, and salvage there": func(a *archive, kept []uint64) {
			storetest.Close(a.T, a.Store)
			fromAnotherMachine(a.T, a.dir)
			a.open()
			a.FlipBit(a.T, "state", kept[2])
			if _, err := a.Scrub(a.Context()); err != nil {
				a.Fatal(err)
			}
		},
		"compaction": func(a *archive, _ []uint64) {
			if err := a.Compact(); err != nil {
				a.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, gone, kept := years(t)
			if _, err := a.Backup(); err != nil {
				t.Fatal(err)
			}
			if n := a.drop(); n != len(gone) {
				t.Fatalf("%d dropped", n)
			}
			trouble(a, kept)
			for range 2 {
				a.wantGone(true, gone...)
				a.wantGone(false, kept...)
				if err := a.Check(); err != nil {
					t.Error(err)
				}
				a.reopen()
			}
		})
	}
}

// TestWhatWaitsForAPersonEverywhereBoundsWhatIsDropped has every other sale undecided for years.
func TestWhatWaitsForAPersonEverywhereBoundsWhatIsDropped(t *testing.T) {
	a := newArchive(t)
	const pairs = 100
	var sent []uint64
	for n := range pairs {
		seq, dead := a.sale(fmt.Sprint("S", n)), a.sale(fmt.Sprint("D", n))
		a.settle(seq, agent.Sent)
		a.settle(dead, agent.Dead)
		sent = append(sent, seq)
	}
	a.now = a.now.Add(401 * 24 * time.Hour)
	if n := a.drop(); n != 64 {
		t.Errorf("%d dropped, want 64 rows of one", n)
	}
	a.wantGone(true, sent[:64]...)
	a.wantGone(false, sent[64:]...)
	dead, err := a.List(agent.Dead, "", 0, 2*pairs)
	if err != nil || len(dead) != pairs {
		t.Fatalf("%d dead, %v", len(dead), err)
	}
	for _, job := range dead {
		a.settle(job.Seq, agent.Discarded)
	}
	a.now = a.now.Add(401 * 24 * time.Hour)
	if n := a.drop(); n != 2*pairs-64 {
		t.Errorf("%d dropped once a person has decided", n)
	}
}

func TestManyOldJobsGoALittleAtATime(t *testing.T) {
	a := newArchive(t)
	sales := agenttest.Amount(5000, 1000)
	for range sales / 100 {
		var change agent.Change
		for n := range 100 {
			change.Jobs = append(change.Jobs, agent.Job{Kind: agent.KindCoupon, Coupon: fmt.Sprint(a.LastSeq(), "-", n), Body: []byte("x"), CreatedAt: a.now})
		}
		var moves []agent.Move
		for _, seq := range a.commit(change).Seqs {
			moves = append(moves, agent.Move{Seq: seq, Status: agent.Status{Version: 1, State: agent.Sent}})
		}
		a.commit(agent.Change{Moves: moves})
	}
	waits := a.sale("waits")
	_, before := a.Slack()
	a.now = a.now.Add(401 * 24 * time.Hour)
	if n := a.drop(); n != sales {
		t.Errorf("%d dropped of %d", n, sales)
	}
	a.wantGone(false, waits)
	a.settle(waits, agent.Sent)
	if err := a.Compact(); err != nil {
		t.Fatal(err)
	}
	if _, after := a.Slack(); after > before/10 {
		t.Errorf("the file had %d bytes and has %d", before, after)
	}
}

// TestJobsUnderAFormerKeyAreNotDropped: their groups are hashed with that key, and their index entries could not be found.
func TestJobsUnderAFormerKeyAreNotDropped(t *testing.T) {
	a := newArchive(t)
	former := a.sale("former")
	a.settle(former, agent.Sent)
	storetest.Close(t, a.Store)
	fromAnotherMachine(t, a.dir)
	a.open()
	seq := a.sale("here")
	a.settle(seq, agent.Sent)
	a.now = a.now.Add(401 * 24 * time.Hour)
	if n := a.drop(); n != 1 {
		t.Errorf("%d dropped", n)
	}
	a.wantGone(true, seq)
	a.wantGone(false, former)
}

// TestDroppedNumbersBesideLostOnesAreToldApart has a file with lost numbers too: they are another gap.
func TestDroppedNumbersBesideLostOnesAreToldApart(t *testing.T) {
	a := newArchive(t)
	a.sale("lost")
	storetest.Close(t, a.Store)
	if err := os.Truncate(filepath.Join(a.dir, "pdvagent.db"), 0); err != nil {
		t.Fatal(err)
	}
	a.open()
	seq := a.sale("after")
	a.settle(seq, agent.Sent)
	a.now = a.now.Add(401 * 24 * time.Hour)
	today := a.sale("today")
	if n := a.drop(); n != 1 {
		t.Errorf("%d dropped", n)
	}
	a.FlipBit(t, "state", today)
	if _, err := a.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	if report := a.Salvaged(); report == nil || len(report.Missing)+len(report.Lost) > 0 {
		t.Errorf("the report is %+v", report)
	}
	a.wantGone(true, seq)
	a.wantGone(false, today)
}
