package osfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/windows"
)

// CreatePrivate makes a file that only the system, administrators, the service and its owner can read. It fails when there
// is one.
func CreatePrivate(path string) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	attributes, err := security(fileRights)
	if err != nil {
		return nil, err
	}
	handle, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE|windows.WRITE_DAC,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, attributes, windows.CREATE_NEW,
		windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// MakePrivateFolder makes a folder, with its parents, that only the system, administrators, the service and its owner can use.
// Made or taken over by an administrator it belongs to the Administrators: whose it was has no rights on it any more.
func MakePrivateFolder(path string) error { return makeWith(path, folderRights) }

// MakeProgramFolder makes a folder whose content everybody may run and only administrators may change.
func MakeProgramFolder(path string) error { return makeWith(path, programRights) }

// makeWith makes a folder with its rights from its birth, so that nobody puts a file into it before.
func makeWith(path, rights string) error {
	if parent := filepath.Dir(path); parent != path {
		if _, err := os.Stat(parent); errors.Is(err, os.ErrNotExist) {
			if err := makeWith(parent, rights); err != nil {
				return err
			}
		}
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	attributes, err := security(rights)
	if err != nil {
		return err
	}
	err = windows.CreateDirectory(name, attributes)
	if err == nil {
		return nil
	}
	if info, statErr := os.Stat(path); statErr != nil || !info.IsDir() {
		return &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return protect(path, rights)
}

// Protect makes a file private to the system, administrators, the service and its owner.
func Protect(path string) error { return protect(path, fileRights) }

// strangers matches the entries of trustees that include everybody: World, Users, Authenticated Users, Interactive,
// Anonymous, Guests.
var strangers = regexp.MustCompile(`\([^()]*;(?:WD|BU|AU|IU|AN|BG)\)`)

// inherited matches the flag of an inherited entry.
var inherited = regexp.MustCompile(`(\([A-Z]*;[A-Z]*?)ID`)

// Restrict removes the rights that others have on a file with secrets, and tells whether there were any.
func Restrict(path string) (bool, error) {
	descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return false, err
	}
	rights, had := withoutStrangers(descriptor.String())
	if !had {
		return false, nil
	}
	return true, setRights(path, rights)
}

// withoutStrangers gives an access list without the entries of strangers and without inheritance, and tells whether it had
// such entries. When no entry is left it gives the rights of a private file.
func withoutStrangers(text string) (rights string, had bool) {
	start := strings.IndexByte(text, '(')
	if start < 0 || !strangers.MatchString(text) {
		return text, false
	}
	kept := inherited.ReplaceAllString(strangers.ReplaceAllString(text[start:], ""), "$1")
	if kept == "" {
		return fileRights, true
	}
	return "D:P" + kept, true
}

// sameRights gives an open file the rights of another.
func sameRights(from string, to *os.File) error {
	descriptor, err := windows.GetNamedSecurityInfo(from, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	list, _, err := descriptor.DACL()
	if err != nil {
		return err
	}
	return windows.SetSecurityInfo(windows.Handle(to.Fd()), windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}

// OpenFolder opens a folder.
func OpenFolder(path string) (*Folder, error) { return openFolder(path) }

// foreign is of Unix: a second name of a file has the rights of the file.
func (f *Folder) foreign(string, fs.FileInfo) (bool, error) { return false, nil }

// OpenFile opens a regular file that is there.
func OpenFile(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	return onlyRegular(file)
}

// removeFile goes by the path: os.Root removes nothing under wine.
func removeFile(path string) error {
	info, err := os.Lstat(path)
	if err == nil && info.IsDir() {
		return &os.PathError{Op: "remove", Path: path, Err: ErrNotRegular}
	}
	if err == nil {
		err = patiently(func() error { return os.Remove(path) })
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func removeTree(path string) error {
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

// SyncFolder does nothing: rename writes through, and Windows cannot sync a folder.
func SyncFolder(string) error { return nil }

func rename(from, to string) error {
	source, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	target, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(source, target, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
}

func sharing(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}

// Space gives the bytes that may still be written to the folder's disk, and its size.
func Space(path string) (free, total uint64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, 0, err
	}
	err = windows.GetDiskFreeSpaceEx(name, &free, &total, nil)
	return free, total, err
}

// Network tells whether the folder is on another machine's disk, where locks and syncs cannot be trusted.
func Network(path string) (bool, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	volume := filepath.VolumeName(absolute)
	if len(volume) > 2 && volume[:2] == `\\` {
		return true, nil
	}
	root, err := windows.UTF16PtrFromString(volume + `\`)
	if err != nil {
		return false, err
	}
	return windows.GetDriveType(root) == windows.DRIVE_REMOTE, nil
}

// Grant gives the service's account every right on a file or folder.
func Grant(path string) error {
	descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	if strings.Contains(descriptor.String(), serviceSID) {
		return nil
	}
	list, _, err := descriptor.DACL()
	if err != nil {
		return err
	}
	sid, err := windows.StringToSid(serviceSID)
	if err != nil {
		return err
	}
	merged, err := windows.ACLFromEntries([]windows.EXPLICIT_ACCESS{{
		AccessPermissions: windows.GENERIC_ALL, AccessMode: windows.GRANT_ACCESS, Inheritance: windows.SUB_CONTAINERS_AND_OBJECTS_INHERIT,
		Trustee: windows.TRUSTEE{TrusteeForm: windows.TRUSTEE_IS_SID, TrusteeType: windows.TRUSTEE_IS_USER, TrusteeValue: windows.TrusteeValueFromSID(sid)},
	}}, list)
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, merged, nil)
}

// Exposed tells whether others have rights on a file or folder with secrets.
func Exposed(path string) (bool, error) {
	descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return false, err
	}
	_, had := withoutStrangers(descriptor.String())
	return had, nil
}

// MakeConfigFolder makes the folder of a configuration where it is missing. It is private: in ProgramData users may add files
// to other folders.
func MakeConfigFolder(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return MakePrivateFolder(path)
}

// ErrDiskFull is the system's error for a full disk.
var ErrDiskFull error = windows.ERROR_DISK_FULL

// ContentLost tells that an error of reading a file is about its content, and not about the moment: it is not there, it is
// no file, or the disk cannot read it. A scanner that holds the file is of the moment.
func ContentLost(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, windows.ERROR_CRC) || errors.Is(err, windows.ERROR_SECTOR_NOT_FOUND) ||
		errors.Is(err, windows.ERROR_FILE_CORRUPT) || errors.Is(err, windows.ERROR_IO_DEVICE)
}

// Reserve makes a file of a size whose space the disk allocates, as NTFS does when the length is set.
func Reserve(path string, size int64) error {
	file, err := CreatePrivate(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(size), file.Close())
}

// MappedDrive tells that a path lies on a drive that a user has mapped to a share: a service does not see it.
func MappedDrive(path string) bool {
	volume := filepath.VolumeName(path)
	if len(volume) != 2 {
		return false
	}
	root, err := windows.UTF16PtrFromString(volume + `\`)
	return err == nil && windows.GetDriveType(root) == windows.DRIVE_REMOTE
}

// nonblocking is of Unix: Windows keeps its pipes in no folder.
const nonblocking = 0
