package source

import (
	"errors"

	"golang.org/x/sys/windows"
)

// heldOpen tells that another program has the file open: it cannot be opened by us alone. It follows no link.
func heldOpen(path string) bool {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return false
	}
	handle, err := windows.CreateFile(name, windows.GENERIC_READ, 0, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return isShared(err)
	}
	_ = windows.CloseHandle(handle) // it was only opened
	return false
}

// isShared tells the error of a file that another program has open.
func isShared(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}
