package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store/internal/commit"
	"pdvagent/store/internal/keyring"
)

// Config says where the store is and how large it may grow.
type Config struct {
	Dir         string // required; made, with private rights, if missing
	MaxBytes    int64  // of the database, a power of two; default 1 GiB, at most 512 MiB on 32-bit machines
	SpoolBytes  int64  // of large bodies; default 2 GiB
	MinFree     uint64 // bytes of the disk that new jobs leave free; default 64 MiB
	RecoveryKey []byte // PEM, RSA public key; the store keeps a copy of its own key that only the owner of this one can open. Optional

	// ResendSalvaged sends jobs again of which a salvage cannot tell whether they were sent. Default: they are held.
	ResendSalvaged bool

	// Markers are places outside of the data folder for a small file that tells that the folder had a store, the best one
	// first: a folder that is empty then was emptied. Optional.
	Markers []string

	// Hardware gives hashes of the parts by which this machine is known again, perhaps none. Default: osfile.Hardware.
	Hardware func() []string

	Now func() time.Time // default time.Now
	Log *slog.Logger     // default: nothing is logged

	// Committed is called after each commit with the number of its changes and its duration; it must not block. Optional.
	Committed func(changes int, took time.Duration)

	// Damaged is called when a read or a commit finds damage, before it is mended, and with nil when it is; it must neither
	// block nor call the store. Optional.
	Damaged func(fault error)

	// Rested is called when nothing was committed for a minute or two, once after the last commit; it must not call the store.
	// Optional.
	Rested func()

	// Salvaged is called after each salvage, also during Open; it must neither block nor call the store. Optional.
	Salvaged func(Report)
}

// Store is an open store. All methods are safe for concurrent use.
type Store struct {
	cfg  Config
	ring *keyring.Ring

	unlockDir func()

	mu     sync.RWMutex // held for writing while the file is opened again
	db     *bbolt.DB
	closed bool // for good

	file      os.FileInfo // of the open database
	folder    os.FileInfo // the data folder, at the opening
	gone      atomic.Bool // the open database is not in its place any more
	keys      []byte      // the key file, as it was at the opening
	broken    chan struct{}
	endBroken sync.Once
	repairs   chan struct{} // holds a value while a repair runs, and from the closing on
	mends     mends
	salvaged  atomic.Pointer[Report] // the last one of this process
	cloned    *Clone                 // what the key file says at the opening
	restoring string                 // folder of the backup that is being restored

	meta       atomic.Pointer[meta] // as last committed
	committer  *commit.Committer[prepared, agent.Committed]
	spool      *spool
	changed    *broadcast
	closing    sync.Once
	clock      clock
	room       room
	rest       rest
	bodiesFrom atomic.Uint64 // no job before it has a body; ahead of meta.BodiesFrom until the next commit
	unreadable sync.Map      // seq of a job that was logged as unreadable
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
	var err error
	if s.unlockDir, err = lockDir(cfg.Dir); err != nil {
		return nil, err
	}
	missing := s.missing()
	if err := missing; err != nil && !errors.Is(err, errMissing) {
		s.unlockDir()
		return nil, err
	}
	if err := s.openOrSalvage(missing); err != nil {
		s.unlockDir()
		return nil, err
	}
	if err := errors.Join(s.judgeOrigin(), s.prepare(), dropLeftovers(filepath.Join(cfg.Dir, fileName))); err != nil {
		err = errors.Join(err, s.db.Close())
		s.unlockDir()
		return nil, err
	}
	s.mark()
	s.rest.begin(s.resting)
	s.committer = commit.Start(s.applyGroup)
	return s, nil
}

func newStore(cfg Config) *Store {
	s := &Store{cfg: cfg, room: room{folder: cfg.Dir, floor: cfg.MinFree}, broken: make(chan struct{}), repairs: make(chan struct{}, 1), changed: newBroadcast()}
	s.rest.waiting.Store(true) // until it begins
	return s
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
	if c.Hardware == nil {
		c.Hardware = osfile.Hardware
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Committed == nil {
		c.Committed = func(int, time.Duration) {}
	}
	if c.Damaged == nil {
		c.Damaged = func(error) {}
	}
	if c.Rested == nil {
		c.Rested = func() {}
	}
	if c.Salvaged == nil {
		c.Salvaged = func(Report) {}
	}
	return nil
}

// prepare wraps the key and opens the spool; both need the open file.
func (s *Store) prepare() error {
	if err := s.wrapKey(); err != nil {
		return err
	}
	var err error
	if s.keys, err = osfile.ReadFile(filepath.Join(s.cfg.Dir, keysName)); err != nil {
		return err
	}
	aside := ""
	if s.Salvaged() != nil { // a body without a job may be of one that is lost
		aside = filepath.Join(s.cfg.Dir, salvageFolder, spoolName)
	}
	s.spool, err = openSpool(s, aside)
	return err
}

// openRing reads the keys, or makes them, unless that is done.
func (s *Store) openRing() error {
	if s.ring != nil {
		return nil
	}
	var err error
	s.ring, err = keyring.Open(filepath.Join(s.cfg.Dir, keysName))
	return err
}

// Commit puts the whole change on disk and returns when it is there. A refusal ([agent.ErrVersion], [agent.ErrKeyTaken],
// [agent.ErrBadMove], [agent.ErrNotFound], [agent.ErrStoreFull]) concerns this change alone; nothing of it is on disk.
// After [agent.ErrStoreUnknown] it may be on disk or not: read before repeating it. ctx bounds only the wait for a place
// in a group.
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

// Close waits for the group being committed, marks the store clean and closes the file. Later calls do nothing.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		s.committer.Close()
		s.rest.end()
		err = s.closeFile()
		s.repairs <- struct{}{} // waits for the one that runs
		s.unlockDir()
	})
	return err
}

func (s *Store) closeFile() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed { // a transaction that never ends holds the file: it cannot be closed
		return nil
	}
	s.closed = true
	clean := *s.meta.Load()
	clean.Clean = true
	err := s.rawUpdate(func(tx transaction) error { return tx.putMeta(&clean) })
	return errors.Join(err, s.db.Close())
}

// AgentID is the installation's id, made with its first key.
func (s *Store) AgentID() string { return s.ring.AgentID }

// Mark is the HMAC of a text under this installation's secret, in hex.
func (s *Store) Mark(text []byte) string {
	return hex.EncodeToString(s.ring.Hash("mark", string(text)))
}

// Counters gives the lifetime counts of jobs, as last committed.
func (s *Store) Counters() agent.Counters { return s.meta.Load().counters() }

// LastSeq is the newest job's number, 0 when there is none.
func (s *Store) LastSeq() uint64 { return s.meta.Load().NextSeq - 1 }

// Changed gives a channel that is closed after the next commit. Take it before you read what you wait for.
func (s *Store) Changed() <-chan struct{} { return s.changed.wait() }

// Size is the length of the database file and its limit, in bytes.
func (s *Store) Size() (used, limit int64) {
	_ = s.view(func(tx transaction) error { used = tx.Size(); return nil }) // a closed store has no size
	return used, s.cfg.MaxBytes
}

// SpoolSize is the length of all spooled bodies and its limit, in bytes.
func (s *Store) SpoolSize() (used, limit int64) { return s.spool.used.Load(), s.cfg.SpoolBytes }

// view reads the last commit. It reports damage that read finds.
func (s *Store) view(read func(transaction) error) error {
	err := s.look(read)
	s.noteDamage(err)
	return err
}

// look is view for those that judge the store themselves.
func (s *Store) look(read func(transaction) error) error {
	s.rest.used()
	s.mu.RLock()
	defer s.mu.RUnlock()
	err := guarded(func() error { return s.rawView(read) })
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return agent.ErrStoreClosed
	}
	return err
}
