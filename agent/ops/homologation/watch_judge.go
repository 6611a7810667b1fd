package homologation

import (
	"pdvagent/agent"
	"pdvagent/mercafacil/homologation"
)

// judge asks the judges about what has passed, if anything has.
func (w *Watcher) judge() error {
	mark := w.cfg.Tap.Mark()
	if mark == w.seen {
		return nil
	}
	type passage struct {
		exchanges []agent.Exchange
		traffic   *homologation.Traffic
	}
	read, changed := make(map[int]*passage), false // by the mark from which it was read
	for _, item := range w.plan.Items {
		if item.Judge == "" || (len(item.Steps) > 0 && !item.Watchable()) {
			continue
		}
		passed := read[w.from[item.ID]]
		if passed == nil {
			exchanges := w.cfg.Tap.Since(w.from[item.ID])
			passed = &passage{exchanges, homologation.Read(exchanges)}
			read[w.from[item.ID]] = passed
		}
		facts := w.cfg.Facts
		facts.Asked = item.ID == w.current
		if w.note(item, w.plan.Judge(item, passed.traffic, facts), passed.exchanges, mark) {
			changed = true
		}
	}
	if changed {
		if err := w.book.save(); err != nil {
			return err
		}
	}
	w.seen = mark
	return nil
}

// note notes a verdict, and tells whether it is new. What was wrong stays wrong until it was done again, and right; what was right
// stays right unless it was wrong later.
func (w *Watcher) note(item homologation.Item, found homologation.Finding, exchanges []agent.Exchange, mark int) bool {
	before := w.book.Entries[item.ID]
	switch {
	case found.Verdict == homologation.Open && (before.Verdict != homologation.Open && before.Verdict != "" || before.Words == found.Words):
		return false
	case found.Verdict == homologation.Open && item.ID != w.current:
		return false
	case found.Verdict == before.Verdict && found.Verdict != homologation.Failed:
		return false
	}
	if found.Verdict == homologation.Failed {
		w.from[item.ID] = mark
	}
	w.book.note(w.plan, item.ID, found, exchanges, w.cfg.Now())
	return true
}
