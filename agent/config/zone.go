package config

import (
	"embed"
	"strings"
	"time"
)

// The time zones of Brazil, as IANA publishes them (public domain). Windows has no zone files; those of all countries would
// be half a megabyte.
//
//go:embed zones
var zones embed.FS

// Zone returns a time zone by its name: one of the machine's, or of Brazil's.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err == nil {
		return zone, nil
	}
	raw, missing := zones.ReadFile("zones/" + strings.ReplaceAll(name, "/", "_"))
	if missing != nil {
		return nil, err
	}
	return time.LoadLocationFromTZData(name, raw)
}
