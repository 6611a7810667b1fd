// Package mercafacilsim plays the loyalty cloud for tests, demos and a till's programmer at work. It is written from
// contracts/mercafacil.md alone and shares no type with the client: what it is sent is checked against JSON Schemas that
// stand beside it, by name and type, and a refusal names the field. It has members, offers with an engine of their own,
// the manual's message flows, and coupons unique by id; every variation of contract 3.13 is a setting ([Settings]) or a
// fault ([Fault]). It keeps everything in memory.
package mercafacilsim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config is what a cloud is made with. The zero value takes every token.
type Config struct {
	Tokens []string              // one per shop; none: any that is not empty, each a shop of its own
	Gone   func(d time.Duration) // takes the cloud off the network for a while; nil: that fault is refused
	Now    func() time.Time      // default time.Now
}

// Sim is one simulated cloud. It is safe for concurrent use.
type Sim struct {
	cfg     Config
	schemas schemas

	mu       sync.Mutex
	settings Settings
	skew     time.Duration // of the cloud's clock
	faults   []*Fault
	received []Arrival
	members  map[string]*Member // by document
	offers   []*Offer
	usage    map[string]milli // offer|document -> units or groups of confirmed sales
	sessions map[string]*session
	order    []string  // ids of the sessions, oldest first
	coupons  []*Coupon // in the order of their acceptance
	byID     map[string]*Coupon
	loads    map[string]map[string]*Record // by route and key
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
	Status   int             `json:"status"`          // what it was answered; 0: nothing
	Says     string          `json:"says,omitempty"`
	Effect   bool            `json:"effect"` // the cloud did what was asked, whatever was answered
	Fault    string          `json:"fault,omitempty"`
	Warnings []string        `json:"warnings,omitempty"` // what the contract forbids and this cloud lets pass
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
	s := &Sim{cfg: cfg, schemas: compiled}
	s.forget()
	return s, nil
}

// forget makes the cloud as it was at first. It is called with the lock held, or before anybody else knows the cloud.
func (s *Sim) forget() {
	s.settings, s.skew = defaults(), 0
	s.faults, s.received, s.coupons, s.order, s.offers = nil, nil, nil, nil, nil
	s.members, s.usage = make(map[string]*Member), make(map[string]milli)
	s.sessions, s.byID = make(map[string]*session), make(map[string]*Coupon)
	s.loads = make(map[string]map[string]*Record)
}

// Reset forgets everything: members, offers, settings and faults too.
func (s *Sim) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
}

// now is the cloud's clock.
func (s *Sim) now() time.Time { return s.cfg.Now().Add(s.skew) }

// call is one request being answered.
type call struct {
	route, dialect string
	shop           string
	body           []byte
	settings       Settings
	warnings       []string
}

// reply is what a route answers: a status with fields, or a refusal with words.
type reply struct {
	status int
	fields map[string]any
	says   string
}

func refusal(status int, says string) reply { return reply{status: status, says: says} }

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
		plain(w, http.StatusOK, map[string]any{"service": "mercafacil"})
	case route == "":
		plain(w, http.StatusNotFound, refused(http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path))
	default:
		s.serve(w, r, route, dialect)
	}
}

// elsewhere tells where the settings say that a path with the other idea of a trailing slash is; empty where it is right.
func (s Settings) elsewhere(path string) string {
	switch slash := strings.HasSuffix(path, "/"); {
	case s.Slash == "with" && !slash:
		return path + "/"
	case s.Slash == "without" && slash:
		return strings.TrimRight(path, "/")
	}
	return ""
}

// moved is how a cloud with the other idea of a trailing slash answers; a client that follows makes a GET of its POST.
func moved(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusMovedPermanently)
}

func (s *Sim) serve(w http.ResponseWriter, r *http.Request, route, dialect string) {
	arrival := Arrival{At: s.cfg.Now(), Route: route, Path: r.URL.Path, Version: r.Header.Get("pdv-version")}
	settings, fault := s.play(route)
	if fault != nil {
		arrival.Fault = fault.Fault
	}
	if to := settings.elsewhere(r.URL.Path); to != "" {
		arrival.Status, arrival.Says = http.StatusMovedPermanently, to
		s.note(arrival)
		moved(w, to)
		return
	}
	if fault.before(w, r) {
		s.note(arrival)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, load := loadRoutes()[route]; load {
		arrival.Bytes = len(body)
	} else if err == nil && json.Valid(body) {
		arrival.Body = body
	}
	c := &call{route: route, dialect: dialect, body: body, settings: settings}
	answer := s.admit(r, c, err)
	if answer.status == 0 {
		answer = s.do(c)
		arrival.Effect = answer.status < 300
	}
	if len(c.shop) > 0 {
		arrival.Shop = c.shop[:min(len(c.shop), 6)]
	}
	arrival.Status, arrival.Says, arrival.Warnings = answer.status, answer.says, c.warnings
	s.note(arrival)
	if arrival.Effect {
		fault.distort(answer.fields)
	}
	if fault.after(w, r, answer.status, encoded(answer)) {
		return
	}
	write(w, answer.status, answer.body(), settings.Gzip)
}

func (a reply) body() map[string]any {
	if a.status >= 300 {
		return refused(a.status, a.says)
	}
	return a.fields
}

func encoded(a reply) []byte {
	raw, err := json.Marshal(a.body())
	if err != nil {
		return []byte(`{}`)
	}
	return raw
}

// admit checks everything that does not depend on what the cloud knows; status 0 lets the request in.
func (s *Sim) admit(r *http.Request, c *call, readErr error) reply {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok || token == "" || (len(s.cfg.Tokens) > 0 && !slices.Contains(s.cfg.Tokens, token)):
		return refusal(http.StatusUnauthorized, "Unauthorized")
	case r.Method != http.MethodPost:
		return refusal(http.StatusMethodNotAllowed, "Method not allowed")
	case r.Header.Get("pdv-version") == "":
		return refusal(http.StatusBadRequest, "header pdv-version is required")
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return refusal(http.StatusUnsupportedMediaType, "Content-Type must be application/json")
	}
	c.shop = token
	if _, tooLarge := errors.AsType[*http.MaxBytesError](readErr); tooLarge {
		return refusal(http.StatusRequestEntityTooLarge, "request entity too large")
	}
	if readErr != nil {
		return refusal(http.StatusBadRequest, "body was cut")
	}
	if _, load := loadRoutes()[c.route]; load { // its records are checked one by one
		return reply{}
	}
	if err := s.schemas.check(schemaOf(c), c.body); err != nil {
		if c.settings.Strict || !json.Valid(c.body) {
			return refusal(http.StatusBadRequest, err.Error())
		}
		c.warnings = append(c.warnings, err.Error())
	}
	return reply{}
}

// do is what the cloud does with a right request.
func (s *Sim) do(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func(all Settings) { s.settings = all }(s.settings)
	s.settings = c.settings
	if _, load := loadRoutes()[c.route]; load {
		return s.load(c)
	}
	var in input
	if err := json.Unmarshal(c.body, &in); err != nil {
		return refusal(http.StatusBadRequest, err.Error())
	}
	switch c.route {
	case "start":
		return s.start(c, in)
	case "message":
		return s.message(c, in)
	case "pre-apply":
		return s.preApply(c, in)
	case "apply":
		return s.apply(c, in)
	case "confirm":
		return s.confirm(c, in)
	case "cancel":
		return s.cancel(c, in)
	case "coupon":
		return s.sell(c, in)
	}
	return s.takeBack(c, in)
}

// input is every field of every route that this cloud reads.
type input struct {
	TransactionID string `json:"transaction_id"`
	DocumentNo    string `json:"document_no"`
	Context       struct {
		DocumentNo string `json:"document_no"`
		Phone      string `json:"phone"`
	} `json:"transaction_context"`
	MessageTag string     `json:"message_tag"`
	Tag        string     `json:"tag"`
	InputValue string     `json:"input_value"`
	ClientID   string     `json:"client_id"`
	Items      []cartItem `json:"items"`
	Coupon     string     `json:"coupon"`
}

func (s *Sim) note(arrival Arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = append(s.received, arrival)
}

// Received gives every request since the start or the last reset.
func (s *Sim) Received() []Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

// refused is the error body of this simulator; the vendor documents none (contract 2.11).
func refused(status int, says string) map[string]any {
	return map[string]any{"statusCode": status, "message": says}
}
