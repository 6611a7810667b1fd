package agent

import (
	"context"
	"time"
)

// Side says who called whom.
type Side string

// The sides.
const (
	SideTill    Side = "till"    // a till called us; a journal written before there was SideSupport has support here, too
	SideSupport Side = "support" // support called us: a command, a browser, a monitoring program
	SideCloud   Side = "cloud"   // we called a cloud
)

// Sides are all sides.
func Sides() []Side { return []Side{SideTill, SideSupport, SideCloud} }

// Exchange is one request and its answer, unmasked: it holds personal data.
type Exchange struct {
	At       time.Time
	Side     Side
	Method   string
	Route    string // pattern of a local route, path of a cloud's; never a value that a caller chose
	Ref      string // request id of the till's call, or id of the job
	Status   int    // 0: no answer
	Took     time.Duration
	Delivery string // of a till's answer
	Origin   string // of a refusal: till, agent, network or cloud
	Detail   string // why there was no answer, or what seemed odd in a sale; no personal data
	Request  []byte // may be cut
	Response []byte // may be cut

	ResponseBytes int // length of the whole answer where Response is cut
}

type refKey struct{}

// WithRef gives a call to a cloud the id of the till's request or the job that it is for.
func WithRef(ctx context.Context, ref string) context.Context {
	return context.WithValue(ctx, refKey{}, ref)
}

// RefOf gives the id that [WithRef] set, or nothing.
func RefOf(ctx context.Context) string {
	ref, _ := ctx.Value(refKey{}).(string)
	return ref
}
