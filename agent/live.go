package agent

import "time"

// Call is a route of the loyalty cloud whose answer a till waits for. It is never queued.
type Call string

// The live calls (till-api.md section 2).
const (
	CallStart    Call = "start"
	CallMessage  Call = "message"
	CallPreApply Call = "pre-apply" // v2.2 only
	CallApply    Call = "apply"
)

// Absence is why the agent answered in the cloud's place: the reason of a contingency.
type Absence string

// The reasons of a contingency (till-api.md section 2).
const (
	AbsenceTimeout     Absence = "timeout"      // no answer inside the live deadline
	AbsenceUnreachable Absence = "unreachable"  // no connection, or one that broke before any answer
	AbsenceCircuit     Absence = "circuit_open" // the calls before this one failed: not even tried
	AbsenceCloudError  Absence = "cloud_error"  // 5xx, 408, 425, 429, a redirect, a cut or a foreign answer
	AbsenceAuth        Absence = "auth"         // the cloud refuses our token
	AbsenceRefused     Absence = "refused"      // it refuses this request
	AbsenceBadDiscount Absence = "bad_discount" // its arithmetic does not hold
)

// AbsenceOf gives the reason for an outcome that is no live answer.
func AbsenceOf(o Outcome) Absence {
	switch o.Class {
	case ClassTimeout:
		return AbsenceTimeout
	case ClassUnreachable:
		return AbsenceUnreachable
	case ClassBroken:
		if o.Status == 0 { // the connection broke before a word of an answer
			return AbsenceUnreachable
		}
	case ClassStatus:
		switch {
		case o.Status == 401:
			return AbsenceAuth
		case o.Status >= 400 && o.Status < 500 && o.Status != 408 && o.Status != 425 && o.Status != 429:
			return AbsenceRefused
		}
	}
	return AbsenceCloudError
}

// Talk is a live call of a till.
type Talk struct {
	Call    Call
	Dialect Dialect
	Body    []byte // UTF-8 JSON, as it came
	Ref     string // the till's request, for the journal
}

// Delivery tells how an answer came about (X-Agent-Delivery).
type Delivery string

// The deliveries of a live call.
const (
	DeliveryLive        Delivery = "live"
	DeliveryContingency Delivery = "contingency"
	DeliveryReplayed    Delivery = "replayed"
)

// Reply is what the till is answered to a live call.
type Reply struct {
	Body     []byte
	Delivery Delivery
	Cloud    time.Duration // of it spent waiting for the cloud
}

// Session is a loyalty session without personal data.
type Session struct {
	ID        string    `json:"transaction_id"` // the till's
	Stage     Stage     `json:"stage"`
	Live      bool      `json:"live"`              // the cloud has it too
	Absence   Absence   `json:"absence,omitempty"` // why it has not, or why the last apply brought nothing
	Applied   bool      `json:"applied"`           // the last apply was answered by the cloud
	Dialect   Dialect   `json:"dialect"`
	CreatedAt time.Time `json:"created_at"`
	TouchedAt time.Time `json:"touched_at"`
}

// Stage is where a session is in its life.
type Stage string

// The stages of a session. Only an open or an abandoned one can get another stage.
const (
	StageOpen      Stage = "open"
	StageConfirmed Stage = "confirmed"
	StageCancelled Stage = "cancelled"
	StageAbandoned Stage = "abandoned" // without a call for too long; the agent cancelled it
)

// Submission is one call of a till that ends in a job.
type Submission struct {
	Kind    Kind
	Dialect Dialect
	Body    []byte // UTF-8 JSON, as it came
}

// Receipt is the till's answer to a submission.
type Receipt struct {
	Job      string   // id; empty when nothing was kept
	Coupon   string   // set when the agent made the id
	Replayed bool     // the same submission was accepted before
	Notes    []Note   // of a sale
	Warnings []string // Portuguese, for the person who repaired a body
}
