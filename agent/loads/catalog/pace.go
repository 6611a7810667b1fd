package catalog

import (
	"context"
	"time"

	"pdvagent/agent"
)

const (
	// paceEvery is the records between two looks at the clock.
	paceEvery = 16
	// stint is how long a load works before it checks whether the till needs the machine.
	stint = time.Millisecond / 2
	// lull is how long after a sale another one may come at any moment.
	lull = time.Second
)

// pace keeps a long load out of the way of sales: while there are some it rests for longer than it works, and the till has
// the machine for itself in between. At night, when loads should run, it costs nothing.
type pace struct {
	sales func() uint64 // the count of all sales ever
	seen  uint64
	until time.Time // end of the lull
	begun time.Time // of the stint
}

// rest sleeps when the load has to rest. It is called for each record.
func (p *pace) rest(ctx context.Context, index int) {
	if index%paceEvery != 0 {
		return
	}
	now := time.Now()
	if p.begun.IsZero() {
		p.seen, p.begun = p.sales(), now
		return
	}
	worked := now.Sub(p.begun)
	if worked < stint {
		return
	}
	if n := p.sales(); n != p.seen {
		p.seen, p.until = n, now.Add(lull)
	}
	if now.Before(p.until) {
		select {
		case <-time.After(restPerWork * worked):
		case <-ctx.Done():
		}
	}
	p.begun = time.Now()
}

// restPerWork is the rest during a lull, in times of the stint.
const restPerWork = 2

// salesOf counts the jobs that are of no load.
func salesOf(counters agent.Counters) (n uint64) {
	for kind, states := range counters.ByKind {
		if !kind.Load() {
			for _, count := range states {
				n += count
			}
		}
	}
	return n
}
