package web

import (
	"errors"

	"golang.org/x/sys/windows"
)

func inUse(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}
