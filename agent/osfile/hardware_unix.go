//go:build !windows

package osfile

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// hardwareIDs reads the board's id, which only root may read, the cards of a bus and the disks that stay.
func hardwareIDs() []string {
	list := cards(func(name string) bool {
		_, err := os.Stat(filepath.Join("/sys/class/net", name, "device"))
		return err == nil
	})
	paths := []string{"/sys/class/dmi/id/product_uuid"}
	disks, _ := filepath.Glob("/sys/block/*") // the pattern is right
	for _, disk := range disks {
		if removable, err := os.ReadFile(filepath.Join(disk, "removable")); err == nil && strings.TrimSpace(string(removable)) == "0" {
			paths = append(paths, filepath.Join(disk, "serial"), filepath.Join(disk, "device", "serial"), filepath.Join(disk, "device", "wwid"))
		}
	}
	for _, path := range paths {
		if text, err := os.ReadFile(filepath.Clean(path)); err == nil {
			list = append(list, string(text))
		}
	}
	return list
}

// FileNumber gives a file's number on its disk: it stays through renames and restarts, and a copy has another. 0: the file
// system gives none that lasts.
func FileNumber(file *os.File) (uint64, error) {
	var system unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &system); err != nil {
		return 0, err
	}
	switch uint32(system.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.TMPFS_MAGIC:
	default:
		return 0, nil
	}
	var info unix.Stat_t
	err := unix.Fstat(int(file.Fd()), &info)
	return info.Ino, err
}
