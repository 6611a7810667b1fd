// Package homologation does the vendor's homologation, item by item: [Runner] plays a till against an agent and its cloud, and
// [Watcher] looks at what a real till does. Both hand what passed, as it was before masking, to the judges of
// mercafacil/homologation and keep verdicts and masked exchanges; [Book] keeps them on disk, so that a run goes on after days, and
// makes the report.
//
// It judges nothing, and shows no document but the plan's own. The commands and the local API call it; it calls agent/upstream for
// what the kit itself asks the cloud, and agent/ops/evidence for the report's form.
package homologation

import (
	"context"
	"slices"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/mercafacil/homologation"
)

// Tap keeps the exchanges of an agent in memory, unmasked, while somebody listens. It is safe for concurrent use.
type Tap struct {
	now func() time.Time // nil: what passes has its own times

	mu      sync.Mutex
	on      bool
	list    []agent.Exchange
	bytes   int
	dropped int // exchanges from the beginning of list that made way
	arrived chan struct{}
}

// Bounds of what is kept: the oldest exchanges make way.
const (
	maxKept  = 2000
	maxBytes = 32 << 20
	maxBody  = 1 << 20 // of one exchange: a longer one is a load of a whole catalog, and is cut
)

// NewTap makes one that nobody listens to.
func NewTap() *Tap { return &Tap{arrived: make(chan struct{})} }

// NewTapOf makes one for a run with a clock of its own: it stamps what passes, and tells nothing of how long it took.
func NewTapOf(now func() time.Time) *Tap {
	t := NewTap()
	t.now = now
	return t
}

// Listen begins to keep exchanges.
func (t *Tap) Listen() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.on = true
}

// Stop forgets everything, and keeps nothing more.
func (t *Tap) Stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.on, t.list, t.bytes = false, nil, 0
}

// Observe takes an exchange of loyalty or of a load; others are nobody's business here. It does not wait, and costs nothing while
// nobody listens.
func (t *Tap) Observe(x agent.Exchange) {
	if !homologation.Judged(x) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on {
		return
	}
	if t.now != nil {
		x.At, x.Took = t.now(), 0
	}
	x.Request, x.Response = bound(x.Request), bound(x.Response)
	t.list = append(t.list, x)
	t.bytes += len(x.Request) + len(x.Response)
	for len(t.list) > maxKept || t.bytes > maxBytes {
		t.bytes -= len(t.list[0].Request) + len(t.list[0].Response)
		t.list = t.list[1:]
		t.dropped++
	}
	close(t.arrived)
	t.arrived = make(chan struct{})
}

func bound(body []byte) []byte { return slices.Clone(body[:min(len(body), maxBody)]) }

// Mark is a place in the stream of exchanges.
func (t *Tap) Mark() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped + len(t.list)
}

// Since gives the exchanges from a mark on, as far as they are kept.
func (t *Tap) Since(mark int) []agent.Exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.list[min(max(mark-t.dropped, 0), len(t.list)):])
}

// patience bounds the wait for an exchange that is over already.
const patience = 5 * time.Second

// await waits until the exchange of a till's call has come: its till may have the answer a moment before.
func (t *Tap) await(ctx context.Context, ref string) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		t.mu.Lock()
		has := slices.ContainsFunc(t.list, func(x agent.Exchange) bool { return x.Ref == ref && x.Side != agent.SideCloud })
		arrived := t.arrived
		t.mu.Unlock()
		if has {
			return
		}
		select {
		case <-arrived:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
