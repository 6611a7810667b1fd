package web

import (
	"errors"

	"golang.org/x/sys/windows"
)

func inUse(err error) bool { return errors.Is(err, windows.WSAEADDRINUSE) || reserved(err) }

// reserved tells that Windows itself keeps the port (Hyper-V and others reserve ranges), or for a program that wants it
// alone.
func reserved(err error) bool { return errors.Is(err, windows.WSAEACCES) }
