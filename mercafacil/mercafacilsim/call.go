package mercafacilsim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"pdvagent/agent/simkit"
)

// maxBody is the vendor's limit of a request in bytes (R16, R18).
const maxBody = 25_000_000

// call is one request being answered, by the settings in force for it alone.
type call struct {
	*Sim
	route, dialect string
	shop           string
	body           []byte
	settings       Settings
	warnings       []string
}

func (c *call) warn(text string) { c.warnings = append(c.warnings, text) }

// reply is what a route answers: a status with fields, or a refusal with a message.
type reply struct {
	status  int
	fields  map[string]any
	message string
}

func reject(status int, message string) reply { return reply{status: status, message: message} }

func (r reply) answer() simkit.Answer {
	if r.status >= 300 {
		return refusal(r.status, r.message)
	}
	return plain(r.status, r.fields)
}

func (s *Sim) serve(w http.ResponseWriter, r *http.Request, route, dialect string) {
	play := s.Play(route)
	arrival := Arrival{At: s.cfg.Now(), Route: route, Path: r.URL.Path, Version: r.Header.Get("pdv-version"), Fault: play.Kind()}
	settings := s.settings.Varied(play)
	if to := settings.elsewhere(r.URL.Path); to != "" {
		arrival.Status, arrival.Message = http.StatusMovedPermanently, to
		s.Note(arrival)
		moved(w, to)
		return
	}
	if play.Before(w, r) {
		s.Note(arrival)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, load := loadRoutes()[route]; load {
		arrival.Bytes = len(body)
	} else if err == nil && json.Valid(body) {
		arrival.Body = body
	}
	c := &call{Sim: s, route: route, dialect: dialect, body: body, settings: settings}
	reply := c.admit(r, err)
	if reply.status == 0 {
		reply = c.do()
		arrival.Effect = reply.status < 300
	}
	arrival.Shop = c.shop[:min(len(c.shop), 6)]
	arrival.Status, arrival.Message, arrival.Warnings = reply.status, reply.message, c.warnings
	s.Note(arrival)
	if arrival.Effect {
		play.Distort(reply.fields)
	}
	switch answer := reply.answer(); {
	case play.After(w, r, answer):
	case settings.Gzip:
		writeZipped(w, answer)
	default:
		simkit.Write(w, answer)
	}
}

// admit checks everything that does not depend on what the cloud knows; status 0 lets the request in.
func (c *call) admit(r *http.Request, readErr error) reply {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok || token == "" || (len(c.cfg.Tokens) > 0 && !slices.Contains(c.cfg.Tokens, token)):
		return reject(http.StatusUnauthorized, "Unauthorized")
	case r.Method != http.MethodPost:
		return reject(http.StatusMethodNotAllowed, "Method not allowed")
	case r.Header.Get("pdv-version") == "":
		return reject(http.StatusBadRequest, "header pdv-version is required")
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return reject(http.StatusUnsupportedMediaType, "Content-Type must be application/json")
	}
	c.shop = token
	if _, tooLarge := errors.AsType[*http.MaxBytesError](readErr); tooLarge {
		return reject(http.StatusRequestEntityTooLarge, "request entity too large")
	}
	if readErr != nil {
		return reject(http.StatusBadRequest, "body was cut")
	}
	if _, load := loadRoutes()[c.route]; load { // its records are checked one by one
		return reply{}
	}
	if err := c.schemas.Check(c.schema(), c.body); err != nil {
		if c.settings.Strict || !json.Valid(c.body) {
			return reject(http.StatusBadRequest, err.Error())
		}
		c.warn(err.Error())
	}
	return reply{}
}

// schema names the shape of the request: live routes differ between the dialects.
func (c *call) schema() string {
	switch c.route {
	case "start", "message", "pre-apply", "apply":
		return c.route + "." + c.dialect
	}
	return c.route
}

// handler does what the cloud does with a right request. The state is locked while it lives: see [call.do].
type handler struct {
	*call
	*state
}

// do locks the state and answers by it.
func (c *call) do() reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := &handler{c, c.state}
	if _, load := loadRoutes()[c.route]; load {
		return h.load()
	}
	var in input
	if err := json.Unmarshal(c.body, &in); err != nil {
		return reject(http.StatusBadRequest, err.Error())
	}
	switch c.route {
	case "start":
		return h.start(in)
	case "message":
		return h.message(in)
	case "pre-apply":
		return h.preApply(in)
	case "apply":
		return h.apply(in)
	case "confirm":
		return h.confirm(in)
	case "cancel":
		return h.cancel(in)
	case "coupon":
		return h.sell(in)
	}
	return h.cancelCoupon(in)
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
