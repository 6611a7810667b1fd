// Package catalog takes loads: the products, operators and old receipts that a shop sends to the cloud. It finds out what
// is new or changed against what the cloud accepted last, puts that into batches, and queues them; the sender delivers. It
// keeps keyed hashes and no records: a batch's are committed together with it, and go to the catalog's own file when the
// cloud has accepted it. Where records come from is package source's, and till by till package tillapi's.
package catalog

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Store is where batches are queued, with what each says.
type Store interface {
	Commit(ctx context.Context, change agent.Change) (agent.Committed, error)
	Job(seq uint64) (agent.Job, error)
	Head(seq uint64) (agent.Job, error)
	Unique(kind agent.Kind, group string) (agent.Job, error)
	Counters() agent.Counters
}

// Records is where what a batch says waits for its end.
type Records interface {
	Record(bucket, key string) ([]byte, uint64, error)
	Records(bucket string, after []byte, limit int) ([]agent.Value, []byte, error)
}

// Ledger is what the cloud accepted last, open for a while.
type Ledger interface {
	Each(kind agent.Kind, do func(agent.LoadEntry)) error
	Append(kind agent.Kind, entries []agent.LoadEntry) error
	Rewrite(kind agent.Kind, live func(agent.LoadEntry) bool) error
	Close() error
}

// Config is what loads need.
type Config struct {
	Store   Store
	Records Records
	Changed func() <-chan struct{}           // closes with the next commit
	Ledger  func(whole bool) (Ledger, error) // opens it; whole reads all of it first, to see whether it is sound
	Digest  func(space, text string) uint64
	NewID   func() string
	Bucket  string // of the store, for batches under way

	Shape func(agent.Kind) agent.LoadShape
	Read  func(agent.LoadShape, rawjson.Value) (key string, faults []agent.Fault) // one record

	Dialect  agent.Dialect
	MaxBytes int           // of a batch, default 24,000,000
	MaxCount int           // records of a batch, default 2,000, at most 10,000
	Ahead    int           // batches of a run that may wait for the cloud at a time, default 4
	Patience time.Duration // of a run, for a batch to settle; default 10 min

	Log *slog.Logger
	Now func() time.Time // default time.Now
}

const (
	mostRecords = 10_000 // what a batch says has to fit into one value of the store
	maxName     = 160    // bytes that are kept to take a record out of use; a longer one is not kept
)

func (c *Config) fill() error {
	if c.Store == nil || c.Records == nil || c.Changed == nil || c.Ledger == nil || c.Digest == nil || c.NewID == nil || c.Bucket == "" ||
		c.Shape == nil || c.Read == nil || c.Log == nil {
		return errors.New("catalog.Config wants Store, Records, Changed, Ledger, Digest, NewID, Bucket, Shape, Read and Log")
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
	cfg Config

	mu      agent.Gate // held while the store commits
	ledger  Ledger     // open while somebody uses it
	users   int
	shelves map[agent.Kind]*shelf
}

// shelf is what is known of one kind.
type shelf struct {
	kind    agent.Kind
	last    string            // natural key of the newest batch there ever was
	under   []*batch          // not yet settled, in their order
	known   map[uint64]uint64 // key -> content of what was accepted or is under way; nil while nobody needs it
	trouble error             // with the oldest batch, told already
	passed  bool              // the cloud has accepted a batch since the start
	inRow   int               // batches that it has refused since
	marking bool              // a load marks what it has
	waste   int               // entries of the ledger that a later one had made void when it was read
}

// batch is a job under way, and what it says.
type batch struct {
	unique string
	seq    uint64
}

// New finds the batches that are under way.
func New(cfg Config) (*Loader, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	l := &Loader{cfg: cfg, mu: agent.NewGate(), shelves: make(map[agent.Kind]*shelf)}
	for _, kind := range agent.Loads() {
		l.shelves[kind] = &shelf{kind: kind}
	}
	return l, l.remember()
}

// use opens the ledger for one more user; who only adds to it needs not have it whole. It is called with the lock held.
func (l *Loader) use(whole bool) error {
	if l.ledger == nil {
		ledger, err := l.cfg.Ledger(whole)
		if err != nil {
			return err
		}
		l.ledger = ledger
	}
	l.users++
	return nil
}

// open is use, and reads the shelf.
func (l *Loader) open(s *shelf) error {
	if err := l.use(true); err != nil || s.known != nil {
		return err
	}
	s.known = make(map[uint64]uint64)
	n := 0
	err := l.ledger.Each(s.kind, func(entry agent.LoadEntry) { n++; s.put(entry) })
	s.waste = n - len(s.known)
	for _, b := range s.under {
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

func (s *shelf) put(entry agent.LoadEntry) {
	if entry.Content == 0 {
		delete(s.known, entry.Key)
		return
	}
	s.known[entry.Key] = entry.Content | s.known[entry.Key]&marked
}

func (s *shelf) unmark() {
	s.marking = false
	for key, content := range s.known {
		s.known[key] = content &^ marked
	}
}

// release closes the ledger with its last user. It is called with the lock held.
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

// newest tells of each entry of the ledger whether it is the one that counts.
func (l *Loader) newest(kind agent.Kind) func(agent.LoadEntry) bool {
	left := make(map[uint64]int)
	_ = l.ledger.Each(kind, func(entry agent.LoadEntry) { left[entry.Key]++ }) // it was read a moment ago
	return func(entry agent.LoadEntry) bool {
		left[entry.Key]--
		return left[entry.Key] == 0 && entry.Content != 0
	}
}
