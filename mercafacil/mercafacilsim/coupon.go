package mercafacilsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"pdvagent/agent/simkit"
)

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

// Coupons gives the accepted receipts, oldest first.
func (s *Sim) Coupons() []Coupon {
	s.mu.Lock()
	defer s.mu.Unlock()
	return simkit.Values(s.state.coupons)
}

// coupon gives the receipt of an id, a new one if there is none.
func (h *handler) coupon(id string) *Coupon {
	known := h.byID[id]
	if known == nil {
		known = &Coupon{ID: id}
		h.byID[id] = known
		h.coupons = append(h.coupons, known)
	}
	return known
}

// sell accepts a receipt. Its id is unique.
func (h *handler) sell(in input) reply {
	h.review(in)
	known := h.byID[in.Coupon]
	switch {
	case known == nil:
		known = h.coupon(in.Coupon)
		known.At = h.Now()
	case h.settings.RepeatedCoupon == "refuse":
		return reject(http.StatusConflict, fmt.Sprintf("coupon %q already exists", in.Coupon))
	}
	known.Body, known.session, known.Warnings = h.body, in.TransactionID, h.warnings
	return h.success(http.StatusCreated, map[string]any{"message": "coupon created"})
}

// review warns of what the contract forbids in a receipt and this cloud lets pass.
func (h *handler) review(in input) {
	if in.ClientID != "" && in.ClientID != "0" && h.members[in.ClientID] == nil {
		h.warn("client_id is not a member of the club (R37)")
	}
	sess := h.sessions[in.TransactionID]
	switch {
	case in.TransactionID == "":
	case sess == nil || sess.stage == "":
		h.warn(neverGiven)
	case sess.stage == "cancelled":
		h.warn("transaction is cancelled")
	case sess.stage == "open":
		h.warn("transaction was not confirmed before its coupon")
	}
}

// cancelCoupon cancels a receipt, and gives the limits of its session back.
func (h *handler) cancelCoupon(in input) reply {
	known := h.byID[in.Coupon]
	if known == nil {
		return reject(http.StatusNotFound, fmt.Sprintf("coupon %q not found", in.Coupon))
	}
	if sess := h.sessions[known.session]; sess != nil && !known.Cancelled && sess.stage == "confirmed" {
		h.consume(sess, -1)
		sess.uses = nil
	}
	known.Cancelled = true
	return h.success(http.StatusOK, map[string]any{"message": "coupon cancelled"})
}
