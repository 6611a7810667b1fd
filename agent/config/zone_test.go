package config

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // what ours are compared with

	"pdvagent/agent/agenttest"
)

// TestTheZonesOfBrazilAreTheWorlds compares each hour's offset over years with and without daylight saving time.
func TestTheZonesOfBrazilAreTheWorlds(t *testing.T) {
	entries, err := zones.ReadDir("zones")
	if err != nil || len(entries) != 16 {
		t.Fatalf("%d zones, %v", len(entries), err)
	}
	for _, entry := range entries {
		name := strings.Replace(entry.Name(), "_", "/", 1)
		raw, err := zones.ReadFile("zones/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		ours, err := time.LoadLocationFromTZData(name, raw)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		step := time.Duration(agenttest.Amount(1, 24)) * time.Hour
		for at := time.Date(2016, 1, 1, 0, 30, 0, 0, time.UTC); at.Year() < 2032; at = at.Add(step) {
			if _, offset := at.In(ours).Zone(); offset != offsetIn(at, theirs) {
				t.Errorf("%s at %v: %d", name, at, offset)
				break
			}
		}
		if zone, err := Zone(name); err != nil || zone.String() != name {
			t.Errorf("%s: %v %v", name, zone, err)
		}
	}
	for _, name := range []string{"Mars/Olympus", "../../etc/passwd", "zones"} {
		if zone, err := Zone(name); err == nil {
			t.Errorf("%s: %v", name, zone)
		}
	}
}

func offsetIn(at time.Time, zone *time.Location) int {
	_, offset := at.In(zone).Zone()
	return offset
}
