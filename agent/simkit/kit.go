package simkit

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// Config is what a payment cloud's simulator brings.
type Config struct {
	Routes []string                                // names of its routes
	Refuse func(status int, message string) Answer // the vendor's error
	Now    func() time.Time                        // default time.Now
	Hide   func(body []byte) []byte                // what is logged of a request's body; default all of it
}

// Kit is the shared part of one simulated payment cloud: clock, faults, log and control. It is safe for concurrent use.
type Kit struct {
	*Clock
	*FaultSet
	ArrivalLog[Arrival]

	cfg Config
}

// New makes a kit without faults.
func New(cfg Config) *Kit {
	if cfg.Hide == nil {
		cfg.Hide = func(body []byte) []byte { return body }
	}
	faults := FaultConfig{Routes: cfg.Routes, ListRemaining: true, Dialect: Dialect{Refuse: cfg.Refuse, StatusType: "application/json"}}
	return &Kit{Clock: NewClock(cfg.Now), FaultSet: NewFaultSet(faults), cfg: cfg}
}

// Reset switches the faults off, empties the log and undoes the clock's moves.
func (k *Kit) Reset() {
	k.Align()
	k.Heal()
	k.Forget()
}

// maxBody bounds what is read of a request, in bytes.
const maxBody = 1 << 20

// Serve answers a request of a route: do is what the cloud does, unless a fault forbids it.
func (k *Kit) Serve(w http.ResponseWriter, r *http.Request, route string, do func(body []byte) Answer) {
	play := k.Play(route)
	arrival := Arrival{At: k.Now(), Route: route, Path: r.URL.RequestURI(), Fault: play.Kind()}
	w.Header().Set("Date", k.Now().UTC().Format(http.TimeFormat))
	if play.Kind() == Reset {
		k.Note(arrival)
		play.Before(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if json.Valid(body) {
		arrival.Body = k.cfg.Hide(body)
	}
	if play.Before(w, r) {
		k.Note(arrival)
		return
	}
	answer := k.cfg.Refuse(http.StatusBadRequest, "body was cut")
	if err == nil {
		answer = do(body)
	}
	arrival.Status, arrival.Effect = answer.Status, answer.Status < 300
	k.Note(arrival)
	if !play.After(w, r, answer) {
		Write(w, answer)
	}
}

// Control gives the control API of a payment cloud, to which a simulator adds its own routes: those of [Control.Faults],
// [Control.Clock] and [Control.Settings], and
//
//	GET  /received every request: [Arrival]
//	POST /reset    forgets everything, by reset
func (k *Kit) Control(settings Merger, reset func()) *Control {
	c := NewControl(ControlConfig{})
	c.Faults(k.FaultSet)
	c.Clock(k.Clock)
	c.Settings(settings)
	c.Show("GET /received", func() any { return List(k.Received()) })
	Take(c, "POST /reset", http.StatusOK, func(context.Context, struct{}) (any, error) {
		reset()
		return map[string]any{}, nil
	})
	return c
}

// List gives a copy that JSON writes as an array even where it is empty.
func List[T any](list []T) []T { return append([]T{}, list...) }

// Values gives what a list points to, as [List] does.
func Values[T any](list []*T) []T {
	values := make([]T, 0, len(list))
	for _, value := range list {
		values = append(values, *value)
	}
	return values
}
