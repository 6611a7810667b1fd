package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

// TrialState is how a try of a change stands.
type TrialState string

// The states. All but the first are an end.
const (
	TrialRuns   TrialState = "running"
	TrialKept   TrialState = "kept"
	TrialBack   TrialState = "reverted"
	TrialEdited TrialState = "edited" // the file was changed otherwise meanwhile, and stays as it is
)

// TrialEnd is why a try ended.
type TrialEnd string

// The ends.
const (
	ByPerson   TrialEnd = "person"
	ByDeadline TrialEnd = "deadline"
	ByRestart  TrialEnd = "restart"
)

// Trial is a change that is applied for a time, and taken back unless somebody keeps it. One at a time; the latest is known
// after its end.
type Trial struct {
	State    TrialState `json:"state"`
	By       string     `json:"by"` // who tries
	Began    time.Time  `json:"began_at"`
	Deadline time.Time  `json:"deadline"`
	Changed  []string   `json:"changed"`
	Ended    time.Time  `json:"ended_at,omitzero"`
	EndedBy  string     `json:"ended_by,omitempty"` // who ended it; empty: nobody
	End      TrialEnd   `json:"end,omitempty"`
}

// trialFile is a trial on disk, with the file as it was before and as it is tried. It is there before the change is.
type trialFile struct {
	Trial
	Before []byte `json:"before,omitempty"`
	Tried  []byte `json:"tried,omitempty"`
}

// refusal is of other changes during a try.
func (t Trial) refusal() error {
	return agent.Errorf(agent.CodeConflict, nil, "Uma mudança de %s (%s) está em experiência até %s. Fique com ela ou volte (pdvagent config keep, config back) antes de mudar outra coisa.",
		fields(t.Changed), t.By, t.Deadline.Local().Format("15:04:05"))
}

func fields(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s e mais %d", names[0], len(names)-1)
	}
	return strings.Join(names, ", ")
}

var errNoTrial = agent.Errorf(agent.CodeConflict, nil, "Nenhuma mudança está em experiência.")

func (e *Editor) trialPath() string { return filepath.Join(e.Folder, "trial.json") }

// trial reads the latest try; none is the zero one. A damaged file is none: it is replaced as a whole, so nobody but a
// stranger damages it.
func (e *Editor) trial() (t trialFile, err error) {
	raw, err := osfile.ReadFile(e.trialPath())
	if errors.Is(err, os.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	if json.Unmarshal(raw, &t) != nil {
		return trialFile{}, nil
	}
	return t, nil
}

func (e *Editor) keepTrial(t trialFile) error {
	raw, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return osfile.WriteNew(e.trialPath(), raw)
}

// Trial gives the latest try; the zero one where there was none.
func (e *Editor) Trial() (Trial, error) {
	t, err := e.trial()
	return t.Trial, err
}

// TryAfar is [Editor.ApplyAfar] until a deadline: the file as it was and the deadline are on disk before the file changes. check
// sees the configurations of before and after, and may refuse.
func (e *Editor) TryAfar(changes func(now Version, text []byte) ([]Change, error), author string, deadline time.Time, check func(before, after Config) error) (Edited, error) {
	return e.change(false, func(list []stored, text []byte) (stored, error) {
		next, err := e.changedAfar(changes, list, text, author)
		if err != nil {
			return next, err
		}
		before, _, err := Parse(text, filepath.Dir(e.Path), e.env())
		if err != nil {
			return next, err
		}
		raw, err := osfile.ReadFile(e.Path)
		if err != nil {
			return next, err
		}
		next.prepare = func(after Config) error {
			if err := check(before, after); err != nil {
				return err
			}
			t := Trial{State: TrialRuns, By: author, Began: e.now(), Deadline: deadline, Changed: differences(text, []byte(next.Text))}
			if err := e.keepTrial(trialFile{t, raw, []byte(next.Text)}); err != nil {
				return notWritten(e.Folder, err)
			}
			e.step("recorded")
			return nil
		}
		return next, nil
	})
}

// EndTrial keeps the change that is being tried, or takes it back. A file that was changed otherwise meanwhile stays as it is.
func (e *Editor) EndTrial(keep bool, who string, why TrialEnd) (Trial, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	unlock, err := e.lock()
	if err != nil {
		return Trial{}, err
	}
	defer unlock()
	t, err := e.trial()
	if err != nil || t.State != TrialRuns {
		return t.Trial, errors.Join(err, errNoTrial)
	}
	raw, err := osfile.ReadFile(e.Path)
	if err != nil {
		return t.Trial, err
	}
	tried, before := bytes.Equal(raw, t.Tried), bytes.Equal(raw, t.Before)
	switch {
	case keep && tried:
		t.State = TrialKept
	case !keep && (tried || before):
		if err := e.takeBack(t, tried); err != nil {
			return t.Trial, err
		}
		t.State = TrialBack
	default:
		t.State = TrialEdited
	}
	t.Ended, t.EndedBy, t.End = e.now(), who, why
	return t.Trial, e.keepTrial(trialFile{Trial: t.Trial}) // its texts are of no more use
}

// takeBack writes the file as it was before the try. Cut off anywhere, it can be done again.
func (e *Editor) takeBack(t trialFile, written bool) error {
	if written {
		if err := osfile.Replace(e.Path, t.Before); err != nil {
			return notWritten(e.Path, err)
		}
		e.step("restored")
	}
	text := Text(t.Before)
	if err := e.keepSections(text); err != nil {
		return notKept(err)
	}
	e.step("sections")
	list, err := history{e.Folder}.all()
	if err != nil {
		return notKept(err)
	}
	if n := len(list); n > 0 && list[n-1].Text != string(text) {
		back := stored{Version: Version{At: e.now(), Author: Myself, Changed: differences([]byte(list[n-1].Text), text)}, Text: string(text)}
		if _, err := (history{e.Folder}).add(list, back); err != nil {
			return notKept(err)
		}
	}
	e.step("noted")
	return nil
}

// Myself is the author of what the program does by itself.
const Myself = "pdvagent"

// Handwritten tells whether the file is no longer the one that is being tried.
func (e *Editor) Handwritten() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, err := e.trial()
	if err != nil || t.State != TrialRuns {
		return false
	}
	raw, err := osfile.ReadFile(e.Path)
	return err == nil && !bytes.Equal(raw, t.Tried)
}

// RecoverTrial takes back what was being tried when the agent last ran, before anything reads the file. done tells that there
// was such a thing.
func (e *Editor) RecoverTrial() (t Trial, done bool, err error) {
	t, err = e.Trial()
	if err != nil || t.State != TrialRuns {
		return t, false, err
	}
	t, err = e.EndTrial(false, "", ByRestart)
	return t, err == nil, err
}
