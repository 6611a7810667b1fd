package osfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// serviceSID is the service's own account, NT SERVICE\pdvagent: Windows derives the number from the name, so it is the same
// on every machine and known before the service is there.
const serviceSID = "S-1-5-80-1234683028-4034056080-149188612-532590229-3580355973"

// The rights of files and folders: SYSTEM, Administrators, the service and the owner (OW), nobody else and nothing
// inherited ("P"). Whoever writes a file, an administrator's command or the service, the other can read it.
const (
	fileRights   = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)(A;;FA;;;" + serviceSID + ")"
	folderRights = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)(A;OICI;FA;;;" + serviceSID + ")"
	// programRights let everybody run what nobody but an administrator may replace.
	programRights = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;OICI;0x1200a9;;;" + serviceSID + ")"
)

func security(rights string) (*windows.SecurityAttributes, error) {
	descriptor, err := windows.SecurityDescriptorFromString(rights)
	if err != nil {
		return nil, err
	}
	attributes := &windows.SecurityAttributes{SecurityDescriptor: descriptor}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	return attributes, nil
}

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
func MakePrivateFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return protect(path, folderRights)
}

// MakeProgramFolder makes a folder whose content everybody may run and only administrators may change.
func MakeProgramFolder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // Windows takes no modes; the access list follows
		return err
	}
	return protect(path, programRights)
}

// Protect makes a file private to the system, administrators, the service and its owner.
func Protect(path string) error { return protect(path, fileRights) }

func protect(path, rights string) error {
	descriptor, err := windows.SecurityDescriptorFromString(rights)
	if err != nil {
		return err
	}
	list, _, err := descriptor.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}

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
	return true, protect(path, rights)
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
