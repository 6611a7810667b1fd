package agent

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind says what a job carries. The numbers behind the names are on disk: see [Kind.Code].
type Kind string

// The kinds of job. Each goes to one route of the loyalty cloud.
const (
	KindConfirm            Kind = "confirm"
	KindCancel             Kind = "cancel"
	KindCoupon             Kind = "coupon"
	KindCouponCancellation Kind = "coupon-cancellation"
	KindMessage            Kind = "message" // a shopper's answer that could not be given at once

	KindProducts    Kind = "products"     // a batch of a load
	KindOperators   Kind = "operators"    // the same
	KindCouponsList Kind = "coupons-list" // the same, of old receipts
)

// Kinds lists every kind in the order in which people read them.
func Kinds() []Kind {
	return append([]Kind{KindConfirm, KindCancel, KindCoupon, KindCouponCancellation, KindMessage}, Loads()...)
}

// Loads lists the kinds whose body is a batch of records.
func Loads() []Kind { return []Kind{KindProducts, KindOperators, KindCouponsList} }

// Load tells whether a body of the kind is a batch of records.
func (k Kind) Load() bool { return slices.Contains(Loads(), k) }

// Code is the kind's number on disk. Numbers are never given anew. 0 is no kind.
func (k Kind) Code() byte {
	switch k {
	case KindConfirm:
		return 1
	case KindCancel:
		return 2
	case KindCoupon:
		return 3
	case KindCouponCancellation:
		return 4
	case KindMessage:
		return 5
	case KindProducts:
		return 6
	case KindOperators:
		return 7
	case KindCouponsList:
		return 8
	}
	return 0
}

// KindOf is the inverse of [Kind.Code]; an unknown number is the empty kind.
func KindOf(code byte) Kind {
	for _, kind := range Kinds() {
		if kind.Code() == code {
			return kind
		}
	}
	return ""
}

// State is where a job stands. There is no "running": the file lock allows one process, and a killed job is still due.
type State string

// The states of a job. Pending is the only one that moves by itself; held and dead wait for a person.
const (
	Pending   State = "pending"   // will be sent
	Sent      State = "sent"      // the cloud has it
	Dead      State = "dead"      // the cloud refuses it for good
	Held      State = "held"      // kept, not sent, until a person decides
	Annulled  State = "annulled"  // not needed any more: it and its opposite cancelled out
	Discarded State = "discarded" // a person or a newer version took its place
)

// States lists every state in the order of the lifetime counters.
func States() []State { return []State{Pending, Sent, Dead, Held, Annulled, Discarded} }

// Code is the state's number on disk, 1 to 6.
func (s State) Code() byte {
	for i, state := range States() {
		if s == state {
			return byte(i + 1)
		}
	}
	return 0
}

// StateOf is the inverse of [State.Code]; an unknown number is the empty state.
func StateOf(code byte) State {
	if code == 0 || int(code) > len(States()) {
		return ""
	}
	return States()[code-1]
}

// Settled tells whether the sender is through with the job: nothing will be sent for it unless a person says so.
func (s State) Settled() bool { return s != Pending && s != Held }

// Final tells whether no move leads out of the state.
func (s State) Final() bool { return s == Sent || s == Annulled || s == Discarded }

// MayBecome is the table of allowed moves. Pending to pending is an attempt or a new time.
func (s State) MayBecome(next State) bool {
	switch s {
	case Pending:
		return next != Held
	case Held:
		return next == Pending || next == Annulled || next == Discarded
	case Dead:
		return next == Pending || next == Discarded
	}
	return false
}

// Reasons of a held, annulled or discarded job, and of some dead ones.
const (
	ReasonInvalid    = "invalid"      // held: the sale cannot be right; the faults went to the till
	ReasonConflict   = "conflict"     // held: same natural key, other content
	ReasonKeyMissing = "key_missing"  // held: the key that encrypted it is not here
	ReasonCloned     = "cloned"       // held: the store came from another machine
	ReasonSalvaged   = "salvaged"     // held: found in a damaged file, it is not known whether it was sent
	ReasonLost       = "lost"         // dead: its body was lost with a damaged file
	ReasonSuperseded = "superseded"   // discarded: a corrected version was accepted
	ReasonCancelled  = "cancelled"    // annulled: cancelled before it was ever tried
	ReasonNothingTo  = "nothing_sent" // annulled: what it would cancel never arrived
	ReasonNoSession  = "no_session"   // annulled: the cloud does not have the session it speaks of
	ReasonSupport    = "support"      // discarded: a person said so
	ReasonSplit      = "split"        // discarded: a batch the cloud refused went up again in halves
	ReasonRefused    = "refused"      // dead: the cloud refuses the content
	ReasonRouteOnly  = "route_passes" // dead: refused like a missing route, but the next one passed
)

// Dialect names the version of the loyalty routes a till speaks: "v2" or "v2.2".
type Dialect string

// The dialects.
const (
	V2  Dialect = "v2"
	V22 Dialect = "v2.2"
)

// Fingerprint is the SHA-256 of a body's canonical form: key order and number spelling do not count.
type Fingerprint [sha256.Size]byte

// Job is one thing to tell the cloud. What the till sent is immutable, only [Status] moves.
type Job struct {
	Seq         uint64      // gapless, given by the store, never reused
	Kind        Kind        //
	Dialect     Dialect     // of the route the till used
	Session     string      // transaction_id as the till gave it; empty when there is none
	Coupon      string      // the receipt's id, the till's or made by us; empty on confirm and cancel
	Moment      string      // of a receipt: till, second and total; empty on the others
	Net         Milli       // of a receipt: its total with discount; 0 on the others and on receipts of older versions
	Unique      string      // natural key: a group in which the store refuses a second job of this kind; empty for none
	After       string      // of a batch: natural key of the one of its load before it; empty on the first and on all else
	Fingerprint Fingerprint // of Body
	Body        []byte      // what the till sent, in UTF-8; empty in listings
	CreatedAt   time.Time   // wall clock, for people: Seq orders
	Status      Status
}

// ID is the job's public name.
func (j Job) ID() string { return strconv.FormatUint(j.Seq, 10) }

// ParseJobID is the inverse of [Job.ID].
func ParseJobID(text string) (uint64, bool) {
	seq, err := strconv.ParseUint(text, 10, 64)
	return seq, err == nil && seq > 0 && strconv.FormatUint(seq, 10) == text
}

// Groups names what the job belongs to: its session and its receipt; a batch belongs to itself and to the one before it.
// What waits for what is decided inside a group.
func (j Job) Groups() []string {
	var groups []string
	if j.Kind.Load() {
		if j.After != "" {
			groups = append(groups, j.After)
		}
		return append(groups, j.Unique)
	}
	if j.Session != "" {
		groups = append(groups, SessionGroup(j.Session))
	}
	if j.Coupon != "" {
		groups = append(groups, CouponGroup(j.Coupon))
	}
	return groups
}

// SessionGroup names the jobs of one loyalty session.
func SessionGroup(transactionID string) string { return "session:" + transactionID }

// CouponGroup names the jobs of one receipt.
func CouponGroup(coupon string) string { return "coupon:" + coupon }

// BatchGroup is the natural key of a batch, and names the group of it and the next one.
func BatchGroup(id string) string { return "batch:" + id }

// VoidKey is the natural key of a cancel by which the agent itself takes back a session of the cloud, named by the
// cloud's id: an answer came too late, a basket changed, nobody went on. The till's own cancel has its session's key.
func VoidKey(cloudID string) string { return "void:" + cloudID }

// Void tells that the job is such a cancel: its body carries the cloud's id already.
func (j Job) Void() bool { return j.Kind == KindCancel && strings.HasPrefix(j.Unique, VoidKey("")) }

// Status is what moves in a job.
type Status struct {
	Version    uint64    // of the stored status; a move states the one it read
	State      State     //
	Reason     string    // why it is held, dead, annulled or discarded
	Attempts   int       // requests that may have reached the cloud
	Unanswered bool      // one of them had no answer: the cloud may already have it
	NotBefore  time.Time // zero: at once
	Revision   int       // of the bytes that go up; 0 until a person repairs them
	Failure    *Failure  // the last one
	Answer     *Answer   // the cloud's, once settled by one
	UpdatedAt  time.Time
}

// Attempted tells whether the cloud may know of the job.
func (s Status) Attempted() bool { return s.Attempts > 0 }

// Failure is why the last attempt did not settle the job, without any body.
type Failure struct {
	Class  Class     `json:"class"`
	Status int       `json:"status,omitempty"` // HTTP status, 0 without an answer
	Detail string    `json:"detail,omitempty"` // for support, no personal data
	Asked  bool      `json:"asked,omitempty"`  // the cloud asked for a time with Retry-After
	At     time.Time `json:"at"`
}

// Answer is what the cloud said last, cut to [MaxAnswer] bytes.
type Answer struct {
	Status int       `json:"status"`
	Body   []byte    `json:"body,omitempty"`
	At     time.Time `json:"at"`
}

// MaxAnswer bounds the cloud's answer kept with a job.
const MaxAnswer = 16 << 10
