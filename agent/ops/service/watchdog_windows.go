package service

import (
	"os"
	"os/exec"
	"syscall"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows"
)

// newCompanion gives the companion of a service; none at a console, where nobody would start the agent again.
func newCompanion() *companion {
	if service.Interactive() {
		return nil
	}
	return &companion{command: func() *exec.Cmd {
		program, _ := os.Executable()                     // without it the start says so
		command := exec.Command(program, WatchdogCommand) //nolint:gosec,noctx // our own program; the end of its pipe ends it
		command.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS}
		return command
	}}
}
