package boleto

import "time"

// The due factor counts days from a base, in four digits: 1000 was 2000-07-03, 9999 was 2025-02-21, and the day after it
// was 1000 again (boleto.md 8.2).
const (
	firstFactor = 1000
	lastFactor  = 9999
	cycle       = lastFactor - firstFactor + 1
)

func base() time.Time { return time.Date(1997, 10, 7, 0, 0, 0, 0, time.UTC) }

// The window in which a factor is read, in days from today.
const (
	windowBack  = 3000
	windowAhead = 5500
)

// dayOf gives a civil date as a moment that days can be counted with.
func dayOf(at time.Time) time.Time {
	year, month, day := at.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func days(from, to time.Time) int { return int(dayOf(to).Sub(dayOf(from)) / (24 * time.Hour)) }

// Factor is a date's factor; 0 for the zero time: no due date.
func Factor(due time.Time) int {
	if due.IsZero() {
		return 0
	}
	n := days(base(), due)
	switch {
	case n < 0:
		return 0
	case n > lastFactor:
		return (n-firstFactor)%cycle + firstFactor
	}
	return n
}

// Due gives the date that a factor means when it is read today; false where it means none, or one that cannot be told.
func Due(factor int, today time.Time) (time.Time, bool) {
	if factor < firstFactor || factor > lastFactor || today.IsZero() {
		return time.Time{}, false
	}
	for at := base().AddDate(0, 0, factor); days(today, at) <= windowAhead; at = at.AddDate(0, 0, cycle) {
		if days(today, at) >= -windowBack {
			return at, true
		}
	}
	return time.Time{}, false
}
