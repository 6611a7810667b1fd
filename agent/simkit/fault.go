package simkit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kinds of faults. Those before Redirect are of every cloud ([CommonKinds]); a simulator names the others that it has.
const (
	Status   = "status"   // answers Fault.Status, with RetryAfter and Body if given or without any, and does nothing
	Says     = "says"     // answers 200 with Body, whatever that is, and does nothing
	HTML     = "html"     // answers 200 with a captive portal's page and does nothing
	Error200 = "error200" // answers 200 with an error inside and does nothing
	Reset    = "reset"    // resets the connection before the body is read
	Silence  = "silence"  // reads, does nothing and never answers
	Slow     = "slow"     // waits DelayMS, then behaves
	Lost     = "lost"     // does what was asked, then resets the connection without an answer
	Redirect = "redirect" // answers 307 to the same path with a slash added, and does nothing
	Vary     = "vary"     // behaves, by other settings for this request: those that Settings names
	Cut      = "cut"      // does what was asked, then cuts its answer after Percent of it
	Trickle  = "trickle"  // does what was asked, then gives its answer byte by byte, DelayMS apart
	Gone     = "gone"     // the cloud leaves the network for Seconds: connections are refused
)

// CommonKinds are the faults that every cloud has.
func CommonKinds() []string {
	return []string{Status, Says, HTML, Error200, Reset, Silence, Slow, Lost}
}

// Fault is one misbehaviour of a cloud (contracts/pix.md section 6, contracts/mercafacil.md 3.13).
type Fault struct {
	Route      string          `json:"route"` // a route's name, or "*"; of no meaning to Gone
	Fault      string          `json:"fault"` // a kind
	Status     int             `json:"status,omitempty"`
	RetryAfter int             `json:"retry_after,omitempty"` // seconds
	Body       string          `json:"body,omitempty"`
	NoBody     bool            `json:"no_body,omitempty"` // of Status: no body at all, instead of the cloud's own
	DelayMS    int             `json:"delay_ms,omitempty"`
	Seconds    int             `json:"seconds,omitempty"`
	Percent    *int            `json:"percent,omitempty"` // 0 to 99; nil: 50
	Settings   json.RawMessage `json:"settings,omitempty"`
	Times      int             `json:"times"` // requests that meet it; 0: all until it is switched off
}

// kindOf names the fields that mean something to one kind alone: a simulator without that kind does not know them.
func kindOf() map[string]string {
	return map[string]string{"seconds": Gone, "percent": Cut, "settings": Vary}
}

// decode reads a fault as JSON, without names that this cloud's faults do not have.
func (c *FaultConfig) decode(text []byte) (Fault, error) {
	var f Fault
	if len(text) == 0 {
		return f, nil
	}
	if err := strict(text, &f); err != nil {
		return f, err
	}
	var named map[string]json.RawMessage
	if err := json.Unmarshal(text, &named); err != nil {
		return f, err
	}
	for name := range named {
		if kind, only := kindOf()[strings.ToLower(name)]; only && !slices.Contains(c.Kinds, kind) {
			return f, fmt.Errorf("json: unknown field %q", name)
		}
	}
	return f, nil
}

// check refuses a fault that cannot be played.
func (c *FaultConfig) check(f Fault) error {
	switch {
	case !slices.Contains(c.Kinds, f.Fault):
		return fmt.Errorf("fault must be one of %s", strings.Join(c.Kinds, ", "))
	case f.Fault != Gone && f.Route != "*" && !slices.Contains(c.Routes, f.Route):
		return fmt.Errorf("route must be one of %s, or *", strings.Join(c.Routes, ", "))
	case f.Fault == Status && (f.Status < 300 || f.Status > 599):
		return fmt.Errorf("status must be 300 to 599, is %d", f.Status)
	case f.Percent != nil && (*f.Percent < 0 || *f.Percent > 99):
		return fmt.Errorf("percent must be 0 to 99, is %d", *f.Percent)
	case f.Times < 0 || f.DelayMS < 0 || f.Seconds < 0 || f.RetryAfter < 0:
		return c.negative()
	case f.Fault == Gone && (c.Leave == nil || f.Seconds == 0):
		return errors.New("gone wants seconds, and a sandbox that can leave the network")
	case f.Fault == Vary:
		return c.Vary(f.Settings)
	}
	return nil
}

func (c *FaultConfig) negative() error {
	if slices.Contains(c.Kinds, Gone) {
		return errors.New("times, delay_ms, seconds and retry_after must not be negative")
	}
	return errors.New("times, delay_ms and retry_after must not be negative")
}
