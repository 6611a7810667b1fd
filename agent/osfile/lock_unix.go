//go:build !windows

package osfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock waits for the lock of a file, which is made if it is missing. The end of the process unlocks it, too.
func Lock(path string) (unlock func(), err error) { return lock(path, unix.LOCK_EX) }

// TryLock is [Lock] without waiting: taken tells that another process has the lock.
func TryLock(path string) (unlock func(), taken bool, err error) {
	unlock, err = lock(path, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, true, nil
	}
	return unlock, false, err
}

func lock(path string, how int) (unlock func(), err error) {
	file, err := OpenOrCreate(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), how); err != nil {
		_ = file.Close() // the failure to lock is what matters
		return nil, err
	}
	return func() { _ = file.Close() }, nil // closing unlocks
}
