package agent

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Codes of alarms.
const (
	AlarmUnauthorized = "cloud_unauthorized"   // the cloud refuses our token
	AlarmBusy         = "cloud_busy"           // the cloud asks for a wait longer than any wait of ours
	AlarmRoutePaused  = "route_paused"         // a route of the cloud refuses everything
	AlarmStoreFull    = "store_full"           // no new job finds room
	AlarmDeadJobs     = "dead_jobs"            // the cloud refused something for good
	AlarmHeldJobs     = "held_jobs"            // a job waits for a person's decision
	AlarmUnread       = "unread_bodies"        // a till's body could not be read, and is kept
	AlarmUnconfirmed  = "discount_unconfirmed" // sales were sent without the confirm of their session
	AlarmClock        = "clock_suspect"        // the machine's clock went back or jumped
	AlarmTillClock    = "till_clock"           // a till's receipts have a date far from today
	AlarmSaleNotes    = "sale_notes"           // a till repeats the same odd thing in its sales
	AlarmPayment      = "payment_attention"    // a payment needs a decision
	AlarmBoleto       = "boleto_review"        // money of a boleto needs a decision
	AlarmSettlement   = "settlement_unclear"   // the bank's word on what was paid is not understood, or not whole
	AlarmCertificate  = "certificate_expiring" // the shop's certificate ends soon, or cannot be used
	AlarmSalvaged     = "store_salvaged"       // the database was damaged and written anew from what was found
	AlarmCloned       = "store_cloned"         // the data folder is a copy of another installation's
	AlarmDamaged      = "store_damaged"        // something in the database cannot be read, and is not mended yet
	AlarmBackupCopy   = "backup_copy"          // no copy of the backup reaches its folder
	AlarmShopConflict = "shop_conflict"        // a second agent of the till, or a second primary till, or the same data on two machines
	AlarmTrial        = "config_trial"         // a change of the configuration was tried, and nobody kept it
	AlarmLoad         = "load_refused"         // a load's source was refused as a whole
	AlarmChain        = "chain_refused"        // the chain's hub does not take this agent
)

// Alarm is one trouble that needs a person. It is raised once and lasts until it is cleared.
type Alarm struct {
	Code    string    `json:"code"`
	Subject string    `json:"subject,omitempty"` // what it is about, such as a route
	Detail  string    `json:"detail"`            // Portuguese, says what to do
	Since   time.Time `json:"since"`
}

// Alarms keeps the active alarms. The zero value is ready; it is safe for concurrent use.
type Alarms struct {
	mu      sync.Mutex
	active  map[string]Alarm
	changed chan struct{} // closed at the next change; nil while nobody waits
}

// Changed gives a channel that is closed when an alarm is next raised or cleared. Take it before reading the list.
func (a *Alarms) Changed() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changed == nil {
		a.changed = make(chan struct{})
	}
	return a.changed
}

// notify wakes who waits for a change. The caller has the lock.
func (a *Alarms) notify() {
	if a.changed != nil {
		close(a.changed)
		a.changed = nil
	}
}

// Raise adds the alarm and tells whether it is new. An active one with the same code and subject stays as it is.
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
	a.notify()
	return true
}

// Clear removes the alarm and tells whether it was active.
func (a *Alarms) Clear(code, subject string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := code + "\x00" + subject
	_, known := a.active[id]
	delete(a.active, id)
	a.notify()
	return known
}

// List gives the active alarms, oldest first.
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
