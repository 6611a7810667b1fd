// Package osfile writes files that are complete or absent after a power cut and private from their creation, restricts the
// rights of files that others wrote, locks, and seals secrets to the machine. It hides the differences between Linux and
// Windows. It knows no format and no place. Store, config, setup and other packages with files call it; it calls the
// operating system.
package osfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ErrNoSeal says that this system cannot seal secrets.
var ErrNoSeal = errors.New("this machine cannot open that seal")

// WriteNew writes data to path atomically and durably: temporary file, sync, rename, sync of the folder. A file that is there
// is replaced.
func WriteNew(path string, data []byte) error {
	temp := path + ".tmp"
	if err := os.Remove(temp); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := writeSynced(temp, data); err != nil {
		return err
	}
	if err := Rename(temp, path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// Replace is [WriteNew] for a file that is there: the new one has the old one's owner and rights.
func Replace(path string, data []byte) error {
	temp := path + ".tmp"
	if err := os.Remove(temp); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := writeSynced(temp, data); err != nil {
		return err
	}
	if err := sameRights(path, temp); err != nil {
		return err
	}
	if err := Rename(temp, path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

func writeSynced(path string, data []byte) error {
	file, err := CreatePrivate(path)
	if err != nil {
		return err
	}
	if _, err = file.Write(data); err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Sync opens a file and syncs it.
func Sync(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = file.Sync()
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Rename renames from to to, and replaces to. It retries for about two seconds while a virus scanner has either open.
func Rename(from, to string) error {
	if err := patiently(func() error { return rename(from, to) }); err != nil {
		return fmt.Errorf("rename to %s: %w", filepath.Base(to), err)
	}
	return nil
}

// RemoveTree removes a file, or a folder with its content. It retries for about two seconds while a virus scanner has a file
// open. A missing path is no error.
func RemoveTree(path string) error {
	var list []string
	err := filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
		list = append(list, path)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, path := range slices.Backward(list) {
		err = errors.Join(err, patiently(func() error { return os.Remove(path) }))
	}
	return err
}

// patiently retries for about two seconds while another program has a file open.
func patiently(do func() error) error {
	var err error
	for wait := 10 * time.Millisecond; wait < 2*time.Second; wait *= 2 {
		if err = do(); err == nil || !sharing(err) {
			break
		}
		<-time.After(wait)
	}
	return err
}
