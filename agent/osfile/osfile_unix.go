//go:build !windows

package osfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// CreatePrivate makes a file that only its owner can read, and fails when it is there.
func CreatePrivate(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return file, handOver(path)
}

// MakePrivateFolder makes the folder and its parents, and takes everybody else's rights from it.
func MakePrivateFolder(path string) error {
	_, err := os.Stat(path)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	if os.IsNotExist(err) {
		if err := handOver(path); err != nil {
			return err
		}
	}
	return os.Chmod(path, 0o700) //nolint:gosec // a folder needs x
}

// handOver gives what root has just made to the owner of the folder it lies in: a command that an administrator runs must
// not leave files that the service cannot read.
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

// Protect takes everybody else's rights from a file that is there.
func Protect(path string) error { return os.Chmod(path, 0o600) }

// foreign is what nobody but the owner and its group may have on a file with secrets: a service's configuration belongs
// to root and may be read by the service's group.
const foreign = 0o027

// Restrict takes from a file with secrets the rights that strangers have on it, and tells whether there were any. What is
// no regular file is left alone.
func Restrict(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&foreign == 0 {
		return false, err
	}
	return true, os.Chmod(path, info.Mode().Perm()&^foreign)
}

// sameRights gives a file the owner, group and rights of another. Who may not give a file away keeps it.
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

// networkMagic knows the file systems of statfs(2) that keep their files elsewhere.
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

// Exposed tells whether strangers have rights on a file or folder with secrets.
func Exposed(path string) (bool, error) {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&foreign != 0, err
}

// MakeConfigFolder makes the folder of a configuration where it is missing. It may be listed; the file may not be read.
func MakeConfigFolder(path string) error {
	return os.MkdirAll(path, 0o755) //nolint:gosec // see above
}

// ErrDiskFull is what this system says when a disk has no room.
var ErrDiskFull error = unix.ENOSPC

// Reserve makes a file whose bytes the disk keeps back.
func Reserve(path string, size int64) error {
	file, err := CreatePrivate(path)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fallocate(int(file.Fd()), 0, 0, size), file.Close())
}
