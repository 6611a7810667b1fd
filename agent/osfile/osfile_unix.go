//go:build !windows

package osfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// CreatePrivate makes a file that only its owner can read. It fails when there is one. What root makes belongs to the folder's
// owner.
func CreatePrivate(path string) (*os.File, error) {
	folder, err := OpenFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = folder.Close() }() // the file stays open
	file, err := folder.createNew(filepath.Base(path))
	if err != nil {
		return nil, err
	}
	if err := folder.handOver(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// MakePrivateFolder makes a folder, with its parents, that only its owner can use. What root makes belongs to the owner of the
// folder that it lies in.
func MakePrivateFolder(path string) error {
	folder, err := makeFolder(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.itself(func(self *os.File) error { return self.Chmod(0o700) }), folder.Close())
}

// makeFolder opens a folder, which is made where it is missing.
func makeFolder(path string) (*Folder, error) {
	folder, err := OpenFolder(path)
	if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(path) == path {
		return folder, err
	}
	parent, err := makeFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = parent.Close() }() // what is made in it stays
	if err := parent.root.Mkdir(filepath.Base(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if folder, err = OpenFolder(path); err != nil {
		return nil, err
	}
	if err := folder.itself(parent.handOver); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return folder, nil
}

// Protect makes a file private to its owner.
func Protect(path string) error {
	file, err := OpenFile(path, os.O_RDONLY)
	if err != nil {
		return err
	}
	return errors.Join(file.Chmod(0o600), file.Close())
}

// foreign is the rights that a file with secrets must not give: the group may read, because a service's configuration
// belongs to root and the service's group.
const foreign = 0o027

// Restrict removes the rights that others have on a file with secrets, and tells whether there were any. Only regular files
// are changed, by their handle.
func Restrict(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&foreign == 0 {
		return false, err
	}
	file, err := OpenFile(path, os.O_RDONLY)
	if err != nil {
		return false, err
	}
	return true, errors.Join(file.Chmod(info.Mode().Perm()&^foreign), file.Close())
}

// sameRights gives an open file the owner, group and rights of another. The owner stays where the process may not change it.
func sameRights(from string, to *os.File) error {
	file, err := OpenFile(from, os.O_RDONLY)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := to.Chown(int(stat.Uid), int(stat.Gid)); err != nil && !os.IsPermission(err) {
			return err
		}
	}
	return to.Chmod(info.Mode().Perm())
}

// SyncFolder makes a rename inside the folder durable.
func SyncFolder(path string) error {
	folder, err := OpenFolder(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.itself((*os.File).Sync), folder.Close())
}

// rename renames what has a name, a link itself.
func rename(from, to string) error {
	source, err := OpenFolder(filepath.Dir(from))
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // only renamed in
	target, err := OpenFolder(filepath.Dir(to))
	if err != nil {
		return err
	}
	defer func() { _ = target.Close() }() // only renamed in
	err = source.itself(func(a *os.File) error {
		return target.itself(func(b *os.File) error {
			return unix.Renameat(int(a.Fd()), filepath.Base(from), int(b.Fd()), filepath.Base(to))
		})
	})
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func removeFile(path string) error {
	folder, err := OpenFolder(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(folder.Remove(filepath.Base(path)), folder.Close())
}

// removeTree removes a file or a folder with its content; no link in it is followed.
func removeTree(path string) error {
	folder, err := OpenFolder(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(folder.root.RemoveAll(filepath.Base(path)), folder.Close())
}

func sharing(error) bool { return false }

// Network tells whether the folder is on another machine's disk, where locks and syncs cannot be trusted.
func Network(path string) (bool, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return false, err
	}
	return networkMagic(uint32(stat.Type)), nil
}

// Space gives the bytes that may still be written to the folder's disk, and its size.
func Space(path string) (free, total uint64, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return 0, 0, err
	}
	size := uint64(stat.Bsize)
	return stat.Bavail * size, stat.Blocks * size, nil
}

// networkMagic knows the network file systems of statfs(2).
func networkMagic(magic uint32) bool {
	switch magic {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.NCP_SUPER_MAGIC,
		unix.CODA_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.CEPH_SUPER_MAGIC, unix.V9FS_MAGIC:
		return true
	}
	return false
}

// MakeProgramFolder makes a folder whose content everybody may run and only its owner may change.
func MakeProgramFolder(path string) error {
	return os.MkdirAll(path, 0o755) //nolint:gosec // programs may be read and run
}

// Exposed tells whether others have rights on a file or folder with secrets.
func Exposed(path string) (bool, error) {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&foreign != 0, err
}

// MakeConfigFolder makes the folder of a configuration where it is missing. It may be listed; the file may not be read.
func MakeConfigFolder(path string) error {
	return os.MkdirAll(path, 0o755) //nolint:gosec // it may be listed
}

// Stranger is of Windows, where anybody may make folders beside those of services: here only root may.
func Stranger(string) (string, error) { return "", nil }

// ErrDiskFull is the system's error for a full disk.
var ErrDiskFull error = unix.ENOSPC

// ContentLost tells that an error of reading a file is about its content, and not about the moment: it is not there, it is
// no file, or the disk cannot read it.
func ContentLost(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EIO) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENOTDIR)
}

// Reserve makes a file of a size whose space the disk allocates.
func Reserve(path string, size int64) error {
	file, err := CreatePrivate(path)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fallocate(int(file.Fd()), 0, 0, size), file.Close())
}

// MappedDrive tells that a path lies on a drive that a user has mapped to a share; only Windows has them.
func MappedDrive(string) bool { return false }

// nonblocking opens a pipe without waiting for its other end.
const nonblocking = unix.O_NONBLOCK
