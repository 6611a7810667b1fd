// Package catalog takes loads: the products, operators and old receipts that a shop sends to the cloud. It finds the
// records that are new or changed since the cloud accepted them, puts them into batches, and queues the batches. It keeps
// keyed hashes of records and no records: a batch's hashes are committed together with it, and go to the catalog's own
// file when the cloud has accepted it.
//
// It sends nothing: the sender delivers the batches. It does not read files or databases: package source does. Its callers
// are the load routines, through [Loader.Load], and till/api for the records that a till posts, through [Loader.Begin]. It
// calls the store and source.
package catalog

import (
	"errors"
	"log/slog"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/records"
)

// Store holds the batches' jobs, and each batch's entries until it settles.
type Store interface {
	records.Store
	Changed() <-chan struct{} // closed after the next commit
	Job(seq uint64) (agent.Job, error)
	Head(seq uint64) (agent.Job, error)
	Unique(kind agent.Kind, group string) (agent.Job, error)
	Counters() agent.Counters
}

// Ledger is the catalog's own file: the entries that the cloud accepted, in the order of acceptance.
type Ledger interface {
	Each(kind agent.Kind, do func(agent.LoadEntry)) error
	Append(kind agent.Kind, entries []agent.LoadEntry) error
	Rewrite(kind agent.Kind, live func(agent.LoadEntry) bool) error
	Close() error
}

// Config is what loads need.
type Config struct {
	Store  Store
	Ledger func(check bool) (Ledger, error) // opens it; check reads all of it first, and begins a damaged one anew
	Digest func(space, text string) uint64
	NewID  func() string
	Bucket string // of the store, for the entries of pending batches and the last batch of each kind

	Shape func(agent.Kind) agent.LoadShape
	Read  func(agent.LoadShape, rawjson.Value) (key string, wire []byte, faults []agent.Fault) // one record; wire is what goes up

	Dialect  agent.Dialect
	MaxBytes int           // of a batch, default 24,000,000
	MaxCount int           // records of a batch, default 2,000, at most 10,000
	Ahead    int           // batches of a run that may wait for the cloud at a time, default 4
	Patience time.Duration // of a run, for a batch to settle; default 10 min

	Alarms *agent.Alarms // for a load that is refused as a whole; optional

	Log *slog.Logger
	Now func() time.Time // default time.Now
}

const (
	mostRecords = 10_000 // a batch's entries have to fit into one value of the store
	maxName     = 160    // bytes that are kept to take a record out of use; longer ones are not kept
)

func (c *Config) fill() error {
	if c.Store == nil || c.Ledger == nil || c.Digest == nil || c.NewID == nil || c.Bucket == "" ||
		c.Shape == nil || c.Read == nil || c.Log == nil {
		return errors.New("catalog.Config wants Store, Ledger, Digest, NewID, Bucket, Shape, Read and Log")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 24_000_000
	}
	if c.MaxCount == 0 {
		c.MaxCount = 2000
	}
	c.MaxCount = min(c.MaxCount, mostRecords)
	if c.Ahead == 0 {
		c.Ahead = 4
	}
	if c.Patience == 0 {
		c.Patience = 10 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Loader takes loads. It is safe for concurrent use.
type Loader struct {
	cfg     Config
	batches records.Table[stored]
	lasts   records.Table[last] // in the same bucket

	mu      agent.Gate // held while the store commits
	ledger  Ledger     // open while it has users
	users   int
	shelves map[agent.Kind]*shelf
}

// shelf is the state of one kind.
type shelf struct {
	kind    agent.Kind
	last    string            // natural key of the newest batch there ever was
	pending []*batch          // in their order
	known   map[uint64]uint64 // key -> content of accepted and pending records; nil while there is no intake
	trouble error             // of the oldest batch, as it was logged last
	passed  bool              // the cloud has accepted a batch since the start
	inRow   int               // batches that it has refused since
	marking bool              // an intake marks the records it has in known
	waste   int               // entries of the ledger that later ones replaced, when it was read
}

// batchPage bounds the batches in memory while all are read: one may be 2 MB.
const batchPage = 16

// New finds the batches that are pending.
func New(cfg Config) (*Loader, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	l := &Loader{
		cfg: cfg, mu: agent.NewGate(), shelves: make(map[agent.Kind]*shelf),
		batches: records.Table[stored]{Store: cfg.Store, Bucket: cfg.Bucket, Page: batchPage}, lasts: records.Table[last]{Store: cfg.Store, Bucket: cfg.Bucket},
	}
	for _, kind := range agent.Loads() {
		l.shelves[kind] = &shelf{kind: kind}
	}
	return l, l.remember()
}

// use opens the ledger for one more user. A user that only appends needs no check. The caller holds mu, and calls release
// when it is done.
func (l *Loader) use(check bool) error {
	if l.ledger == nil {
		ledger, err := l.cfg.Ledger(check)
		if err != nil {
			return err
		}
		l.ledger = ledger
	}
	l.users++
	return nil
}

// open is use, and reads the shelf's known records. The caller holds mu, and calls release when it is done.
func (l *Loader) open(s *shelf) error {
	if err := l.use(true); err != nil || s.known != nil {
		return err
	}
	s.known = make(map[uint64]uint64)
	n := 0
	err := l.ledger.Each(s.kind, func(entry agent.LoadEntry) { n++; s.put(entry) })
	s.waste = n - len(s.known)
	for _, b := range s.pending {
		entries, readErr := l.entries(b)
		err = errors.Join(err, readErr)
		for _, entry := range entries {
			s.put(entry)
		}
	}
	if err != nil {
		return errors.Join(err, l.release())
	}
	return nil
}

// put takes over an entry that is accepted or pending.
func (s *shelf) put(entry agent.LoadEntry) {
	if entry.Content == 0 {
		delete(s.known, entry.Key)
		return
	}
	s.known[entry.Key] = entry.Content | s.known[entry.Key]&marked
}

// unmark removes the marks of an intake that is over.
func (s *shelf) unmark() {
	s.marking = false
	for key, content := range s.known {
		s.known[key] = content &^ marked
	}
}

// release closes the ledger after its last user. The caller holds mu.
func (l *Loader) release() error {
	if l.users--; l.users > 0 {
		return nil
	}
	var err error
	for _, s := range l.shelves {
		if s.known != nil && s.waste > len(s.known)+l.cfg.MaxCount {
			err = errors.Join(err, l.ledger.Rewrite(s.kind, l.newest(s.kind)))
		}
		s.known = nil
	}
	err = errors.Join(err, l.ledger.Close())
	l.ledger = nil
	return err
}

// newest makes the filter that keeps the last entry of each key, and none of removed records.
func (l *Loader) newest(kind agent.Kind) func(agent.LoadEntry) bool {
	left := make(map[uint64]int)
	_ = l.ledger.Each(kind, func(entry agent.LoadEntry) { left[entry.Key]++ }) // it was read a moment ago
	return func(entry agent.LoadEntry) bool {
		left[entry.Key]--
		return left[entry.Key] == 0 && entry.Content != 0
	}
}
