//go:build !windows

package osfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock waits until no other process holds the file, which is made if it is missing, and holds it until the result is
// called. A process that dies lets go of it.
func Lock(path string) (unlock func(), err error) { return lock(path, unix.LOCK_EX) }

// TryLock is [Lock] that does not wait: taken tells that another process holds the file.
func TryLock(path string) (unlock func(), taken bool, err error) {
	unlock, err = lock(path, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, true, nil
	}
	return unlock, false, err
}

func lock(path string, how int) (unlock func(), err error) {
	file, err := CreatePrivate(path)
	if os.IsExist(err) {
		file, err = os.OpenFile(path, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), how); err != nil {
		_ = file.Close() // the failure to lock is what matters
		return nil, err
	}
	return func() { _ = file.Close() }, nil // closing lets go
}
