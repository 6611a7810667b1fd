package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func coupon(id string) agent.Job {
	return agent.Job{
		Kind: agent.KindCoupon, Dialect: agent.V2, Session: "session-" + id, Coupon: id, Unique: agent.CouponGroup(id),
		Body: []byte(`{"coupon":"` + id + `","client_id":"52998224725"}`), CreatedAt: time.Now(),
	}
}

func add(t *testing.T, s *store.Store, jobs ...agent.Job) []uint64 {
	t.Helper()
	committed, err := s.Commit(t.Context(), agent.Change{Jobs: jobs})
	if err != nil {
		t.Fatal(err)
	}
	return committed.Seqs
}

func move(t *testing.T, s *store.Store, seq uint64, change func(*agent.Status)) error {
	t.Helper()
	job, err := s.Job(seq)
	if err != nil {
		t.Fatal(err)
	}
	change(&job.Status)
	_, err = s.Commit(t.Context(), agent.Change{Moves: []agent.Move{{Seq: seq, Status: job.Status}}})
	return err
}

func to(state agent.State) func(*agent.Status) { return func(s *agent.Status) { s.State = state } }

func TestCommittedJobIsThereAfterReopening(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	want := coupon("A-1")
	want.Seq = add(t, s, want)[0]
	storetest.Close(t, s)

	got, err := storetest.OpenIn(t, cfg).Job(want.Seq)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Body, want.Body) || got.Coupon != want.Coupon || got.Session != want.Session ||
		got.Kind != want.Kind || got.Status.State != agent.Pending || got.Status.Version != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestSequenceIsGaplessAcrossRefusalsAndReopening(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	add(t, s, coupon("A"), coupon("B"))
	if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{coupon("A")}}); !errors.Is(err, agent.ErrKeyTaken) {
		t.Fatalf("got %v, want ErrKeyTaken", err)
	}
	storetest.Close(t, s)
	if got := add(t, storetest.OpenIn(t, cfg), coupon("C"))[0]; got != 3 {
		t.Errorf("got sequence %d after two jobs and a refusal, want 3", got)
	}
}

func TestRefusedChangeLeavesNothingAndItsNeighboursGoThrough(t *testing.T) {
	s := storetest.Open(t)
	add(t, s, coupon("taken"))
	var group sync.WaitGroup
	errs := make([]error, 64)
	for i := range errs {
		group.Go(func() {
			jobs := []agent.Job{coupon(fmt.Sprint("new-", i))}
			if i%2 == 0 {
				jobs = append(jobs, coupon("taken"))
			}
			_, errs[i] = s.Commit(context.Background(), agent.Change{Jobs: jobs})
		})
	}
	group.Wait()
	for i, err := range errs {
		if want := i%2 == 0; errors.Is(err, agent.ErrKeyTaken) != want || (err != nil) != want {
			t.Errorf("change %d: got %v", i, err)
		}
	}
	if got := s.Counters().Accepted(); got != 33 {
		t.Errorf("got %d jobs, want 33", got)
	}
	if _, err := s.Unique(agent.KindCoupon, agent.CouponGroup("new-0")); !errors.Is(err, agent.ErrNotFound) {
		t.Errorf("a refused change left its first job's key: %v", err)
	}
}

func TestMoveOfAnOldVersionIsRefused(t *testing.T) {
	s := storetest.Open(t)
	seq := add(t, s, coupon("A"))[0]
	stale, err := s.Job(seq)
	if err != nil {
		t.Fatal(err)
	}
	if err := move(t, s, seq, func(st *agent.Status) { st.Attempts = 1 }); err != nil {
		t.Fatal(err)
	}
	stale.Status.State = agent.Annulled
	_, err = s.Commit(t.Context(), agent.Change{Moves: []agent.Move{{Seq: seq, Status: stale.Status}}})
	if !errors.Is(err, agent.ErrVersion) {
		t.Errorf("got %v, want ErrVersion", err)
	}
}

func TestMovesThatNoTableAllowsAreRefused(t *testing.T) {
	for _, from := range agent.States() {
		for _, next := range agent.States() {
			t.Run(fmt.Sprintf("%s to %s", from, next), func(t *testing.T) {
				s := storetest.Open(t)
				job := coupon("A")
				job.Status.State = from
				seq := add(t, s, job)[0]
				err := move(t, s, seq, to(next))
				if got, want := err == nil, from.MayBecome(next); got != want {
					t.Errorf("got %v, allowed: %v", err, want)
				}
			})
		}
	}
}

func TestLifetimeCountersAddUp(t *testing.T) {
	s := storetest.Open(t)
	seqs := add(t, s, coupon("A"), coupon("B"), coupon("C"), coupon("D"))
	for i, state := range []agent.State{agent.Sent, agent.Dead, agent.Annulled} {
		if err := move(t, s, seqs[i], to(state)); err != nil {
			t.Fatal(err)
		}
	}
	c := s.Counters()
	if c.Accepted() != 4 || c.Total(agent.Pending) != 1 || c.Total(agent.Sent) != 1 || c.Total(agent.Dead) != 1 || c.Total(agent.Annulled) != 1 {
		t.Errorf("got %v", c.ByKind)
	}
}

func TestWireBytesAreWrittenOnce(t *testing.T) {
	s := storetest.Open(t)
	seq := add(t, s, coupon("A"))[0]
	wire := func(body string) error {
		_, err := s.Commit(t.Context(), agent.Change{Wires: []agent.Wire{{Seq: seq, Body: []byte(body)}}})
		return err
	}
	if err := wire("first"); err != nil {
		t.Fatal(err)
	}
	if err := wire("second"); !errors.Is(err, agent.ErrVersion) {
		t.Errorf("got %v, want ErrVersion", err)
	}
	if got, err := s.Wire(seq, 0); err != nil || string(got) != "first" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRecordIsPutOnlyIfItsVersionIsTheOneRead(t *testing.T) {
	s := storetest.Open(t)
	put := func(value string, version uint64) error {
		record := agent.Record{Bucket: store.CounterRecords, Key: "k", Value: []byte(value), IfVersion: version}
		_, err := s.Commit(t.Context(), agent.Change{Puts: []agent.Record{record}})
		return err
	}
	if err := put("one", 0); err != nil {
		t.Fatal(err)
	}
	if err := put("again", 0); !errors.Is(err, agent.ErrVersion) {
		t.Errorf("a second first: got %v, want ErrVersion", err)
	}
	if err := put("two", 1); err != nil {
		t.Error(err)
	}
	if value, version, err := s.Record(store.CounterRecords, "k"); err != nil || string(value) != "two" || version != 2 {
		t.Errorf("got %q version %d, %v", value, version, err)
	}
}

func TestRecordsComeInPagesAndCanBeDeletedWithoutTheirKey(t *testing.T) {
	s := storetest.Open(t)
	put := func(record agent.Record) {
		t.Helper()
		if _, err := s.Commit(t.Context(), agent.Change{Puts: []agent.Record{record}}); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bool{}
	for i := range 7 {
		value := fmt.Sprint("value ", i)
		want[value] = true
		put(agent.Record{Bucket: store.MemberRecords, Key: fmt.Sprint(i), Value: []byte(value)})
	}
	put(agent.Record{Bucket: store.SessionRecords, Key: "other", Value: []byte("another bucket's")})
	var after []byte
	for page := 0; ; page++ {
		values, next, err := s.Records(store.MemberRecords, after, 3)
		if err != nil || len(values) > 3 || page > 3 {
			t.Fatalf("page %d: %d values, %v", page, len(values), err)
		}
		for _, value := range values {
			if !want[string(value.Data)] || value.Version != 1 {
				t.Errorf("got %q version %d", value.Data, value.Version)
			}
			delete(want, string(value.Data))
			put(agent.Record{Bucket: store.MemberRecords, Ref: value.Ref, IfVersion: value.Version})
		}
		if after = next; next == nil {
			break
		}
	}
	if values, _, err := s.Records(store.MemberRecords, nil, 10); err != nil || len(values) != 0 || len(want) != 0 {
		t.Errorf("left: %d values, %v; never seen: %v", len(values), err, want)
	}
	if _, _, err := s.Record(store.MemberRecords, "3"); !errors.Is(err, agent.ErrNotFound) {
		t.Errorf("a deleted record: got %v", err)
	}
}

func TestDueGivesNewOnesInOrderThenRetriedOnesInTime(t *testing.T) {
	s := storetest.Open(t)
	now := time.Now().Truncate(time.Millisecond)
	seqs := add(t, s, coupon("A"), coupon("B"), coupon("C"), coupon("D"))
	for seq, wait := range map[uint64]time.Duration{seqs[0]: -time.Second, seqs[1]: time.Minute} {
		if err := move(t, s, seq, func(st *agent.Status) { st.NotBefore = now.Add(wait) }); err != nil {
			t.Fatal(err)
		}
	}
	jobs, _, err := s.Due(now, 0, 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []uint64
	for _, job := range jobs {
		got = append(got, job.Seq)
	}
	if want := fmt.Sprint([]uint64{seqs[2], seqs[3], seqs[0]}); fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	_, next, err := s.Due(now.Add(-time.Hour), 0, 10, nil)
	if err != nil || !next.Equal(now.Add(-time.Second)) {
		t.Errorf("next due is %v, want %v (%v)", next, now.Add(-time.Second), err)
	}
	jobs, _, err = s.Due(now, seqs[2], 10, func(seq uint64, _ agent.Kind) bool { return seq == seqs[0] })
	if err != nil || len(jobs) != 1 || jobs[0].Seq != seqs[3] {
		t.Errorf("after %d and without %d: got %v, %v", seqs[2], seqs[0], jobs, err)
	}
}

func TestLargeBodyGoesToTheSpoolAndLeavesWhenSettled(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	job := coupon("large")
	job.Body = []byte(`{"items":"` + strings.Repeat("7890000000017 ", 40_000) + `"}`)
	seq := add(t, s, job)[0]
	if names := spoolFiles(t, cfg.Dir); len(names) != 1 {
		t.Fatalf("the spool has %v, want one file", names)
	}
	storetest.Close(t, s)
	s = storetest.OpenIn(t, cfg)
	if got, err := s.Job(seq); err != nil || !bytes.Equal(got.Body, job.Body) {
		t.Fatalf("got %d bytes of %d, %v", len(got.Body), len(job.Body), err)
	}
	if err := move(t, s, seq, to(agent.Sent)); err != nil {
		t.Fatal(err)
	}
	if names := spoolFiles(t, cfg.Dir); len(names) != 0 {
		t.Errorf("the spool still has %v", names)
	}
}

func TestSpooledBodyThatWasCutIsDamageAndNotAShorterBody(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	job := coupon("large")
	job.Body = bytes.Repeat([]byte("x"), 300<<10)
	seq := add(t, s, job)[0]
	path := filepath.Join(cfg.Dir, "spool", spoolFiles(t, cfg.Dir)[0])
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	segment := len(data) / 5 // four whole segments and a part
	if err := os.WriteFile(path, data[:segment], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Job(seq); !errors.Is(err, agent.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
}

func TestSpooledBodyOfNoJobIsRemovedAtTheNextStart(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	storetest.Close(t, storetest.OpenIn(t, cfg))
	if err := os.WriteFile(filepath.Join(cfg.Dir, "spool", "orphan"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	storetest.OpenIn(t, cfg)
	if names := spoolFiles(t, cfg.Dir); len(names) != 0 {
		t.Errorf("the spool has %v", names)
	}
}

func TestFullSpoolStillTakesALargeSale(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t), SpoolBytes: 1000}
	s := storetest.OpenIn(t, cfg)
	job := coupon("large")
	job.Body = bytes.Repeat([]byte("x"), 1<<20)
	seq := add(t, s, job)[0]
	if got, err := s.Job(seq); err != nil || len(got.Body) != 1<<20 {
		t.Errorf("got %d bytes, %v", len(got.Body), err)
	}
}

func spoolFiles(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "spool"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestEveryCommitIsBroadcast(t *testing.T) {
	s := storetest.Open(t)
	changed := s.Changed()
	select {
	case <-changed:
		t.Fatal("a change was told before there was one")
	default:
	}
	add(t, s, coupon("A"))
	select {
	case <-changed:
	case <-time.After(5 * time.Second):
		t.Fatal("nobody told of the commit")
	}
}

func TestEventsKeepTheirOrderAndTheirLimit(t *testing.T) {
	now := time.Now()
	s := storetest.OpenIn(t, store.Config{Dir: storetest.Dir(t), Now: func() time.Time { return now }})
	emit := func(key string) {
		t.Helper()
		if _, err := s.Commit(t.Context(), agent.Change{Events: []agent.Event{{Type: "job", Key: key}}}); err != nil {
			t.Fatal(err)
		}
	}
	emit("1")
	emit("2")
	now = now.Add(8 * 24 * time.Hour)
	emit("3")
	events, err := s.Events(0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 1 || events[0].Key != "3" || events[0].ID != 3 {
		t.Errorf("after a week got %+v, want the third alone", events)
	}
}

func TestNothingAPersonCouldReadStandsInTheFolder(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	large := coupon("COUPON-CANARY-2")
	large.Body = bytes.Repeat([]byte("52998224725"), 40_000)
	add(t, s, coupon("COUPON-CANARY-1"), large)
	storetest.Close(t, s)
	err := filepath.WalkDir(cfg.Dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, canary := range []string{"52998224725", "COUPON-CANARY", "session-"} {
			if bytes.Contains(data, []byte(canary)) {
				t.Errorf("%s stands in %s", canary, filepath.Base(path))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWireOfANewJobIsWrittenWithItOrNotAtAll(t *testing.T) {
	s := storetest.Open(t)
	committed, err := s.Commit(t.Context(), agent.Change{
		Jobs:  []agent.Job{coupon("A"), coupon("B")},
		Wires: []agent.Wire{{New: 2, Body: []byte("B for the cloud")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if wire, err := s.Wire(committed.Seqs[1], 0); err != nil || string(wire) != "B for the cloud" {
		t.Errorf("got %s, %v", wire, err)
	}
	if _, err := s.Wire(committed.Seqs[0], 0); !errors.Is(err, agent.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	before := s.LastSeq()
	for _, place := range []int{-1, 2} {
		if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{coupon("C")}, Wires: []agent.Wire{{New: place}}}); !errors.Is(err, agent.ErrBadMove) || s.LastSeq() != before {
			t.Errorf("place %d: got %v", place, err)
		}
	}
}
