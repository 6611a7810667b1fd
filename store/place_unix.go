//go:build !windows

package store

import (
	"errors"
	"os"
)

// inPlace tells whether a path still leads to the file or folder that was there at the opening. Who may not look does not know.
func inPlace(path string, opened os.FileInfo) bool {
	info, err := os.Stat(path)
	return errors.Is(err, os.ErrPermission) || (err == nil && os.SameFile(info, opened))
}
