//go:build !windows

package web

import (
	"errors"
	"syscall"
)

func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// reserved is Windows' alone.
func reserved(error) bool { return false }
