package store

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"pdvagent/agent/osfile"
)

const (
	crowdedShare = 85       // percent of MaxBytes from which new work is refused, so that what is there can still be settled
	minFree      = 64 << 20 // bytes of the disk that new work leaves free, by default
	ballastSize  = 16 << 20 // kept back for settling on a disk that others have filled
	ballastName  = "ballast"
	lookEvery    = time.Second
)

// room watches over the space that settling needs (store.md 11). The committer looks, a salvage may let go of the ballast.
type room struct {
	mu     sync.Mutex
	folder string
	floor  uint64 // of the disk's free bytes
	looked time.Time
	free   uint64 // of the disk, as last looked
}

// look asks the disk, once a second at most, and puts the ballast back when there is room for it again.
func (r *room) look(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := now.Sub(r.looked); since >= 0 && since < lookEvery {
		return
	}
	r.looked = now
	free, _, err := osfile.Space(r.folder)
	if err != nil {
		free = ^uint64(0) // a disk that does not say is not full until it says so by refusing
	}
	r.free = free
	if free > r.floor+2*ballastSize {
		r.fill()
	}
}

// fill reserves the ballast; a disk that reserves nothing has none.
func (r *room) fill() {
	path := filepath.Join(r.folder, ballastName)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := osfile.Reserve(path, ballastSize); err != nil {
			_ = os.Remove(path) // half of it is no use
		}
	}
}

// release lets go of the ballast, and tells whether there was any.
func (r *room) release() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looked = time.Time{}
	return os.Remove(filepath.Join(r.folder, ballastName)) == nil
}

// narrow tells whether others have filled the disk.
func (r *room) narrow() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.free < r.floor
}

// crowded tells whether new work is refused: the database or the disk is nearly full.
func (s *Store) crowded(tx *bbolt.Tx) bool {
	stats := tx.DB().Stats()
	used := tx.Size() - int64(stats.FreePageN+stats.PendingPageN)*int64(tx.DB().Info().PageSize)
	return used > s.cfg.MaxBytes/100*crowdedShare || s.room.narrow()
}

// full tells whether a commit failed for want of room, in the file or on the disk.
func full(err error) bool { return errors.Is(err, berrors.ErrMaxSizeReached) || diskFull(err) }

func diskFull(err error) bool { return errors.Is(err, osfile.ErrDiskFull) }
