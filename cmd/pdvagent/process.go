package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"sync"
)

// agentProcess is an agent in a process of its own, as it runs at a till.
type agentProcess struct {
	cmd  *exec.Cmd
	log  bytes.Buffer
	once sync.Once
}

func startAgent(ctx context.Context, configPath string) (*agentProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &agentProcess{}
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), self, "run", "--config", configPath) //nolint:gosec // our own binary
	p.cmd.Stderr = &p.log
	return p, p.cmd.Start()
}

// kill ends the process as a power cut would: SIGKILL, TerminateProcess on Windows. Dead already is as good.
func (p *agentProcess) kill() error {
	var err error
	p.once.Do(func() {
		err = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it reports the kill
	})
	return err
}
