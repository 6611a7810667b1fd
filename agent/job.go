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
	KindMessage            Kind = "message" // a shopper's answer (v2) while the cloud was away

	KindProducts    Kind = "products"     // a batch of a load
	KindOperators   Kind = "operators"    // the same
	KindCouponsList Kind = "coupons-list" // the same, of old receipts
)

// Kinds lists every kind in the order of listings.
func Kinds() []Kind {
	return append([]Kind{KindConfirm, KindCancel, KindCoupon, KindCouponCancellation, KindMessage}, Loads()...)
}

// Loads lists the kinds whose body is a batch of records.
func Loads() []Kind { return []Kind{KindProducts, KindOperators, KindCouponsList} }

// Load tells whether a body of the kind is a batch of records.
func (k Kind) Load() bool { return slices.Contains(Loads(), k) }

// Code is the kind's number on disk. A number is never used for another kind. 0 is no kind.
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

// State is where a job is. There is no "running": one process has the store, and a job that it was sending when it ended is
// still due.
type State string

// The states of a job. Pending is the only one that moves by itself; held and dead wait for a person.
const (
	Pending   State = "pending"   // will be sent
	Sent      State = "sent"      // the cloud has it
	Dead      State = "dead"      // the cloud refuses it for good
	Held      State = "held"      // kept, not sent, until a person decides
	Annulled  State = "annulled"  // not needed any more: it and its opposite cancelled out
	Discarded State = "discarded" // a person or a newer version took its place

	// Damaged is no state of a job on disk: lists show it of one that cannot be read until the store is mended.
	Damaged State = "damaged"
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

// Settled tells that nothing is sent for the job any more unless a person says so.
func (s State) Settled() bool { return s != Pending && s != Held }

// Final tells that no other state follows.
func (s State) Final() bool { return s == Sent || s == Annulled || s == Discarded }

// MayBecome is the table of allowed moves. Pending to pending is an attempt or a new time.
func (s State) MayBecome(next State) bool {
	switch s {
	case Pending:
		return true // held: what a copy of the store may have sent
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
	ReasonCloned     = "cloned"       // held: the store is a copy of another one, which may have sent it
	ReasonSalvaged   = "salvaged"     // held: found in a damaged file; it may have been sent
	ReasonLost       = "lost"         // dead: its body was lost with a damaged file
	ReasonSuperseded = "superseded"   // discarded: a corrected version was accepted
	ReasonCancelled  = "cancelled"    // annulled: cancelled before it was ever tried
	ReasonNothingTo  = "nothing_sent" // annulled: what it would cancel never arrived
	ReasonNoSession  = "no_session"   // annulled: the cloud does not have its session
	ReasonSupport    = "support"      // discarded: a person said so
	ReasonSplit      = "split"        // discarded: a batch the cloud refused went up again in halves
	ReasonRefused    = "refused"      // dead: the cloud refuses the content
	ReasonRouteOnly  = "route_passes" // dead: refused like a missing route, but the next one passed
	ReasonUnknown    = "unknown"      // dead: the cloud does not know what the job is about, by several answers over an hour
	ReasonDenied     = "denied"       // dead: the cloud answers 2xx and says that it did not take it, again and again over an hour
)

// Dialect is the version of the loyalty routes that a till calls.
type Dialect string

// The dialects.
const (
	V2  Dialect = "v2"
	V22 Dialect = "v2.2"
)

// Fingerprint is the SHA-256 of a body's canonical form: key order and number spelling do not count.
type Fingerprint [sha256.Size]byte

// Job is one thing to send to the cloud. What the till sent is immutable, only [Status] changes.
type Job struct {
	Seq         uint64      // number, given by the store in order; never reused
	Kind        Kind        //
	Dialect     Dialect     // of the route the till used
	Session     string      // transaction_id as the till gave it; empty when there is none
	Coupon      string      // the receipt's id, the till's or made by us; empty on confirm and cancel
	Moment      string      // of a receipt: till, second and total; empty on the others
	Net         Milli       // of a receipt: its total with discount; 0 on the others and on receipts of older versions
	Unique      string      // natural key: a group in which the store refuses a second job of this kind; empty for none
	After       string      // of a batch: natural key of the one of its load before it; empty on the first and on all else
	Notes       []Note      // of a receipt: what seemed odd when it was accepted; bounded by the number of codes
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

// Groups names the job's session and receipt; of a batch, itself and the one before it. A job waits only for jobs of its
// groups.
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

// EndKey is the natural key of a till's confirm and of its cancel of a session. round counts how often the session was opened
// again after a cancel: each time it may end once more.
func EndKey(transactionID string, round int) string {
	if round == 0 {
		return SessionGroup(transactionID)
	}
	return "session-" + strconv.Itoa(round) + ":" + transactionID
}

// CouponGroup names the jobs of one receipt.
func CouponGroup(coupon string) string { return "coupon:" + coupon }

// BatchGroup is the natural key of a batch, and names the group of it and the next one.
func BatchGroup(id string) string { return "batch:" + id }

// VoidKey is the natural key of a cancel by which the agent takes back a session of the cloud, with the cloud's id: after an
// answer that came too late, another basket, an abandoned session. A till's own cancel has its session's key.
func VoidKey(cloudID string) string { return "void:" + cloudID }

// Void tells that the job is such a cancel. Its body has the cloud's id already.
func (j Job) Void() bool { return j.Kind == KindCancel && strings.HasPrefix(j.Unique, VoidKey("")) }

// Status is the part of a job that changes.
type Status struct {
	Version    uint64    // of the stored status; a move gives the version that was read
	State      State     //
	Reason     string    // why it is held, dead, annulled or discarded
	Attempts   int       // requests that may have reached the cloud
	Unanswered bool      // one of them had no answer: the cloud may have the job
	NotBefore  time.Time // zero: at once
	Revision   int       // of the bytes that go up; 0 until a person repairs them
	Failure    *Failure  // the last one
	Answer     *Answer   // the cloud's, once settled by one
	UpdatedAt  time.Time
}

// Attempted tells that a request may have reached the cloud.
func (s Status) Attempted() bool { return s.Attempts > 0 }

// Failure is why the last attempt did not settle the job. It holds no body.
type Failure struct {
	Class  Class     `json:"class"`
	Status int       `json:"status,omitempty"` // HTTP status, 0 without an answer
	Detail string    `json:"detail,omitempty"` // for support, no personal data
	Asked  bool      `json:"asked,omitempty"`  // the cloud asked for a time with Retry-After
	At     time.Time `json:"at"`

	// Doubts is how often the cloud has refused the job in words that may not last, and Since the first time.
	Doubts int       `json:"doubts,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// Answer is the cloud's last answer, cut to [MaxAnswer] bytes.
type Answer struct {
	Status int       `json:"status"`
	Body   []byte    `json:"body,omitempty"`
	At     time.Time `json:"at"`
}

// MaxAnswer bounds the cloud's answer kept with a job.
const MaxAnswer = 16 << 10
