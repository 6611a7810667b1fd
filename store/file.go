package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

// allocSize is by how much the file grows: small, because a till's disk is.
const allocSize = 1 << 20

// lockPatience is how long a second agent waits for the first one to end before it says that there is one.
const lockPatience = 3 * time.Second

// openFile opens the database file, or makes it. A file of no bytes is damage: it is never taken for a new store.
func openFile(path string, maxBytes int64) (*bbolt.DB, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := createFile(path); err != nil {
			return nil, fmt.Errorf("make %s: %w", path, err)
		}
	case err != nil:
		return nil, err
	case info.Size() == 0:
		return nil, fmt.Errorf("%w: %s has no bytes", agent.ErrDamaged, path)
	}
	db, err := openBolt(path, maxBytes)
	if err != nil {
		return nil, err
	}
	if err := osfile.Protect(path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// createFile makes an empty database beside path and moves it there when it is whole.
func createFile(path string) error {
	temp := path + ".tmp"
	db, err := makeBolt(temp, 1<<30)
	if err != nil {
		return err
	}
	if err := errors.Join(db.Sync(), db.Close()); err != nil {
		return err
	}
	if err := osfile.Rename(temp, path); err != nil {
		return err
	}
	return osfile.SyncFolder(filepath.Dir(path))
}

// makeBolt makes an empty database, in place of what is there, in which nothing is synced before its maker says so.
func makeBolt(path string, maxBytes int64) (*bbolt.DB, error) {
	if err := remove(path); err != nil {
		return nil, err
	}
	file, err := osfile.CreatePrivate(path)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	db, err := openBolt(path, maxBytes)
	if err == nil {
		db.NoSync = true
	}
	return db, err
}

func openBolt(path string, maxBytes int64) (*bbolt.DB, error) {
	options := &bbolt.Options{
		Timeout:      lockPatience,
		FreelistType: bbolt.FreelistMapType, // the list is synced: a damaged page must not kill the process at the next opening
		MaxSize:      int(maxBytes),
	}
	if runtime.GOOS != "windows" { // there the file would grow to the mapping's size at once
		options.InitialMmapSize = 16 << 20
	}
	db, err := bbolt.Open(path, 0o600, options)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.AllocSize = allocSize
	return db, nil
}
