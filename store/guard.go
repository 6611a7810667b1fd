package store

import (
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"

	"pdvagent/agent"
)

// errTornPage is a panic of bbolt, or a fault of the memory that its pages are mapped to.
var errTornPage = fmt.Errorf("%w: pages", agent.ErrDamaged)

// guarded runs a function that reads mapped pages. A page that leads nowhere becomes an error and does not end the process.
func guarded(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errTornPage, p)
		}
	}()
	return do()
}

// isDamage tells whether an error of opening is about the file's content. A refusal for a person and an error of the
// system are not.
func isDamage(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, agent.ErrDamaged) || errors.Is(err, berrors.ErrInvalid) || errors.Is(err, berrors.ErrChecksum) ||
		errors.Is(err, berrors.ErrVersionMismatch) {
		return true
	}
	var refusal *agent.Error
	var system syscall.Errno
	return !errors.As(err, &refusal) && !errors.As(err, &system)
}
