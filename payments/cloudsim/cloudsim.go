// Package cloudsim is what the simulated payment clouds share: faults that are played on a route, a clock that moves, a
// list of what arrived, and the control routes for these. It knows no vendor's routes; each simulator brings its own.
package cloudsim

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Fault is one misbehaviour of a cloud (contracts/pix.md section 6).
//
//	status    answers Status (with RetryAfter and Body if given) and does nothing
//	says      answers 200 with Body, whatever that is, and does nothing
//	html      answers 200 with a captive portal's page and does nothing
//	error200  answers 200 with an error inside and does nothing
//	reset     resets the connection before anything was read
//	silence   reads, does nothing and never answers
//	slow      waits DelayMS, then behaves
//	lost      does what was asked, then resets the connection without an answer
type Fault struct {
	Route      string `json:"route"` // a route's name, or "*"
	Fault      string `json:"fault"`
	Status     int    `json:"status,omitempty"`
	RetryAfter int    `json:"retry_after,omitempty"` // seconds
	Body       string `json:"body,omitempty"`
	DelayMS    int    `json:"delay_ms,omitempty"`
	Times      int    `json:"times"` // how often; 0 means until told otherwise
}

// Arrival is one request as it came in.
type Arrival struct {
	At     time.Time       `json:"at"`
	Route  string          `json:"route"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body,omitempty"`
	Status int             `json:"status"` // what it was answered; 0: nothing
	Effect bool            `json:"effect"` // the cloud did what was asked, whatever was answered
	Fault  string          `json:"fault,omitempty"`
}

// Answer is what a route says.
type Answer struct {
	Status int
	Body   any    // JSON
	Raw    []byte // instead of Body, as Type
	Type   string
}

// Kit is the shared part of one simulated cloud. It is safe for concurrent use.
type Kit struct {
	routes []string
	now    func() time.Time
	refuse func(status int, says string) any // the vendor's error body

	Hide func(body []byte) []byte // what is kept of a request's body; nil: all of it

	mu       sync.Mutex
	skew     time.Duration
	faults   []Fault
	received []Arrival
}

// New makes a kit for the routes of those names.
func New(now func() time.Time, refuse func(status int, says string) any, routes ...string) *Kit {
	if now == nil {
		now = time.Now
	}
	return &Kit{routes: routes, now: now, refuse: refuse}
}

// Now is the cloud's clock.
func (k *Kit) Now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now().Add(k.skew)
}

// Advance moves the cloud's clock.
func (k *Kit) Advance(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.skew += d
}

// Reset forgets faults, arrivals and the clock's move.
func (k *Kit) Reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.skew, k.faults, k.received = 0, nil, nil
}

// Received gives every request since the start or the last reset.
func (k *Kit) Received() []Arrival {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Arrival{}, k.received...)
}

// Add switches a fault on; the first that fits a request plays.
func (k *Kit) Add(f Fault) error {
	kinds := []string{"status", "says", "html", "error200", "reset", "silence", "slow", "lost"}
	switch {
	case !slices.Contains(kinds, f.Fault):
		return fmt.Errorf("fault must be one of %s", strings.Join(kinds, ", "))
	case f.Route != "*" && !slices.Contains(k.routes, f.Route):
		return fmt.Errorf("route must be one of %s, or *", strings.Join(k.routes, ", "))
	case f.Fault == "status" && (f.Status < 300 || f.Status > 599):
		return fmt.Errorf("status must be 300 to 599, is %d", f.Status)
	case f.Times < 0 || f.DelayMS < 0 || f.RetryAfter < 0:
		return errors.New("times, delay_ms and retry_after must not be negative")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.faults = append(k.faults, f)
	return nil
}

// Heal switches every fault off.
func (k *Kit) Heal() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.faults = nil
}

func (k *Kit) take(route string) *Fault {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.faults {
		f := k.faults[i]
		if f.Route != "*" && f.Route != route {
			continue
		}
		if f.Times == 1 {
			k.faults = slices.Delete(k.faults, i, i+1)
		} else if f.Times > 1 {
			k.faults[i].Times--
		}
		return &f
	}
	return nil
}

// maxBody bounds what is read of a request, in bytes.
const maxBody = 1 << 20

// Serve answers a request of a route: do is what the cloud does, unless a fault forbids it.
func (k *Kit) Serve(w http.ResponseWriter, r *http.Request, route string, do func(body []byte) Answer) {
	arrival := Arrival{At: k.Now(), Route: route, Path: r.URL.RequestURI()}
	fault := k.take(route)
	if fault != nil {
		arrival.Fault = fault.Fault
	}
	w.Header().Set("Date", k.Now().UTC().Format(http.TimeFormat))
	if fault != nil && fault.Fault == "reset" {
		k.note(arrival)
		reset(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if json.Valid(body) {
		arrival.Body = body
		if k.Hide != nil {
			arrival.Body = k.Hide(body)
		}
	}
	if fault.before(w, r, k.refuse) {
		k.note(arrival)
		return
	}
	answer := Answer{Status: http.StatusBadRequest, Body: k.refuse(http.StatusBadRequest, "body was cut")}
	if err == nil {
		answer = do(body)
	}
	arrival.Status, arrival.Effect = answer.Status, answer.Status < 300
	k.note(arrival)
	if fault != nil && fault.Fault == "lost" {
		reset(w)
		return
	}
	Write(w, answer)
}

func (k *Kit) note(a Arrival) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.received = append(k.received, a)
}

// Write writes an answer.
func Write(w http.ResponseWriter, a Answer) {
	if a.Raw != nil {
		w.Header().Set("Content-Type", a.Type)
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Raw) // the client is gone: nobody to tell
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.Status)
	if a.Status != http.StatusNoContent {
		_ = json.NewEncoder(w).Encode(a.Body) // as above
	}
}

// before plays the faults without effect; true when the request is answered, or never will be.
func (f *Fault) before(w http.ResponseWriter, r *http.Request, refuse func(int, string) any) bool {
	if f == nil {
		return false
	}
	switch f.Fault {
	case "status":
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		if f.Body != "" {
			Write(w, Answer{Status: f.Status, Raw: []byte(f.Body), Type: "application/json"})
			return true
		}
		Write(w, Answer{Status: f.Status, Body: refuse(f.Status, http.StatusText(f.Status))})
	case "says":
		Write(w, Answer{Status: http.StatusOK, Raw: []byte(f.Body), Type: "application/json"})
	case "html":
		Write(w, Answer{Status: http.StatusOK, Raw: []byte("<!DOCTYPE html><title>Login</title><p>Bem-vindo ao Wi-Fi do shopping."), Type: "text/html; charset=utf-8"})
	case "error200":
		Write(w, Answer{Status: http.StatusOK, Body: refuse(http.StatusOK, "Algo deu errado.")})
	case "silence":
		<-r.Context().Done()
		reset(w)
	case "slow":
		timer := time.NewTimer(time.Duration(f.DelayMS) * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
		return false
	default:
		return false
	}
	return true
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

// Control adds the shared control routes to a simulator's own:
//
//	POST /faults   a [Fault]; GET those that are on; DELETE ends them
//	POST /clock    {"advance_seconds": n}: moves the cloud's clock; GET tells it
//	GET  /received every request: [Arrival]
func (k *Kit) Control(mux *http.ServeMux) {
	Take(mux, "POST /faults", http.StatusCreated, func(_ context.Context, f Fault) (any, error) {
		if err := k.Add(f); err != nil {
			return nil, err
		}
		return k.on(), nil
	})
	Show(mux, "GET /faults", func() any { return k.on() })
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		k.Heal()
		Write(w, Answer{Status: http.StatusOK, Body: k.on()})
	})
	clock := func() any { return map[string]time.Time{"now": k.Now()} }
	Take(mux, "POST /clock", http.StatusOK, func(_ context.Context, move struct {
		Seconds int64 `json:"advance_seconds"`
	},
	) (any, error) {
		k.Advance(time.Duration(move.Seconds) * time.Second)
		return clock(), nil
	})
	Show(mux, "GET /clock", clock)
	Show(mux, "GET /received", func() any { return k.Received() })
}

func (k *Kit) on() []Fault {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Fault{}, k.faults...)
}

// Show adds a control route that tells something.
func Show(mux *http.ServeMux, pattern string, what func() any) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { Write(w, Answer{Status: http.StatusOK, Body: what()}) })
}

// Take adds a control route that is told something: JSON without unknown names.
func Take[T any](mux *http.ServeMux, pattern string, status int, do func(context.Context, T) (any, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var told T
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&told)
		if errors.Is(err, io.EOF) {
			err = nil // nothing to say
		}
		var shown any
		if err == nil {
			shown, err = do(r.Context(), told)
		}
		if err != nil {
			Write(w, Answer{Status: http.StatusUnprocessableEntity, Body: map[string]string{"message": err.Error()}})
			return
		}
		Write(w, Answer{Status: status, Body: shown})
	})
}

// Settings adds PUT and GET /settings: those that are named change, the others stay. mu guards them.
func Settings[T any](mux *http.ServeMux, mu *sync.Mutex, settings *T) {
	show := func() any { mu.Lock(); defer mu.Unlock(); return *settings }
	Take(mux, "PUT /settings", http.StatusOK, func(_ context.Context, told json.RawMessage) (any, error) {
		if err := change(mu, settings, told); err != nil {
			return nil, err
		}
		return show(), nil
	})
	Show(mux, "GET /settings", show)
}

// change is all of what was told, or nothing.
func change[T any](mu *sync.Mutex, settings *T, told []byte) error {
	mu.Lock()
	defer mu.Unlock()
	next := *settings
	decoder := json.NewDecoder(bytes.NewReader(told))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&next); err != nil {
		return err
	}
	*settings = next
	return nil
}

// Schemas are a contract's shapes by the names of their files.
type Schemas map[string]*jsonschema.Schema

// Compile reads the schemas that stand in a simulator's folder.
func Compile(files embed.FS, folder string) (Schemas, error) {
	entries, err := files.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	compiled := make(Schemas)
	for _, entry := range entries {
		raw, err := files.ReadFile(folder + "/" + entry.Name())
		if err != nil {
			return nil, err
		}
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource(entry.Name(), parsed); err != nil {
			return nil, err
		}
		if compiled[strings.TrimSuffix(entry.Name(), ".json")], err = compiler.Compile(entry.Name()); err != nil {
			return nil, err
		}
	}
	return compiled, nil
}

// Check names the first field that is not as the contract has it.
func (s Schemas) Check(name string, body []byte) error {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return errors.New("body is not JSON")
	}
	err = s[name].Validate(parsed)
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	return fmt.Errorf("field %q: %s", path.Join(invalid.InstanceLocation...), strings.Join(invalid.ErrorKind.KeywordPath(), " "))
}
