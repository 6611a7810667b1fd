// Package settings changes the configuration of the running agent: it edits the file through config's Editor, applies at
// once the fields that do not need a restart, and reports which fields do.
//
// It does not know what a field means: cmd/internal/app hands in an [Applier] for each group of fields. The local API
// (/v1/config) calls it.
package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
)

// Applier applies the new values of some fields to the running agent.
type Applier struct {
	Fields []string // such as log.level; a section stands for all its fields
	Apply  func(config.Config) error
}

// Config is what Settings needs.
type Config struct {
	Editor   *config.Editor
	Running  config.Config // that the agent was started with
	Appliers []Applier
	Changed  func() // called after each change; optional
	Trials   Trials
	Log      *slog.Logger
}

// By is who asks for a change, and which version he has seen: one of [Tag], or empty for whichever it is.
type By struct {
	Name string
	Seen string
}

// Tag names a version of the file, for If-Match.
func Tag(v config.Version) string { return fmt.Sprintf("%d-%d", v.Number, v.At.Unix()) }

// allow refuses a change by somebody who has seen another version.
func (b By) allow(now config.Version) error {
	if b.Seen == "" || b.Seen == Tag(now) {
		return nil
	}
	what := strings.Join(now.Changed, ", ")
	if now.Restores > 0 {
		what = "voltou a uma versão anterior: " + what
	}
	return agent.Errorf(agent.CodeChanged, nil, "A configuração mudou enquanto você a via: %s, às %s (%s). Nada do seu foi gravado; confira as duas mudanças e grave de novo.",
		now.Author, now.At.Local().Format("15:04:05 de 02/01/2006"), what)
}

// Settings is safe for concurrent use.
type Settings struct {
	cfg Config

	mu      sync.Mutex
	running map[string]any // that the agent runs with, applied changes included
	trial   config.Trial   // the latest; the zero one: there was none
	began   time.Time      // the one that runs, by the clock that nobody sets
	tried   chan struct{}  // has something when a try begins
}

// Outcome is the result of a change.
type Outcome struct {
	Version      config.Version `json:"version"`
	Applied      []string       `json:"applied"`       // hold now
	NeedsRestart []string       `json:"needs_restart"` // hold after a restart, those of earlier changes included
	Warnings     []config.Fault `json:"warnings"`
}

// New checks the configuration.
func New(cfg Config) (*Settings, error) {
	if cfg.Editor == nil || cfg.Log == nil {
		return nil, errors.New("settings.Config wants Editor and Log")
	}
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	cfg.Trials.fill()
	running, err := cfg.Running.Marked()
	if err != nil {
		return nil, err
	}
	s := &Settings{cfg: cfg, running: running, tried: make(chan struct{}, 1)}
	if s.trial, err = cfg.Editor.Trial(); err != nil {
		return nil, err
	}
	if s.trial.State == config.TrialRuns { // the start could not take it back: Run does
		cfg.Trials.Tentative(true)
	} else if s.trial.State != "" {
		cfg.Trials.Ended(s.trial)
	}
	return s, nil
}

// Show returns the file's configuration with defaults, secrets hidden, and its version.
func (s *Settings) Show() (map[string]any, config.Version, error) {
	edited, err := s.cfg.Editor.Current()
	if err != nil {
		return nil, config.Version{}, err
	}
	tree, err := edited.Config.Tree()
	return tree, edited.Version, err
}

// Put changes the fields of a patch, which has the form of the file: null removes a field, a secret that is still hidden
// stays; files and places are the local administrator's (config.Editor.ApplyAfar). An empty patch applies what was changed in
// the file by hand.
func (s *Settings) Put(patch map[string]any, by By) (Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edited, err := s.cfg.Editor.ApplyAfar(changesOf(patch, by), by.Name)
	if err != nil {
		return Outcome{}, err
	}
	s.forgetTrial()
	return s.apply(edited)
}

func changesOf(patch map[string]any, by By) func(now config.Version, text []byte) ([]config.Change, error) {
	return func(now config.Version, text []byte) ([]config.Change, error) {
		if err := by.allow(now); err != nil {
			return nil, err
		}
		return config.Patch(numbers(patch), text)
	}
}

// Undo restores the version before.
func (s *Settings) Undo(by By) (Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edited, err := s.cfg.Editor.UndoAfar(by.Name, by.allow)
	if err != nil {
		return Outcome{}, err
	}
	s.forgetTrial()
	return s.apply(edited)
}

// Versions returns the latest versions, oldest first.
func (s *Settings) Versions() ([]config.Version, error) { return s.cfg.Editor.Versions() }

// apply calls each applier whose fields changed. The caller holds mu.
func (s *Settings) apply(edited config.Edited) (Outcome, error) {
	next, err := edited.Config.Marked()
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Version: edited.Version, Applied: []string{}, NeedsRestart: []string{}, Warnings: append([]config.Fault{}, edited.Warnings...)}
	differs := config.Differences(any(s.running), any(next))
	for _, applier := range s.cfg.Appliers {
		changed := slices.DeleteFunc(slices.Clone(differs), func(field string) bool { return !applier.covers(field) })
		if len(changed) == 0 {
			continue
		}
		if err := applier.Apply(edited.Config); err != nil {
			s.cfg.Log.Error("setting_not_taken", "fields", changed, "error", err)
			continue
		}
		out.Applied = append(out.Applied, changed...)
		for _, field := range changed {
			copyField(s.running, next, strings.Split(field, "."))
		}
	}
	out.NeedsRestart = config.Differences(any(s.running), any(next))
	slices.Sort(out.Applied)
	s.cfg.Log.Info("config_changed", "version", edited.Version.Number, "author", edited.Version.Author, "applied", out.Applied, "needs_restart", out.NeedsRestart)
	s.cfg.Changed()
	return out, nil
}

// covers reports whether a field is one of the applier's, or lies in one of its sections.
func (a Applier) covers(field string) bool {
	return slices.ContainsFunc(a.Fields, func(own string) bool { return field == own || strings.HasPrefix(field, own+".") })
}

// copyField copies one field, given by its path, from an object to another.
func copyField(to, from map[string]any, path []string) {
	name := path[0]
	if len(path) > 1 {
		inner, _ := from[name].(map[string]any)
		target, ok := to[name].(map[string]any)
		if !ok {
			target = make(map[string]any)
			to[name] = target
		}
		copyField(target, inner, path[1:])
		return
	}
	if value, ok := from[name]; ok {
		to[name] = value
	} else {
		delete(to, name)
	}
}

// numbers replaces the json.Numbers of an object by numbers that YAML can have.
func numbers(object map[string]any) map[string]any {
	out := make(map[string]any, len(object))
	for name, value := range object {
		out[name] = number(value)
	}
	return out
}

func number(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return numbers(value)
	case []any:
		out := make([]any, len(value))
		for i, entry := range value {
			out[i] = number(entry)
		}
		return out
	case json.Number:
		if n, err := value.Int64(); err == nil {
			return n
		}
		f, err := value.Float64()
		if err != nil {
			return value.String()
		}
		return f
	}
	return value
}
