package rig

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
)

// FreeAddress finds a free port on 127.0.0.1, below those that systems give to outgoing connections: a server that leaves its
// port and comes back must find it still free.
func FreeAddress(ctx context.Context) (string, error) {
	const lowest, number, tries = 20_000, 10_000, 50
	var c net.ListenConfig
	var err error
	for range tries {
		var listener net.Listener
		port := strconv.Itoa(lowest + rand.IntN(number)) //nolint:gosec // any free port will do
		if listener, err = c.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return listener.Addr().String(), listener.Close()
		}
	}
	return "", err
}

// Process is an agent in a process of its own, as it runs at a till.
type Process struct {
	Log bytes.Buffer // its standard error; read it only after the process has ended

	cmd  *exec.Cmd
	once sync.Once
}

// StartAgent runs this program as an agent. The process outlives ctx: the caller ends it with [Process.Kill].
func StartAgent(ctx context.Context, configPath string) (*Process, error) {
	return StartProgram(ctx, nil, "run", "--config", configPath)
}

// StartProgram runs this program with other arguments; it has the files from descriptor 3 on. It outlives ctx, too.
func StartProgram(ctx context.Context, files []*os.File, args ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{}
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), self, args...) //nolint:gosec // our own binary
	p.cmd.Stderr, p.cmd.ExtraFiles = &p.Log, files
	return p, p.cmd.Start()
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Running reports whether nobody has seen the process end.
func (p *Process) Running() bool { return p.cmd.ProcessState == nil }

// Wait waits until the process ends by itself; an exit code other than 0 is an error.
func (p *Process) Wait() error { return p.cmd.Wait() }

// Kill ends the process as a power cut would, by SIGKILL or TerminateProcess. It does nothing the second time.
func (p *Process) Kill() error {
	var err error
	p.once.Do(func() {
		err = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it reports the kill
	})
	return err
}
