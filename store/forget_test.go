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

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

const week = 7 * 24 * time.Hour

// archive is a store whose clock a test sets.
type archive struct {
	*testing.T
	*store.Store
	dir string
	now time.Time
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	a := &archive{T: t, dir: storetest.Dir(t), now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	a.open()
	t.Cleanup(func() { storetest.Close(t, a.Store) })
	return a
}

func (a *archive) open() {
	a.Helper()
	var err error
	if a.Store, err = store.Open(store.Config{Dir: a.dir, Now: func() time.Time { return a.now }}); err != nil {
		a.Fatal(err)
	}
}

func (a *archive) reopen() {
	a.Helper()
	storetest.Close(a.T, a.Store)
	a.open()
}

func (a *archive) commit(change agent.Change) agent.Committed {
	a.Helper()
	committed, err := a.Commit(context.Background(), change)
	if err != nil {
		a.Fatal(err)
	}
	return committed
}

// sale is a job with everything that may hold personal data: a body, other bytes for the cloud, an answer.
func (a *archive) sale(coupon string) uint64 {
	a.Helper()
	job := agent.Job{
		Kind: agent.KindCoupon, Coupon: coupon, Unique: agent.CouponGroup(coupon), Body: []byte(agenttest.Receipt(coupon, "T")),
		Fingerprint: agent.Fingerprint{1, 2, 3}, CreatedAt: a.now,
	}
	seq := a.commit(agent.Change{Jobs: []agent.Job{job}}).Seqs[0]
	a.commit(agent.Change{Wires: []agent.Wire{{Seq: seq, Body: []byte("wire of " + coupon)}}})
	return seq
}

func (a *archive) settle(seq uint64, state agent.State) {
	a.Helper()
	job, err := a.Head(seq)
	if err != nil {
		a.Fatal(err)
	}
	job.Status.State = state
	job.Status.Answer = &agent.Answer{Status: 201, Body: []byte("answer"), At: a.now}
	a.commit(agent.Change{Moves: []agent.Move{{Seq: seq, Status: job.Status}}})
}

func (a *archive) forget() int {
	a.Helper()
	n, err := a.Forget(context.Background(), a.now.Add(-week))
	if err != nil {
		a.Fatal(err)
	}
	return n
}

// has tells what is left of a job: body, wire, answer.
func (a *archive) has(seq uint64) string {
	a.Helper()
	job, err := a.Job(seq)
	if err != nil {
		a.Fatal(err)
	}
	left := ""
	if len(job.Body) > 0 {
		left += "body "
	}
	if _, err := a.Wire(seq, 0); err == nil {
		left += "wire "
	} else if !errors.Is(err, agent.ErrNotFound) {
		a.Fatal(err)
	}
	if job.Status.Answer != nil && len(job.Status.Answer.Body) > 0 {
		left += "answer"
	}
	return left
}

const whole, waiting, nothing = "body wire answer", "body wire ", ""

func TestBodiesOfEndedJobsAreDroppedAfterAWeekAndTheirHeadsStay(t *testing.T) {
	a := newArchive(t)
	sent, dead, annulled, pending := a.sale("sent"), a.sale("dead"), a.sale("annulled"), a.sale("pending")
	a.settle(sent, agent.Sent)
	a.settle(dead, agent.Dead)
	a.settle(annulled, agent.Annulled)
	a.now = a.now.Add(6 * 24 * time.Hour)
	late := a.sale("late")
	a.settle(late, agent.Sent)
	if n := a.forget(); n != 0 || a.has(sent) != whole {
		t.Errorf("after six days: %d dropped, %q left", n, a.has(sent))
	}
	a.now = a.now.Add(25 * time.Hour)
	if n := a.forget(); n != 2 {
		t.Errorf("%d dropped, want the sent one and the annulled one", n)
	}
	for seq, want := range map[uint64]string{sent: nothing, annulled: nothing, dead: whole, pending: waiting, late: whole} {
		if got := a.has(seq); got != want {
			t.Errorf("job %d: %q left, want %q", seq, got, want)
		}
	}
	job, err := a.Unique(agent.KindCoupon, agent.CouponGroup("sent"))
	if err != nil || job.Seq != sent || job.Fingerprint != (agent.Fingerprint{1, 2, 3}) || job.Status.State != agent.Sent || job.Status.Answer == nil || job.Status.Answer.Status != 201 {
		t.Errorf("a repeated sale finds %+v, %v", job, err)
	}
	a.settle(pending, agent.Sent) // it waited for a link all the while
	if n := a.forget(); n != 0 || a.has(pending) != whole {
		t.Errorf("sent a moment ago: %d dropped", n)
	}
	a.now = a.now.Add(week + time.Hour)
	if n := a.forget(); n != 2 || a.has(pending) != nothing || a.has(late) != nothing || a.has(dead) != whole {
		t.Errorf("a week later: %d dropped", n)
	}
	a.reopen()
	if n := a.forget(); n != 0 || a.has(sent) != nothing || a.has(dead) != whole {
		t.Errorf("after a restart: %d dropped", n)
	}
}

func TestJobThatMayStillNeedItsBodyKeepsIt(t *testing.T) {
	a := newArchive(t)
	seq := a.sale("pending")
	if _, err := a.Commit(t.Context(), agent.Change{Forgets: []uint64{seq}}); !errors.Is(err, agent.ErrBadMove) {
		t.Errorf("pending: got %v", err)
	}
	if _, err := a.Commit(t.Context(), agent.Change{Forgets: []uint64{99}}); !errors.Is(err, agent.ErrNotFound) {
		t.Errorf("unknown: got %v", err)
	}
	if a.has(seq) != waiting {
		t.Errorf("it has %q", a.has(seq))
	}
}

func TestDamagedJobHoldsUpNoOther(t *testing.T) {
	a := newArchive(t)
	first, second := a.sale("first"), a.sale("second")
	a.settle(first, agent.Sent)
	a.settle(second, agent.Sent)
	a.FlipBit(t, "receipt", first)
	a.now = a.now.Add(2 * week)
	if n := a.forget(); n == 0 || a.has(second) != nothing {
		t.Errorf("%d dropped", n)
	}
	awaitSalvage(t, a.Store)
}

func TestSuspectClockDropsNothing(t *testing.T) {
	a := newArchive(t)
	seq := a.sale("A")
	a.settle(seq, agent.Sent)
	a.now = a.now.Add(-time.Hour)
	if n, err := a.Forget(t.Context(), a.now.Add(week)); n != 0 || err != nil || a.has(seq) != whole {
		t.Errorf("%d dropped, %v", n, err)
	}
}

// SEC-15: the deleted bytes are in no file of the data folder, under any key.
func TestBytesAreGoneFromTheFileAfterCompaction(t *testing.T) {
	a := newArchive(t)
	var seqs []uint64
	var sealed [][]byte
	for i := range 400 {
		seqs = append(seqs, a.sale(fmt.Sprint("K-", i)))
	}
	for _, seq := range seqs {
		sealed = append(sealed, a.Sealed(t, "job", seq)[48:], a.Sealed(t, "wire", seq)[48:])
		a.settle(seq, agent.Sent)
		sealed = append(sealed, a.Sealed(t, "state", seq)[48:])
	}
	_, before := a.Slack()
	a.now = a.now.Add(8 * 24 * time.Hour)
	if n := a.forget(); n != len(seqs) {
		t.Fatalf("%d dropped", n)
	}
	if found(t, a.dir, sealed) == 0 {
		t.Error("nothing of it was in the file to begin with: this test proves nothing")
	}
	if err := a.Compact(); err != nil {
		t.Fatal(err)
	}
	if _, after := a.Slack(); after >= before {
		t.Errorf("the file had %d bytes and has %d", before, after)
	}
	a.reopen() // the old file is kept until now
	if n := found(t, a.dir, sealed); n > 0 {
		t.Errorf("%d of %d dropped values are still in a file", n, len(sealed))
	}
	if job, err := a.Head(seqs[17]); err != nil || job.Coupon != "K-17" || job.Status.State != agent.Sent {
		t.Errorf("got %+v, %v", job, err)
	}
}

// found counts the values that a file of the folder holds. It looks at their first bytes: each is sealed, so those are random.
func found(t *testing.T, dir string, values [][]byte) int {
	t.Helper()
	wanted := make(map[[8]byte][]byte, len(values))
	for _, value := range values {
		wanted[[8]byte(value)] = value
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, entry := range entries {
		if entry.IsDir() || entry.Name() == "ballast" { // nobody ever writes into that
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for at := range max(0, len(content)-7) {
			if value, ok := wanted[[8]byte(content[at:])]; ok && bytes.HasPrefix(content[at:], value) {
				n++
			}
		}
	}
	return n
}

func TestSalesDuringACompactionAreAllThere(t *testing.T) {
	a := newArchive(t)
	var wait sync.WaitGroup
	for till := range 4 {
		wait.Go(func() {
			for i := range 50 {
				job := agent.Job{Kind: agent.KindCoupon, Coupon: fmt.Sprint(till, "-", i), Body: []byte(agenttest.Receipt("K", "T")), CreatedAt: time.Now()}
				if _, err := a.Commit(context.Background(), agent.Change{Jobs: []agent.Job{job}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 10 {
		if err := a.Compact(); err != nil {
			t.Error(err)
		}
	}
	wait.Wait()
	if n := a.Counters().Accepted(); n != 200 || a.LastSeq() != 200 {
		t.Errorf("%d sales, the last is %d", n, a.LastSeq())
	}
	a.reopen()
	if n := a.Counters().Accepted(); n != 200 {
		t.Errorf("after a restart: %d sales", n)
	}
}

func TestSmallFullOrBusyFileIsNotCompacted(t *testing.T) {
	a := newArchive(t)
	if did, err := a.CompactIfWorth(); did || err != nil {
		t.Errorf("a small one: %v, %v", did, err)
	}
	var seqs []uint64
	body := bytes.Repeat([]byte("x"), 200<<10)
	for range 120 {
		job := agent.Job{Kind: agent.KindCoupon, Body: body, CreatedAt: a.now}
		seqs = append(seqs, a.commit(agent.Change{Jobs: []agent.Job{job}}).Seqs...)
	}
	if did, err := a.CompactIfWorth(); did || err != nil {
		t.Errorf("one in use: %v, %v", did, err)
	}
	for _, seq := range seqs[1:] {
		a.settle(seq, agent.Sent)
	}
	a.settle(seqs[0], agent.Sent)
	if did, err := a.CompactIfWorth(); did || err != nil {
		t.Errorf("a drained one whose bodies are still there: %v, %v", did, err)
	}
	a.now = a.now.Add(2 * week)
	a.forget()
	waits := a.sale("waits")
	if did, err := a.CompactIfWorth(); did || err != nil {
		t.Errorf("with a sale to send: %v, %v", did, err)
	}
	a.settle(waits, agent.Sent)
	_, before := a.Slack()
	if did, err := a.CompactIfWorth(); !did || err != nil {
		t.Errorf("a drained one: %v, %v", did, err)
	}
	if _, after := a.Slack(); after > before/10 {
		t.Errorf("the file had %d bytes and has %d", before, after)
	}
}

func TestCopyThatIsNotWholeIsNoticed(t *testing.T) {
	open := func(entries int) *bbolt.DB {
		db, err := bbolt.Open(filepath.Join(storetest.Dir(t), "x.db"), 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		if err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte("job"))
			for i := range entries {
				err = errors.Join(err, b.Put([]byte{byte(i)}, []byte("x")))
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return db
	}
	original := open(3)
	if err := store.SameEntries(open(3), original); err != nil {
		t.Error(err)
	}
	if err := store.SameEntries(open(2), original); !errors.Is(err, agent.ErrDamaged) {
		t.Errorf("one is missing: got %v", err)
	}
}

func TestLeftoversOfACompactionGoAtTheNextStart(t *testing.T) {
	a := newArchive(t)
	a.sale("A")
	for _, name := range []string{"pdvagent.db.compact", "pdvagent.db.old"} {
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte("cut by the power"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Compact(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(a.dir, "pdvagent.db.old")); err != nil || info.Size() < 1000 {
		t.Errorf("the old file is not kept: %v, %v", info, err)
	}
	a.reopen()
	for _, name := range []string{"pdvagent.db.compact", "pdvagent.db.old"} {
		if _, err := os.Stat(filepath.Join(a.dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}
