package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestFailedCommitAcknowledgesNobodyAndTheStoreGoesOn(t *testing.T) {
	s := storetest.Open(t)
	add(t, s, coupon("before"))
	s.BreakNextCommit(t)
	if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{coupon("lost")}}); !errors.Is(err, agent.ErrStoreUnknown) {
		t.Fatalf("got %v, want ErrStoreUnknown", err)
	}
	if seq := add(t, s, coupon("after"))[0]; seq != 2 {
		t.Errorf("got sequence %d after a commit that never was, want 2", seq)
	}
	if job, err := s.Unique(agent.KindCoupon, agent.CouponGroup("before")); err != nil || job.Status.State != agent.Pending {
		t.Errorf("what was there is %s, %v", job.Status.State, err)
	}
}

// TestFlippedBitIsFoundAndNeverSent reads once in each way: what the first read finds is mended in the background.
func TestFlippedBitIsFoundAndNeverSent(t *testing.T) {
	for name, read := range map[string]func(*testing.T, *store.Store, []uint64){
		"by its number": func(t *testing.T, s *store.Store, seqs []uint64) {
			if _, err := s.Job(seqs[0]); !errors.Is(err, agent.ErrDamaged) {
				t.Errorf("got %v, want ErrDamaged", err)
			}
		},
		"what is due": func(t *testing.T, s *store.Store, seqs []uint64) {
			jobs, _, err := s.Due(time.Now(), 0, 10, nil)
			if err != nil || len(jobs) != 1 || jobs[0].Seq != seqs[1] {
				t.Errorf("due: %v, %v, want the sound one alone", jobs, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t)
			seqs := add(t, s, coupon("A"), coupon("B"))
			s.FlipBit(t, "job", seqs[0])
			if err := s.Check(); err == nil {
				t.Error("the check finds nothing")
			}
			read(t, s, seqs)
			awaitSalvage(t, s)
			wantMended(t, s, seqs[0])
			wantState(t, s, seqs[1], agent.Pending, "")
		})
	}
}

func TestChangeAfterCloseIsRefused(t *testing.T) {
	s := storetest.Open(t)
	storetest.Close(t, s)
	if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{coupon("A")}}); !errors.Is(err, agent.ErrStoreClosed) {
		t.Errorf("got %v, want ErrStoreClosed", err)
	}
	if _, err := s.Job(1); !errors.Is(err, agent.ErrStoreClosed) {
		t.Errorf("got %v, want ErrStoreClosed", err)
	}
}

func TestFullFileRefusesNewWorkAndKeepsWhatItHas(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t), MaxBytes: 8 << 20}
	s := storetest.OpenIn(t, cfg)
	var err error
	stored := 0
	for ; err == nil && stored < 10_000; stored++ {
		job := coupon(fmt.Sprint("C-", stored))
		job.Body = make([]byte, 10<<10)
		_, err = s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{job}})
	}
	if !errors.Is(err, agent.ErrStoreFull) || stored < 50 {
		t.Fatalf("after %d sales: %v", stored, err)
	}
	if free, size := s.Slack(); size-free > cfg.MaxBytes*88/100 {
		t.Errorf("%d of %d bytes are in use: nothing is left for settling", size-free, cfg.MaxBytes)
	}
	storetest.Close(t, s)
	s = storetest.OpenIn(t, cfg)
	if got := s.Counters().Accepted(); got != uint64(stored-1) {
		t.Errorf("%d are there, %d were acknowledged", got, stored-1)
	}
	for seq := uint64(1); seq < uint64(stored); seq++ {
		if err := move(t, s, seq, to(agent.Sent)); err != nil {
			t.Fatalf("a full store does not settle job %d: %v", seq, err)
		}
	}
	if _, err := s.Forget(t.Context(), time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{coupon("one more")}}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
