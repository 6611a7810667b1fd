package mercafacilsim

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// session is one transaction of the vendor.
type session struct {
	id, shop, dialect string
	document          string
	stage             string // open, confirmed, cancelled; empty: an id that this cloud never gave
	said              []string
	items             []cartItem
	applied           bool
	uses              map[string]milli // of the offers, by the last apply
	user              string           // whom the last apply was for
	prompts           []prompt         // what is still to be asked, the first is on the screen
	asked             bool             // the questions of the subtotal
}

// SessionView is a session for people and tests.
type SessionView struct {
	ID       string   `json:"transaction_id"`
	Dialect  string   `json:"dialect"`
	Document string   `json:"document_no"`
	Stage    string   `json:"stage"` // open, confirmed, cancelled, or unknown
	Said     []string `json:"said"`  // every route that had an effect, in order
}

// SessionList gives every session, oldest first.
func (s *Sim) SessionList() []SessionView {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]SessionView, 0, len(s.order))
	for _, id := range s.order {
		one := s.sessions[id]
		view := SessionView{one.id, one.dialect, one.document, one.stage, slices.Clone(one.said)}
		if view.Stage == "" {
			view.Stage = "unknown"
		}
		list = append(list, view)
	}
	return list
}

// Sessions gives what was said of each session that closes it, in order: confirm, cancel.
func (s *Sim) Sessions() map[string][]string {
	closing := make(map[string][]string)
	for _, one := range s.SessionList() {
		for _, said := range one.Said {
			if said == "confirm" || said == "cancel" {
				closing[one.ID] = append(closing[one.ID], said)
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

func (s *Sim) open(c *call, document string) *session {
	one := &session{id: uuid(), shop: c.shop, dialect: c.dialect, document: document, stage: "open"}
	s.sessions[one.id] = one
	s.order = append(s.order, one.id)
	return one
}

// find gives the open session that a call speaks of, or the refusal.
func (s *Sim) find(c *call, id string) (*session, reply) {
	one := s.sessions[id]
	switch {
	case one == nil || one.shop != c.shop || one.stage == "":
		return nil, refusal(http.StatusNotFound, fmt.Sprintf("transaction %q not found", id))
	case one.dialect != c.dialect:
		return nil, refusal(http.StatusConflict, "transaction was started with "+one.dialect)
	case one.stage != "open":
		return nil, refusal(http.StatusConflict, "transaction is "+one.stage)
	}
	return one, reply{}
}

func (s *Sim) start(c *call, in input) reply {
	document := in.DocumentNo
	if c.dialect == "v2.2" {
		document = in.Context.DocumentNo
	}
	var one *session
	if in.TransactionID != "" { // identified later (v2.2)
		var refused reply
		if one, refused = s.find(c, in.TransactionID); one == nil {
			return refused
		}
		one.document = document
	} else {
		one = s.open(c, document)
	}
	one.said = append(one.said, "start")
	member := s.members[document]
	fields := s.common(one)
	fields["loyalty"] = member != nil
	user := map[string]any{"document_no": document}
	if member != nil {
		user["name"], user["birth_date"] = member.Name, member.BirthDate
		if member.BirthDate == "" {
			delete(user, "birth_date")
		}
	}
	s.strange(user)
	fields["user"] = user
	one.prompts = s.greeting(c.dialect, document, member)
	s.show(fields, one)
	return s.done(http.StatusOK, fields)
}

// confirm takes what the last apply used. Saying it twice changes nothing.
func (s *Sim) confirm(c *call, in input) reply {
	one, refused := s.closing(c, in.TransactionID)
	if one == nil {
		return refused
	}
	switch one.stage {
	case "cancelled":
		return refusal(http.StatusConflict, "transaction is cancelled")
	case "open":
		one.stage = "confirmed"
		s.consume(one, 1)
	}
	one.said = append(one.said, "confirm")
	return s.done(http.StatusOK, s.common(one))
}

func (s *Sim) cancel(c *call, in input) reply {
	one, refused := s.closing(c, in.TransactionID)
	if one == nil {
		return refused
	}
	switch one.stage {
	case "confirmed":
		return refusal(http.StatusConflict, "transaction is confirmed")
	case "open":
		one.stage, one.uses = "cancelled", nil
	}
	one.said = append(one.said, "cancel")
	return s.done(http.StatusOK, s.common(one))
}

// closing finds the session to confirm or cancel, in whatever stage. An id that this cloud never gave is kept as such,
// unless the settings say that it is refused.
func (s *Sim) closing(c *call, id string) (*session, reply) {
	one := s.sessions[id]
	switch {
	case one != nil && one.shop == c.shop && (one.dialect == c.dialect || one.stage == ""):
		return one, reply{}
	case one != nil && one.shop == c.shop:
		return nil, refusal(http.StatusConflict, "transaction was started with "+one.dialect)
	case one != nil || s.settings.UnknownSessions == "refuse":
		return nil, refusal(http.StatusNotFound, fmt.Sprintf("transaction %q not found", id))
	}
	c.warnings = append(c.warnings, "transaction_id was never given by this cloud")
	one = &session{id: id, shop: c.shop, dialect: c.dialect}
	s.sessions[id] = one
	s.order = append(s.order, id)
	return one, reply{}
}

// consume counts the offers of a confirmed session against the shopper's limits; -1 gives them back.
func (s *Sim) consume(one *session, sign milli) {
	if one.user == "" {
		return
	}
	for offer, used := range one.uses {
		s.usage[offer+"|"+one.user] += sign * used
	}
}

// Coupon is one accepted receipt.
type Coupon struct {
	ID        string          `json:"coupon"`
	Body      json.RawMessage `json:"body"`
	Cancelled bool            `json:"cancelled"`
	Warnings  []string        `json:"warnings,omitempty"`
	At        time.Time       `json:"at"`
	FromList  bool            `json:"from_list,omitempty"` // it came with a load of old receipts
	session   string
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

// sell accepts a receipt. Its id is unique.
func (s *Sim) sell(c *call, in input) reply {
	s.remarks(c, in)
	known := s.byID[in.Coupon]
	switch {
	case known == nil:
		known = &Coupon{ID: in.Coupon, At: s.now()}
		s.byID[in.Coupon] = known
		s.coupons = append(s.coupons, known)
	case s.settings.RepeatedCoupon == "refuse":
		return refusal(http.StatusConflict, fmt.Sprintf("coupon %q already exists", in.Coupon))
	}
	known.Body, known.session, known.Warnings = c.body, in.TransactionID, c.warnings
	return s.done(http.StatusCreated, map[string]any{"message": "coupon created"})
}

// remarks names what the contract forbids in a receipt and this cloud lets pass.
func (s *Sim) remarks(c *call, in input) {
	if in.ClientID != "" && in.ClientID != "0" && s.members[in.ClientID] == nil {
		c.warnings = append(c.warnings, "client_id is not a member of the club (R37)")
	}
	one := s.sessions[in.TransactionID]
	switch {
	case in.TransactionID == "":
	case one == nil || one.stage == "":
		c.warnings = append(c.warnings, "transaction_id was never given by this cloud")
	case one.stage == "cancelled":
		c.warnings = append(c.warnings, "transaction is cancelled")
	case one.stage == "open":
		c.warnings = append(c.warnings, "transaction was not confirmed before its coupon")
	}
}

// takeBack cancels a receipt, and gives the limits of its session back.
func (s *Sim) takeBack(_ *call, in input) reply {
	known := s.byID[in.Coupon]
	if known == nil {
		return refusal(http.StatusNotFound, fmt.Sprintf("coupon %q not found", in.Coupon))
	}
	if one := s.sessions[known.session]; one != nil && !known.Cancelled && one.stage == "confirmed" {
		s.consume(one, -1)
		one.uses = nil
	}
	known.Cancelled = true
	return s.done(http.StatusOK, map[string]any{"message": "coupon cancelled"})
}
