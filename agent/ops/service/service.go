// Package service is the agent's interface to the operating system's service manager (Windows, systemd): [Run] runs the
// agent under it, [Manager] registers, starts and stops the service, [Notifier] reports readiness and liveness to systemd,
// [EventLog] writes to the event log of Windows, and [CrashReporter] keeps the report of a crash.
//
// It knows nothing of sales. cmd/internal/app and cmd/internal/cli call it, and package setup installs through [Manager].
// kardianos/service registers and removes the service and tells whether the service manager started the process; stopping
// with progress and a bound, preshutdown, recovery with the failure flag, idempotent verbs and the systemd unit are here.
package service

import (
	"context"
	"errors"

	"pdvagent/agent"
)

// Source is the agent's name as a service and in the event log.
const Source = "pdvagent"

// State is the state of a service.
type State string

// The states.
const (
	NotInstalled State = "not_installed"
	Stopped      State = "stopped"
	Starting     State = "starting"
	Running      State = "running"
	Stopping     State = "stopping"
)

// Status is a service as its manager reports it.
type Status struct {
	State   State  `json:"state"`
	PID     int    `json:"pid,omitempty"`
	Start   string `json:"start,omitempty"`   // auto, delayed, manual, disabled
	Account string `json:"account,omitempty"` // the user it runs as
	Command string `json:"command,omitempty"` // the command line
	Exit    int    `json:"exit,omitempty"`    // exit code of its latest end; 0: without an error
}

// Manager is the operating system's service manager. Every verb is idempotent: a service that is in the wanted state
// already is no error. Errors are sentences for a person that say what to do ([agent.Error]).
type Manager interface {
	// Install registers the service, or repairs its registration: it corrects the command, sets what was never set, and keeps
	// what an administrator changed. It does not start the service. The notes, in Portuguese, name what could not be set and
	// is not needed.
	Install(ctx context.Context) (notes []string, err error)
	Uninstall(ctx context.Context) error // stops it first; its files and data stay
	Start(ctx context.Context) error     // and waits until it runs
	Stop(ctx context.Context) error      // and waits until it has stopped
	Status(ctx context.Context) (Status, error)
}

// ErrDied is in the error of a start when the service manager started the service and the service ended, or never became
// ready: the cause is in the agent or its configuration.
var ErrDied = errors.New("the service was started and does not run")

// Command is what the service runs.
type Command struct {
	Program string // absolute path
	Config  string // absolute path
	DataDir string // absolute path; the service may write here and in the folder of Config
	Unit    string // the text of systemd's unit; Linux only
}

// Program is the agent: it calls ready when it answers tills, and returns soon after ctx ends.
type Program func(ctx context.Context, ready func()) error

// eventID is an alarm's event number in the event log of Windows, for filters; its end has that number plus 1000. A number
// is never reused for another alarm.
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
	case agent.AlarmLoad:
		return 120
	case agent.AlarmBoleto:
		return 110
	case agent.AlarmCertificate:
		return 111
	case agent.AlarmSettlement:
		return 121
	case agent.AlarmSalvaged:
		return 108
	case agent.AlarmCloned:
		return 122
	case agent.AlarmDamaged:
		return 123
	case agent.AlarmBusy:
		return 124
	case agent.AlarmBackupCopy:
		return 125
	case agent.AlarmShopConflict:
		return 126
	case agent.AlarmTrial:
		return 127
	case agent.AlarmChain:
		return 128
	case agent.AlarmUnread:
		return 112
	case agent.AlarmSaleNotes:
		return 116
	case agent.AlarmTillClock:
		return 117
	}
	return 100
}
