package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
	"pdvagent/store/internal/salvage"
)

const (
	markerName = "opening" // file with the number of openings that began and did not end
	lockName   = "lock"    // file that is locked by the process that has the folder
	// maxDiedOpenings is from how many openings that did not end on the file is salvaged: the power may have failed in two.
	maxDiedOpenings = 2
	closeTimeout    = 5 * time.Second
)

var errOpeningDied = fmt.Errorf("%w: the openings before this one died", agent.ErrDamaged)

// openOrSalvage opens the file, and salvages it where it does not open or its opening ends the process (store.md 13).
// damaged is why the file is known to be damaged, or nil.
func (s *Store) openOrSalvage(damaged error) error {
	marker := filepath.Join(s.cfg.Dir, markerName)
	died := readMarker(marker)
	if err := writeMarker(marker, died+1); err != nil && !errors.Is(err, osfile.ErrDiskFull) {
		return err
	}
	if damaged == nil && died >= maxDiedOpenings {
		damaged = errOpeningDied
	}
	if damaged == nil {
		err := s.openFound(died > 0)
		if !isDamage(err) {
			return errors.Join(err, osfile.Remove(marker)) // this opening ended, also with a refusal
		}
		damaged = err
	}
	err := s.salvage(damaged)
	if err == nil {
		err = s.openFound(false)
	}
	return errors.Join(err, osfile.Remove(marker))
}

// lockDir locks the data folder for this process, until it ends or unlocks. bbolt's lock is not enough: a salvage puts
// another file in the place of the locked one.
func lockDir(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, lockName)
	for begun := time.Now(); ; <-time.After(lockTimeout / 30) {
		unlock, taken, err := osfile.TryLock(path)
		if err != nil || !taken {
			return unlock, err
		}
		if time.Since(begun) > lockTimeout {
			return nil, agent.Errorf(agent.CodeAlreadyRunning, nil, "Outro pdvagent já está usando a pasta de dados %s. "+
				"Pare o serviço antes de iniciar um segundo, ou use outra pasta.", dir)
		}
	}
}

// writeMarker notes how many openings began and did not end.
func writeMarker(path string, died int) error {
	file, err := osfile.OpenOrCreate(path, os.O_WRONLY)
	if err != nil {
		return err
	}
	if err = file.Truncate(0); err == nil {
		_, err = file.WriteString(strconv.Itoa(died))
	}
	return errors.Join(err, file.Close())
}

// readMarker gives how many openings began and did not end.
func readMarker(path string) int {
	text, err := osfile.ReadFile(path)
	if err != nil {
		return 0
	}
	died, err := strconv.Atoi(string(text))
	if err != nil {
		return 1
	}
	return died
}

// openFound opens the file as it is and reads the store's own record. thorough checks every page first, as for a small
// file; of a large one only the pages that bbolt trusts when it opens it are checked, and the rest by the scrub.
func (s *Store) openFound(thorough bool) error {
	path := filepath.Join(s.cfg.Dir, fileName)
	if err := checkPages(path, thorough); err != nil {
		return err
	}
	return guarded(func() error {
		db, err := openFile(path, s.cfg.MaxBytes)
		if err != nil {
			return err
		}
		s.db = db
		if err := errors.Join(s.use(), s.readOwn()); err != nil {
			return errors.Join(err, db.Close())
		}
		return nil
	})
}

// smallFile bounds a file that is read whole at every opening, in bytes: it takes an eighth of a second, one on an old disk.
const smallFile = 64 << 20

// checkPages checks the pages before bbolt reads them. A file that is missing or empty is left to the opening.
func checkPages(path string, thorough bool) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() == 0):
		return nil
	case err != nil:
		return err
	case thorough || info.Size() <= smallFile:
		return inspect(path, checkTree)
	}
	return inspect(path, (*salvage.File).Glance)
}

// checkTree checks every page. bbolt's own check ends the process at a page that leads back to itself.
func checkTree(file *salvage.File) error {
	tree, err := file.Walk(nil)
	if err != nil {
		return err
	}
	return errors.Join(tree.Faults...)
}

// inspect gives what a check finds in a file as damage. Nothing may change in the file meanwhile. A file that does not open
// is no damage.
func inspect(path string, check func(*salvage.File) error) error {
	file, err := salvage.Open(path)
	if err != nil {
		return err
	}
	if err = check(file); err != nil {
		err = fmt.Errorf("%w: %w", agent.ErrDamaged, err)
	}
	return errors.Join(err, file.Close())
}

// repair opens the file again after a failure, and salvages it where it is damaged. Commits and reads wait.
func (s *Store) repair(cause error) error {
	return s.reopen(func() (damaged error, err error) {
		if full(cause) { // the file is as it was
			return nil, nil
		}
		found, err := verify(filepath.Join(s.cfg.Dir, fileName), s.ring)
		if damaged = errors.Join(found.Faults...); damaged != nil {
			s.cfg.Log.Error("store_damaged", "found_by", cause, "error", firstLine(damaged))
		}
		return damaged, err
	})
}

// repairFault salvages an open store for a fault that a check of its pages alone does not find.
func (s *Store) repairFault(fault error) error {
	s.cfg.Log.Error("store_damaged", "error", firstLine(fault))
	return s.reopen(func() (error, error) { return fault, nil })
}

// reopen closes the file, has it judged, and opens it, salvaged where it is damaged.
func (s *Store) reopen(judge func() (damaged error, err error)) error {
	if err := s.stillThere(); err != nil { // a new file would be made in its place
		s.leave(nil)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return agent.ErrStoreClosed
	}
	defer s.unreadable.Clear()
	if err := s.closeBounded(); err != nil {
		return err
	}
	damaged, err := judge()
	err = errors.Join(err, s.openOrSalvage(damaged))
	if err != nil && damaged != nil { // it cannot be mended now, as on a full disk: what can be read is served
		err = errors.Join(err, s.openFound(false))
	}
	return err
}

// closeBounded closes the file. A transaction that a torn page has stopped may hold it for ever: then only a new process
// can open the file.
func (s *Store) closeBounded() error {
	done := make(chan error, 1)
	db := s.db
	go func() { done <- guarded(db.Close) }()
	select {
	case err := <-done:
		return err
	case <-time.After(closeTimeout):
		s.closed = true
		s.endBroken.Do(func() { close(s.broken) })
		return errors.New("the database does not close")
	}
}

// Broken is closed when only a new process can open the file again.
func (s *Store) Broken() <-chan struct{} { return s.broken }

// Faults is the result of [Verify].
type Faults struct {
	Values int // envelopes in the tree
	Jobs   int
	Faults []error
}

// verify reads a database file that no process has open: its pages, and every envelope in its tree.
func verify(path string, ring *keyring.Ring) (Faults, error) {
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
		return intact(ring, code, key, value)
	})
	if err != nil {
		found.Faults = append(found.Faults, err)
	} else {
		found.Faults = append(found.Faults, tree.Faults...)
	}
	return found, file.Close()
}

// intact checks that a stored value is undamaged and was put under its key. A value whose key is missing is judged by its
// checksum.
func intact(ring *keyring.Ring, code byte, key, value []byte) error {
	h, _, err := envelope.Open(value, ring.Key)
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

// readOwn opens the keys, migrates the file, makes missing buckets and reads the store's own record.
func (s *Store) readOwn() error {
	if err := s.requireBuckets(); err != nil {
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

// requireBuckets refuses a file that lacks one of its first buckets and is not new: its root page is not the newest.
func (s *Store) requireBuckets() error {
	return s.rawView(func(tx transaction) error {
		if first, _ := tx.Cursor().First(); first == nil { // a new file
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
