package store_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// model is the store's content in maps.
type model struct {
	jobs   []agent.Job // seq-1
	gone   map[uint64]bool
	unique map[string]uint64
	wires  map[string]string
	record map[string]string
	putAt  map[string]uint64
}

// machine runs random operations on a real store and on the model.
type machine struct {
	cfg   store.Config
	store *store.Store
	model model
	now   time.Time
}

// TestStoreBehavesLikeItsModel is the last row of store.md, "How it is tested"; -rapid.checks and -rapid.steps set the
// amount.
func TestStoreBehavesLikeItsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(storetest.Dir(t), "model") //nolint:usetesting // one for each check, not for the whole test
		if err != nil {
			rt.Fatal(err)
		}
		m := &machine{now: time.Now().Truncate(time.Millisecond), model: model{
			gone: map[uint64]bool{}, unique: map[string]uint64{}, wires: map[string]string{}, record: map[string]string{}, putAt: map[string]uint64{},
		}}
		m.cfg = store.Config{Dir: dir, Now: func() time.Time { return m.now }}
		m.open(rt)
		defer func() {
			m.close(rt)
			if err := osfile.RemoveTree(dir); err != nil { // a thousand of them, each with its ballast, fill a disk
				rt.Fatal(err)
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"add":    m.add,
			"move":   m.move,
			"wire":   m.wire,
			"put":    m.put,
			"drop":   m.drop,
			"reopen": func(rt *rapid.T) { m.close(rt); m.open(rt) },
			"wait": func(rt *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 5000).Draw(rt, "ms")) * time.Millisecond)
			},
			"": m.compare,
		})
	})
}

func (m *machine) open(rt *rapid.T) {
	var err error
	if m.store, err = store.Open(m.cfg); err != nil {
		rt.Fatal(err)
	}
}

func (m *machine) close(rt *rapid.T) {
	if err := errors.Join(m.store.Check(), m.store.Close()); err != nil {
		rt.Fatal(err)
	}
}

func (m *machine) commit(rt *rapid.T, change agent.Change) ([]uint64, error) {
	committed, err := m.store.Commit(rt.Context(), change)
	return committed.Seqs, err
}

func (m *machine) add(rt *rapid.T) {
	var jobs []agent.Job
	taken := false
	fresh := make(map[string]bool)
	for range rapid.IntRange(1, 3).Draw(rt, "jobs") {
		kind := rapid.SampledFrom(agent.Kinds()).Draw(rt, "kind")
		id := fmt.Sprint("id-", rapid.IntRange(0, 30).Draw(rt, "id"))
		job := agent.Job{Kind: kind, Session: "s-" + id, Coupon: id, Body: []byte(id), CreatedAt: m.now}
		if rapid.Bool().Draw(rt, "unique") {
			job.Unique = agent.CouponGroup(id)
			key := string(kind) + job.Unique
			taken = taken || m.model.unique[key] != 0 || fresh[key]
			fresh[key] = true
		}
		job.Status.State = rapid.SampledFrom([]agent.State{agent.Pending, agent.Held, agent.Annulled}).Draw(rt, "state")
		jobs = append(jobs, job)
	}
	seqs, err := m.commit(rt, agent.Change{Jobs: jobs})
	if taken != errors.Is(err, agent.ErrKeyTaken) || (err != nil && !taken) {
		rt.Fatalf("natural key taken: %v, got %v", taken, err)
	}
	if err != nil {
		return
	}
	for i, job := range jobs {
		job.Seq, job.Status.Version = uint64(len(m.model.jobs)+1), 1
		if seqs[i] != job.Seq {
			rt.Fatalf("got sequence %d, want %d", seqs[i], job.Seq)
		}
		m.model.jobs = append(m.model.jobs, job)
		if job.Unique != "" {
			m.model.unique[string(job.Kind)+job.Unique] = job.Seq
		}
	}
}

func (m *machine) move(rt *rapid.T) {
	if len(m.model.jobs) == 0 {
		return
	}
	want := &m.model.jobs[rapid.IntRange(0, len(m.model.jobs)-1).Draw(rt, "job")]
	next := want.Status
	next.State = rapid.SampledFrom(agent.States()).Draw(rt, "state")
	next.Attempts = rapid.IntRange(0, 5).Draw(rt, "attempts")
	next.NotBefore = time.Time{}
	if rapid.Bool().Draw(rt, "later") {
		next.NotBefore = m.now.Add(time.Duration(rapid.IntRange(-1000, 5000).Draw(rt, "in")) * time.Millisecond)
	}
	if m.model.gone[want.Seq] {
		if _, err := m.commit(rt, agent.Change{Moves: []agent.Move{{Seq: want.Seq, Status: next}}}); !errors.Is(err, agent.ErrNotFound) {
			rt.Fatalf("move of job %d, which was dropped: %v", want.Seq, err)
		}
		return
	}
	stale := rapid.IntRange(0, 9).Draw(rt, "stale") == 0
	if stale {
		next.Version += 7
	}
	_, err := m.commit(rt, agent.Change{Moves: []agent.Move{{Seq: want.Seq, Status: next}}})
	switch {
	case stale:
		if !errors.Is(err, agent.ErrVersion) {
			rt.Fatalf("stale move: got %v", err)
		}
	case !want.Status.State.MayBecome(next.State):
		if !errors.Is(err, agent.ErrBadMove) {
			rt.Fatalf("%s to %s: got %v", want.Status.State, next.State, err)
		}
	case err != nil:
		rt.Fatalf("%s to %s: %v", want.Status.State, next.State, err)
	default:
		next.Version++
		want.Status = next
		if os.Getenv(forgetfulEnv) != "" && next.Attempts == 5 {
			want.Status.Attempts = 0
		}
	}
}

// forgetfulEnv makes the model forget some attempts, which the comparison must find.
const forgetfulEnv = "PDVAGENT_TEST_FORGETFUL_MODEL"

// TestControlOfTheModel runs the comparison in a process of its own with a model that is wrong now and then.
func TestControlOfTheModel(t *testing.T) {
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStoreBehavesLikeItsModel$", "-rapid.checks=50", "-rapid.nofailfile", "-rapid.shrinktime=1s")
	process.Env = append(os.Environ(), forgetfulEnv+"=1")
	if output, err := process.CombinedOutput(); err == nil || !strings.Contains(string(output), "Attempts:5") {
		t.Errorf("a wrong model passes: %v\n%.2000s", err, output)
	}
}

// drop deletes the final jobs, bodies first.
func (m *machine) drop(rt *rapid.T) {
	before := m.now.Add(time.Millisecond)
	want := 0
	for _, job := range m.model.jobs {
		if m.model.gone[job.Seq] || !job.Status.State.Final() {
			continue
		}
		want++
		m.model.gone[job.Seq] = true
		if job.Unique != "" {
			delete(m.model.unique, string(job.Kind)+job.Unique)
		}
		for revision := range 3 {
			delete(m.model.wires, fmt.Sprint(job.Seq, "/", revision))
		}
	}
	if _, err := m.store.Forget(rt.Context(), before); err != nil {
		rt.Fatal(err)
	}
	if got, err := m.store.Drop(rt.Context(), before); err != nil || got != want {
		rt.Fatalf("dropped %d, %v, want %d", got, err, want)
	}
}

func (m *machine) wire(rt *rapid.T) {
	seq, revision := rapid.Uint64Range(1, 5).Draw(rt, "seq"), rapid.IntRange(0, 2).Draw(rt, "revision")
	key, body := fmt.Sprint(seq, "/", revision), rapid.StringN(1, 20, -1).Draw(rt, "body")
	_, written := m.model.wires[key]
	_, err := m.commit(rt, agent.Change{Wires: []agent.Wire{{Seq: seq, Revision: revision, Body: []byte(body)}}})
	if written != errors.Is(err, agent.ErrVersion) || (err != nil && !written) {
		rt.Fatalf("wire written before: %v, got %v", written, err)
	}
	if !written {
		m.model.wires[key] = body
	}
}

func (m *machine) put(rt *rapid.T) {
	key := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "key")
	version := m.model.putAt[key]
	if rapid.Bool().Draw(rt, "wrong") {
		version += 3
	}
	value := rapid.StringN(1, 10, -1).Draw(rt, "value")
	record := agent.Record{Bucket: store.CounterRecords, Key: key, Value: []byte(value), IfVersion: version}
	_, err := m.commit(rt, agent.Change{Puts: []agent.Record{record}})
	if right := version == m.model.putAt[key]; right != (err == nil) {
		rt.Fatalf("right version: %v, got %v", right, err)
	}
	if err == nil {
		m.model.record[key] = value
		m.model.putAt[key]++
	}
}

// compare compares everything that can be read with the model.
func (m *machine) compare(rt *rapid.T) {
	counts := make(map[agent.State]uint64)
	groups := make(map[string][]uint64)
	var due []uint64
	gone := make(map[agent.State]uint64)
	for _, want := range m.model.jobs {
		if m.model.gone[want.Seq] {
			if _, err := m.store.Head(want.Seq); !errors.Is(err, agent.ErrNotFound) {
				rt.Fatalf("job %d was dropped: %v", want.Seq, err)
			}
			gone[want.Status.State]++
			continue
		}
		got, err := m.store.Job(want.Seq)
		if err != nil || got.Status.State != want.Status.State || got.Status.Version != want.Status.Version ||
			got.Status.Attempts != want.Status.Attempts || !got.Status.NotBefore.Equal(want.Status.NotBefore) ||
			string(got.Body) != string(want.Body) || got.Coupon != want.Coupon || got.Unique != want.Unique {
			rt.Fatalf("job %d: got %+v, %v, want %+v", want.Seq, got, err, want)
		}
		counts[want.Status.State]++
		for _, group := range want.Groups() {
			groups[group] = append(groups[group], want.Seq)
		}
		if want.Status.State == agent.Pending && !want.Status.NotBefore.After(m.now) {
			due = append(due, want.Seq)
		}
	}
	for _, state := range agent.States() {
		if got := m.store.Counters().Total(state); got != counts[state]+gone[state] {
			rt.Fatalf("%d %s, want %d and %d that were dropped", got, state, counts[state], gone[state])
		}
		jobs, err := m.store.List(state, "", 0, 1000)
		if err != nil || uint64(len(jobs)) != counts[state] {
			rt.Fatalf("list of %s has %d, want %d, %v", state, len(jobs), counts[state], err)
		}
	}
	jobs, _, err := m.store.Due(m.now, 0, 1000, nil)
	got := seqsOf(jobs)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, due) {
		rt.Fatalf("due %v, want %v, %v", got, due, err)
	}
	for group, want := range groups {
		if jobs, err := m.store.Group(group); err != nil || !slices.Equal(seqsOf(jobs), want) {
			rt.Fatalf("group %s: got %v, want %v, %v", group, seqsOf(jobs), want, err)
		}
	}
	m.compareValues(rt)
}

func (m *machine) compareValues(rt *rapid.T) {
	for key, want := range m.model.wires {
		var seq uint64
		var revision int
		if _, err := fmt.Sscanf(key, "%d/%d", &seq, &revision); err != nil {
			rt.Fatal(err)
		}
		if got, err := m.store.Wire(seq, revision); err != nil || string(got) != want {
			rt.Fatalf("wire %s: got %q, want %q, %v", key, got, want, err)
		}
	}
	for key, want := range m.model.record {
		if got, version, err := m.store.Record(store.CounterRecords, key); err != nil || string(got) != want || version != m.model.putAt[key] {
			rt.Fatalf("record %s: got %q version %d, want %q version %d, %v", key, got, version, want, m.model.putAt[key], err)
		}
	}
}

func seqsOf(jobs []agent.Job) []uint64 {
	var seqs []uint64
	for _, job := range jobs {
		seqs = append(seqs, job.Seq)
	}
	return seqs
}
