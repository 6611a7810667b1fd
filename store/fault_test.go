package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
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

func TestFlippedBitIsFoundAndNeverSent(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s, err := store.Open(cfg) // not storetest: the check at its end is what must fail
	if err != nil {
		t.Fatal(err)
	}
	seqs := add(t, s, coupon("A"), coupon("B"))
	s.FlipBit(t, "job", seqs[0])
	if _, err := s.Job(seqs[0]); !errors.Is(err, agent.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
	jobs, _, err := s.Due(time.Now(), 0, 10, nil)
	if err != nil || len(jobs) != 1 || jobs[0].Seq != seqs[1] {
		t.Errorf("due: %v, %v, want the sound one alone", jobs, err)
	}
	if err := s.Check(); err == nil {
		t.Error("the check finds nothing")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
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

// producerEnv tells a re-executed test binary to be the process that is killed.
const producerEnv = "PDVAGENT_TEST_PRODUCER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(producerEnv); dir != "" {
		produce(dir)
	}
	os.Exit(m.Run())
}

// produce commits sales from eight writers for ever and says on standard output, after each commit, that it is there.
func produce(dir string) {
	s, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		panic(err)
	}
	fmt.Println("open")
	start := time.Now().UnixNano()
	var output sync.Mutex
	var group sync.WaitGroup
	for writer := range 8 {
		group.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%d-%d-%d", start, writer, n)
				committed, err := s.Commit(context.Background(), agent.Change{Jobs: []agent.Job{coupon(id)}})
				if err != nil {
					panic(err)
				}
				output.Lock()
				fmt.Printf("%s %d\n", id, committed.Seqs[0])
				output.Unlock()
			}
		})
	}
	group.Wait()
}

// TestNothingAcknowledgedIsLostBySIGKILL kills a process with eight writers at random instants, over and over on the same
// folder. The amounts of store.md come with the fault harness; this is its first turn.
func TestNothingAcknowledgedIsLostBySIGKILL(t *testing.T) {
	const kills = 12
	dir := storetest.Dir(t)
	acknowledged := make(map[string]uint64)
	for range kills {
		for id, seq := range killAfterAWhile(t, dir) {
			acknowledged[id] = seq
		}
	}
	s := storetest.OpenIn(t, store.Config{Dir: dir}) // its check covers gaplessness, counters and indexes
	for id, seq := range acknowledged {
		job, err := s.Job(seq)
		if err != nil || job.Coupon != id || string(job.Body) != string(coupon(id).Body) {
			t.Fatalf("sale %s acknowledged as %d: got %q, %v", id, seq, job.Coupon, err)
		}
	}
	if len(acknowledged) < kills {
		t.Errorf("only %d sales were acknowledged over %d kills: the test shows nothing", len(acknowledged), kills)
	}
	t.Logf("%d kills, %d acknowledged, %d stored", kills, len(acknowledged), s.Counters().Accepted())
}

func killAfterAWhile(t *testing.T, dir string) map[string]uint64 {
	t.Helper()
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	process.Env = append(os.Environ(), producerEnv+"="+dir)
	process.Stderr = os.Stderr
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := make(map[string]uint64)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if lines.Text() == "open" {
			time.AfterFunc(time.Duration(10+rand.IntN(150))*time.Millisecond, func() {
				if err := process.Process.Kill(); err != nil {
					t.Error(err)
				}
			})
			continue
		}
		id, number, ok := strings.Cut(lines.Text(), " ")
		if seq, valid := agent.ParseJobID(number); ok && valid && strings.Count(id, "-") == 2 {
			acknowledged[id] = seq // a line cut by the kill is no acknowledgement that a till could have read
		}
	}
	_ = process.Wait() // it reports the kill
	return acknowledged
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
