package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/salvage"
)

const (
	markerName = "opening" // how many openings have begun and not come to their end
	lockName   = "lock"    // held by the process that has the folder
	// patientOpenings is how many may die before the file is taken for what kills them: a till's power fails at any time.
	patientOpenings = 2
	closePatience   = 5 * time.Second
)

var errOpeningDied = fmt.Errorf("%w: the openings before this one died", agent.ErrDamaged)

// openSound opens the file, and salvages it where it does not open, or kills who opens it (store.md 13). A file that is
// known to be damaged comes with the reason.
func (s *Store) openSound(damaged error) error {
	marker := filepath.Join(s.cfg.Dir, markerName)
	died := readMarker(marker)
	if err := os.WriteFile(marker, []byte(strconv.Itoa(died+1)), 0o600); err != nil && !errors.Is(err, osfile.ErrDiskFull) {
		return err
	}
	if damaged == nil && died >= patientOpenings {
		damaged = errOpeningDied
	}
	if damaged == nil {
		err := s.openFound(died > 0)
		if !damage(err) {
			return errors.Join(err, remove(marker)) // a refusal is an end too
		}
		damaged = err
	}
	err := s.salvage(damaged)
	if err == nil {
		err = s.openFound(false)
	}
	return errors.Join(err, remove(marker))
}

// takeFolder makes the data folder this process's own until it ends or lets go. bbolt's lock alone would not do: a salvage
// puts another file in the place of the locked one.
func takeFolder(dir string) (letGo func(), err error) {
	path := filepath.Join(dir, lockName)
	for begun := time.Now(); ; <-time.After(lockPatience / 30) {
		letGo, taken, err := osfile.TryLock(path)
		if err != nil || !taken {
			return letGo, err
		}
		if time.Since(begun) > lockPatience {
			return nil, agent.Errorf(agent.CodeAlreadyRunning, nil, "Outro pdvagent já está usando a pasta de dados %s. "+
				"Pare o serviço antes de iniciar um segundo, ou use outra pasta.", dir)
		}
	}
}

func readMarker(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	died, err := strconv.Atoi(string(text))
	if err != nil {
		return 1
	}
	return died
}

// openFound opens the file as it is and reads what it says of itself. A small file, or one whose opening died before, is
// first looked at page by page; of a large one only what bbolt trusts when it opens it: the rest is the scrub's.
func (s *Store) openFound(closely bool) error {
	path := filepath.Join(s.cfg.Dir, fileName)
	if err := glance(path, closely); err != nil {
		return err
	}
	return guarded(func() error {
		db, err := openFile(path, s.cfg.MaxBytes)
		if err != nil {
			return err
		}
		s.db = db
		if err := s.readOwn(); err != nil {
			return errors.Join(err, db.Close())
		}
		return nil
	})
}

// smallFile is how large a file may be to be read whole at every opening: an eighth of a second, or one on an old disk.
const smallFile = 64 << 20

// glance looks at the pages before bbolt does. A file that is not there yet, or has no bytes, is the opening's matter.
func glance(path string, closely bool) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() == 0):
		return nil
	case err != nil:
		return err
	case closely || info.Size() <= smallFile:
		return look(path, structure)
	}
	return look(path, (*salvage.File).Glance)
}

// structure looks at every page. bbolt's own check would do but for damage: a page that leads back to itself ends the
// process there.
func structure(file *salvage.File) error {
	tree, err := file.Walk(nil)
	if err != nil {
		return err
	}
	return errors.Join(tree.Faults...)
}

// look gives what is wrong with a file in which nothing changes meanwhile, as damage; a file that does not open says
// nothing about its content.
func look(path string, at func(*salvage.File) error) error {
	file, err := salvage.Open(path)
	if err != nil {
		return err
	}
	if err = at(file); err != nil {
		err = fmt.Errorf("%w: %w", agent.ErrDamaged, err)
	}
	return errors.Join(err, file.Close())
}

// mend opens the file anew after a failure, and puts it right where it is damaged. Commits and reads wait.
func (s *Store) mend(cause error) error {
	return s.reopen(func() (damaged error, err error) {
		if full(cause) { // it says nothing about the file
			return nil, nil
		}
		found, err := s.verify(filepath.Join(s.cfg.Dir, fileName))
		if damaged = errors.Join(found.Faults...); damaged != nil {
			s.cfg.Log.Error("store_damaged", "found_by", cause, "error", firstOf(damaged))
		}
		return damaged, err
	})
}

// mendFault salvages an open store for a fault that a look at its pages alone does not find.
func (s *Store) mendFault(fault error) error {
	s.cfg.Log.Error("store_damaged", "error", firstOf(fault))
	return s.reopen(func() (error, error) { return fault, nil })
}

// reopen closes the file, judges it and opens it, salvaged where it is damaged.
func (s *Store) reopen(judge func() (damaged error, err error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return agent.ErrStoreClosed
	}
	defer s.damaged.Clear()
	if err := s.closeBounded(); err != nil {
		return err
	}
	damaged, err := judge()
	return errors.Join(err, s.openSound(damaged))
}

// closeBounded closes the file. A transaction that a torn page has stopped in its middle may hold it for ever: then only
// a new process helps.
func (s *Store) closeBounded() error {
	done := make(chan error, 1)
	db := s.db
	go func() { done <- guarded(db.Close) }()
	select {
	case err := <-done:
		return err
	case <-time.After(closePatience):
		s.gone = true
		close(s.broken)
		return errors.New("the database does not close")
	}
}

// Broken is closed when only a new process can open the file again.
func (s *Store) Broken() <-chan struct{} { return s.broken }

// mendLater is for those who hold what mending needs.
func (s *Store) mendLater(mend func() error) {
	if !s.mending.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer s.mending.Store(false)
		if err := mend(); err != nil && !errors.Is(err, agent.ErrStoreClosed) {
			s.cfg.Log.Error("store_not_mended", "error", err)
		}
	}()
}

// Faults is what a look at a file has found.
type Faults struct {
	Values int // envelopes that the tree leads to
	Jobs   int
	Faults []error
}

// verify reads a database file that nobody has open: its structure, and every envelope that its tree leads to.
func (s *Store) verify(path string) (Faults, error) {
	var found Faults
	file, err := salvage.Open(path)
	if err != nil {
		return found, err
	}
	codes := make(map[string]byte)
	for _, b := range append(allBuckets(), recordBuckets()...) {
		codes[b.name] = b.code
	}
	tree, err := file.Walk(func(bucketName string, key, value []byte) error {
		code, known := codes[bucketName]
		if !known || code == 0 {
			return nil
		}
		found.Values++
		if code == bucketJob.code {
			found.Jobs++
		}
		return s.sound(code, key, value)
	})
	if err != nil {
		found.Faults = append(found.Faults, err)
	} else {
		found.Faults = append(found.Faults, tree.Faults...)
	}
	return found, file.Close()
}

// sound tells whether a stored value is whole and is the one that was put there. What no key opens is judged by its
// checksum.
func (s *Store) sound(code byte, key, value []byte) error {
	h, _, err := envelope.Open(value, s.ring.Key)
	if errors.Is(err, envelope.ErrUnknownKey) {
		err = nil
	}
	if err == nil && (h.Bucket != code || string(h.Key) != string(key)) {
		err = errors.New("another's value")
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", agent.ErrDamaged, err)
	}
	return err
}

// readOwn makes the buckets where there are none yet, and reads what the store knows of itself.
func (s *Store) readOwn() error {
	if err := s.wantBuckets(); err != nil {
		return err
	}
	if err := s.openRing(); err != nil {
		return err
	}
	if err := s.migrate(schema); err != nil {
		return err
	}
	if err := s.makeBuckets(); err != nil {
		return err
	}
	return s.loadMeta()
}

// wantBuckets refuses a file in use that lacks one of its first buckets: its top page is not the newest.
func (s *Store) wantBuckets() error {
	return s.db.View(func(tx *bbolt.Tx) error {
		if first, _ := tx.Cursor().First(); first == nil { // just made
			return nil
		}
		for _, b := range allBuckets() {
			if b.in(tx) == nil {
				return fmt.Errorf("%w: there is no bucket %s", agent.ErrDamaged, b.name)
			}
		}
		return nil
	})
}
