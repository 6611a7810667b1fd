package store

import (
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"

	"pdvagent/agent"
)

// errTorn says that bbolt, or the memory under its pages, gave up on the file.
var errTorn = fmt.Errorf("%w: pages", agent.ErrDamaged)

// guarded runs what reads mapped pages. A page that leads nowhere is an error then, not the end of the process.
func guarded(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errTorn, p)
		}
	}()
	return do()
}

// damage tells whether an error of opening speaks of the file's content. A refusal in words, or one of the system's, does
// not.
func damage(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, agent.ErrDamaged) || errors.Is(err, berrors.ErrInvalid) || errors.Is(err, berrors.ErrChecksum) ||
		errors.Is(err, berrors.ErrVersionMismatch) {
		return true
	}
	var said *agent.Error
	var system syscall.Errno
	return !errors.As(err, &said) && !errors.As(err, &system)
}
