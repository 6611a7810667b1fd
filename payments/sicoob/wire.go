package sicoob

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/reading"
	"pdvagent/payments"
)

// text is a JSON string or number; null and everything else are empty. The sources disagree on which a field is (contract
// section 11).
type text string

// UnmarshalJSON takes both spellings.
func (t *text) UnmarshalJSON(raw []byte) error {
	*t = ""
	switch {
	case raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		*t = text(strings.TrimSpace(s))
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		*t = text(raw)
	}
	return nil
}

// texts is a list of them, or one that stands alone.
type texts []text

// UnmarshalJSON takes both.
func (t *texts) UnmarshalJSON(raw []byte) error {
	if raw[0] == '[' {
		return json.Unmarshal(raw, (*[]text)(t))
	}
	*t = make(texts, 1)
	return (*t)[0].UnmarshalJSON(raw)
}

// whole reads a whole number, which is never negative here; 0 where there is none.
func (t text) whole() int64 {
	n, ok := t.count()
	if !ok {
		return 0
	}
	return n
}

// count reads a whole number from zero on.
func (t text) count() (int64, bool) {
	number, err := reading.ParseNumber(string(t))
	if err != nil || number.Negative() {
		return 0, false
	}
	n, rounded, err := number.Scale(0)
	return n, err == nil && !rounded
}

// total reads a count that may have points between its thousands: 1.500.000 (sicoob.md 4.2).
func (t text) total() (int64, bool) {
	if grouped, err := reading.ParseLocal(string(t), ','); err == nil && strings.Contains(string(t), ".") {
		n, rounded, err := grouped.Scale(0)
		return n, err == nil && !rounded && !grouped.Negative()
	}
	return t.count()
}

// reais reads money, also with a comma before the cents: 1.150,00. What is farther from a cent than the spelling of a double
// explains is no amount. Its error is for people.
func (t text) reais() (agent.Cents, error) {
	if t == "" {
		return 0, nil
	}
	spelled := string(t)
	if _, cents, comma := strings.Cut(spelled, ","); comma && len(cents) == 2 {
		if number, err := reading.ParseInText(spelled); err == nil {
			spelled = number.String()
		}
	}
	if cents, ok := payments.Reais(spelled); ok {
		return cents, nil
	}
	return 0, fmt.Errorf("%q não é um valor em reais e centavos", short(string(t)))
}

// brasilia is where the bank's days begin and end.
func brasilia() *time.Location { return time.FixedZone("BRT", -3*3600) }

// day reads a date, alone or with a time, also with one digit for the day (sicoob.md 5.3) or as 28/11/2026; zero where there
// is none. A moment of another zone is the day that it is in Brasília.
func (t text) day() time.Time {
	date, clock, timed := strings.Cut(strings.Replace(string(t), " ", "T", 1), "T")
	layout := "2006-1-2"
	if strings.Contains(date, "/") {
		layout = "2/1/2006"
	}
	at, err := time.Parse(layout, date)
	if err != nil || at.Year() < 1990 {
		return time.Time{}
	}
	if !timed {
		return at
	}
	if moment, err := time.Parse(time.RFC3339Nano, at.Format(time.DateOnly)+"T"+clock); err == nil {
		moment = moment.In(brasilia())
		return time.Date(moment.Year(), moment.Month(), moment.Day(), 0, 0, 0, 0, time.UTC)
	}
	return at
}

// money writes reais as the bank wants them.
func money(c agent.Cents) json.Number {
	return json.Number(fmt.Sprintf("%d.%02d", c/100, c%100))
}
