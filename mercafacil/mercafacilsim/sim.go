// Package mercafacilsim simulates the loyalty cloud for tests, demos and a till's programmer at work. It is written from
// contracts/mercafacil.md alone and shares no type with the client: what it is sent is checked against JSON Schemas that
// stand beside it, by name and type, and a refusal names the field. It has members, offers with an engine of their own,
// the manual's message flows, and coupons unique by id; every variation of mercafacil.md 3.13 is a setting ([Settings]) or a
// fault ([simkit.Fault]). It does not know the shop's reports, nor the Consinco route. Everything stays in memory.
//
// Package sandbox, the benchmarks and tests call it; it calls agent and agent/simkit.
package mercafacilsim

import (
	"embed"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"pdvagent/agent/simkit"
)

//go:embed schema/*.json
var schemaFiles embed.FS

// Config is what a cloud is made with. The zero value takes every token.
type Config struct {
	Tokens []string                 // one per shop; none: any that is not empty, each a shop of its own
	Gone   func(d time.Duration)    // takes the cloud off the network for a while; nil: that fault is refused
	Now    func() time.Time         // default time.Now
	ID     func(what string) string // makes an id; what tells whose, and the request. Default: a random one
}

// Sim is one simulated cloud. It is safe for concurrent use.
type Sim struct {
	*simkit.Clock
	*simkit.FaultSet
	simkit.ArrivalLog[Arrival]

	cfg      Config
	schemas  simkit.Schemas
	settings *simkit.Settings[Settings]

	mu    sync.Mutex
	state *state
}

// state is what the cloud has, but for its settings, faults and log.
type state struct {
	members  map[string]*Member // by document
	offers   []*Offer
	usage    map[string]milli // offer|document -> units or groups of confirmed sales
	sessions map[string]*session
	order    []string  // ids of the sessions, oldest first
	coupons  []*Coupon // oldest first
	byID     map[string]*Coupon
	loads    map[string]map[string]*Record // by route and key
}

func newState() *state {
	return &state{
		members: make(map[string]*Member), usage: make(map[string]milli), sessions: make(map[string]*session), byID: make(map[string]*Coupon),
		loads: make(map[string]map[string]*Record),
	}
}

// Arrival is one request as it came in.
type Arrival struct {
	At       time.Time       `json:"at"`
	Route    string          `json:"route"` // one of routes()
	Path     string          `json:"path"`
	Shop     string          `json:"shop"` // the token's, cut
	Version  string          `json:"pdv_version"`
	Body     json.RawMessage `json:"body,omitempty"`  // of a load: see Bytes, and what [Sim.Loaded] holds
	Bytes    int             `json:"bytes,omitempty"` // of a load's body
	Status   int             `json:"status"`          // of the answer; 0: none, or a fault's
	Message  string          `json:"says,omitempty"`  // of a refusal; where a redirection leads
	Effect   bool            `json:"effect"`          // the cloud did what was asked, whatever the answer was
	Fault    string          `json:"fault,omitempty"`
	Warnings []string        `json:"warnings,omitempty"` // what the contract forbids and this cloud lets pass
}

// schemaBase is the address by which the schemas refer to each other.
const schemaBase = "https://mercafacil.invalid/"

// New makes a cloud without members and offers.
func New(cfg Config) (*Sim, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.ID == nil {
		cfg.ID = func(string) string { return uuid() }
	}
	compiled, err := simkit.Compile(schemaFiles, schemaBase)
	if err != nil {
		return nil, err
	}
	s := &Sim{Clock: simkit.NewClock(cfg.Now), cfg: cfg, schemas: compiled, settings: simkit.NewSettings(defaults, Settings.check), state: newState()}
	s.FaultSet = s.newFaults()
	return s, nil
}

// Reset forgets everything: members, offers, settings and faults too.
func (s *Sim) Reset() {
	s.Align()
	s.Heal()
	s.Forget()
	s.settings.Restore()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = newState()
}

// routeOf gives name and dialect of a route, with and without the trailing slash.
func routeOf(path string) (route, dialect string) {
	path = strings.Trim(path, "/")
	switch path {
	case "v2/coupons":
		return "coupon", ""
	case "v2/coupons-cancellation":
		return "coupon-cancellation", ""
	case "v2/products", "v2/operators", "v2/coupons-list":
		return strings.TrimPrefix(path, "v2/"), ""
	}
	dialect, route, _ = strings.Cut(path, "/transaction/")
	known := []string{"start", "message", "apply", "confirm", "cancel"}
	if dialect == "v2.2" {
		known = append(known, "pre-apply")
	}
	if (dialect != "v2" && dialect != "v2.2") || !slices.Contains(known, route) {
		return "", ""
	}
	return route, dialect
}

// routes are the names that a fault may have.
func routes() []string {
	return []string{"start", "message", "pre-apply", "apply", "confirm", "cancel", "coupon", "coupon-cancellation", "products", "operators", "coupons-list"}
}

// ServeHTTP answers as the cloud would.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, dialect := routeOf(r.URL.Path)
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	switch {
	case route == "" && r.Method == http.MethodGet && strings.Trim(r.URL.Path, "/") == "":
		simkit.Write(w, plain(http.StatusOK, map[string]any{"service": "mercafacil"}))
	case route == "":
		simkit.Write(w, refusal(http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path))
	default:
		s.serve(w, r, route, dialect)
	}
}

// elsewhere gives the path to which the settings redirect one with, or without, a trailing slash; empty where it is right.
func (s Settings) elsewhere(path string) string {
	switch slash := strings.HasSuffix(path, "/"); {
	case s.Slash == "with" && !slash:
		return path + "/"
	case s.Slash == "without" && slash:
		return strings.TrimRight(path, "/")
	}
	return ""
}

// moved redirects; a client that follows makes a GET of its POST.
func moved(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusMovedPermanently)
}
