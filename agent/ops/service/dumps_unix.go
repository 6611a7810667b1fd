//go:build !windows

package service

import "golang.org/x/sys/unix"

// NoDumps keeps the system from writing this process's memory to the disk after a crash: card data pass through it (SEC-13).
// The systemd unit has the same limit; this is for an agent that is started without it.
func NoDumps() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // lowering one's own limit is always allowed
}
