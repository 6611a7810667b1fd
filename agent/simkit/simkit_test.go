package simkit_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// start is the time of every clock here.
func start() time.Time { return time.Date(2031, 9, 30, 12, 0, 0, 0, time.UTC) }

func refusal(status int, message string) simkit.Answer {
	return simkit.Answer{Status: status, Body: map[string]any{"code": status, "text": message}}
}

// cloud is a simulator with every fault there is, and a distortion of its own.
type cloud struct {
	*simkit.FaultSet
	settings *simkit.Settings[settings]
	left     time.Duration // the last Gone's
	effects  atomic.Int32
	served   chan struct{} // one for each request that was dealt with
}

type settings struct {
	Word string `json:"word"`
	Loud bool   `json:"loud"`
}

func checkWord(s settings) error {
	if s.Word == "" {
		return errWord
	}
	return nil
}

type constant string

func (c constant) Error() string { return string(c) }

const errWord = constant("word must not be empty")

func newCloud(change func(*simkit.FaultConfig)) *cloud {
	c := &cloud{
		settings: simkit.NewSettings(func() settings { return settings{Word: "done"} }, checkWord),
		served:   make(chan struct{}, 100),
	}
	cfg := simkit.FaultConfig{
		Dialect: simkit.Dialect{Refuse: refusal}, Routes: []string{"buy", "sell"},
		Kinds:       append(simkit.CommonKinds(), simkit.Redirect, simkit.Vary, simkit.Cut, simkit.Trickle, simkit.Gone, "empty"),
		Distortions: map[string]func(map[string]any){"empty": func(fields map[string]any) { clear(fields) }},
		Vary:        c.settings.Check, Leave: func(d time.Duration) { c.left = d },
	}
	if change != nil {
		change(&cfg)
	}
	c.FaultSet = simkit.NewFaultSet(cfg)
	return c
}

// ServeHTTP has the route that its path names; every request of it has an effect.
func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() { c.served <- struct{}{} }()
	play := c.Play(strings.Trim(r.URL.Path, "/"))
	if play.Before(w, r) {
		return
	}
	c.effects.Add(1)
	fields := map[string]any{"answer": c.settings.Varied(play).Word}
	play.Distort(fields)
	if answer := simkit.OK(fields); !play.After(w, r, answer) {
		simkit.Write(w, answer)
	}
}

func (c *cloud) add(t *testing.T, f simkit.Fault) {
	t.Helper()
	if err := c.Add(f); err != nil {
		t.Fatal(err)
	}
}
