package osfile

import (
	"errors"
	"os"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The accounts whose files an installation takes for its own.
const (
	// serviceSID is the service's own account, NT SERVICE\pdvagent: Windows derives the number from the name, so it is the same
	// on every machine and known before the service is there.
	serviceSID       = "S-1-5-80-1234683028-4034056080-149188612-532590229-3580355973"
	systemSID        = "S-1-5-18"
	administratorSID = "S-1-5-32-544"
	installerSID     = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464" // NT SERVICE\TrustedInstaller
)

// The rights of files and folders: SYSTEM, Administrators, the service and the owner (OW), nobody else and nothing
// inherited ("P"). Whoever writes a file, an administrator's command or the service, the other can read it.
const (
	fileRights   = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)(A;;FA;;;" + serviceSID + ")"
	folderRights = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)(A;OICI;FA;;;" + serviceSID + ")"
	// programRights let everybody run what nobody but an administrator may replace.
	programRights = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;OICI;0x1200a9;;;" + serviceSID + ")"
)

// described is the whole security descriptor of what has rights. What an administrator makes belongs to the Administrators: the
// owner has every right, and who had made a folder before must not stay it.
func described(rights string, administrator bool) string {
	if administrator {
		return "O:BA" + rights
	}
	return rights
}

// administrator tells whether this process has the rights of an administrator, as SYSTEM has and the service's account has not.
var administrator = sync.OnceValue(func() bool {
	sid, err := windows.StringToSid(administratorSID)
	if err != nil {
		return false
	}
	member, err := windows.Token(0).IsMember(sid)
	return err == nil && member
})

func security(rights string) (*windows.SecurityAttributes, error) {
	descriptor, err := windows.SecurityDescriptorFromString(described(rights, administrator()))
	if err != nil {
		return nil, err
	}
	attributes := &windows.SecurityAttributes{SecurityDescriptor: descriptor}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	return attributes, nil
}

// protect replaces the rights on a file or folder, and as an administrator its owner.
func protect(path, rights string) error {
	descriptor, err := windows.SecurityDescriptorFromString(described(rights, administrator()))
	if err != nil {
		return err
	}
	owner, _, err := descriptor.Owner()
	if err != nil || owner == nil {
		return errors.Join(err, setRights(path, rights))
	}
	if err := takeOwnership(); err != nil {
		return err
	}
	err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION, owner, nil, nil, nil)
	if err != nil {
		return &os.PathError{Op: "take over", Path: path, Err: err}
	}
	return setRights(path, rights)
}

// setRights replaces the access list of a file or folder.
func setRights(path, rights string) error {
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

// takeOwnership switches on what lets an administrator take over a folder whose owner gives him no right on it.
var takeOwnership = sync.OnceValue(func() error {
	var token windows.Token
	if err := windows.OpenProcessToken(windows.CurrentProcess(), windows.TOKEN_ADJUST_PRIVILEGES|windows.TOKEN_QUERY, &token); err != nil {
		return err
	}
	for _, name := range []string{"SeTakeOwnershipPrivilege", "SeRestorePrivilege"} {
		privileges := windows.Tokenprivileges{PrivilegeCount: 1}
		privileges.Privileges[0].Attributes = windows.SE_PRIVILEGE_ENABLED
		text, err := windows.UTF16PtrFromString(name)
		if err == nil {
			err = windows.LookupPrivilegeValue(nil, text, &privileges.Privileges[0].Luid)
		}
		if err == nil {
			err = windows.AdjustTokenPrivileges(token, false, &privileges, 0, nil, nil)
		}
		if err != nil {
			return errors.Join(err, token.Close())
		}
	}
	return token.Close()
})

// trusted tells whether an account is the system's, an administrator's, the service's or this process' own.
func trusted(owner, self string) bool {
	switch owner {
	case serviceSID, systemSID, administratorSID, installerSID, self:
		return true
	}
	return strings.HasPrefix(owner, "S-1-5-21-") && strings.HasSuffix(owner, "-500") // the built-in Administrator
}

// Stranger names the owner of a file or folder, of a link itself, who is neither the system, an administrator, the service nor
// the caller; empty for none, and for what is missing.
func Stranger(path string) (string, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return "", err
	}
	handle, err := windows.CreateFile(name, windows.READ_CONTROL, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", &os.PathError{Op: "look at the owner", Path: path, Err: err}
	}
	defer func() { _ = windows.CloseHandle(handle) }() // only looked at
	descriptor, err := windows.GetSecurityInfo(handle, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return "", err
	}
	owner, _, err := descriptor.Owner()
	if err != nil {
		return "", err
	}
	self, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil || trusted(owner.String(), self.User.Sid.String()) {
		return "", err
	}
	account, domain, _, err := owner.LookupAccount("")
	if err != nil { // an account that is gone
		return owner.String(), nil //nolint:nilerr // it has its number as a name
	}
	return domain + `\` + account, nil
}
