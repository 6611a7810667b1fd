// Package osfile writes small files so that they are whole or absent after a power cut, and private from birth, and takes
// strangers' rights from those that somebody else wrote. It hides what differs between Linux and Windows.
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

// ErrNoSeal is the answer of a system that cannot seal a secret to itself.
var ErrNoSeal = errors.New("this machine cannot open that seal")

// WriteNew puts data into a new file and makes it appear under path at once and for good: temporary file, sync,
// rename, sync of the folder. A file already there is replaced.
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

// Replace is [WriteNew] for a file that is there: the new one gets the old one's owner and rights, so that who could read
// it still can, and nobody else.
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

// Sync opens the file and flushes it once more.
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

// Rename replaces to by from. A virus scanner may hold either for a moment: it tries again for about two seconds.
func Rename(from, to string) error {
	if err := patiently(func() error { return rename(from, to) }); err != nil {
		return fmt.Errorf("rename to %s: %w", filepath.Base(to), err)
	}
	return nil
}

// RemoveTree removes a file, or a folder and all that lies in it, one by one: a virus scanner may hold any of them for a
// moment. What is not there is no error.
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

// patiently tries again for about two seconds while another program holds a file.
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
