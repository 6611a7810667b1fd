// Package service is the operating system's side of the agent: being started, stopped and registered as a service (the
// service manager of Windows, systemd), the event log that the chain's IT collects, what systemd wants to hear (ready,
// alive, stopping), and what is left of an agent that died.
//
// kardianos/service does what it does well: tells whether the service manager has started us, registers and removes. What
// it does not is ours: stopping with progress and a bound, preshutdown, recovery with the failure flag, idempotent verbs,
// and our own systemd unit.
package service

import (
	"context"
	"errors"

	"pdvagent/agent"
)

// Source is the agent's name as a service and in the event log.
const Source = "pdvagent"

// State is where a service stands.
type State string

// The states.
const (
	NotInstalled State = "not_installed"
	Stopped      State = "stopped"
	Starting     State = "starting"
	Running      State = "running"
	Stopping     State = "stopping"
)

// Status is what the service manager says of the service.
type Status struct {
	State   State  `json:"state"`
	PID     int    `json:"pid,omitempty"`
	Start   string `json:"start,omitempty"`   // auto, delayed, manual, disabled
	Account string `json:"account,omitempty"` // the user it runs as
	Command string `json:"command,omitempty"` // what is run
	Exit    int    `json:"exit,omitempty"`    // how it ended the last time; 0 is well
}

// Manager is the operating system's service manager, as far as the agent needs it. Every verb is idempotent: what is so
// already is no error. Errors are sentences for a person that say what to do ([agent.Error]).
type Manager interface {
	// Install registers the service, or repairs its registration: the command is set right, what was never set gets its
	// value, what an administrator changed stays. It does not start it. The notes say what could not be set and does no harm.
	Install(ctx context.Context) (notes []string, err error)
	Uninstall(ctx context.Context) error // stops it first; its files and data stay
	Start(ctx context.Context) error     // and waits until it runs
	Stop(ctx context.Context) error      // and waits until it has stopped
	Status(ctx context.Context) (Status, error)
}

// ErrDied is in the error of a start when the service was started and ended, or did not come up: something keeps the agent
// from running, not the service manager.
var ErrDied = errors.New("the service was started and does not run")

// Command is what a service runs.
type Command struct {
	Program string // absolute path
	Config  string // absolute path
	DataDir string // absolute path; with Config's folder what the service may write
	Unit    string // systemd's unit, whole; Linux only
}

// Program is the agent: it calls ready when tills are answered, and returns soon after ctx ends.
type Program func(ctx context.Context, ready func()) error

// eventID is the number under which an alarm stands in the event log, for filters; 1000 more when it ends. A number once
// given is never given to another alarm.
func eventID(code string) uint32 {
	switch code {
	case agent.AlarmUnauthorized:
		return 101
	case agent.AlarmRoutePaused:
		return 102
	case agent.AlarmStoreFull:
		return 103
	case agent.AlarmDeadJobs:
		return 104
	case agent.AlarmHeldJobs:
		return 105
	case agent.AlarmUnconfirmed:
		return 106
	case agent.AlarmClock:
		return 107
	case agent.AlarmPayment:
		return 109
	case agent.AlarmBoleto:
		return 110
	case agent.AlarmCertificate:
		return 111
	case agent.AlarmSalvaged:
		return 108
	}
	return 100
}
