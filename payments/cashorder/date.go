package cashorder

import (
	"regexp"
	"strings"
	"time"
)

// secondT is what the supplier's own document writes between the fraction and the zone (cashorder.md 3.4).
var secondT = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?)T?(Z|[+-]\d{2}:?\d{2})?$`)

// Date reads a moment as the supplier's documents spell it, with too much in it or too little, and writes it as RFC 3339
// has it; one that is written so goes on as it is, with its fraction of a second. A moment without a zone is the shop's.
func Date(text string, zone *time.Location) (string, bool) {
	if _, err := time.Parse(time.RFC3339, text); err == nil {
		return text, true
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return day.Format(time.RFC3339), true
	}
	if at := strings.IndexByte(text, ' '); at == len(time.DateOnly) { // as databases print it
		text = text[:at] + "T" + text[at+1:]
	}
	parts := secondT.FindStringSubmatch(text)
	if parts == nil {
		return "", false
	}
	if parts[2] == "" {
		at, err := time.ParseInLocation("2006-01-02T15:04:05", parts[1], zone)
		return at.Format(time.RFC3339), err == nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if at, err := time.Parse(layout, parts[1]+parts[2]); err == nil {
			return at.Format(time.RFC3339), true
		}
	}
	return "", false
}
