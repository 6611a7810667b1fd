package osfile

import (
	"os"
	"slices"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// hardwareIDs reads the id that Windows makes of the board's (SMBIOS), and the network cards.
func hardwareIDs() []string {
	list := cards(func(string) bool { return true })
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\HardwareConfig`, registry.QUERY_VALUE)
	if err != nil {
		return list
	}
	defer func() { _ = key.Close() }() // only read
	if id, _, err := key.GetStringValue("LastConfig"); err == nil {
		list = append(list, id)
	}
	return list
}

// FileNumber gives a file's number on its disk: it stays through renames and restarts, and a copy has another. 0: the file
// system gives none that lasts.
func FileNumber(file *os.File) (uint64, error) {
	var system [windows.MAX_PATH + 1]uint16
	handle := windows.Handle(file.Fd())
	if err := windows.GetVolumeInformationByHandle(handle, nil, 0, nil, nil, nil, &system[0], uint32(len(system))); err != nil {
		return 0, nil //nolint:nilerr // a file system that does not say what it is
	}
	if !slices.Contains([]string{"NTFS", "ReFS"}, windows.UTF16ToString(system[:])) {
		return 0, nil
	}
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(handle, &info); err != nil {
		return 0, err
	}
	return uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow), nil
}
