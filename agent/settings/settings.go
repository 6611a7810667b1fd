// Package settings changes the running agent's configuration: the file through config's Editor, then at once whatever can
// change without a restart. It says of every field that differs from what runs whether it holds already. What a field
// means is its part's matter; cmd/pdvagent hands in who takes which fields.
package settings

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"pdvagent/agent/config"
)

// Taker takes the new values of some fields while the agent runs.
type Taker struct {
	Fields []string // log.level; a section stands for all its fields
	Take   func(config.Config) error
}

// Config is what is changed, and who takes what.
type Config struct {
	Editor  *config.Editor
	Running config.Config // what the agent was started with
	Takers  []Taker
	Changed func() // something of the configuration changed: what is paused is tried. Optional
	Log     *slog.Logger
}

// Settings is safe for concurrent use.
type Settings struct {
	cfg Config

	mu      sync.Mutex
	running map[string]any // with the values that were taken
}

// Outcome tells of a change.
type Outcome struct {
	Version      config.Version `json:"version"`
	Applied      []string       `json:"applied"`       // hold already
	NeedsRestart []string       `json:"needs_restart"` // hold from the next start on, those of earlier changes too
	Warnings     []config.Fault `json:"warnings"`
}

// New checks.
func New(cfg Config) (*Settings, error) {
	if cfg.Editor == nil || cfg.Log == nil {
		return nil, errors.New("settings.Config wants Editor and Log")
	}
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	running, err := cfg.Running.Marked()
	return &Settings{cfg: cfg, running: running}, err
}

// Show gives the file's configuration, defaults filled in and secrets hidden.
func (s *Settings) Show() (map[string]any, error) {
	edited, err := s.cfg.Editor.Current()
	if err != nil {
		return nil, err
	}
	return edited.Config.Tree()
}

// Put changes fields: an object like the file's, null removes, a secret that is still hidden stays. An empty object takes
// what somebody changed in the file by hand.
func (s *Settings) Put(patch map[string]any, author string) (Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := os.ReadFile(s.cfg.Editor.Path)
	if err != nil {
		return Outcome{}, err
	}
	changes, err := config.Patch(numbers(patch), text)
	if err != nil {
		return Outcome{}, err
	}
	edited, err := s.cfg.Editor.Apply(changes, author)
	if err != nil {
		return Outcome{}, err
	}
	return s.take(edited)
}

// Undo brings the version before back.
func (s *Settings) Undo(author string) (Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edited, err := s.cfg.Editor.Undo(author)
	if err != nil {
		return Outcome{}, err
	}
	return s.take(edited)
}

// Versions gives the last ones, oldest first.
func (s *Settings) Versions() ([]config.Version, error) { return s.cfg.Editor.Versions() }

// take gives every taker its fields, once, and sorts what differs into what holds and what waits. It is called with the
// lock held.
func (s *Settings) take(edited config.Edited) (Outcome, error) {
	next, err := edited.Config.Marked()
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Version: edited.Version, Applied: []string{}, NeedsRestart: []string{}, Warnings: append([]config.Fault{}, edited.Warnings...)}
	differs := config.Differences(any(s.running), any(next))
	for _, taker := range s.cfg.Takers {
		mine := slices.DeleteFunc(slices.Clone(differs), func(field string) bool { return !taker.takes(field) })
		if len(mine) == 0 {
			continue
		}
		if err := taker.Take(edited.Config); err != nil {
			s.cfg.Log.Error("setting_not_taken", "fields", mine, "error", err)
			continue
		}
		out.Applied = append(out.Applied, mine...)
		for _, field := range mine {
			copyField(s.running, next, strings.Split(field, "."))
		}
	}
	out.NeedsRestart = config.Differences(any(s.running), any(next))
	slices.Sort(out.Applied)
	s.cfg.Log.Info("config_changed", "version", edited.Version.Number, "author", edited.Version.Author, "applied", out.Applied, "needs_restart", out.NeedsRestart)
	s.cfg.Changed()
	return out, nil
}

func (t Taker) takes(field string) bool {
	return slices.ContainsFunc(t.Fields, func(mine string) bool { return field == mine || strings.HasPrefix(field, mine+".") })
}

// copyField makes one field of an object like another's.
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

// numbers turns JSON's numbers into ones that the file can have.
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
