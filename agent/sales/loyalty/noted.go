package loyalty

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/mask"
)

const (
	lastSales = 50   // of a till, whose notes are remembered
	often     = 5    // of them with the same note: an alarm
	mostTills = 200  // a till's code comes from outside
	lookBack  = 1000 // jobs that are read at the start for the tills' last sales
)

// noted remembers the notes of each till's last sales, and raises the alarms of a till that repeats itself or whose clock is
// wrong. It is built anew from the queue at the start.
type noted struct {
	alarms *agent.Alarms
	mu     sync.Mutex
	tills  map[string]*tillNotes
}

// tillNotes is one till.
type tillNotes struct {
	sales  [][]agent.Note // oldest first
	raised map[agent.NoteCode]bool
}

// add takes a sale that was accepted.
func (n *noted) add(till, date string, notes []agent.Note, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.tills[till]
	if known == nil {
		if len(n.tills) == mostTills {
			return
		}
		known = &tillNotes{raised: make(map[agent.NoteCode]bool)}
		n.tills[till] = known
	}
	if len(known.sales) == lastSales {
		known.sales = slices.Delete(known.sales, 0, 1)
	}
	known.sales = append(known.sales, notes)
	for _, code := range agent.NoteCodes() {
		on := known.count(code) >= often
		if code == agent.NoteClock {
			on = has(notes, code)
		}
		if on == known.raised[code] {
			continue
		}
		known.raised[code] = on
		if alarm := alarmOf(code, shownTill(till), date, at); on {
			n.alarms.Raise(alarm)
		} else {
			n.alarms.Clear(alarm.Code, alarm.Subject)
		}
	}
}

// alarmOf is the alarm of a till that has a note too often, or now has a wrong clock.
func alarmOf(code agent.NoteCode, till, date string, at time.Time) agent.Alarm {
	if code == agent.NoteClock {
		return agent.Alarm{Code: agent.AlarmTillClock, Subject: till, Since: at, Detail: fmt.Sprintf(
			"O caixa %s enviou um cupom com a data %s: acerte o relógio do caixa. As vendas sobem com a data que veio.", till, date)}
	}
	return agent.Alarm{Code: agent.AlarmSaleNotes, Subject: till + " " + string(code), Since: at, Detail: fmt.Sprintf(
		"O caixa %s repete a mesma observação em %d ou mais das últimas %d vendas: %s As vendas sobem assim mesmo; confira o programa do caixa.",
		till, often, lastSales, code.Detail())}
}

func (t *tillNotes) count(code agent.NoteCode) (count int) {
	for _, notes := range t.sales {
		if has(notes, code) {
			count++
		}
	}
	return count
}

func has(notes []agent.Note, code agent.NoteCode) bool {
	return slices.ContainsFunc(notes, func(note agent.Note) bool { return note.Code == code })
}

// shownTill is a till's code as people see it.
func shownTill(code string) string {
	if code == "" {
		return "sem código"
	}
	return mask.ID(code)
}

// remember reads the last sales of the queue.
func (n *noted) remember(store Store) error {
	after := store.LastSeq() - min(store.LastSeq(), lookBack)
	for {
		sales, err := store.List("", agent.KindCoupon, after, lookBack)
		if err != nil {
			return fmt.Errorf("notes of the last sales: %w", err)
		}
		for _, job := range sales {
			after = job.Seq
			till, date, ok := tillAndDate(job.Moment)
			if ok && job.Status.State != agent.Held && job.Status.State != agent.Discarded {
				n.add(till, date, job.Notes, job.CreatedAt)
			}
		}
		if len(sales) < lookBack {
			return nil
		}
	}
}

// tillAndDate reads what [moment] wrote.
func tillAndDate(text string) (till, date string, ok bool) {
	parts := strings.Split(text, "|")
	if len(parts) < 4 {
		return "", "", false
	}
	return strings.Join(parts[:len(parts)-3], "|"), parts[len(parts)-3], true
}
