package service

import "golang.org/x/sys/windows"

// NoDumps keeps Windows from reporting this process's memory when it dies: card data pass through it (SEC-13). Go's runtime
// asks for the same unless GOTRACEBACK is wer.
func NoDumps() {
	windows.SetErrorMode(windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX | windows.SEM_NOOPENFILEERRORBOX)
}
