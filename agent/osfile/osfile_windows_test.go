package osfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// Windows computes the number from the service's name; a file that the service cannot read would stop the agent.
func TestServiceReadsWhatAnAdministratorWritesAndStrangersDoNot(t *testing.T) {
	for _, rights := range []string{fileRights, folderRights, programRights} {
		descriptor, err := windows.SecurityDescriptorFromString(rights)
		if err != nil {
			t.Fatal(err)
		}
		if text := descriptor.String(); !strings.Contains(text, serviceSID) || strings.Contains(text, ";WD)") {
			t.Errorf("got %s", text)
		}
	}
}

// On the text alone: wine keeps only the part of an access list that a Unix mode can express.
func TestStrangersLoseTheirEntriesInAnAccessList(t *testing.T) {
	for text, want := range map[string]string{
		"D:(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;BU)(A;;FR;;;WD)(A;;FR;;;LS)": "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;LS)",
		"D:AI(A;ID;FA;;;SY)(A;OICIID;FA;;;BA)(A;ID;0x1200a9;;;BU)":       "D:P(A;;FA;;;SY)(A;OICI;FA;;;BA)",
		"D:(A;;FA;;;SY)(A;;FA;;;S-1-5-80-123)(A;;FR;;;AU)(A;;FR;;;IU)":   "D:P(A;;FA;;;SY)(A;;FA;;;S-1-5-80-123)",
		"D:(A;;FA;;;WD)": fileRights,
		"D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)": "",
		"D:P(A;;FA;;;S-1-5-21-1-2-3-1001)":        "",
	} {
		got, had := withoutStrangers(text)
		if had != (want != "") || (had && got != want) {
			t.Errorf("%s: got %s, %v", text, got, had)
		}
	}
}

// On the text alone, as wine keeps no owner that is not the caller.
func TestWhatAnAdministratorMakesBelongsToTheAdministrators(t *testing.T) {
	for _, rights := range []string{fileRights, folderRights, programRights} {
		for _, admin := range []bool{true, false} {
			descriptor, err := windows.SecurityDescriptorFromString(described(rights, admin))
			if err != nil {
				t.Fatal(err)
			}
			owner, _, err := descriptor.Owner()
			if err != nil || admin != (owner != nil && owner.String() == administratorSID) {
				t.Errorf("administrator %v: the owner is %v, %v", admin, owner, err)
			}
			control, _, err := descriptor.Control()
			if err != nil || control&windows.SE_DACL_PROTECTED == 0 {
				t.Errorf("it takes on the rights of what it lies in: %x, %v", control, err)
			}
		}
	}
}

func TestWhoseFilesAnInstallationTakesForItsOwn(t *testing.T) {
	const self = "S-1-5-21-1-2-3-1001"
	for owner, want := range map[string]bool{
		systemSID: true, administratorSID: true, serviceSID: true, installerSID: true, self: true, "S-1-5-21-7-8-9-500": true,
		"S-1-5-21-1-2-3-1002": false, "S-1-5-32-545": false, "S-1-1-0": false, "S-1-5-80-1-500": false, "": false,
	} {
		if got := trusted(owner, self); got != want {
			t.Errorf("%s: got %v", owner, got)
		}
	}
}

func TestAFolderOfBeforeGetsTheRightsOfAPrivateOne(t *testing.T) {
	root, err := os.MkdirTemp("", "osfile-") //nolint:usetesting // under wine os.RemoveAll of t.TempDir does not work
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := RemoveTree(root); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(root, "a", "pdvagent")
	for range 2 { // made, and taken over
		if err := MakePrivateFolder(dir); err != nil {
			t.Fatal(err)
		}
		if stranger, err := Stranger(dir); stranger != "" || err != nil {
			t.Errorf("it belongs to %s, %v", stranger, err)
		}
		if exposed, err := Exposed(dir); exposed || err != nil {
			t.Errorf("others have rights: %v, %v", exposed, err)
		}
	}
	if stranger, err := Stranger(filepath.Join(dir, "nothing")); stranger != "" || err != nil {
		t.Errorf("nothing belongs to %s, %v", stranger, err)
	}
	path := filepath.Join(dir, "config.yaml")
	for _, text := range []string{"a", "b"} {
		if err := WriteNew(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := Replace(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Protect(path); err != nil {
		t.Error(err)
	}
	t.Logf("administrator: %v", administrator())
}
