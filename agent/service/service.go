// Package service is the operating system's side of the agent: the event log that the chain's IT collects (on Windows the
// Application log; on Linux systemd keeps the agent's own log), and what systemd wants to hear: ready, alive, stopping.
package service

import "pdvagent/agent"

// Source is the agent's name in the event log.
const Source = "pdvagent"

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
	}
	return 100
}
