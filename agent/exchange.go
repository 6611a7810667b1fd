package agent

import (
	"context"
	"time"
)

// Side says between whom an exchange was.
type Side string

// The sides.
const (
	SideTill  Side = "till"  // a till, or support, called us
	SideCloud Side = "cloud" // we called a cloud
)

// Exchange is one request and its answer, as they were. It holds personal data: only the journal's mask may show it.
type Exchange struct {
	At       time.Time
	Side     Side
	Method   string
	Route    string // pattern of a local route, path of a cloud's: never a value that a caller chose
	Ref      string // request id of the till's call, or id of the job
	Status   int    // 0: no answer
	Took     time.Duration
	Delivery string // of a till's answer
	Origin   string // of a refusal: till, agent, network or cloud
	Detail   string // why there was no answer; no personal data
	Request  []byte // may be cut
	Response []byte // may be cut

	ResponseBytes int // length of the whole answer where Response is cut
}

type refKey struct{}

// WithRef names what a call to a cloud is about: a till's request or a job.
func WithRef(ctx context.Context, ref string) context.Context {
	return context.WithValue(ctx, refKey{}, ref)
}

// RefOf gives what a call is about; empty when nobody said.
func RefOf(ctx context.Context) string {
	ref, _ := ctx.Value(refKey{}).(string)
	return ref
}
