package service

import (
	"errors"

	"golang.org/x/sys/windows/svc/eventlog"

	"pdvagent/agent"
)

// Numbers of what is no alarm.
const (
	eventFailed  = 201 // the agent ended with an error
	eventCrashed = 202 // the run before died; the text says where its last words are
)

// EventLog is the Application log of Windows.
type EventLog struct{ log *eventlog.Log }

// OpenEventLog opens it. A source that was never installed works too: Windows shows the text after a remark.
func OpenEventLog() (*EventLog, error) {
	log, err := eventlog.Open(Source)
	return &EventLog{log}, err
}

// Tell writes that an alarm began or ended.
func (l *EventLog) Tell(alarm agent.Alarm, ended bool) {
	id, text := eventID(alarm.Code), alarm.Code+": "+alarm.Detail
	if alarm.Subject != "" {
		text = alarm.Code + " (" + alarm.Subject + "): " + alarm.Detail
	}
	if ended {
		_ = l.log.Info(id+1000, "Resolvido. "+text) // the log has it too
		return
	}
	_ = l.log.Warning(id, text) // the log has it too
}

// Failed writes that the agent has ended with an error.
func (l *EventLog) Failed(err error) {
	text := err.Error()
	if said, ok := errors.AsType[*agent.Error](err); ok {
		text = said.Message + " (" + text + ")"
	}
	_ = l.log.Error(eventFailed, "O pdvagent terminou com erro e será iniciado de novo: "+text) // nobody is left to tell
}

// Crashed writes that the run before died, and where its last words are.
func (l *EventLog) Crashed(file string) {
	_ = l.log.Error(eventCrashed, "O pdvagent terminou de repente e foi iniciado de novo. Os detalhes estão em "+file) // the log has it too
}

// Close lets go of it.
func (l *EventLog) Close() error { return l.log.Close() }
