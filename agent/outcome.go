package agent

import "time"

// Class is how one exchange with a cloud ended, as the decision to repeat it needs it.
type Class string

// The classes of outcome.
const (
	ClassOK          Class = "ok"          // 2xx, and the answer is the cloud's
	ClassStatus      Class = "status"      // any other HTTP status
	ClassUnreachable Class = "unreachable" // no connection: refused, no route, DNS, TLS. Nothing was sent
	ClassTimeout     Class = "timeout"     // the deadline passed; may have reached the cloud
	ClassBroken      Class = "broken"      // the connection broke or the answer was cut; may have reached the cloud
	ClassForeign     Class = "foreign"     // what the cloud cannot have written: a 2xx with HTML or half a JSON, a 101
	ClassDenied      Class = "denied"      // 2xx in which the cloud says that it did not take the request
)

// Outcome is the result of one exchange with a cloud.
type Outcome struct {
	Class      Class
	Status     int           // HTTP status; 0 without one
	Body       []byte        // bounded
	RetryAfter time.Duration // as the cloud asked; 0 when it did not
	Took       time.Duration
	Detail     string // what went wrong, for support; never a body, a URL's query or a header
	Reached    bool   // a connection was there: the request may have been read
}

// Answered tells whether the cloud decided about the request. A 502 or 504 comes from a gateway that had no answer.
func (o Outcome) Answered() bool {
	return o.Class == ClassOK || o.Class == ClassDenied || (o.Class == ClassStatus && o.Status != 502 && o.Status != 504)
}
