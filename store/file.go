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

// allocSize is the growth of the file, in bytes: small, because a till's disk is small.
const allocSize = 1 << 20

// lockTimeout bounds the wait for another process that has the folder or the file.
const lockTimeout = 3 * time.Second

// openFile opens the database file, or makes it. An empty file is damage: it is never taken for a new store.
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

// createFile makes an empty database beside path and renames it to path when it is complete.
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

// makeBolt makes an empty database in place of the file that is there. Nothing in it is synced before its caller syncs it.
func makeBolt(path string, maxBytes int64) (*bbolt.DB, error) {
	if err := osfile.Remove(path); err != nil {
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
		Timeout:      lockTimeout,
		FreelistType: bbolt.FreelistMapType, // it stays on disk: to make it at the opening bbolt would walk every page, and a damaged one ends the process
		MaxSize:      int(maxBytes),
		OpenFile: func(path string, flag int, _ os.FileMode) (*os.File, error) {
			return osfile.OpenFile(path, flag&^os.O_CREATE) // who opens has made it
		},
	}
	if runtime.GOOS != "windows" { // on Windows the file grows to the size of the mapping
		options.InitialMmapSize = 16 << 20
	}
	db, err := bbolt.Open(path, 0o600, options)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.AllocSize = allocSize
	return db, nil
}
