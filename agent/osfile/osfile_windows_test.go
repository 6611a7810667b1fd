package osfile

import (
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
