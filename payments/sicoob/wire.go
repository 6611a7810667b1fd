package sicoob

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent"
)

// text is a JSON string or number; null and everything else are empty. The sources disagree on which a field is (contract
// section 11).
type text string

// UnmarshalJSON takes both spellings.
func (t *text) UnmarshalJSON(raw []byte) error {
	*t = ""
	switch {
	case raw[0] == '"':
		if end := len(raw) - 1; bytes.IndexByte(raw[1:end], '\\') < 0 {
			*t = text(bytes.TrimSpace(raw[1:end]))
			return nil
		}
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

// integer reads a whole number, also one with dots between the thousands.
func (t text) integer() (int64, bool) {
	plain := strings.ReplaceAll(string(t), ".", "")
	if plain == "" || len(plain) > 18 {
		return 0, false
	}
	n, err := strconv.ParseInt(plain, 10, 64)
	return n, err == nil && n >= 0 && !strings.HasPrefix(plain, "+")
}

// whole reads a whole number, which is never negative here; 0 where there is none.
func (t text) whole() int64 {
	if strings.Contains(string(t), ".") {
		return 0
	}
	n, _ := t.integer()
	return n
}

// reais reads money exactly: up to four decimals, of which those after the second are zeros. Its error is for people.
func (t text) reais() (agent.Cents, error) {
	if t == "" {
		return 0, nil
	}
	whole, decimals, _ := strings.Cut(string(t), ".")
	decimals = strings.TrimRight(decimals, "0")
	if len(decimals) > 2 || whole == "" || len(whole) > 13 {
		return 0, fmt.Errorf("%q não é um valor em reais e centavos", string(t))
	}
	n, err := strconv.ParseUint(whole+decimals+"00"[len(decimals):], 10, 62)
	if err != nil {
		return 0, fmt.Errorf("%q não é um valor em reais e centavos", string(t))
	}
	return agent.Cents(n), nil
}

// brasilia is where the bank's days begin and end.
func brasilia() *time.Location { return time.FixedZone("BRT", -3*3600) }

// day reads a date, alone or with a time, also with one digit for the day (contract 5.3); zero where there is none. A
// moment of another zone is the day that it is in Brasília.
func (t text) day() time.Time {
	date, clock, timed := strings.Cut(string(t), "T")
	at, err := time.Parse("2006-1-2", date)
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
