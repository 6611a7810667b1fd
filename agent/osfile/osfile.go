// Package osfile writes files that are complete or absent after a power cut and private from their creation, restricts the
// rights of files that others wrote, locks, and seals secrets to the machine. On Unix nobody leads root elsewhere: it follows
// no link of another's, opens regular files only, and changes rights by the open file. It hides the differences between Linux
// and Windows. It knows no format and no place. Store, config, setup and other packages with files call it; it calls the
// operating system.
package osfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ErrNoSeal says that this system cannot seal secrets.
var ErrNoSeal = errors.New("this machine cannot open that seal")

// WriteNew writes data to path atomically and durably: temporary file, sync, rename, sync of the folder. A file that is there
// is replaced.
func WriteNew(path string, data []byte) error {
	return write(path, data, func(*os.File) error { return nil })
}

// Replace is [WriteNew] for a file that is there: the new one has the old one's owner and rights.
func Replace(path string, data []byte) error { return WriteLike(path, path, data) }

// WriteLike is [WriteNew] with the owner and rights of another file.
func WriteLike(path, like string, data []byte) error {
	return write(path, data, func(file *os.File) error { return sameRights(like, file) })
}

func write(path string, data []byte, finish func(*os.File) error) error {
	temp := path + ".tmp"
	if err := Remove(temp); err != nil {
		return err
	}
	file, err := CreatePrivate(temp)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = finish(file)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := Rename(temp, path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// OpenOrCreate opens a file as [OpenFile] does; one that is missing is made as [CreatePrivate] does.
func OpenOrCreate(path string, flag int) (*os.File, error) {
	file, err := CreatePrivate(path)
	if errors.Is(err, fs.ErrExist) {
		return OpenFile(path, flag)
	}
	return file, err
}

// Remove removes a file, or a link itself. A missing one is no error; a folder is.
func Remove(path string) error { return removeFile(path) }

// Sync opens a file and syncs it.
func Sync(path string) error {
	file, err := OpenFile(path, os.O_RDWR)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
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
func RemoveTree(path string) error { return removeTree(path) }

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
