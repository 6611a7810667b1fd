//go:build !windows

package service

import "pdvagent/agent"

// EventLog does nothing: the system's journal has the agent's log.
type EventLog struct{}

// OpenEventLog returns an EventLog.
func OpenEventLog() (*EventLog, error) { return &EventLog{}, nil }

// Alarm does nothing.
func (*EventLog) Alarm(agent.Alarm, bool) {}

// Failed does nothing.
func (*EventLog) Failed(error) {}

// Crashed does nothing.
func (*EventLog) Crashed(string) {}

// Hung does nothing.
func (*EventLog) Hung(error) {}

// Close does nothing.
func (*EventLog) Close() error { return nil }
