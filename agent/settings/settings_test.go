package settings_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
	"pdvagent/agent/settings"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func noEnv(string) (string, bool) { return "", false }

// running is a set of settings, what was taken, and the file.
type running struct {
	*settings.Settings
	path  string
	taken []string
	fail  error
	woken int
}

func start(t *testing.T) *running {
	t.Helper()
	answers := config.Example()
	answers.DataDir = t.TempDir()
	r := &running{path: filepath.Join(t.TempDir(), "config.yaml")}
	if err := os.WriteFile(r.path, []byte(config.Template(answers)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(r.path, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	r.Settings, err = settings.New(settings.Config{
		Editor: &config.Editor{Path: r.path, Folder: filepath.Join(answers.DataDir, "config"), Env: noEnv}, Running: cfg, Log: slog.New(slog.DiscardHandler),
		Changed: func() { r.woken++ },
		Takers: []settings.Taker{
			{Fields: []string{"log.level"}, Take: func(c config.Config) error { r.taken = append(r.taken, c.Log.Level); return r.fail }},
			{Fields: []string{"traffic"}, Take: func(c config.Config) error { r.taken = append(r.taken, c.Traffic.Bodies); return nil }},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *running) put(t *testing.T, text string) settings.Outcome {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var patch map[string]any
	if err := decoder.Decode(&patch); err != nil {
		t.Fatal(err)
	}
	outcome, err := r.Put(patch, "ana")
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func wantOutcome(t *testing.T, got settings.Outcome, applied, waits string) {
	t.Helper()
	if strings.Join(got.Applied, " ") != applied || strings.Join(got.NeedsRestart, " ") != waits {
		t.Errorf("applied %q, waits %q; want %q, %q", got.Applied, got.NeedsRestart, applied, waits)
	}
}

func TestWhatWaitsForARestartIsSaidUntilItIsTakenBack(t *testing.T) {
	r := start(t)
	wantOutcome(t, r.put(t, `{"log":{"level":"debug"},"sender":{"parallel":9}}`), "log.level", "sender.parallel")
	wantOutcome(t, r.put(t, `{"traffic":{"bodies":"none","keep_days":3}}`), "traffic.bodies traffic.keep_days", "sender.parallel")
	wantOutcome(t, r.put(t, `{"sender":{"parallel":4}}`), "", "")
	if !slices.Equal(r.taken, []string{"debug", "none"}) || r.woken != 3 {
		t.Errorf("taken %q, woken %d times", r.taken, r.woken)
	}
}

func TestWhatCannotBeTakenWaitsForARestart(t *testing.T) {
	r := start(t)
	r.fail = errors.New("not now")
	wantOutcome(t, r.put(t, `{"log":{"level":"debug"}}`), "", "log.level")
	r.fail = nil
	wantOutcome(t, r.put(t, `{}`), "log.level", "")
}

func TestWhatSomebodyChangedByHandIsTaken(t *testing.T) {
	r := start(t)
	text, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.path, []byte(strings.Replace(string(text), "level: info", "level: error", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	got := r.put(t, `{}`)
	wantOutcome(t, got, "log.level", "")
	if got.Version.Author != config.ByHand || got.Version.Number != 1 {
		t.Errorf("got %+v", got.Version)
	}
}
