package store_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/osfile"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// cut is a power cut: the last call that happened, and what the disk did with unsynced writes.
type cut struct {
	after   int  // calls
	noSyncs bool // a control: syncs do nothing
	early   bool // a control: what is said counts from the commit before it on
}

// TestNothingAcknowledgedIsLostByAPowerCut records every write and sync of a script, and replays crash images: what was
// synced is there; of what was not, any part may be, down to single sectors of 512 bytes.
func TestNothingAcknowledgedIsLostByAPowerCut(t *testing.T) {
	needStrace(t)
	replay := newReplay(t)
	random := rand.New(rand.NewPCG(1+*casesFrom, 2))
	for n := range *powerCuts {
		at := cut{after: random.IntN(len(replay.calls))}
		if fault := replay.lost(t, at, random); fault != "" {
			t.Fatalf("cut %d, after call %d of %d: %s", n, at.after, len(replay.calls), fault)
		}
	}
	t.Logf("%d cuts over %d calls, %d of them syncs", *powerCuts, len(replay.calls), replay.syncs())
}

// TestControlsOfThePowerCut shows that the test finds loss: in a store that does not sync, and in one that acknowledges too
// early.
func TestControlsOfThePowerCut(t *testing.T) {
	needStrace(t)
	replay := newReplay(t)
	for name, control := range map[string]cut{"syncs do nothing": {noSyncs: true}, "acknowledged before the sync": {early: true}} {
		random := rand.New(rand.NewPCG(3, 4))
		caught := 0
		for range 60 {
			control.after = random.IntN(len(replay.calls))
			if replay.lost(t, control, random) != "" {
				caught++
			}
		}
		if caught == 0 {
			t.Errorf("%s: 60 power cuts show nothing", name)
		}
		t.Logf("%s: %d of 60 cuts show it", name, caught)
	}
}

// replay is a folder and the calls to its database since.
type replay struct {
	base  string // folder
	file  []byte // the database before
	calls []call
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	r := &replay{base: storetest.Dir(t)}
	storetest.Close(t, storetest.OpenIn(t, store.Config{Dir: r.base}))
	var err error
	if r.file, err = os.ReadFile(filepath.Join(r.base, "pdvagent.db")); err != nil {
		t.Fatal(err)
	}
	r.calls = recording(t, r.base, plainMode)
	if said := slices.ContainsFunc(r.calls, func(c call) bool { return c.name == "say" && strings.HasPrefix(string(c.data), "sent") }); !said || r.syncs() < scriptJobs {
		t.Fatalf("%d calls were recorded, %d syncs", len(r.calls), r.syncs())
	}
	return r
}

func (r *replay) syncs() int {
	n := 0
	for _, c := range r.calls {
		if isSync(c) {
			n++
		}
	}
	return n
}

func isSync(c call) bool { return c.name == "fdatasync" || c.name == "fsync" }

// lost makes a crash image and checks it for everything that was acknowledged before the cut.
func (r *replay) lost(t *testing.T, at cut, random *rand.Rand) string {
	t.Helper()
	file, said := r.image(at, random)
	dir := copyOf(t, r.base, file)
	fault := said.lost(t, dir)
	if err := osfile.RemoveTree(dir); err != nil {
		t.Fatal(err)
	}
	return fault
}

// image replays the calls up to the cut.
func (r *replay) image(at cut, random *rand.Rand) ([]byte, *acknowledged) {
	durable, said := bytes.Clone(r.file), newAcknowledged()
	var waiting []call
	for i, c := range r.calls[:at.after] {
		switch {
		case c.name == "say":
			said.line(strings.TrimSuffix(string(c.data), "\n"))
		case isSync(c) && !at.noSyncs:
			for _, w := range waiting {
				durable = apply(durable, w)
			}
			waiting = waiting[:0]
		case c.name == "pwrite64" || c.name == "ftruncate":
			waiting = append(waiting, c)
		}
		if at.early && i+1 == at.after {
			r.sayNext(at.after, said)
		}
	}
	for _, w := range waiting {
		durable = applyTorn(durable, w, random)
	}
	return durable, said
}

// sayNext counts the next acknowledgement as made.
func (r *replay) sayNext(from int, said *acknowledged) {
	for _, c := range r.calls[from:] {
		if c.name == "say" {
			said.line(strings.TrimSuffix(string(c.data), "\n"))
			return
		}
	}
}

func apply(file []byte, c call) []byte {
	end := c.at + int64(len(c.data))
	if c.name == "ftruncate" {
		end = c.size
	}
	if grow := end - int64(len(file)); grow > 0 {
		file = append(file, make([]byte, grow)...)
	}
	copy(file[c.at:], c.data)
	return file
}

// applyTorn applies all, none or some sectors of an unsynced write.
func applyTorn(file []byte, c call, random *rand.Rand) []byte {
	switch fate := random.IntN(3); {
	case c.name == "ftruncate", fate == 0:
		return apply(file, c)
	case fate == 1:
		return file
	}
	const sector = 512
	for at := 0; at < len(c.data); at += sector {
		if random.IntN(2) == 0 {
			file = apply(file, call{name: c.name, at: c.at + int64(at), data: c.data[at:min(at+sector, len(c.data))]})
		}
	}
	return file
}

// TestImageOfAllCallsIsTheFileItself checks the replay: with all calls the image is the file.
func TestImageOfAllCallsIsTheFileItself(t *testing.T) {
	needStrace(t)
	r := newReplay(t)
	image, said := r.image(cut{after: len(r.calls)}, rand.New(rand.NewPCG(1, 1)))
	file, err := os.ReadFile(filepath.Join(r.base, "pdvagent.db"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(image, file) || len(said.jobs) != scriptJobs {
		t.Errorf("%d bytes replayed, %d are there, %d sales said", len(image), len(file), len(said.jobs))
	}
}
