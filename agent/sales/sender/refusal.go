package sender

import (
	"net/http"

	"pdvagent/agent"
)

// verdict is the consequence of an outcome for its job, its route and the link.
type verdict int

const (
	delivered    verdict = iota // the cloud has the job
	refused                     // the cloud refuses its content for good
	again                       // it is tried again
	notTried                    // it is tried again, and this was no attempt
	unauthorized                // the cloud refuses the token: no attempt of any job
	suspect                     // the job's fault or the route's: the next job on the route decides
	doubted                     // refused in words that are about this job and may not last: tried again for an hour, then dead
	unsure                      // the cloud answers to what may be taken back: tried again, and this was no attempt
)

// CouponConflict says what a 409 on a coupon means (mercafacil.coupon_conflict).
type CouponConflict string

// The meanings of a 409 on a coupon.
const (
	ConflictAuto CouponConflict = "auto" // sent when an earlier attempt had no answer, else dead
	ConflictSent CouponConflict = "sent"
	ConflictDead CouponConflict = "dead"
)

// judge is the table "What the cloud refuses" (till-api.md):
//
//	2xx the cloud wrote            delivered
//	400 413 415 422                refused
//	409                            delivered when an earlier attempt had no answer, else refused; on a coupon the
//	                               configuration may say otherwise
//	404 to a cancel                delivered: there is nothing to cancel
//	2xx with a refusal inside      doubted
//	401                            unauthorized: the cloud pauses
//	3xx, every other 4xx           suspect
//	408 425 429 5xx                again
//	timeout, cut, foreign answer   again
//	no connection                  notTried
//
// unanswered tells whether an EARLIER attempt had no answer. What the cloud says beside its status goes first, see
// [Sender.heed].
func judge(kind agent.Kind, outcome agent.Outcome, unanswered bool, conflict CouponConflict) verdict {
	switch outcome.Class {
	case agent.ClassOK:
		return delivered
	case agent.ClassUnreachable:
		return notTried
	case agent.ClassDenied:
		return doubted
	case agent.ClassTimeout, agent.ClassBroken, agent.ClassForeign:
		return again
	}
	switch status := outcome.Status; {
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge,
		status == http.StatusUnsupportedMediaType, status == http.StatusUnprocessableEntity:
		return refused
	case status == http.StatusConflict:
		if kind != agent.KindCoupon {
			conflict = ConflictAuto
		}
		if conflict == ConflictSent || (conflict == ConflictAuto && unanswered) {
			return delivered
		}
		return refused
	case status == http.StatusNotFound && kind == agent.KindCancel:
		return delivered
	case status == http.StatusUnauthorized:
		return unauthorized
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return again
	case status >= 300 && status < 500:
		return suspect
	}
	return again
}

// linkTrouble tells whether an outcome that is tried again says something about the way to the cloud and not about one
// job; many in a row, of different jobs, close the link.
func linkTrouble(v verdict) bool { return v == again || v == notTried }
