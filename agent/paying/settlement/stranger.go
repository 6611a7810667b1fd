package settlement

import (
	"errors"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments/boleto"
)

// Stranger is a settlement that marks no boleto as paid: none is known, or only one field of it agrees.
type Stranger struct {
	Type    string        `json:"type"` // stranger
	Mark    string        `json:"mark"`
	Return  boleto.Return `json:"record"`
	Reason  string        `json:"reason"`            // Portuguese
	Boletos []int64       `json:"boletos,omitempty"` // those of which one field agrees
	Outside bool          `json:"outside,omitempty"` // outside the window that was asked about
	At      time.Time     `json:"at"`
}

// keptStranger is a stranger that the batch adds or removes.
type keptStranger struct {
	Stranger
	put  agent.Record
	gone bool
}

// maxCompared bounds how many strangers of one boleto a record is compared with.
const maxCompared = 200

// keep adds a settlement that marks no boleto as paid to the batch. half is the boletos that it may be of.
func (w *work) keep(s boleto.Return, mark, reason string, half []int64, outside bool) (fate, error) {
	_, there, err := w.stranger(mark)
	if err != nil || there && !w.isClaimed(mark) {
		return known, err
	}
	list, err := w.strangersOf(s)
	if err != nil {
		return known, err
	}
	same, err := w.sameStranger(list, s, mark)
	if err != nil || same != "" {
		w.claims = append(w.claims, same)
		return known, err
	}
	own := freeMark(mark, func(mark string) bool {
		_, there, findErr := w.stranger(mark)
		err = errors.Join(err, findErr)
		return there
	})
	if own != mark {
		w.claims = append(w.claims, own)
	}
	row, rowErr := w.l.strangers.Row(strangerKey(own))
	kept := Stranger{Type: typeStranger, Mark: own, Return: s, Reason: reason, Boletos: half, Outside: outside, At: w.l.cfg.Now()}
	put, putErr := row.Put(kept)
	if err := errors.Join(err, rowErr, putErr); err != nil {
		return known, err
	}
	w.kept[own] = &keptStranger{Stranger: kept, put: put}
	if list != nil {
		list.index.Marks, list.changed = append(list.index.Marks, own), true
	}
	return stranger, nil
}

// stranger reads one by its mark, as the batch leaves it.
func (w *work) stranger(mark string) (Stranger, bool, error) {
	if kept, ok := w.kept[mark]; ok {
		return kept.Stranger, !kept.gone, nil
	}
	s, row, err := w.l.strangers.Get(strangerKey(mark))
	return s, row.Known(), err
}

// strangersOf reads the list of the strangers of a record's boleto; nil where the record names none.
func (w *work) strangersOf(s boleto.Return) (*loadedIndex, error) {
	who := whoOf(s)
	if who == "" {
		return nil, nil
	}
	list := w.waiting[who]
	if list == nil {
		list = new(loadedIndex)
		var err error
		if list.index, list.row, err = w.l.indexes.Get(waitingKey(who)); err != nil {
			return nil, err
		}
		list.index.Type = typeIndex
		w.waiting[who] = list
	}
	return list, nil
}

// sameStranger gives the mark of a stranger that is the money of a record, and that no other record of this request's files
// is; empty: there is none. own is the record's mark.
func (w *work) sameStranger(list *loadedIndex, s boleto.Return, own string) (string, error) {
	if list == nil || len(list.index.Marks) > maxCompared {
		return "", nil
	}
	for _, mark := range list.index.Marks {
		if w.isClaimed(mark) || mark != own && w.isTaken(mark) {
			continue
		}
		other, there, err := w.stranger(mark)
		if err != nil || there && other.sameMoney(s) {
			return mark, err
		}
	}
	return "", nil
}

// found takes the money of a record off the strangers: an earlier poll told too little of it to find its boleto.
func (w *work) found(s boleto.Return, own string) error {
	list, err := w.strangersOf(s)
	if err != nil {
		return err
	}
	mark, err := w.sameStranger(list, s, own)
	if err != nil || mark == "" {
		return err
	}
	row, err := w.l.strangers.Row(strangerKey(mark))
	if err != nil {
		return err
	}
	list.index.Marks, list.changed = slices.DeleteFunc(list.index.Marks, func(m string) bool { return m == mark }), true
	if kept := w.kept[mark]; kept != nil {
		delete(w.kept, mark) // it was not written yet
		return nil
	}
	w.kept[mark] = &keptStranger{put: row.Delete(), gone: true}
	return nil
}

// Strangers reads the settlements that mark no boleto as paid, newest first.
func (l *Ledger) Strangers(limit int) ([]Stranger, error) {
	var list []Stranger
	err := each(l.strangers, typeStranger, func(row records.Row[Stranger]) error {
		s, err := row.Value()
		if err != nil {
			return err
		}
		list = append(list, s)
		return nil
	})
	slices.SortFunc(list, func(a, b Stranger) int {
		if order := b.At.Compare(a.At); order != 0 {
			return order
		}
		return strings.Compare(a.Mark, b.Mark)
	})
	return list[:min(len(list), limit)], err
}
