package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store/internal/commit"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
)

// Config says where the store is and how large it may become.
type Config struct {
	Dir         string // required; made, private, if missing
	MaxBytes    int64  // of the database, a power of two; default 1 GiB, at most 512 MiB on 32-bit machines
	SpoolBytes  int64  // of large bodies; default 2 GiB
	MinFree     uint64 // bytes of the disk that new work leaves free; default 64 MiB
	RecoveryKey []byte // PEM; a copy of the store's key, wrapped for its owner, goes into the store. Optional

	// ResendSalvaged sends what a salvage found without being sure that it was not sent: twice rather than not at all.
	ResendSalvaged bool

	Now func() time.Time // default time.Now
	Log *slog.Logger     // default: nothing is logged

	// Committed hears of every group of changes that went to disk together, and how long that took; it must not wait.
	// Optional.
	Committed func(changes int, took time.Duration)

	// Salvaged hears of every salvage, also of one at the opening; it must neither wait nor ask the store. Optional.
	Salvaged func(Report)
}

// Store is an open store. All methods are safe for concurrent use.
type Store struct {
	cfg  Config
	ring *keyring.Ring

	letGo func() // of the folder

	mu   sync.RWMutex // held while the file is opened anew after a failed commit
	db   *bbolt.DB
	gone bool // closed for good

	broken   chan struct{}
	mending  atomic.Bool
	salvaged atomic.Pointer[Report] // the last one of this process

	meta      atomic.Pointer[meta] // as last committed
	committer *commit.Committer[prepared, agent.Committed]
	spool     *spool
	notice    notice
	closed    sync.Once
	clock     clock
	room      room
	whole     atomic.Uint64 // see Forget
	damaged   sync.Map      // seq -> said once
}

const (
	fileName   = "pdvagent.db"
	keysName   = "keys.json"
	spoolName  = "spool"
	defaultMax = 1 << 30
	max32      = 512 << 20
)

// Open opens the store in cfg.Dir, or makes it. An error meant for a person is an [agent.Error].
func Open(cfg Config) (*Store, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	if err := osfile.MakePrivateFolder(cfg.Dir); err != nil {
		return nil, agent.Errorf(agent.CodeBadConfig, err, "Não foi possível criar ou proteger a pasta de dados %s. "+
			"Verifique se o usuário do serviço pode escrever nela.", cfg.Dir)
	}
	if remote, err := osfile.Network(cfg.Dir); err != nil {
		return nil, fmt.Errorf("look at the file system of %s: %w", cfg.Dir, err)
	} else if remote {
		return nil, agent.Errorf(agent.CodeNetworkDrive, nil, "A pasta de dados %s fica em outra máquina (rede). "+
			"Use uma pasta em disco local.", cfg.Dir)
	}
	s := newStore(cfg)
	s.notice.init()
	var err error
	if s.letGo, err = takeFolder(cfg.Dir); err != nil {
		return nil, err
	}
	if err := s.openSound(nil); err != nil {
		s.letGo()
		return nil, err
	}
	if err := errors.Join(s.prepare(), dropLeftovers(filepath.Join(cfg.Dir, fileName))); err != nil {
		err = errors.Join(err, s.db.Close())
		s.letGo()
		return nil, err
	}
	s.committer = commit.Start(s.applyGroup)
	return s, nil
}

func newStore(cfg Config) *Store {
	return &Store{cfg: cfg, room: room{folder: cfg.Dir, floor: cfg.MinFree}, broken: make(chan struct{})}
}

func (c *Config) fill() error {
	if c.Dir == "" {
		return errors.New("store.Config.Dir is required")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMax
	}
	if is32bit && c.MaxBytes > max32 {
		c.MaxBytes = max32
	}
	if c.MaxBytes < 1<<20 || c.MaxBytes&(c.MaxBytes-1) != 0 {
		return fmt.Errorf("store.Config.MaxBytes is %d, want a power of two of at least 1 MiB", c.MaxBytes)
	}
	if c.SpoolBytes == 0 {
		c.SpoolBytes = 2 << 30
	}
	if c.MinFree == 0 {
		c.MinFree = minFree
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Committed == nil {
		c.Committed = func(int, time.Duration) {}
	}
	if c.Salvaged == nil {
		c.Salvaged = func(Report) {}
	}
	return nil
}

// prepare readies what goes with the open file.
func (s *Store) prepare() error {
	if err := s.wrapKey(); err != nil {
		return err
	}
	var err error
	s.spool, err = openSpool(filepath.Join(s.cfg.Dir, spoolName), s.cfg.SpoolBytes, s.ring, s.spooled)
	return err
}

// openRing reads the keys once.
func (s *Store) openRing() error {
	if s.ring != nil {
		return nil
	}
	var err error
	s.ring, err = keyring.Open(filepath.Join(s.cfg.Dir, keysName))
	return err
}

// Commit puts the change on disk, whole, and returns when it is there. A refusal ([agent.ErrVersion],
// [agent.ErrKeyTaken], [agent.ErrBadMove], [agent.ErrNotFound]) concerns this change alone and leaves nothing behind.
// [agent.ErrStoreFull] too. After [agent.ErrStoreUnknown] the change may or may not be there: read before repeating it.
// ctx bounds only the wait for a place in a group.
func (s *Store) Commit(ctx context.Context, change agent.Change) (agent.Committed, error) {
	ready, err := s.prepareChange(change)
	if err != nil {
		return agent.Committed{}, err
	}
	committed, err := s.committer.Do(ctx, ready, sizeOf(change))
	if err != nil && !errors.Is(err, agent.ErrStoreUnknown) {
		s.spool.remove(ready.spooledNames())
	}
	if errors.Is(err, commit.ErrClosed) {
		err = agent.ErrStoreClosed
	}
	return committed, err
}

func sizeOf(change agent.Change) int {
	size := 0
	for _, job := range change.Jobs {
		size += len(job.Body) + 1024
	}
	for _, wire := range change.Wires {
		size += len(wire.Body) + 256
	}
	for _, record := range change.Puts {
		size += len(record.Value) + 256
	}
	return size + 512*(len(change.Moves)+len(change.Events)+len(change.Forgets)+len(change.Drops))
}

// Close waits for the group at hand, marks the store clean and closes the file. Later calls do nothing.
func (s *Store) Close() error {
	var err error
	s.closed.Do(func() {
		s.committer.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		defer s.letGo()
		if s.gone { // the file is held by a transaction that never ends: nothing of it can be closed
			return
		}
		s.gone = true
		clean := *s.meta.Load()
		clean.Clean = true
		err = s.db.Update(func(tx *bbolt.Tx) error { return s.putMeta(tx, &clean) })
		err = errors.Join(err, s.db.Close())
	})
	return err
}

// AgentID is this installation's id, made with its first key.
func (s *Store) AgentID() string { return s.ring.AgentID }

// Mark is a text's mark under this installation's secret: the same for the same text, and of no use elsewhere.
func (s *Store) Mark(text []byte) string {
	return hex.EncodeToString(s.ring.Hash("mark", string(text)))
}

// Counters gives the lifetime counts as last committed.
func (s *Store) Counters() agent.Counters { return s.meta.Load().counters() }

// LastSeq is the newest job's number, 0 when there is none.
func (s *Store) LastSeq() uint64 { return s.meta.Load().NextSeq - 1 }

// Changed gives a channel that is closed after the next commit. Take it before reading what you wait for.
func (s *Store) Changed() <-chan struct{} { return s.notice.wait() }

// Size is the length of the database file in bytes and how large it may become.
func (s *Store) Size() (used, limit int64) {
	_ = s.view(func(tx *bbolt.Tx) error { used = tx.Size(); return nil }) // a closed store has no size
	return used, s.cfg.MaxBytes
}

// SpoolSize is the length of all spooled bodies in bytes and how large they may become.
func (s *Store) SpoolSize() (used, limit int64) { return s.spool.used.Load(), s.cfg.SpoolBytes }

func (s *Store) view(read func(*bbolt.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	err := guarded(func() error { return s.db.View(read) })
	switch {
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return agent.ErrStoreClosed
	case errors.Is(err, errTorn):
		s.mendLater(func() error { return s.mend(err) })
	}
	return err
}

func (s *Store) open(data []byte) (envelope.Header, []byte, error) {
	if data == nil {
		return envelope.Header{}, nil, agent.ErrNotFound
	}
	h, payload, err := envelope.Open(data, s.ring.Key)
	switch {
	case errors.Is(err, envelope.ErrUnknownKey):
		err = fmt.Errorf("%w: %w", agent.ErrKeyMissing, err)
	case errors.Is(err, envelope.ErrDamaged):
		err = fmt.Errorf("%w: %w", agent.ErrDamaged, err)
	}
	return h, payload, err
}
