package mercafacilsim

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is one misbehaviour of the cloud (contract 3.13).
//
//	status      answers Status (with RetryAfter and Body if given) and does nothing
//	says        answers 200 with Body, whatever that is, and does nothing
//	html        answers 200 with a captive portal's page and does nothing
//	redirect    answers 307 to the same path with a slash added, and does nothing
//	reset       resets the connection before anything was read
//	silence     reads, does nothing and never answers
//	vary        behaves, by other [Settings] for this request: those that Settings names
//	slow        waits DelayMS, then behaves
//	cut         does what was asked, then cuts its answer after Percent of it, 50 if it is not given
//	trickle     does what was asked, then gives its answer byte by byte, DelayMS apart
//	lost        does what was asked, then resets the connection without an answer
//	error200    answers 200 with an error inside and does nothing
//	excess      does what was asked, with a discount larger than its line (apply)
//	mismatch    does what was asked, with sums that do not add up (apply)
//	no_items    does what was asked, and leaves the items out of the answer (apply)
//	null_items  does what was asked, with items null (apply)
//	gone        the cloud leaves the network for Seconds: connections are refused
type Fault struct {
	Route      string          `json:"route"` // a route's name, or "*"
	Fault      string          `json:"fault"`
	Status     int             `json:"status,omitempty"`
	RetryAfter int             `json:"retry_after,omitempty"` // seconds
	Body       string          `json:"body,omitempty"`
	DelayMS    int             `json:"delay_ms,omitempty"`
	Seconds    int             `json:"seconds,omitempty"`
	Percent    *int            `json:"percent,omitempty"`
	Settings   json.RawMessage `json:"settings,omitempty"`
	Times      int             `json:"times"` // how often; 0 means until told otherwise
	left       int
}

// Add switches a fault on; the first that fits a request plays.
func (s *Sim) Add(f Fault) error {
	names := []string{
		"status", "says", "html", "redirect", "reset", "silence", "slow", "cut", "trickle", "lost", "error200", "excess", "mismatch", "no_items", "null_items", "vary", "gone",
	}
	switch {
	case !slices.Contains(names, f.Fault):
		return fmt.Errorf("fault must be one of %s", strings.Join(names, ", "))
	case f.Fault == "status" && (f.Status < 300 || f.Status > 599):
		return fmt.Errorf("status must be 300 to 599, is %d", f.Status)
	case f.Percent != nil && (*f.Percent < 0 || *f.Percent > 99):
		return fmt.Errorf("percent must be 0 to 99, is %d", *f.Percent)
	case f.Times < 0 || f.DelayMS < 0 || f.Seconds < 0 || f.RetryAfter < 0:
		return fmt.Errorf("times, delay_ms, seconds and retry_after must not be negative")
	case f.Fault == "gone":
		if s.cfg.Gone == nil || f.Seconds == 0 {
			return fmt.Errorf("gone wants seconds, and a sandbox that can leave the network")
		}
		s.cfg.Gone(time.Duration(f.Seconds) * time.Second)
		return nil
	case f.Route != "*" && !slices.Contains(routes(), f.Route):
		return fmt.Errorf("route must be one of %s, or *", strings.Join(routes(), ", "))
	}
	f.left = f.Times
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Fault == "vary" {
		if _, err := s.settings.with(f.Settings); err != nil {
			return err
		}
	}
	s.faults = append(s.faults, &f)
	return nil
}

// Faults gives those that are on.
func (s *Sim) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Fault, len(s.faults))
	for i, f := range s.faults {
		list[i] = *f
	}
	return list
}

// Heal switches every fault off.
func (s *Sim) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// take finds the fault for a request and uses it up.
func (s *Sim) take(route string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Route != "*" && f.Route != route {
			continue
		}
		if f.Times > 0 {
			if f.left--; f.left == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		copied := *f
		return &copied
	}
	return nil
}

// before plays the faults without effect; true when the request is answered, or never will be.
func (f *Fault) before(w http.ResponseWriter, r *http.Request) bool {
	if f == nil {
		return false
	}
	switch f.Fault {
	case "status":
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		if f.Body != "" {
			w.WriteHeader(f.Status)
			say(w, f.Body)
			return true
		}
		plain(w, f.Status, refused(f.Status, http.StatusText(f.Status)))
	case "says":
		w.Header().Set("Content-Type", "application/json")
		say(w, f.Body)
	case "html":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!DOCTYPE html><title>Login</title><p>Bem-vindo ao Wi-Fi do shopping.")) // as above
	case "redirect":
		w.Header().Set("Location", r.URL.Path+"/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	case "error200":
		plain(w, http.StatusOK, map[string]any{"error": "internal error"})
	case "reset":
		reset(w)
	case "silence":
		_, _ = io.Copy(io.Discard, r.Body) // a request that was read is told of its client's end
		<-r.Context().Done()
		reset(w)
	case "slow":
		wait(r, time.Duration(f.DelayMS)*time.Millisecond)
		return false
	default:
		return false
	}
	return true
}

// say writes what the person at the control told this cloud to say, whatever that is.
func say(w http.ResponseWriter, text string) {
	_, err := w.Write([]byte(text)) //nolint:gosec // a till is no browser, and a fault is meant to be wrong
	_ = err                         // the client is gone: nobody to tell
}

// distort plays the faults that make an answer wrong.
func (f *Fault) distort(fields map[string]any) {
	if f == nil {
		return
	}
	items, _ := fields["items"].([]any)
	if len(items) == 0 {
		return
	}
	first, _ := items[0].(map[string]any)
	switch f.Fault {
	case "excess":
		first["discount_value"], first["total_value_with_discount"] = json.Number("999999.00"), json.Number("0.00")
	case "mismatch":
		first["discount_value"] = json.Number("0.50")
		first["total_value_with_discount"] = first["total_value_without_discount"]
	case "no_items":
		delete(fields, "items")
	case "null_items":
		fields["items"] = nil
	}
}

// after plays the faults that hide what was done; true when nothing more is to be said.
func (f *Fault) after(w http.ResponseWriter, r *http.Request, status int, body []byte) bool {
	if f == nil {
		return false
	}
	switch f.Fault {
	case "lost":
		reset(w)
		return true
	case "cut":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body[:len(body)*f.percent()/100]) // cut on purpose
		_ = http.NewResponseController(w).Flush()
		reset(w)
		return true
	case "trickle":
		f.trickle(w, r, status, body)
		return true
	}
	return false
}

func (f *Fault) percent() int {
	if f.Percent == nil {
		return 50
	}
	return *f.Percent
}

// trickle gives an answer as a line does that barely carries anything.
func (f *Fault) trickle(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	for _, b := range body {
		wait(r, time.Duration(f.DelayMS)*time.Millisecond)
		if _, err := w.Write([]byte{b}); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
	}
}

func wait(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// reset ends the connection at once, without the goodbye that would let the client read on.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2, or already taken: abort is the next best
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // only makes the end less abrupt if it fails
	}
	_ = conn.Close() // as above
}
