//go:build !windows

package osfile

import "testing"

func TestNetworkFileSystemsAreKnownByTheirMagic(t *testing.T) {
	for name, c := range map[string]struct {
		magic uint32
		want  bool
	}{
		"nfs": {0x6969, true}, "cifs": {0xff534d42, true}, "smb2": {0xfe534d42, true}, "9p": {0x01021997, true},
		"ext4": {0xef53, false}, "xfs": {0x58465342, false}, "btrfs": {0x9123683e, false}, "tmpfs": {0x01021994, false}, "overlay": {0x794c7630, false},
	} {
		if got := networkMagic(c.magic); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
