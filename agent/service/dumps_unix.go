//go:build !windows

package service

import "golang.org/x/sys/unix"

// NoDumps keeps the system from writing this process's memory to the disk when it dies: card data pass through it (SEC-13).
// The service's unit says the same; this is for who starts the agent otherwise.
func NoDumps() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // lowering one's own limit is always allowed
}
