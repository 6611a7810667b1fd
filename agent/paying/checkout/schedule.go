package checkout

import (
	"container/heap"
	"time"

	"pdvagent/payments"
)

// schedule is a heap of entries by their time.
type schedule []*entry

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].at.Before(s[j].at) }
func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].place, s[j].place = i, j
}

// Push is heap.Interface's.
func (s *schedule) Push(x any) {
	if en, ok := x.(*entry); ok {
		en.place = len(*s)
		*s = append(*s, en)
	}
}

// Pop is heap.Interface's.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	en := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	en.place = -1
	return en
}

// schedule puts an entry at its time. The caller holds mu.
func (e *Engine) schedule(en *entry, at time.Time) {
	en.at = at
	if en.place >= 0 {
		heap.Fix(&e.queue, en.place)
	} else {
		heap.Push(&e.queue, en)
	}
	if e.queue[0] == en {
		e.kick()
	}
}

func (e *Engine) kick() {
	select {
	case e.kicked <- struct{}{}:
	default: // Run has not yet taken the last kick
	}
}

// idle is how long the schedule sleeps when there is nothing in it.
const idle = time.Hour

// next takes the entry whose time has come; nil, and how long to wait, when there is none.
func (e *Engine) next() (*entry, time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) == 0 {
		return nil, idle
	}
	if wait := e.queue[0].at.Sub(e.cfg.Now()); wait > 0 {
		return nil, min(wait, idle)
	}
	en, ok := heap.Pop(&e.queue).(*entry)
	if !ok {
		return nil, idle
	}
	en.busy, en.hurried = true, false
	return en, 0
}

// done puts an entry back after its step.
func (e *Engine) done(en *entry) {
	p, _ := en.now()
	step, at := p.Step, p.NextAt
	e.mu.Lock()
	defer e.mu.Unlock()
	en.busy = false
	switch {
	case step == payments.StepNone: // the tills that wait for it have the entry
		delete(e.entries, en.id)
	case en.hurried:
		e.schedule(en, e.cfg.Now())
	default:
		e.schedule(en, at)
	}
	en.hurried = false
}

// postpone puts an entry back that could not be worked.
func (e *Engine) postpone(en *entry, wait time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.cfg.Now()
	if en.busy = false; now.Before(en.attendedUntil) {
		wait /= 8
	}
	e.schedule(en, now.Add(wait))
}

// hurry schedules an entry at once, or after its present step.
func (e *Engine) hurry(en *entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if en.busy {
		en.hurried = true
		return
	}
	if en.place >= 0 {
		e.schedule(en, e.cfg.Now())
	}
}

// attend notes that a till waits for a watched payment: the vendor is asked more often for a while.
func (e *Engine) attend(en *entry, soon time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	en.attendedUntil = e.cfg.Now().Add(waitFor)
	if at := e.cfg.Now().Add(soon); en.place >= 0 && en.at.After(at) {
		e.schedule(en, at)
	}
}

// attended tells whether a till waits for the payment.
func (e *Engine) attended(en *entry) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cfg.Now().Before(en.attendedUntil)
}
