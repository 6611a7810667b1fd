package routine

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// Timetable is a schedule: a fixed interval, or times of the shop's day. Its phase delays every time, so that the agents of a
// chain do not all call their clouds at the same moment.
type Timetable struct {
	Every time.Duration // 0: at times of day
	At    []TimeOfDay
	Phase time.Duration
	Zone  *time.Location
}

// TimeOfDay is a clock time, in minutes after midnight.
type TimeOfDay int

// ParseTimeOfDay reads HH:MM.
func ParseTimeOfDay(text string) (TimeOfDay, error) {
	at, err := time.Parse("15:04", text)
	if err != nil || at.Format("15:04") != text {
		return 0, fmt.Errorf("%q is no time of day: want HH:MM", text)
	}
	return TimeOfDay(at.Hour()*60 + at.Minute()), nil
}

// String gives HH:MM.
func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", t/60, t%60) }

// Next returns the first time of the schedule after a moment; the zero time: there is none.
func (t Timetable) Next(after time.Time) time.Time {
	if t.Every > 0 {
		passed := after.Sub(time.Unix(0, 0).Add(t.Phase))
		return time.Unix(0, 0).Add(t.Phase).Add(passed.Truncate(t.Every) + t.Every)
	}
	if len(t.At) == 0 {
		return time.Time{}
	}
	local := after.In(t.Zone)
	var next time.Time
	for day := -1; day <= 2; day++ { // the phase may reach over midnight
		for _, at := range t.At {
			due := onDay(time.Date(local.Year(), local.Month(), local.Day()+day, 12, 0, 0, 0, t.Zone), at).Add(t.Phase)
			if due.After(after) && (next.IsZero() || due.Before(next)) {
				next = due
			}
		}
	}
	return next
}

// onDay returns the moment of a day, given by its noon, at which clocks show a time: the first of two, and an hour later
// where summer time skips it.
func onDay(noon time.Time, at TimeOfDay) time.Time {
	moment := time.Date(noon.Year(), noon.Month(), noon.Day(), int(at)/60, int(at)%60, 0, 0, noon.Location())
	if shown := TimeOfDay(moment.Hour()*60 + moment.Minute()); shown != at && (shown < at || moment.Day() != noon.Day()) {
		return moment.Add(time.Hour) // time.Date took the moment before the gap
	}
	return moment
}

// longestSpread bounds the phase of times of day: a shop that closes at 23:30 has its tills off at 1:00.
const longestSpread = 10 * time.Minute

// PhaseOf returns an agent's phase of a routine: always the same, spread evenly over the interval, or over longestSpread
// where every is 0.
func PhaseOf(agentID, name string, every time.Duration) time.Duration {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(agentID + "\x00" + name)) // it cannot fail
	within := every
	if within <= 0 {
		within = longestSpread
	}
	return time.Duration(hash.Sum64() % uint64(within)).Truncate(time.Second)
}

// inWords formats a duration without its parts that are zero: 6h, not 6h0m0s.
func inWords(d time.Duration) string {
	text := d.String()
	if d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d%time.Hour == 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Words describes the schedule in Portuguese.
func (t Timetable) Words() string {
	if t.Every > 0 {
		return "a cada " + inWords(t.Every)
	}
	text := "às "
	for i, at := range slices.Sorted(slices.Values(t.At)) {
		if i > 0 {
			text += ", "
		}
		text += at.String()
	}
	return text
}
