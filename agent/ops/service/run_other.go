//go:build !windows

package service

import "context"

// Run runs the agent. Under systemd it runs as at a console; [Notifier] reports its state.
func Run(ctx context.Context, program Program) error { return program(ctx, func() {}) }
