package service

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The chain's IT filters by these numbers: the manual has each alarm with its own.
func TestEveryAlarmHasTheNumberThatTheManualSays(t *testing.T) {
	documented := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([0-9]+) \\|").FindAllStringSubmatch(read(t, agenttest.Root(), "docs", "monitoramento.md"), -1) {
		documented[row[1]] = row[2]
	}
	codes := regexp.MustCompile(`(?m)^\tAlarm\w+ += "([a-z_]+)"`).FindAllStringSubmatch(read(t, agenttest.Root(), "agent", "alarm.go"), -1)
	if len(codes) < 7 {
		t.Fatalf("found %d alarms", len(codes))
	}
	for _, code := range codes {
		if got := strconv.Itoa(int(eventID(code[1]))); got == "100" || documented[code[1]] != got {
			t.Errorf("%s: number %s, the manual says %q", code[1], got, documented[code[1]])
		}
	}
}

// On every system an alarm can be told; wine and Linux show it nowhere, and that is no trouble.
func TestEventLogTakesAnAlarmWithoutItsSourceInstalled(t *testing.T) {
	events, err := OpenEventLog()
	if err != nil {
		t.Fatal(err)
	}
	events.Alarm(agent.Alarm{Code: agent.AlarmRoutePaused, Subject: "coupon", Detail: "teste"}, false)
	events.Alarm(agent.Alarm{Code: agent.AlarmStoreFull, Detail: "teste"}, true)
	if err := events.Close(); err != nil {
		t.Error(err)
	}
}
