package osfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// GiveBack tells the system that the pages of a mapped file, which is only read, are not needed for now: they leave the
// process's memory and come back, mostly without the disk, when they are touched. address is a page's.
func GiveBack(address, length uintptr) error {
	if _, _, errno := unix.Syscall(unix.SYS_MADVISE, address, length, unix.MADV_DONTNEED); errno != 0 {
		return os.NewSyscallError("madvise", errno)
	}
	return nil
}

// GiveBackProgram does the same for the program's own file: of what it runs at its start, little is needed again.
func GiveBackProgram() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return err
	}
	ranges, err := unchanged(maps, program)
	err = errors.Join(err, maps.Close())
	for _, r := range ranges {
		err = errors.Join(err, GiveBack(r.start, r.end-r.start))
	}
	return err
}

type pages struct{ start, end uintptr }

// unchanged finds where a file is mapped to be read or run and every page is still the file's: what a loader has changed would
// be lost.
func unchanged(smaps io.Reader, path string) (ranges []pages, err error) {
	lines := bufio.NewScanner(smaps)
	var at pages // of the mapping whose lines come; nothing where it is not wanted
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) > 5 && !strings.HasSuffix(fields[0], ":"): // a mapping's first line: range, rights, offset, device, inode, path
			at = pages{}
			if strings.HasSuffix(lines.Text(), " "+path) && (fields[1] == "r--p" || fields[1] == "r-xp") {
				_, err = fmt.Sscanf(fields[0], "%x-%x", &at.start, &at.end)
			}
		case len(fields) == 5 && !strings.HasSuffix(fields[0], ":"): // a mapping of no file
			at = pages{}
		case len(fields) == 3 && fields[0] == "Anonymous:" && fields[1] == "0" && at.end > at.start:
			ranges = append(ranges, at)
		}
		if err != nil {
			return nil, err
		}
	}
	return ranges, lines.Err()
}
