package service

import (
	"errors"

	"golang.org/x/sys/windows/svc/eventlog"

	"pdvagent/agent"
)

// Event numbers apart from those of alarms.
const (
	eventFailed  = 201 // the agent ended with an error
	eventCrashed = 202 // the run before crashed; the text names the file of its report
	eventHung    = 203 // the watchdog ended an agent that did not answer
)

// EventLog is the Application log of Windows.
type EventLog struct{ log *eventlog.Log }

// OpenEventLog opens the log. Without a registered source Windows shows the text after a remark.
func OpenEventLog() (*EventLog, error) {
	log, err := eventlog.Open(Source)
	return &EventLog{log}, err
}

// Alarm writes that an alarm began or ended.
func (l *EventLog) Alarm(alarm agent.Alarm, ended bool) {
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
	if refusal, ok := errors.AsType[*agent.Error](err); ok {
		text = refusal.Message + " (" + text + ")"
	}
	_ = l.log.Error(eventFailed, "O pdvagent terminou com erro e será iniciado de novo: "+text) // the process is ending
}

// Crashed writes that the run before crashed, and where its report is.
func (l *EventLog) Crashed(file string) {
	_ = l.log.Error(eventCrashed, "O pdvagent terminou de repente e foi iniciado de novo. Os detalhes estão em "+file) // the log has it too
}

// Hung writes that the watchdog ended a silent agent, or could not.
func (l *EventLog) Hung(err error) {
	text := "O pdvagent não respondia há um minuto. O vigia o encerrou, e o Windows o inicia de novo."
	if err != nil {
		text = "O pdvagent não responde há um minuto, e o vigia não pôde encerrá-lo: " + err.Error()
	}
	_ = l.log.Error(eventHung, text) // nobody else is there to be told
}

// Close closes the log.
func (l *EventLog) Close() error { return l.log.Close() }
