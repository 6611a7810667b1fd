//go:build !windows

package osfile

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// settled is where a path leads: a path without links, and what is there.
type settled struct {
	path string
	file unix.Stat_t
}

// maxLinks is how many links a path may have, as in the kernel.
const maxLinks = 40

// settle finds where a path leads. Of a link it follows only one that root made: another user may put his into a folder of
// his own, such as the agent's data folder, where an administrator's command works.
func settle(name string) (settled, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return settled{}, err
	}
	for range maxLinks {
		at, next, err := descend(abs)
		if err != nil {
			return settled{}, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		if next == "" {
			return at, nil
		}
		abs = next
	}
	return settled{}, &fs.PathError{Op: "open", Path: name, Err: unix.ELOOP}
}

// descend goes down a path. At a link it stops and gives the path that it leads to.
func descend(path string) (at settled, next string, err error) {
	const flags = unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Open("/", flags, 0)
	if err != nil {
		return at, "", err
	}
	defer func() { _ = unix.Close(fd) }() // only looked at
	at.path = "/"
	if err := unix.Fstat(fd, &at.file); err != nil {
		return at, "", err
	}
	names := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	for i, name := range names {
		below, err := unix.Openat(fd, name, flags, 0)
		if err != nil {
			return at, "", err
		}
		_ = unix.Close(fd) // only looked at
		fd = below
		if err := unix.Fstat(fd, &at.file); err != nil {
			return at, "", err
		}
		if at.file.Mode&unix.S_IFMT == unix.S_IFLNK {
			target, err := linkOfRoot(fd, at.file)
			if !filepath.IsAbs(target) {
				target = filepath.Join(at.path, target)
			}
			return at, filepath.Join(append([]string{target}, names[i+1:]...)...), err
		}
		at.path = filepath.Join(at.path, name)
	}
	return at, "", nil
}

// linkOfRoot reads an open link that root made.
func linkOfRoot(fd int, link unix.Stat_t) (string, error) {
	if link.Uid != 0 {
		return "", ErrForeignLink
	}
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", target)
	return string(target[:max(0, n)]), err
}

// is tells whether an open file is what was found.
func (s settled) is(file *os.File) (bool, error) {
	var info unix.Stat_t
	err := unix.Fstat(int(file.Fd()), &info)
	return info.Dev == s.file.Dev && info.Ino == s.file.Ino, err
}

// OpenFolder opens a folder; root reaches it by no link of another's.
func OpenFolder(path string) (*Folder, error) {
	if os.Geteuid() != 0 {
		return openFolder(path)
	}
	at, err := settle(path)
	if err != nil {
		return nil, err
	}
	folder, err := openFolder(at.path)
	if err != nil {
		return nil, err
	}
	err = folder.itself(func(self *os.File) error {
		if same, err := at.is(self); err != nil || same {
			return err
		}
		return &fs.PathError{Op: "open", Path: path, Err: ErrNotFolder}
	})
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return folder, nil
}

// itself calls do with the folder as an open file.
func (f *Folder) itself(do func(*os.File) error) error {
	self, err := f.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(do(self), self.Close())
}

// OpenFile opens a regular file that is there, without waiting: a pipe has no end. Root reaches it by no link of another's, and
// opens no second name that another gave to a file that is not his.
func OpenFile(path string, flag int) (*os.File, error) {
	if os.Geteuid() == 0 {
		at, err := settle(path)
		if err != nil {
			return nil, err
		}
		folder, err := OpenFolder(filepath.Dir(at.path))
		if err != nil {
			return nil, err
		}
		defer func() { _ = folder.Close() }() // the file stays open
		return folder.open(filepath.Base(at.path), flag)
	}
	file, err := os.OpenFile(path, flag|nonblocking, 0)
	if err != nil {
		return nil, err
	}
	return onlyRegular(file)
}

// foreign tells root that an open file is a second name of one that does not belong to its folder's owner: he may have made the
// name, and may not have the file.
func (f *Folder) foreign(name string, opened fs.FileInfo) (bool, error) {
	folder, err := f.root.Stat(path.Dir(name))
	if err != nil {
		return false, err
	}
	file, isFile := opened.Sys().(*syscall.Stat_t)
	owner, isFolder := folder.Sys().(*syscall.Stat_t)
	return isFile && isFolder && os.Geteuid() == 0 && file.Nlink > 1 && file.Uid != owner.Uid && owner.Uid != 0, nil
}

// handOver gives what root made in a folder to the folder's owner: an administrator's command must not leave files that the
// service cannot read.
func (f *Folder) handOver(file *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := f.root.Stat(".")
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return file.Chown(int(stat.Uid), int(stat.Gid))
	}
	return nil
}
