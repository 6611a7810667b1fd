package fleet_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/chain"
	"pdvagent/cmd/pdvhub/internal/fleet"
	"pdvagent/cmd/pdvhub/internal/ledger"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func TestHealthOfATill(t *testing.T) {
	now := time.Date(2026, 3, 10, 15, 0, 0, 0, time.UTC)
	heard := func(ago time.Duration, s chain.State) ledger.Till { return ledger.Till{Seen: now.Add(-ago), State: s} }
	alarms := func(codes ...string) (s chain.State) {
		for _, code := range codes {
			s.Alarms = append(s.Alarms, chain.Alarm{Code: code})
		}
		return s
	}
	waiting := chain.State{Online: true, Queue: chain.Queue{Pending: 1, Oldest: now.Add(-time.Hour)}}
	away := chain.State{Queue: chain.Queue{Pending: 2}}
	held := alarms("held_jobs", "held_jobs", "store_full")
	held.Queue.Held = 3
	copied := heard(time.Second, chain.State{Online: true})
	copied.Twice = now.Add(-time.Minute)
	healed := copied
	healed.Twice = now.Add(-2 * time.Hour)
	for name, c := range map[string]struct {
		till ledger.Till
		want fleet.Health
		why  string
	}{
		"never heard":                  {ledger.Till{}, fleet.Waiting, "ainda não deu sinal"},
		"all is well":                  {heard(time.Minute, chain.State{Online: true}), fleet.Well, ""},
		"one sale waits":               {heard(0, waiting), fleet.Well, "1 venda por enviar, a mais antiga das 14:00"},
		"two wait, no cloud":           {heard(0, away), fleet.Well, "2 vendas por enviar; sem a Mercafácil"},
		"each alarm once":              {heard(0, held), fleet.Needs, "3 vendas retidas; disco ou banco de dados cheio"},
		"an alarm of a newer agent":    {heard(0, alarms("new_code")), fleet.Needs, "alarme new_code"},
		"silent for a round":           {heard(45*time.Second, chain.State{}), fleet.Well, ""},
		"silent":                       {heard(2*time.Minute, chain.State{}), fleet.Silent, "sem sinal desde 14:58"},
		"silent since yesterday":       {heard(20*time.Hour, chain.State{}), fleet.Silent, "sem sinal desde 09/03 19:00"},
		"stopped in order":             {heard(20*time.Hour, chain.State{Stopping: true}), fleet.Closed, "09/03 19:00"},
		"two machines":                 {copied, fleet.Copied, "duas máquinas"},
		"two machines, hours ago":      {healed, fleet.Well, ""},
		"silent is worse than alarmed": {heard(time.Hour, alarms("store_full")), fleet.Silent, ""},
	} {
		got, why := fleet.Of(c.till, now)
		if got != c.want || !strings.Contains(why, c.why) || c.why == "" && c.want == fleet.Well && why != "" {
			t.Errorf("%s: %q (%s)", name, got, why)
		}
	}
}

// Every alarm that an agent can raise has its few words here.
func TestEveryAlarmHasWords(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(agenttest.Root(), "agent", "alarm.go"))
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`Alarm\w+\s+= "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(codes) < 20 {
		t.Fatalf("found %d alarms", len(codes))
	}
	for _, code := range codes {
		till := ledger.Till{Seen: time.Now(), State: chain.State{Alarms: []chain.Alarm{{Code: code[1]}}}}
		if _, why := fleet.Of(till, time.Now()); strings.Contains(why, code[1]) {
			t.Errorf("%s has no words", code[1])
		}
	}
}
