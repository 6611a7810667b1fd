//go:build !windows

package osfile

import (
	"errors"
	"io/fs"
	"os"
)

// Give gives a folder and what lies in it to a user and a group. Links stay whose they are, and are not followed; so do pipes
// and devices, and a second name of a file that is not the owner's of its folder, who may have made that name.
func Give(path string, uid, gid int) error {
	folder, err := OpenFolder(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.give(uid, gid), folder.Close())
}

func (f *Folder) give(uid, gid int) error {
	entries, err := f.Entries(".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		switch {
		case entry.IsDir():
			err = f.giveFolder(entry.Name(), uid, gid)
		case entry.Type().IsRegular():
			err = f.giveFile(entry.Name(), uid, gid)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrNotRegular) {
			return err
		}
	}
	// Itself last: whether a second name is a stranger's hangs on the folder's owner.
	return f.itself(func(self *os.File) error { return self.Chown(uid, gid) })
}

func (f *Folder) giveFile(name string, uid, gid int) error {
	file, err := f.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(file.Chown(uid, gid), file.Close())
}

// giveFolder gives a folder below it, unless a link has taken its place.
func (f *Folder) giveFolder(name string, uid, gid int) error {
	named, err := f.root.Lstat(name)
	if err != nil || !named.IsDir() {
		return err
	}
	root, err := f.root.OpenRoot(name)
	if err != nil {
		return err
	}
	below := &Folder{root}
	opened, err := root.Stat(".")
	if err == nil && os.SameFile(named, opened) {
		err = below.give(uid, gid)
	}
	return errors.Join(err, below.Close())
}

// Share lets a group read a file, and nobody else but its owner.
func Share(path string, gid int) error {
	file, err := OpenFile(path, os.O_RDONLY)
	if err != nil {
		return err
	}
	return errors.Join(file.Chown(-1, gid), file.Chmod(0o640), file.Close())
}
