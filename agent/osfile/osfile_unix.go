//go:build !windows

package osfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// CreatePrivate makes a file that only its owner can read. It fails when there is one.
func CreatePrivate(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return file, handOver(path)
}

// MakePrivateFolder makes a folder, with its parents, that only its owner can use. Root follows a link to a folder only where
// root made it: the service's user may put one in his own folder.
func MakePrivateFolder(path string) error {
	_, err := os.Lstat(path)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	if os.IsNotExist(err) {
		if err := handOver(path); err != nil {
			return err
		}
	}
	if path, err = behindOwnLink(path); err != nil {
		return err
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	return errors.Join(unix.Fchmod(fd, 0o700), unix.Close(fd))
}

// behindOwnLink is the path, or what it leads to as a link. It refuses root a link that another made.
func behindOwnLink(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		return path, err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && os.Getuid() == 0 {
		return "", &os.PathError{Op: "open", Path: path, Err: ErrNotFolder}
	}
	return filepath.EvalSymlinks(path)
}

// handOver gives a file that root made to the owner of its folder: an administrator's command must not leave files that the
// service cannot read.
func handOver(path string) error {
	if os.Getuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return os.Lchown(path, int(stat.Uid), int(stat.Gid))
	}
	return nil
}

// Protect makes a file private to its owner.
func Protect(path string) error { return os.Chmod(path, 0o600) }

// foreign is the rights that a file with secrets must not give: the group may read, because a service's configuration
// belongs to root and the service's group.
const foreign = 0o027

// Restrict removes the rights that others have on a file with secrets, and tells whether there were any. Only regular files
// are changed.
func Restrict(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&foreign == 0 {
		return false, err
	}
	return true, os.Chmod(path, info.Mode().Perm()&^foreign)
}

// sameRights gives a file the owner, group and rights of another. The owner stays where the process may not change it.
func sameRights(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(to, int(stat.Uid), int(stat.Gid)); err != nil && !os.IsPermission(err) {
			return err
		}
	}
	return os.Chmod(to, info.Mode().Perm())
}

// SyncFolder makes a rename inside the folder durable.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if closeErr := folder.Close(); err == nil {
		err = closeErr
	}
	return err
}

func rename(from, to string) error { return os.Rename(from, to) }

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
