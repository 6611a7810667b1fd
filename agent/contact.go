package agent

import "time"

// Link is the state of a cloud for the engine that delivers to it.
type Link struct {
	Online bool
	Silent bool      // no delivery has had an answer since the start
	Since  time.Time // of the present state
	Reason Class     // why not online; empty when online or when the token is refused
	Paused []string  // "cloud" or kinds whose route refuses everything
	Outage *Outage   // the last one that ended; nil: none since the start
}

// Circuit is the state of a cloud for the calls that wait for its answer.
type Circuit struct {
	Open   bool // live calls are answered without the cloud
	Silent bool // neither a live call nor a probe has had an answer since the start
	Since  time.Time
	Reason Class   // of the failure that opened it, or of the last one while it is silent
	Outage *Outage // the last one that ended; nil: none since the start
}

// Outage is a time without a cloud that has ended.
type Outage struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason Class     `json:"reason,omitempty"`
}

// Contact is whether a cloud answers: the one source of status, doctor and metrics.
type Contact struct {
	Online bool      // it has answered since the start, and neither deliveries nor live calls go without
	Since  time.Time // of the present state
	Reason Class     // why not online; empty where it is, or where nothing was asked yet
	Outage *Outage   // the last one that ended
}

// ContactOf puts together what deliveries and live calls have seen.
func ContactOf(link Link, circuit Circuit) Contact {
	c := Contact{Since: link.Since, Reason: link.Reason, Outage: link.Outage}
	silent := link.Silent && circuit.Silent
	c.Online = link.Online && !circuit.Open && !silent
	switch {
	case circuit.Open:
		c.Reason = circuit.Reason
		if link.Online {
			c.Since = circuit.Since
		}
	case silent && link.Online:
		c.Reason = circuit.Reason
	case c.Online && circuit.Since.After(c.Since):
		c.Since = circuit.Since
	}
	if c.Outage == nil || circuit.Outage != nil && circuit.Outage.To.After(c.Outage.To) {
		c.Outage = circuit.Outage
	}
	return c
}
