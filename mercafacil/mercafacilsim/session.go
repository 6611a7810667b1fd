package mercafacilsim

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
)

// session is one transaction of the vendor.
type session struct {
	id, shop, dialect string
	document          string
	stage             string   // open, confirmed, cancelled; empty: an id that this cloud never gave
	routes            []string // that had an effect, in order
	items             []cartItem
	applied           bool
	uses              map[string]milli // of the offers, by the last apply
	user              string           // whom the last apply was for
	prompts           []prompt         // still to be shown, the first is on the screen
	asked             bool             // the questions of the subtotal
}

// SessionView is a session for people and tests.
type SessionView struct {
	ID       string   `json:"transaction_id"`
	Dialect  string   `json:"dialect"`
	Document string   `json:"document_no"`
	Stage    string   `json:"stage"` // open, confirmed, cancelled, or unknown
	Routes   []string `json:"said"`  // that had an effect, in order; a message with its tag
}

// SessionList gives every session, oldest first.
func (s *Sim) SessionList() []SessionView {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]SessionView, 0, len(s.state.order))
	for _, id := range s.state.order {
		sess := s.state.sessions[id]
		view := SessionView{sess.id, sess.dialect, sess.document, sess.stage, slices.Clone(sess.routes)}
		if view.Stage == "" {
			view.Stage = "unknown"
		}
		list = append(list, view)
	}
	return list
}

// Sessions gives the routes that closed each session, in order: confirm, cancel.
func (s *Sim) Sessions() map[string][]string {
	closing := make(map[string][]string)
	for _, view := range s.SessionList() {
		for _, route := range view.Routes {
			if route == "confirm" || route == "cancel" {
				closing[view.ID] = append(closing[view.ID], route)
			}
		}
	}
	return closing
}

// uuid is a random UUID of version 4.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (h *handler) open(document string) *session {
	sess := &session{id: h.cfg.ID("session " + h.route + " " + string(h.body)), shop: h.shop, dialect: h.dialect, document: document, stage: "open"}
	h.keepSession(sess)
	return sess
}

func (h *handler) keepSession(sess *session) {
	h.sessions[sess.id] = sess
	h.order = append(h.order, sess.id)
}

// find gives the open session that the call is about, or the refusal.
func (h *handler) find(id string) (*session, reply) {
	sess := h.sessions[id]
	switch {
	case sess == nil || sess.shop != h.shop || sess.stage == "":
		return nil, reject(http.StatusNotFound, fmt.Sprintf("transaction %q not found", id))
	case sess.dialect != h.dialect:
		return nil, reject(http.StatusConflict, "transaction was started with "+sess.dialect)
	case sess.stage != "open":
		return nil, reject(http.StatusConflict, "transaction is "+sess.stage)
	}
	return sess, reply{}
}

func (h *handler) start(in input) reply {
	document := in.DocumentNo
	if h.dialect == "v2.2" {
		document = in.Context.DocumentNo
	}
	var sess *session
	if in.TransactionID != "" { // identified later (v2.2)
		var refused reply
		if sess, refused = h.find(in.TransactionID); sess == nil {
			return refused
		}
		sess.document = document
	} else {
		sess = h.open(document)
	}
	sess.routes = append(sess.routes, "start")
	member := h.members[document]
	fields := common(sess)
	fields["loyalty"] = member != nil
	user := map[string]any{"document_no": document}
	if member != nil {
		user["name"], user["birth_date"] = member.Name, member.BirthDate
		if member.BirthDate == "" {
			delete(user, "birth_date")
		}
	}
	h.addUnknown(user)
	fields["user"] = user
	sess.prompts = h.greeting(h.dialect, document, member)
	h.addMessage(fields, sess)
	return h.success(http.StatusOK, fields)
}

// confirm takes what the last apply used. A second confirm changes nothing.
func (h *handler) confirm(in input) reply {
	sess, refused := h.closing(in.TransactionID)
	if sess == nil {
		return refused
	}
	switch sess.stage {
	case "cancelled":
		return reject(http.StatusConflict, "transaction is cancelled")
	case "open":
		sess.stage = "confirmed"
		h.consume(sess, 1)
	}
	sess.routes = append(sess.routes, "confirm")
	return h.success(http.StatusOK, common(sess))
}

func (h *handler) cancel(in input) reply {
	sess, refused := h.closing(in.TransactionID)
	if sess == nil {
		return refused
	}
	switch sess.stage {
	case "confirmed":
		return reject(http.StatusConflict, "transaction is confirmed")
	case "open":
		sess.stage, sess.uses = "cancelled", nil
	}
	sess.routes = append(sess.routes, "cancel")
	return h.success(http.StatusOK, common(sess))
}

// neverGiven is the warning about an id of a session that is not of this cloud.
const neverGiven = "transaction_id was never given by this cloud"

// closing finds the session to confirm or cancel, in whatever stage. An id that this cloud never gave is kept as such,
// unless the settings refuse it.
func (h *handler) closing(id string) (*session, reply) {
	sess := h.sessions[id]
	switch {
	case sess != nil && sess.shop == h.shop && (sess.dialect == h.dialect || sess.stage == ""):
		return sess, reply{}
	case sess != nil && sess.shop == h.shop:
		return nil, reject(http.StatusConflict, "transaction was started with "+sess.dialect)
	case sess != nil || h.settings.UnknownSessions == "refuse":
		return nil, reject(http.StatusNotFound, fmt.Sprintf("transaction %q not found", id))
	}
	h.warn(neverGiven)
	sess = &session{id: id, shop: h.shop, dialect: h.dialect}
	h.keepSession(sess)
	return sess, reply{}
}

// consume counts the offers of a confirmed session against the shopper's limits; -1 gives them back.
func (h *handler) consume(sess *session, sign milli) {
	if sess.user == "" {
		return
	}
	for offer, used := range sess.uses {
		h.usage[offer+"|"+sess.user] += sign * used
	}
}
