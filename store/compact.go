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
	// compactMinSize and compactMaxLive bound the file's size and its bytes in use for a compaction: sales wait while it
	// copies.
	compactMinSize = 16 << 20
	compactMaxLive = 32 << 20
	// compactBatch bounds a transaction of the new file, in bytes.
	compactBatch = 4 << 20

	oldSuffix  = ".old" // of the file before the last compaction, until the next start
	tempSuffix = ".compact"
)

// Slack gives how much of the database file is free, and its length, in bytes.
func (s *Store) Slack() (free, size int64) {
	_ = s.view(func(tx transaction) error { // a closed store has no size
		stats := tx.DB().Stats()
		free, size = int64(stats.FreePageN+stats.PendingPageN)*int64(tx.DB().Info().PageSize), tx.Size()
		return nil
	})
	return free, size
}

// CompactIfWorth compacts a file that is large and mostly free when no job is pending, and tells whether it did.
func (s *Store) CompactIfWorth() (bool, error) {
	free, size := s.Slack()
	if size < compactMinSize || free < size/2 || size-free > compactMaxLive || s.Counters().Total(agent.Pending) > 0 {
		return false, nil
	}
	return true, s.Compact()
}

// Compact copies the database into a new file without free pages, so that nothing deleted stays on disk. Commits and reads
// wait. The new file is checked and takes the old one's place in one rename; the old one is kept until the next start.
func (s *Store) Compact() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.cfg.Dir, fileName)
	if err := s.copyTo(path + tempSuffix); err != nil {
		return errors.Join(fmt.Errorf("compact: %w", err), osfile.Remove(path+tempSuffix))
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
	return errors.Join(switched, s.use(), s.loadMeta())
}

// takePlace renames the new file to the old one's place. There is a file at every moment.
func (s *Store) takePlace(path string) error {
	err := osfile.Remove(path + oldSuffix)
	if err == nil {
		if linkErr := os.Link(path, path+oldSuffix); linkErr != nil {
			s.cfg.Log.Warn("old_store_not_kept", "error", linkErr) // the file system has no links
		}
		err = osfile.Rename(path+tempSuffix, path)
	}
	return errors.Join(err, osfile.SyncFolder(s.cfg.Dir))
}

// copyTo copies what is in use into a new file and checks it.
func (s *Store) copyTo(path string) error {
	copied, err := makeBolt(path, s.cfg.MaxBytes)
	if err != nil {
		return err
	}
	err = bbolt.Compact(copied, s.db, compactBatch)
	if err == nil {
		err = errors.Join(sameEntries(copied, s.db), copied.Sync(), inspect(path, checkTree))
	}
	return errors.Join(err, copied.Close())
}

// sameEntries checks that every bucket of the copy has as many entries as the original's.
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

// dropLeftovers deletes the file that a compaction kept, and those that a power cut during a compaction or a salvage left.
func dropLeftovers(path string) error {
	return errors.Join(osfile.Remove(path+oldSuffix), osfile.Remove(path+tempSuffix), osfile.Remove(path+salvageSuffix))
}
