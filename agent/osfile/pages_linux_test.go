package osfile

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestPagesOfAMappedFileThatWereGivenBackAreReadAgain(t *testing.T) {
	content := bytes.Repeat([]byte("abcdefgh"), 4096)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	mapped, err := unix.Mmap(int(file.Fd()), 0, len(content), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(mapped) }()
	if !bytes.Equal(mapped, content) { // every page is touched
		t.Fatal("the mapping is another file's")
	}
	before := residentOf(t, path)
	if err := GiveBack(uintptr(unsafe.Pointer(&mapped[0])), uintptr(len(mapped))); err != nil {
		t.Fatal(err)
	}
	if after := residentOf(t, path); before != "32 kB" || after != "0 kB" {
		t.Errorf("resident: %s, then %s", before, after)
	}
	if !bytes.Equal(mapped, content) {
		t.Error("what was given back is another text")
	}
}

// residentOf gives the resident size of a mapped file.
func residentOf(t *testing.T, path string) string {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	_, lines, found := strings.Cut(string(smaps), path+"\n")
	_, resident, ok := strings.Cut(lines, "Rss:")
	if !found || !ok {
		t.Fatalf("%s is not mapped", path)
	}
	resident, _, _ = strings.Cut(resident, "\n")
	return strings.TrimSpace(resident)
}

func TestOnlyUnchangedPagesOfTheProgramAreGivenBack(t *testing.T) {
	const smaps = `00400000-010cb000 r-xp 00000000 fe:01 77 /opt/pdv agent/pdvagent
Rss:                9772 kB
Anonymous:             0 kB
010cb000-01e08000 r--p 00ccb000 fe:01 77 /opt/pdv agent/pdvagent
Anonymous:             0 kB
01e08000-01e09000 r--p 01a08000 fe:01 77 /opt/pdv agent/pdvagent
Anonymous:             4 kB
01e09000-01f3a000 rw-p 01a09000 fe:01 77 /opt/pdv agent/pdvagent
Anonymous:             0 kB
7f0894600000-7f0895600000 r--s 00000000 fe:01 99 /var/lib/pdvagent/pdvagent.db
Anonymous:             0 kB
7f0895600000-7f0895700000 r--p 00000000 00:00 0
Anonymous:             0 kB
7f08e3743000-7f08e3899000 r-xp 00000000 fe:01 78 /usr/lib/libc.so.6
Anonymous:             0 kB
VmFlags: rd ex mr mw me
`
	got, err := unchanged(strings.NewReader(smaps), "/opt/pdv agent/pdvagent")
	if want := []pages{{0x400000, 0x10cb000}, {0x10cb000, 0x1e08000}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %x, %v", got, err)
	}
}

func TestProgramGoesOnAfterItsPagesWereGivenBack(t *testing.T) {
	for range 3 {
		if err := GiveBackProgram(); err != nil {
			t.Fatal(err)
		}
	}
}
