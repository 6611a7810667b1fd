package checkout

import (
	"context"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
)

// entry is one payment in memory.
type entry struct {
	id       string
	provider string

	turn agent.Gate // one writer at a time: held during a commit, never during a call to the vendor

	mu        sync.Mutex // of the next three; never held during a commit or a call
	p         payments.Payment
	version   uint64
	committed chan struct{} // closed after the next commit

	// Of the schedule, under the engine's mu.
	at            time.Time
	place         int // in the heap; -1: not in it
	busy          bool
	hurried       bool      // to be worked at once after its present step
	attendedUntil time.Time // a till waits for it until then
}

func newEntry(p payments.Payment, version uint64) *entry {
	return &entry{id: p.ID, provider: p.Provider, p: p, version: version, turn: agent.NewGate(), committed: make(chan struct{}), place: -1}
}

// change applies do to the present payment and commits the result, together with more. Nothing is written when do gives an
// error.
func (e *Engine) change(ctx context.Context, en *entry, do func(*payments.Payment) error, more ...agent.Record) error {
	en.turn.Lock()
	defer en.turn.Unlock()
	before, version := en.now()
	next := clone(before)
	if err := do(&next); err != nil {
		return err
	}
	put, err := e.table.Put(next.ID, next, version)
	if err != nil {
		return err
	}
	event, err := eventOf(next)
	if err != nil {
		return err
	}
	change := agent.Change{Puts: append([]agent.Record{put}, more...), Events: []agent.Event{event}}
	if version > 0 && next.State == before.State && next.Attention == before.Attention {
		change.Events = nil // nothing in it that a reader of events sees
	}
	if _, err := e.cfg.Store.Commit(context.WithoutCancel(ctx), change); err != nil {
		e.reload(en)
		return err
	}
	if version == 0 || next.Attention != before.Attention {
		e.alarm(next)
	}
	en.mu.Lock()
	defer en.mu.Unlock()
	en.p, en.version = next, version+1
	close(en.committed)
	en.committed = make(chan struct{})
	return nil
}

// reload reads a payment from the disk after a commit that failed: it may have been written all the same.
func (e *Engine) reload(en *entry) {
	row, err := e.table.Row(en.id)
	if err != nil {
		return // it cannot be read just now
	}
	if p, ok := paymentIn(row); ok {
		en.mu.Lock()
		defer en.mu.Unlock()
		en.p, en.version = p, row.Version
	}
}

// now copies the present payment, and gives the version that it has on disk.
func (en *entry) now() (payments.Payment, uint64) {
	en.mu.Lock()
	defer en.mu.Unlock()
	return clone(en.p), en.version
}

func (en *entry) step() payments.Step {
	en.mu.Lock()
	defer en.mu.Unlock()
	return en.p.Step
}

// next copies the present payment, and gives a channel that is closed after the next commit.
func (en *entry) next() (payments.Payment, <-chan struct{}) {
	en.mu.Lock()
	defer en.mu.Unlock()
	return clone(en.p), en.committed
}
