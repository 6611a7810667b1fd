//go:build !windows

package door

import (
	"math"
	"syscall"
)

// files is how many files the process may have open; Go's runtime has raised the soft limit to the hard one.
func files() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt
	}
	return int(min(limit.Cur, math.MaxInt32))
}
