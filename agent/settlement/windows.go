package settlement

import (
	"slices"
	"time"
)

// window is some days that the bank is asked about: two, or one.
type window struct {
	From    string    `json:"from"` // YYYY-MM-DD
	To      string    `json:"to"`
	Code    int64     `json:"code"`     // codigoSolicitacao; 0: not asked yet
	AskedAt time.Time `json:"asked_at"` // by which it is known how old its days were
}

// book is what is known of the windows: on disk, so that a restart goes on where it was.
type book struct {
	Type    string   `json:"type"` // windows
	Asked   []window `json:"asked"`
	Covered []string `json:"covered"` // days that were asked about for good, oldest first
	Nightly string   `json:"nightly"` // the last day whose second look was had
}

const (
	settledAfter = 4   // days after which a day is not asked about again: what comes later is found by its overlap until then
	oldestDay    = 365 // days back that the bank knows of
	staleRequest = 20 * 24 * time.Hour
	earlyPayment = 45 // days before a boleto of unknown issue fell due, or was registered, that it may have been paid
)

// bankDay is the day at the bank: its days begin and end in Brasília.
func bankDay(at time.Time) time.Time {
	at = at.In(time.FixedZone("BRT", -3*3600))
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
}

func back(day time.Time, days int) string { return day.AddDate(0, 0, -days).Format(time.DateOnly) }

// due gives the windows that every run asks about, and those of the second look that is had once a day.
func (b *book) due(today time.Time) []window {
	list := []window{{From: back(today, 1), To: back(today, 0)}}
	if b.Nightly != today.Format(time.DateOnly) {
		list = append(list, window{From: back(today, 3), To: back(today, 2)}, window{From: back(today, 5), To: back(today, 4)})
	}
	return list
}

// together is how many windows of days long ago are asked about at a time.
const together = 8

// missing gives the next windows of days long ago that nobody was conclusively told about, newest first: from the day of
// the oldest open boleto on, and never more than a year.
func (b *book) missing(today, oldest time.Time) (list []window) {
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
		case slices.Contains(b.Covered, day):
		case before >= floor && !slices.Contains(b.Covered, before):
			list = append(list, window{From: before, To: day})
			n++
		default:
			list = append(list, window{From: day, To: day})
		}
	}
	return list
}

// conclude notes that a window was told of for good. Days that were young when it was asked are asked about again.
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

// forget takes a window off those that were asked about.
func (b *book) forget(w window) {
	b.Asked = slices.DeleteFunc(b.Asked, func(a window) bool { return a.From == w.From && a.To == w.To })
}

// openSince is the day from which on a boleto may have been paid.
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
