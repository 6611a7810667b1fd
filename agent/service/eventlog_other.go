//go:build !windows

package service

import "pdvagent/agent"

// EventLog is nothing of its own here: systemd's journal has the agent's log.
type EventLog struct{}

// OpenEventLog opens it.
func OpenEventLog() (*EventLog, error) { return &EventLog{}, nil }

// Tell does nothing.
func (*EventLog) Tell(agent.Alarm, bool) {}

// Failed does nothing.
func (*EventLog) Failed(error) {}

// Crashed does nothing.
func (*EventLog) Crashed(string) {}

// Close does nothing.
func (*EventLog) Close() error { return nil }
