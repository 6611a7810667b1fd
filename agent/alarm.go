package agent

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Codes of what needs a person.
const (
	AlarmUnauthorized = "cloud_unauthorized"   // the cloud refuses our token
	AlarmRoutePaused  = "route_paused"         // a route of the cloud refuses everything
	AlarmStoreFull    = "store_full"           // nothing more can be kept
	AlarmDeadJobs     = "dead_jobs"            // the cloud refused something for good
	AlarmHeldJobs     = "held_jobs"            // something is kept until a person decides
	AlarmUnconfirmed  = "discount_unconfirmed" // sales went without the confirm of their session
	AlarmClock        = "clock_suspect"        // the machine's clock went back or jumped
	AlarmPayment      = "payment_attention"    // a payment needs a decision
	AlarmBoleto       = "boleto_review"        // money of a boleto needs a decision
	AlarmCertificate  = "certificate_expiring" // the shop's certificate ends soon, or cannot be used
	AlarmSalvaged     = "store_salvaged"       // the database was damaged and written anew from what was found
)

// Alarm is one trouble that needs a person, said once until it ends.
type Alarm struct {
	Code    string    `json:"code"`
	Subject string    `json:"subject,omitempty"` // what it is about: a route
	Detail  string    `json:"detail"`            // Portuguese, says what to do
	Since   time.Time `json:"since"`
}

// Alarms keeps the troubles that last. The zero value is ready; it is safe for concurrent use.
type Alarms struct {
	mu     sync.Mutex
	active map[string]Alarm
	notice chan struct{} // closed at the next change; nil while nobody asked
}

// Changed gives a channel that is closed when an alarm is next raised or cleared. Take it before reading the list.
func (a *Alarms) Changed() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.notice == nil {
		a.notice = make(chan struct{})
	}
	return a.notice
}

// tell is called with the lock held.
func (a *Alarms) tell() {
	if a.notice != nil {
		close(a.notice)
		a.notice = nil
	}
}

// Raise adds the alarm and tells whether it is new; the same code and subject again change nothing.
func (a *Alarms) Raise(alarm Alarm) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := alarm.Code + "\x00" + alarm.Subject
	if _, known := a.active[id]; known {
		return false
	}
	if a.active == nil {
		a.active = make(map[string]Alarm)
	}
	a.active[id] = alarm
	a.tell()
	return true
}

// Clear ends the alarm and tells whether it was active.
func (a *Alarms) Clear(code, subject string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := code + "\x00" + subject
	_, known := a.active[id]
	delete(a.active, id)
	a.tell()
	return known
}

// List gives the active ones, oldest first.
func (a *Alarms) List() []Alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Alarm, 0, len(a.active))
	for _, alarm := range a.active {
		list = append(list, alarm)
	}
	slices.SortFunc(list, func(x, y Alarm) int {
		if order := x.Since.Compare(y.Since); order != 0 {
			return order
		}
		return strings.Compare(x.Code+x.Subject, y.Code+y.Subject)
	})
	return list
}
