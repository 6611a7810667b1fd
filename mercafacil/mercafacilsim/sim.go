// Package mercafacilsim plays the loyalty cloud for tests, demos and a till's programmer at work. It is written from
// contracts/mercafacil.md alone and shares no type with the client: what it is sent is checked against JSON Schemas that
// stand beside it, by name and type, and a refusal names the field. Coupons are unique by id. Every fault of contract 3.13
// that concerns these routes can be switched on (see [Fault]). It keeps everything in memory.
package mercafacilsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config says how strict the cloud is. The zero value takes every token and refuses a repeated coupon with 409.
type Config struct {
	Tokens []string              // accepted bearer tokens; none: any that is not empty
	Upsert bool                  // a repeated coupon replaces the first instead of a 409
	Gone   func(d time.Duration) // takes the cloud off the network for a while; nil: that fault is refused
	Now    func() time.Time      // default time.Now
}

// Sim is one simulated cloud. It is safe for concurrent use.
type Sim struct {
	cfg     Config
	schemas schemas

	mu       sync.Mutex
	faults   []*Fault
	received []Arrival
	coupons  []*Coupon // in the order of their acceptance
	byID     map[string]*Coupon
	sessions map[string][]string // transaction_id -> what was said, in order
}

// Arrival is one request as it came in.
type Arrival struct {
	At      time.Time       `json:"at"`
	Route   string          `json:"route"` // confirm, cancel, coupon, coupon-cancellation
	Path    string          `json:"path"`
	Version string          `json:"pdv_version"`
	Body    json.RawMessage `json:"body,omitempty"`
	Status  int             `json:"status"` // what it was answered; 0: nothing
	Effect  bool            `json:"effect"` // the cloud did what was asked, whatever was answered
	Fault   string          `json:"fault,omitempty"`
}

// Coupon is one accepted receipt.
type Coupon struct {
	ID        string          `json:"coupon"`
	Body      json.RawMessage `json:"body"`
	Cancelled bool            `json:"cancelled"`
	At        time.Time       `json:"at"`
}

// maxBody is the vendor's limit of a request (R16, R18).
const maxBody = 25_000_000

// New compiles the schemas.
func New(cfg Config) (*Sim, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	compiled, err := compile()
	if err != nil {
		return nil, err
	}
	return &Sim{cfg: cfg, schemas: compiled, byID: make(map[string]*Coupon), sessions: make(map[string][]string)}, nil
}

// routeOf gives the name of a route, with and without the trailing slash.
func routeOf(path string) string {
	switch strings.Trim(path, "/") {
	case "v2/transaction/confirm", "v2.2/transaction/confirm":
		return "confirm"
	case "v2/transaction/cancel", "v2.2/transaction/cancel":
		return "cancel"
	case "v2/coupons":
		return "coupon"
	case "v2/coupons-cancellation":
		return "coupon-cancellation"
	}
	return ""
}

// ServeHTTP answers as the cloud would.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route := routeOf(r.URL.Path)
	if route == "" {
		if r.Method == http.MethodGet && strings.Trim(r.URL.Path, "/") == "" {
			answer(w, http.StatusOK, map[string]string{"service": "mercafacil"})
			return
		}
		refuse(w, http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path)
		return
	}
	arrival := Arrival{At: s.cfg.Now(), Route: route, Path: r.URL.Path, Version: r.Header.Get("pdv-version")}
	fault := s.take(route)
	if fault != nil {
		arrival.Fault = fault.Fault
	}
	if fault.before(w, r) {
		s.note(arrival)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil && json.Valid(body) {
		arrival.Body = body
	}
	if status, text := s.admit(r, body, err, route); status != 0 {
		arrival.Status = status
		s.note(arrival)
		refuse(w, status, text)
		return
	}
	status, text := s.do(route, body)
	arrival.Status, arrival.Effect = status, status < 300
	s.note(arrival)
	if fault.after(w, r, status, text) {
		return
	}
	if status >= 300 {
		refuse(w, status, text)
		return
	}
	answer(w, status, map[string]any{"message": text, "requestId": requestID(), "datetime": s.cfg.Now().Format(time.DateTime)})
}

// admit checks everything that does not depend on what the cloud knows; 0 lets the request in.
func (s *Sim) admit(r *http.Request, body []byte, readErr error, route string) (int, string) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok || token == "" || (len(s.cfg.Tokens) > 0 && !slices.Contains(s.cfg.Tokens, token)):
		return http.StatusUnauthorized, "Unauthorized"
	case r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, "Method not allowed"
	case r.Header.Get("pdv-version") == "":
		return http.StatusBadRequest, "header pdv-version is required"
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return http.StatusUnsupportedMediaType, "Content-Type must be application/json"
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](readErr); tooLarge {
		return http.StatusRequestEntityTooLarge, "request entity too large"
	}
	if readErr != nil {
		return http.StatusBadRequest, "body was cut"
	}
	if err := s.schemas.check(route, body); err != nil {
		return http.StatusBadRequest, err.Error()
	}
	return 0, ""
}

// do is what the cloud does with a right request.
func (s *Sim) do(route string, body []byte) (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fields struct {
		Coupon        string `json:"coupon"`
		TransactionID string `json:"transaction_id"`
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return http.StatusBadRequest, err.Error()
	}
	switch route {
	case "confirm", "cancel":
		s.sessions[fields.TransactionID] = append(s.sessions[fields.TransactionID], route)
		return http.StatusOK, route + " ok"
	case "coupon":
		return s.add(fields.Coupon, body)
	}
	known := s.byID[fields.Coupon]
	if known == nil {
		return http.StatusNotFound, fmt.Sprintf("coupon %q not found", fields.Coupon)
	}
	known.Cancelled = true
	return http.StatusOK, "coupon cancelled"
}

func (s *Sim) add(id string, body []byte) (int, string) {
	known := s.byID[id]
	switch {
	case known == nil:
		known = &Coupon{ID: id, Body: body, At: s.cfg.Now()}
		s.byID[id] = known
		s.coupons = append(s.coupons, known)
	case s.cfg.Upsert:
		known.Body = body
	default:
		return http.StatusConflict, fmt.Sprintf("coupon %q already exists", id)
	}
	return http.StatusCreated, "coupon created"
}

func (s *Sim) note(arrival Arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = append(s.received, arrival)
}

// Coupons gives the accepted receipts in their order.
func (s *Sim) Coupons() []Coupon {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Coupon, len(s.coupons))
	for i, coupon := range s.coupons {
		list[i] = *coupon
	}
	return list
}

// Received gives every request since the start or the last reset.
func (s *Sim) Received() []Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

// Sessions gives what was said of each session, in order: confirm, cancel.
func (s *Sim) Sessions() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	copied := make(map[string][]string, len(s.sessions))
	for id, said := range s.sessions {
		copied[id] = slices.Clone(said)
	}
	return copied
}

// Reset forgets everything, faults too.
func (s *Sim) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.received, s.coupons = nil, nil, nil
	clear(s.byID)
	clear(s.sessions)
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client is gone: nobody to tell
}

// refuse is the error body of this simulator; the vendor documents none (contract 2.11).
func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]any{"statusCode": status, "message": text})
}
