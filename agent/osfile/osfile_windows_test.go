package osfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"pdvagent/agent/osfile"
)

func rights(t *testing.T, path string) string {
	t.Helper()
	descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	return descriptor.String()
}

func TestStrangersLoseTheirRightsOnAFileWithSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	descriptor, err := windows.SecurityDescriptorFromString("D:(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;BU)(A;;FR;;;WD)(A;;FR;;;LS)")
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := descriptor.DACL()
	if err != nil {
		t.Fatal(err)
	}
	if err := windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, list, nil); err != nil {
		t.Fatal(err)
	}
	if before := rights(t, path); !strings.Contains(before, ";WD)") && !strings.Contains(before, ";BU)") {
		t.Skipf("this system does not keep rights: %s", before) // wine keeps only what a Unix mode can say
	}
	open, err := osfile.Restrict(path)
	if after := rights(t, path); err != nil || !open || strings.Contains(after, ";WD)") || strings.Contains(after, ";BU)") {
		t.Errorf("got %v, %v, rights %s", open, err, after)
	}
	if open, err := osfile.Restrict(path); open || err != nil {
		t.Errorf("again: got %v, %v, rights %s", open, err, rights(t, path))
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "x" {
		t.Errorf("its owner reads %q, %v", got, err)
	}
}
