package web

import (
	"errors"

	"golang.org/x/sys/windows"
)

// InUse tells that an address could not be opened because another program has it.
func InUse(err error) bool { return errors.Is(err, windows.WSAEADDRINUSE) || reserved(err) }

// reserved tells that Windows itself keeps the port (Hyper-V and others reserve ranges), or for a program that wants it
// alone.
func reserved(err error) bool { return errors.Is(err, windows.WSAEACCES) }
