//go:build !windows

package web

import (
	"errors"
	"syscall"
)

// InUse tells that an address could not be opened because another program has it.
func InUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// reserved reports a port that Windows has reserved.
func reserved(error) bool { return false }
