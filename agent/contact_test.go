package agent_test

import (
	"testing"
	"time"

	"pdvagent/agent"
)

func TestContactIsWhatDeliveriesAndLiveCallsHaveSeen(t *testing.T) {
	start := time.Date(2026, 5, 14, 10, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	early, late := &agent.Outage{From: at(1), To: at(2)}, &agent.Outage{From: at(3), To: at(4)}
	for name, c := range map[string]struct {
		link    agent.Link
		circuit agent.Circuit
		want    agent.Contact
	}{
		"nothing was asked yet": {
			agent.Link{Online: true, Silent: true, Since: start}, agent.Circuit{Silent: true, Since: start}, agent.Contact{Since: start},
		},
		"away since the start": {
			agent.Link{Online: true, Silent: true, Since: start},
			agent.Circuit{Silent: true, Since: start, Reason: agent.ClassUnreachable},
			agent.Contact{Since: start, Reason: agent.ClassUnreachable},
		},
		"only a probe was answered": {
			agent.Link{Online: true, Silent: true, Since: start}, agent.Circuit{Since: at(1)}, agent.Contact{Online: true, Since: at(1)},
		},
		"only a delivery was answered": {
			agent.Link{Online: true, Since: start}, agent.Circuit{Silent: true, Since: start}, agent.Contact{Online: true, Since: start},
		},
		"live calls go without": {
			agent.Link{Online: true, Since: start},
			agent.Circuit{Open: true, Since: at(5), Reason: agent.ClassTimeout},
			agent.Contact{Since: at(5), Reason: agent.ClassTimeout},
		},
		"deliveries go without": {
			agent.Link{Since: at(5), Reason: agent.ClassBroken}, agent.Circuit{Since: start}, agent.Contact{Since: at(5), Reason: agent.ClassBroken},
		},
		"outages that ended": {
			agent.Link{Online: true, Since: at(2), Outage: early},
			agent.Circuit{Since: at(4), Outage: late},
			agent.Contact{Online: true, Since: at(4), Outage: late},
		},
	} {
		if got := agent.ContactOf(c.link, c.circuit); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}
