package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

const (
	// worthFrom is how large a file must be, and worthLive how little of it may be in use, for a compaction: it stands in
	// the way of sales while it copies.
	worthFrom = 16 << 20
	worthLive = 32 << 20
	// compactBatch is how many bytes go into one transaction of the new file.
	compactBatch = 4 << 20

	oldSuffix  = ".old" // the file before the last compaction, until the next start
	tempSuffix = ".compact"
)

// Slack is how much of the database file is not in use, and its length, in bytes.
func (s *Store) Slack() (free, size int64) {
	_ = s.view(func(tx *bbolt.Tx) error { // a closed store has no size
		stats := tx.DB().Stats()
		free, size = int64(stats.FreePageN+stats.PendingPageN)*int64(tx.DB().Info().PageSize), tx.Size()
		return nil
	})
	return free, size
}

// CompactIfWorth compacts a file that is large, mostly free and drained, and tells whether it did.
func (s *Store) CompactIfWorth() (bool, error) {
	free, size := s.Slack()
	if size < worthFrom || free < size/2 || size-free > worthLive || s.Counters().Total(agent.Pending) > 0 {
		return false, nil
	}
	return true, s.Compact()
}

// Compact writes the database anew without what is free, so that nothing dropped stays in it. Commits and reads wait. The
// new file is checked as a whole before it takes the old one's place, in one rename; the old one is kept until the next
// start.
func (s *Store) Compact() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.cfg.Dir, fileName)
	if err := s.copyTo(path + tempSuffix); err != nil {
		return errors.Join(fmt.Errorf("compact: %w", err), remove(path+tempSuffix))
	}
	if err := s.db.Close(); err != nil {
		return err
	}
	switched := s.takePlace(path)
	db, err := openFile(path, s.cfg.MaxBytes)
	if err != nil {
		return errors.Join(switched, err)
	}
	s.db = db
	return errors.Join(switched, s.loadMeta())
}

// takePlace puts the new file where the old one is; in between there is always one of them.
func (s *Store) takePlace(path string) error {
	err := remove(path + oldSuffix)
	if err == nil {
		if linkErr := os.Link(path, path+oldSuffix); linkErr != nil {
			s.cfg.Log.Warn("old_store_not_kept", "error", linkErr) // a file system without links: the check has to do
		}
		err = osfile.Rename(path+tempSuffix, path)
	}
	return errors.Join(err, osfile.SyncFolder(s.cfg.Dir))
}

// copyTo writes what is in use into a new file and checks it.
func (s *Store) copyTo(path string) error {
	copied, err := makeBolt(path, s.cfg.MaxBytes)
	if err != nil {
		return err
	}
	err = bbolt.Compact(copied, s.db, compactBatch)
	if err == nil {
		err = errors.Join(sameEntries(copied, s.db), copied.Sync(), look(path, structure))
	}
	return errors.Join(err, copied.Close())
}

// sameEntries tells whether every bucket of the copy has as many entries as the original's.
func sameEntries(copied, original *bbolt.DB) error {
	return copied.View(func(tx *bbolt.Tx) error {
		return original.View(func(old *bbolt.Tx) error {
			return old.ForEach(func(name []byte, b *bbolt.Bucket) error {
				if other := tx.Bucket(name); other == nil || other.Stats().KeyN != b.Stats().KeyN {
					return fmt.Errorf("%w: copy of bucket %s is not whole", agent.ErrDamaged, name)
				}
				return nil
			})
		})
	})
}

// dropLeftovers removes what an earlier compaction kept, and what it or a salvage left when the power was cut.
func dropLeftovers(path string) error {
	return errors.Join(remove(path+oldSuffix), remove(path+tempSuffix), remove(path+salvageSuffix))
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
