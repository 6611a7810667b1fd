//go:build !windows

package service

import "context"

// Run runs the agent under whoever has started it: systemd and a person at a console look alike; see [Notifier].
func Run(ctx context.Context, program Program) error { return program(ctx, func() {}) }
