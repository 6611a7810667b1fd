package agent

import (
	"errors"
	"math"
	"time"
)

// Change is what happens together or not at all: the store commits it whole, in one write to disk.
type Change struct {
	Jobs   []Job    // new ones, in order; Seq is given by the store
	Moves  []Move   // of jobs already there
	Wires  []Wire   // bytes for the cloud, where they differ from the job's
	Puts   []Record // the domains' own values
	Events []Event  // for those who watch

	Forgets []uint64 // ended jobs whose bodies are dropped; their heads stay
	Drops   []uint64 // ended jobs without a body that go altogether
}

// Move gives a job its next status. Status.Version is the one that was read; another one on disk refuses the change.
type Move struct {
	Seq    uint64
	Status Status
}

// Wire is the exact bytes that go up for a job. A revision is written once and never changed.
type Wire struct {
	Seq      uint64
	Revision int
	Body     []byte
}

// Record is a domain's own value. The store knows only bytes.
type Record struct {
	Bucket    string // one of the store's record buckets
	Key       string // may hold personal data: the store keeps its HMAC only
	Ref       []byte // instead of Key: what stands for it on disk, as the store's Records gave it
	Value     []byte // nil deletes
	IfVersion uint64 // of the value that was read: 0 when there was none, AnyVersion for no rule
}

// AnyVersion lets a put go through whatever is there.
const AnyVersion = math.MaxUint64

// Event is a line of the change stream. Data holds no personal data.
type Event struct {
	ID   uint64    // given by the store
	Type string    // "job"
	Key  string    // what changed: a job's id
	Data []byte    // JSON
	At   time.Time // wall clock
}

// Committed is what the store gave to a change.
type Committed struct {
	Seqs []uint64 // of Change.Jobs, in their order
}

// Refusals of a change. They concern that change alone.
var (
	ErrVersion  = errors.New("changed since it was read")
	ErrKeyTaken = errors.New("natural key is taken")
	ErrNotFound = errors.New("not found")
	ErrBadMove  = errors.New("move is not allowed")
)

// ErrMoot says that a job has nothing left to tell: what it speaks of is not in the cloud.
var ErrMoot = errors.New("nothing left to tell")

// Postponed says that a job's bytes need an answer of the cloud first, which did not come.
type Postponed struct{ Outcome Outcome }

func (p *Postponed) Error() string { return "postponed: " + string(p.Outcome.Class) }

// Value is a record as the store's Records gives it.
type Value struct {
	Ref     []byte
	Version uint64
	Data    []byte
}

// Troubles of the store as a whole.
var (
	ErrStoreFull    = errors.New("store is full")
	ErrStoreUnknown = errors.New("commit failed, its fate is unknown") // may or may not be on disk
	ErrStoreClosed  = errors.New("store is closed")
	ErrDamaged      = errors.New("stored value is damaged")
	ErrKeyMissing   = errors.New("key of the stored value is missing")
)

// Counters are the lifetime counts of jobs. Accepted is always the sum of the states.
type Counters struct {
	ByKind map[Kind]map[State]uint64
}

// Total sums a state over the kinds.
func (c Counters) Total(state State) uint64 {
	var sum uint64
	for _, states := range c.ByKind {
		sum += states[state]
	}
	return sum
}

// Accepted is every job there ever was.
func (c Counters) Accepted() uint64 {
	var sum uint64
	for _, state := range States() {
		sum += c.Total(state)
	}
	return sum
}
