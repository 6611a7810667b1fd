package agent

import (
	"errors"
	"math"
	"time"
)

// Change is a set of writes that the store commits in one write to disk, all or none.
type Change struct {
	Jobs   []Job    // new ones, in order; Seq is given by the store
	Moves  []Move   // of existing jobs
	Wires  []Wire   // bytes for the cloud, where they differ from the job's
	Puts   []Record // the domains' own values
	Events []Event  // of the change stream

	Forgets []uint64 // final jobs whose bodies are deleted; their heads stay
	Drops   []uint64 // final jobs without a body, which are deleted
}

// Move gives a job its next status. Status.Version is the version that was read; the change is refused when the store has
// another one.
type Move struct {
	Seq    uint64
	Status Status
}

// Wire is the exact bytes that go up for a job. A revision is written once and never changed.
type Wire struct {
	Seq      uint64
	New      int // instead of Seq: the place, from 1, of a new job of the same change
	Revision int
	Body     []byte
}

// Record is a value of a domain's own, as bytes.
type Record struct {
	Bucket    string // one of the store's record buckets
	Key       string // may hold personal data: the store keeps its HMAC only
	Ref       []byte // instead of Key: the key on disk, as the store's Records gave it
	Value     []byte // nil deletes
	IfVersion uint64 // version of the value that was read, 0 when there was none; AnyVersion: no condition
}

// AnyVersion puts a record whatever the store has.
const AnyVersion = math.MaxUint64

// Event is an entry of the change stream. Data holds no personal data.
type Event struct {
	ID   uint64    // given by the store
	Type string    // "job"
	Key  string    // id of the job
	Data []byte    // JSON
	At   time.Time // wall clock
}

// Committed is the store's answer to a committed change.
type Committed struct {
	Seqs []uint64 // of Change.Jobs, in their order
}

// Refusals of one change.
var (
	ErrVersion  = errors.New("changed since it was read")
	ErrKeyTaken = errors.New("natural key is taken")
	ErrNotFound = errors.New("not found")
	ErrBadMove  = errors.New("move is not allowed")
)

// ErrMoot says that the cloud does not have what a job is about.
var ErrMoot = errors.New("nothing left to tell")

// Postponed says that a job's bytes need an answer of the cloud, which did not come.
type Postponed struct{ Outcome Outcome }

func (p *Postponed) Error() string { return "postponed: " + string(p.Outcome.Class) }

// Value is a record, as the store's Records gives it.
type Value struct {
	Ref     []byte
	Version uint64
	Data    []byte
}

// Failures of the store.
var (
	ErrStoreFull    = errors.New("store is full")
	ErrStoreUnknown = errors.New("commit failed, its fate is unknown") // it may be on disk or not
	ErrStoreClosed  = errors.New("store is closed")
	ErrDamaged      = errors.New("stored value is damaged")
	ErrKeyMissing   = errors.New("key of the stored value is missing")
)

// Counters are the lifetime counts of jobs. Accepted is always the sum of the states.
type Counters struct {
	ByKind map[Kind]map[State]uint64
}

// Total is the number of jobs in a state, of all kinds.
func (c Counters) Total(state State) uint64 {
	var sum uint64
	for _, states := range c.ByKind {
		sum += states[state]
	}
	return sum
}

// Accepted is the number of jobs ever accepted.
func (c Counters) Accepted() uint64 {
	var sum uint64
	for _, state := range States() {
		sum += c.Total(state)
	}
	return sum
}
