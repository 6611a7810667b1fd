package simkit

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

// Control is the routes by which a person or a test steers a simulator. It answers JSON, and 422 with a message to what it
// cannot take.
type Control struct {
	mux http.ServeMux
	cfg ControlConfig
}

// ControlConfig is how a simulator's control reads and answers.
type ControlConfig struct {
	// OneValue wants a body to be exactly one JSON value. Without it an empty body is one without fields, and what follows the
	// first value is not read.
	OneValue bool
	Type     string                   // Content-Type of the answers; empty: JSON in UTF-8
	Refuse   func(message string) any // body of a 422; default {"message": …}
}

// NewControl makes one without routes.
func NewControl(cfg ControlConfig) *Control {
	if cfg.Refuse == nil {
		cfg.Refuse = func(message string) any { return map[string]string{"message": message} }
	}
	return &Control{cfg: cfg}
}

// ServeHTTP answers a call of the control API.
func (c *Control) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// HandleFunc adds a route that answers by itself.
func (c *Control) HandleFunc(pattern string, handler http.HandlerFunc) {
	c.mux.HandleFunc(pattern, handler)
}

// Show adds a route that gives something.
func (c *Control) Show(pattern string, what func() any) {
	c.mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { c.answer(w, http.StatusOK, what(), nil) })
}

// Do adds a route that does something, whatever its body, and answers what is then to be shown.
func (c *Control) Do(pattern string, do func() error, shown func() any) {
	c.mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		err := do()
		c.answer(w, http.StatusOK, shown(), err)
	})
}

// Take adds a route that takes something: JSON without unknown names.
func Take[T any](c *Control, pattern string, status int, do func(context.Context, T) (any, error)) {
	c.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var taken T
		var shown any
		err := c.decode(http.MaxBytesReader(w, r.Body, maxBody), &taken)
		if err == nil {
			shown, err = do(r.Context(), taken)
		}
		c.answer(w, status, shown, err)
	})
}

func (c *Control) decode(body io.Reader, into any) error {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	switch {
	case errors.Is(err, io.EOF) && !c.cfg.OneValue:
		return nil
	case err == nil && c.cfg.OneValue && decoder.More():
		return errors.New("more than one JSON value")
	}
	return err
}

func (c *Control) answer(w http.ResponseWriter, status int, shown any, err error) {
	if err != nil {
		status, shown = http.StatusUnprocessableEntity, c.cfg.Refuse(err.Error())
	}
	Write(w, Answer{Status: status, Body: shown, Type: c.cfg.Type})
}

// Faults adds the faults' routes:
//
//	POST /faults   a [Fault]; GET those that are on; DELETE switches them off
func (c *Control) Faults(s *FaultSet) {
	on := func() any { return s.Faults() }
	Take(c, "POST /faults", http.StatusCreated, func(_ context.Context, text json.RawMessage) (any, error) {
		f, err := s.cfg.decode(text)
		if err == nil {
			err = s.Add(f)
		}
		return on(), err
	})
	c.Show("GET /faults", on)
	c.Do("DELETE /faults", func() error { s.Heal(); return nil }, on)
}

// Clock adds the clock's routes:
//
//	POST /clock    {"advance_seconds": n}: moves the cloud's clock; GET gives its time
func (c *Control) Clock(clock *Clock) {
	now := func() any { return map[string]time.Time{"now": clock.Now()} }
	Take(c, "POST /clock", http.StatusOK, func(_ context.Context, move struct {
		Seconds int64 `json:"advance_seconds"`
	},
	) (any, error) {
		clock.Advance(time.Duration(move.Seconds) * time.Second)
		return now(), nil
	})
	c.Show("GET /clock", now)
}

// Merger is settings of some type: a [Settings].
type Merger interface {
	Merge(text []byte) error
	shown() any
}

// Settings adds the settings' routes:
//
//	PUT /settings  changes those that it names; GET gives all
func (c *Control) Settings(s Merger) {
	Take(c, "PUT /settings", http.StatusOK, func(_ context.Context, text json.RawMessage) (any, error) {
		err := s.Merge(text)
		return s.shown(), err
	})
	c.Show("GET /settings", s.shown)
}
