package osfile

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Lock waits for the lock of a file, which is made if it is missing. The end of the process unlocks it, too.
func Lock(path string) (unlock func(), err error) { return lock(path, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// TryLock is [Lock] without waiting: taken tells that another process has the lock.
func TryLock(path string) (unlock func(), taken bool, err error) {
	unlock, err = lock(path, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return nil, true, nil
	}
	return unlock, false, err
}

func lock(path string, how uint32) (unlock func(), err error) {
	file, err := OpenOrCreate(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	if err := windows.LockFileEx(windows.Handle(file.Fd()), how, 0, 1, 0, new(windows.Overlapped)); err != nil {
		_ = file.Close() // the failure to lock is what matters
		return nil, err
	}
	return func() { _ = file.Close() }, nil // closing unlocks
}
