package settlement

import (
	"slices"
	"time"
)

// window is one or two days that the bank is asked about.
type window struct {
	From    string    `json:"from"` // YYYY-MM-DD
	To      string    `json:"to"`
	Code    int64     `json:"code"`     // codigoSolicitacao; 0: not asked yet
	AskedAt time.Time `json:"asked_at"` // tells how old its days were then
}

// String says the window's days in Portuguese.
func (w window) String() string {
	return "De " + dayInWords(w.From) + " a " + dayInWords(w.To)
}

func dayInWords(day string) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil { // the agent wrote it
		return day
	}
	return at.Format("02/01/2006")
}

// book is the state of the windows. It is on disk, so that a restart goes on where it was.
type book struct {
	Type    string   `json:"type"`    // windows
	Asked   []window `json:"asked"`   // requested, and not yet read
	Covered []string `json:"covered"` // days that need not be asked about again, oldest first
	Nightly string   `json:"nightly"` // the last day on which the daily windows were read
}

const (
	settledAfter = 4   // days after which a day is covered: until then windows overlap, for settlements that come late
	oldestDay    = 365 // days back that the bank has
	staleRequest = 20 * 24 * time.Hour
	earlyPayment = 45 // days before its due date, or its registration, that a boleto of unknown issue may have been paid
)

// bankDay is the day of a time at the bank, which is in Brasília.
func bankDay(at time.Time) time.Time {
	at = at.In(time.FixedZone("BRT", -3*3600))
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
}

func back(day time.Time, days int) string { return day.AddDate(0, 0, -days).Format(time.DateOnly) }

// due lists the windows that every run asks about, and the older ones that one run a day asks about.
func (b *book) due(today time.Time) []window {
	list := []window{{From: back(today, 1), To: back(today, 0)}}
	if b.Nightly != today.Format(time.DateOnly) {
		list = append(list, window{From: back(today, 3), To: back(today, 2)}, window{From: back(today, 5), To: back(today, 4)})
	}
	return list
}

// together is the windows of days long ago that are asked about at a time.
const together = 8

// missing lists the next windows of days long ago that are not covered, newest first, back to the day of the oldest open
// boleto and at most a year. Days without an answer in this run are left for the next.
func (b *book) missing(today, oldest time.Time, unanswered []string) (list []window) {
	if oldest.IsZero() {
		return nil
	}
	floor := back(today, oldestDay-1)
	if day := oldest.Format(time.DateOnly); day > floor {
		floor = day
	}
	for n := settledAfter; len(list) < together; n++ {
		day, before := back(today, n), back(today, n+1)
		if day < floor {
			break
		}
		switch {
		case slices.Contains(b.Covered, day), slices.Contains(unanswered, day):
		case before >= floor && !slices.Contains(b.Covered, before) && !slices.Contains(unanswered, before):
			list = append(list, window{From: before, To: day})
			n++
		default:
			list = append(list, window{From: day, To: day})
		}
	}
	return list
}

// conclude notes that a window was read. Its days are covered when they were old enough at the request; younger days are
// asked about again.
func (b *book) conclude(w window) {
	asked := bankDay(w.AskedAt)
	for _, text := range []string{w.From, w.To} {
		if text <= back(asked, settledAfter) && !slices.Contains(b.Covered, text) {
			b.Covered = append(b.Covered, text)
		}
	}
	slices.Sort(b.Covered)
	b.forget(w)
	floor := back(asked, oldestDay)
	b.Covered = slices.DeleteFunc(b.Covered, func(day string) bool { return day < floor })
}

// forget removes a window from those that were asked about.
func (b *book) forget(w window) {
	b.Asked = slices.DeleteFunc(b.Asked, func(a window) bool { return a.From == w.From && a.To == w.To })
}

// openSince is the first day on which a boleto may have been paid.
func (b Boleto) openSince() time.Time {
	if at, err := time.Parse(time.DateOnly, b.IssuedOn); err == nil {
		return at
	}
	at := bankDay(b.CreatedAt)
	if due, err := time.Parse(time.DateOnly, b.Due); err == nil && due.Before(at) {
		at = due
	}
	return at.AddDate(0, 0, -earlyPayment)
}
