package settings_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/settings"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func noEnv(string) (string, bool) { return "", false }

// running is a set of settings, what was taken, and the file.
type running struct {
	*settings.Settings
	path   string
	editor *config.Editor
	fail   error

	mu    sync.Mutex // of what appliers note, from the settings' own goroutine as well
	taken []string
	woken int
}

func (r *running) take(value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken = append(r.taken, value)
}

// took gives what was applied, in order, and how often the rest was woken.
func (r *running) took() (taken []string, woken int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taken), r.woken
}

func start(t *testing.T) *running {
	t.Helper()
	return startWith(t, settings.Trials{})
}

func startWith(t *testing.T, trials settings.Trials) *running {
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
	r.editor = &config.Editor{Path: r.path, Folder: filepath.Join(answers.DataDir, "config"), Env: noEnv}
	r.Settings, err = settings.New(settings.Config{
		Editor: r.editor, Running: cfg, Log: slog.New(slog.DiscardHandler), Trials: trials,
		Changed: func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.woken++
		},
		Appliers: []settings.Applier{
			{Fields: []string{"log.level"}, Apply: func(c config.Config) error { r.take(c.Log.Level); return r.fail }},
			{Fields: []string{"traffic"}, Apply: func(c config.Config) error { r.take(c.Traffic.Bodies); return nil }},
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
	outcome, err := r.Put(patch, settings.By{Name: "ana"})
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
	if taken, woken := r.took(); !slices.Equal(taken, []string{"debug", "none"}) || woken != 3 {
		t.Errorf("taken %q, woken %d times", taken, woken)
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

// Where secrets go to is the local administrator's (SEC-20): neither a change nor taking one back moves it from here.
func TestWhereSecretsGoToIsNotChangedFromHere(t *testing.T) {
	r := start(t)
	refused := func(err error) bool {
		var faults config.Faults
		return errors.As(err, &faults) && len(faults) == 1 && faults[0].Field == "mercafacil.base_url"
	}
	const there = "https://cloud.example.com/"
	change := []config.Change{{Path: "mercafacil.base_url", Value: there}}
	if _, err := r.Put(map[string]any{"mercafacil": map[string]any{"base_url": there}}, settings.By{Name: "ana"}); !refused(err) {
		t.Errorf("a change: %v", err)
	}
	if _, err := r.editor.Apply(change, "administrador"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Undo(settings.By{Name: "ana"}); !refused(err) {
		t.Errorf("taking it back: %v", err)
	}
	if text, err := os.ReadFile(r.path); err != nil || !strings.Contains(string(text), there) {
		t.Errorf("the file says %s, %v", text, err)
	}
}
