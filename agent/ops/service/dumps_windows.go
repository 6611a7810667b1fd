package service

import "golang.org/x/sys/windows"

// NoDumps keeps Windows from writing this process's memory into a crash report: card data pass through it (SEC-13). Go's runtime
// asks for the same unless GOTRACEBACK is wer.
func NoDumps() {
	windows.SetErrorMode(windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX | windows.SEM_NOOPENFILEERRORBOX)
}
