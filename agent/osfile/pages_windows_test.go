package osfile

import (
	"errors"
	"testing"

	"golang.org/x/sys/windows"
)

func TestPagesLeaveTheWorkingSetThoughTheyWereNotLocked(t *testing.T) {
	for fault, want := range map[error]error{nil: nil, windows.ERROR_NOT_LOCKED: nil, windows.ERROR_ACCESS_DENIED: windows.ERROR_ACCESS_DENIED} {
		var got [2]uintptr
		err := giveBack(func(address, length uintptr) error { got = [2]uintptr{address, length}; return fault }, 0x10000, 0x2000)
		if !errors.Is(err, want) || got != [2]uintptr{0x10000, 0x2000} {
			t.Errorf("Windows says %v: got %v, of %x", fault, err, got)
		}
	}
}

func TestWholeWorkingSetIsEmptiedByTheGreatestSizes(t *testing.T) {
	calls := 0
	err := giveBackAll(func(process windows.Handle, least, most uintptr, flags uint32) error {
		if calls++; process != windows.CurrentProcess() || least != ^uintptr(0) || most != ^uintptr(0) || flags != 0 {
			t.Errorf("got %v %x %x %d", process, least, most, flags)
		}
		return windows.ERROR_ACCESS_DENIED
	})
	if calls != 1 || !errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		t.Errorf("%d calls, %v", calls, err)
	}
}
