package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// ledger is what a filled store must hold.
type ledger map[uint64]agent.Job

// droppedJobs is the number of dropped jobs of such a store: free pages still hold traces of them.
const droppedJobs = 100

// fillForDamage makes a store with jobs of every state on some dozens of pages, and with free pages.
func fillForDamage(t *testing.T, dir string) ledger {
	t.Helper()
	s := storetest.OpenIn(t, store.Config{Dir: dir})
	for i := range droppedJobs {
		if err := move(t, s, add(t, s, coupon(fmt.Sprint("OLD-", i)))[0], to(agent.Sent)); err != nil {
			t.Fatal(err)
		}
	}
	soon := time.Now().Add(time.Hour)
	if _, err := s.Forget(t.Context(), soon); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Drop(t.Context(), soon); n != droppedJobs || err != nil {
		t.Fatalf("%d dropped, %v", n, err)
	}
	known := make(ledger)
	for i := range 300 {
		job := coupon(fmt.Sprint("C-", i))
		job.Session, job.Body = fmt.Sprint("S-", i/2), fmt.Appendf(nil, "body of %d %s", i, bytes.Repeat([]byte{'x'}, i%700))
		job.Seq = add(t, s, job)[0]
		known[job.Seq] = job
		if i%10 == 0 {
			put(t, s, fmt.Sprint("key-", i), "value")
		}
	}
	ends := []agent.State{agent.Pending, agent.Pending, agent.Sent, agent.Sent, agent.Dead, agent.Annulled}
	for seq, job := range known {
		job.Status.State = ends[seq%uint64(len(ends))]
		if job.Status.State != agent.Pending {
			if err := move(t, s, seq, to(job.Status.State)); err != nil {
				t.Fatal(err)
			}
		}
		known[seq] = job
	}
	storetest.Close(t, s)
	return known
}

func put(t *testing.T, s *store.Store, key, value string) {
	t.Helper()
	change := agent.Change{Puts: []agent.Record{{Bucket: store.SessionRecords, Key: key, Value: []byte(value), IfVersion: agent.AnyVersion}}}
	if _, err := s.Commit(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

const pageSize = 4096

// damages are the ways in which disks damage files.
func damages() map[string]func(r *rand.Rand, file []byte) []byte {
	return map[string]func(*rand.Rand, []byte) []byte{
		"bit": func(r *rand.Rand, file []byte) []byte {
			at := r.IntN(len(file))
			file[at] ^= 1 << r.IntN(8)
			return file
		},
		"bit of a head": func(r *rand.Rand, file []byte) []byte {
			file[r.IntN(len(file)/pageSize)*pageSize+r.IntN(64)] ^= 1 << r.IntN(8)
			return file
		},
		"zeroed page": func(r *rand.Rand, file []byte) []byte {
			at := r.IntN(len(file)/pageSize) * pageSize
			clear(file[at : at+pageSize])
			return file
		},
		"foreign page": func(r *rand.Rand, file []byte) []byte {
			from, to := r.IntN(len(file)/pageSize)*pageSize, r.IntN(len(file)/pageSize)*pageSize
			copy(file[to:to+pageSize], file[from:from+pageSize])
			return file
		},
		"noise": func(r *rand.Rand, file []byte) []byte {
			at := r.IntN(len(file)/512) * 512
			for i := range 512 {
				file[at+i] = byte(r.Uint32())
			}
			return file
		},
		"cut": func(r *rand.Rand, file []byte) []byte { return file[:r.IntN(len(file))] },
		"both metas": func(_ *rand.Rand, file []byte) []byte {
			clear(file[:2*pageSize])
			return file
		},
	}
}

// TestDamagedFileLosesNothingSilentlyAndSendsNothingTwice damages a closed store in each of these ways, opens it, scrubs it,
// and compares it with the ledger.
func TestDamagedFileLosesNothingSilentlyAndSendsNothingTwice(t *testing.T) {
	base := storetest.Dir(t)
	known := fillForDamage(t, base)
	original, used := usedBytes(t, base)
	each := (*damagedFiles + len(damages()) - 1) / len(damages())
	treeLost := 0
	for name, spoil := range damages() {
		kept := 0
		for n := range each {
			seed := *casesFrom + uint64(n)
			file := spoil(rand.New(rand.NewPCG(seed, 7)), bytes.Clone(original[:used]))
			dir := copyOf(t, base, file)
			if runtime.GOOS != "windows" { // there the control's file would stay open where bbolt gives up on it
				treeLost += len(known) - jobsInTree(dir)
			}
			kept += judge(t, fmt.Sprintf("%s, seed %d", name, seed), dir, known)
			if err := osfile.RemoveTree(dir); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%s: %d files, %.2f %% of the jobs are as they were", name, each, 100*float64(kept)/float64(each*len(known)))
	}
	if treeLost == 0 && runtime.GOOS != "windows" {
		t.Error("a look at the tree alone finds every job of every damaged file: the damage is none")
	}
	t.Logf("a look at the tree alone loses %.2f %%", 100*float64(treeLost)/float64(len(damages())*each*len(known)))
}

// TestControlOfTheDamage shows that the comparison fails for a store without checksums.
func TestControlOfTheDamage(t *testing.T) {
	known := fillForDamage(t, storetest.Dir(t))
	for seq, want := range known {
		got := want
		got.Body = bytes.Clone(want.Body)
		got.Body[int(seq)%len(got.Body)] ^= 1 << (seq % 8)
		if compare(got, want) == "" {
			t.Errorf("job %d comes back with a flipped bit, and the ledger sees nothing", seq)
		}
	}
}

// usedBytes gives the file's bytes and how many of them the store has ever written.
func usedBytes(t *testing.T, dir string) ([]byte, int) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(dir, "pdvagent.db"))
	if err != nil {
		t.Fatal(err)
	}
	return file, (len(bytes.TrimRight(file, "\x00"))/pageSize + 1) * pageSize
}

// copyOf makes a data folder with the keys of another one and that file.
func copyOf(t *testing.T, base string, file []byte) string {
	t.Helper()
	dir := storetest.Dir(t)
	keys, err := os.ReadFile(filepath.Join(base, "keys.json"))
	if err == nil {
		err = errors.Join(os.WriteFile(filepath.Join(dir, "keys.json"), keys, 0o600), os.WriteFile(filepath.Join(dir, "pdvagent.db"), file, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// jobsInTree is the control: the jobs that bbolt alone reaches.
func jobsInTree(dir string) (count int) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { _ = recover() }() // it may give up on the file
	db, err := bbolt.Open(filepath.Join(dir, "pdvagent.db"), 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second, PreLoadFreelist: true})
	if err != nil {
		return 0
	}
	defer func() { _ = db.Close() }()
	_ = db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("job")).ForEach(func(_, _ []byte) error { count++; return nil })
	})
	return count
}

// judge opens a damaged store and compares it with the ledger. It gives the number of unchanged jobs.
func judge(t *testing.T, name, dir string, known ledger) (kept int) {
	t.Helper()
	s, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer func() {
		if err := errors.Join(s.Check(), s.Close()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}()
	if _, err := s.Scrub(t.Context()); err != nil {
		t.Fatalf("%s: scrub: %v", name, err)
	}
	report := s.Salvaged()
	for seq, want := range known {
		got, err := s.Job(seq)
		if errors.Is(err, agent.ErrNotFound) && report != nil && named(report, seq) {
			continue
		}
		if err != nil {
			t.Fatalf("%s: job %d: %v, report %+v", name, seq, err, report)
		}
		if fault := compare(got, want); fault != "" {
			t.Fatalf("%s: job %d was %s and is %s %s %q: %s", name, seq, want.Status.State, got.Status.State, got.Status.Reason, got.Body, fault)
		}
		if got.Status.State == want.Status.State {
			kept++
		}
	}
	for seq := uint64(1); seq <= droppedJobs; seq++ {
		if job, err := s.Head(seq); err == nil && job.Status.State == agent.Pending || err == nil && report == nil {
			t.Fatalf("%s: job %d was dropped and is %s", name, seq, job.Status.State)
		}
	}
	seqs, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{coupon("after the damage")}})
	if err != nil || known[seqs.Seqs[0]].Seq != 0 {
		t.Fatalf("%s: a new sale has number %v: %v", name, seqs.Seqs, err)
	}
	return kept
}

func named(report *store.Report, seq uint64) bool {
	for _, gap := range report.Missing {
		if gap.From <= seq && seq <= gap.To {
			return true
		}
	}
	return false
}

// compare gives the differences that must not be.
func compare(got, want agent.Job) string {
	state := got.Status.State
	switch {
	case state == agent.Dead && got.Status.Reason == agent.ReasonLost:
		return ""
	case state == want.Status.State:
	case state == agent.Held && got.Status.Reason == agent.ReasonSalvaged:
	default:
		return "it is in another state"
	}
	if len(got.Body) == 0 && want.Status.State.Final() {
		return "" // its body is not needed any more
	}
	if !bytes.Equal(got.Body, want.Body) || got.Coupon != want.Coupon {
		return "it is another job"
	}
	return ""
}
