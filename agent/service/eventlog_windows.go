package service

import (
	"golang.org/x/sys/windows/svc/eventlog"

	"pdvagent/agent"
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

// Close lets go of it.
func (l *EventLog) Close() error { return l.log.Close() }
