package store

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	berrors "go.etcd.io/bbolt/errors"

	"pdvagent/agent/osfile"
)

const (
	nearlyFullPercent = 85       // of MaxBytes, from which new jobs are refused: what is there can still be settled
	minFree           = 64 << 20 // default of Config.MinFree
	ballastSize       = 16 << 20 // bytes kept back for settling on a disk that others have filled
	ballastName       = "ballast"
	measureEvery      = time.Second
)

// room keeps the space that settling needs (store.md 11). The committer measures; a salvage may release the ballast.
type room struct {
	mu       sync.Mutex
	folder   string
	floor    uint64 // free bytes of the disk below which new jobs are refused
	measured time.Time
	free     uint64 // bytes of the disk, as last measured
}

// measure reads the disk's free bytes, once a second at most, and makes the ballast again when there is room for it.
func (r *room) measure(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := now.Sub(r.measured); since >= 0 && since < measureEvery {
		return
	}
	r.measured = now
	free, _, err := osfile.Space(r.folder)
	if err != nil {
		free = ^uint64(0) // unknown: the disk counts as full only when a write fails
	}
	r.free = free
	if free > r.floor+2*ballastSize {
		r.fill()
	}
}

// fill reserves the ballast. Where the disk cannot reserve there is none.
func (r *room) fill() {
	path := filepath.Join(r.folder, ballastName)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := osfile.Reserve(path, ballastSize); err != nil {
			_ = osfile.Remove(path) // a part of it is of no use
		}
	}
}

// release deletes the ballast, and tells whether there was any.
func (r *room) release() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.measured = time.Time{}
	path := filepath.Join(r.folder, ballastName)
	_, err := os.Lstat(path)
	return err == nil && osfile.Remove(path) == nil
}

// diskNearlyFull tells whether the disk has less than its floor free.
func (r *room) diskNearlyFull() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.free < r.floor
}

// nearlyFull tells whether new jobs are refused because the database or the disk is nearly full.
func (s *Store) nearlyFull(tx transaction) bool {
	stats := tx.DB().Stats()
	used := tx.Size() - int64(stats.FreePageN+stats.PendingPageN)*int64(tx.DB().Info().PageSize)
	return used > s.cfg.MaxBytes/100*nearlyFullPercent || s.room.diskNearlyFull()
}

// full tells whether a commit failed for want of room, in the file or on the disk.
func full(err error) bool { return errors.Is(err, berrors.ErrMaxSizeReached) || diskFull(err) }

func diskFull(err error) bool { return errors.Is(err, osfile.ErrDiskFull) }
