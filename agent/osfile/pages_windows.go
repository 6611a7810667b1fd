package osfile

import (
	"errors"

	"golang.org/x/sys/windows"
)

// GiveBack tells the system that the pages of a mapped file, which is only read, are not needed for now: they leave the
// process's working set and come back, mostly without the disk, when they are touched.
func GiveBack(address, length uintptr) error { return giveBack(windows.VirtualUnlock, address, length) }

// giveBack unlocks pages that were never locked: Windows takes them out of the working set and says that they were not.
func giveBack(unlock func(address, length uintptr) error, address, length uintptr) error {
	if err := unlock(address, length); err != nil && !errors.Is(err, windows.ERROR_NOT_LOCKED) {
		return err
	}
	return nil
}

// GiveBackProgram does the same for the program's own file, and for all else that the process has in memory.
func GiveBackProgram() error { return giveBackAll(windows.SetProcessWorkingSetSizeEx) }

// giveBackAll empties the working set: that is what both sizes at their greatest mean.
func giveBackAll(setSize func(process windows.Handle, least, most uintptr, flags uint32) error) error {
	return setSize(windows.CurrentProcess(), ^uintptr(0), ^uintptr(0), 0)
}
