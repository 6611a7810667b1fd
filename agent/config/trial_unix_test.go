//go:build unix

package config_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
)

// tryAt makes a test binary try a change of this file, and end by SIGKILL after a step.
const tryAt = "PDVAGENT_TEST_TRY_AT"

// trying is an editor of a file with a try of sender.per_second, which is 20 before.
type trying struct {
	*testing.T
	*config.Editor
	before string
}

func newTrying(t *testing.T) trying {
	t.Helper()
	answers := config.Example()
	answers.DataDir = t.TempDir()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(config.Template(answers)), 0o600); err != nil {
		t.Fatal(err)
	}
	e := trying{t, &config.Editor{Path: path, Folder: filepath.Join(answers.DataDir, "config")}, config.Template(answers)}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e trying) text() string {
	e.Helper()
	text, err := os.ReadFile(e.Path)
	if err != nil {
		e.Fatal(err)
	}
	return string(text)
}

// begin tries another pace, and a section that was not there.
func begin(e *config.Editor, deadline time.Time) (config.Edited, error) {
	changes := func(config.Version, []byte) ([]config.Change, error) {
		return []config.Change{{Path: "sender.per_second", Value: 7}, {Path: "network.proxy", Value: "none"}}, nil
	}
	return e.TryAfar(changes, "ana", deadline, func(_, _ config.Config) error { return nil })
}

func (e trying) begin() {
	e.Helper()
	if _, err := begin(e.Editor, time.Now().Add(5*time.Minute)); err != nil {
		e.Fatal(err)
	}
	if !strings.Contains(e.text(), "per_second: 7") {
		e.Fatal("the file is not what is tried")
	}
}

// TestATriedChangeNeverSurvivesADeath kills the process after every step of a try, of its end, and of the recovery itself. The
// next start has the old file, the try is over, and the agent may start.
func TestATriedChangeNeverSurvivesADeath(t *testing.T) {
	if step := os.Getenv(tryAt); step != "" {
		dieAfter(t, step)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, step string
		deadline   time.Duration
	}{
		{"the try is on disk, the file is not", "recorded", time.Minute},
		{"the file is what is tried", "written", time.Minute},
		{"the try runs", "running", time.Minute},
		{"the deadline passed while it was off", "running", -time.Minute},
		{"it is being taken back: the file is the old one", "back restored", time.Minute},
		{"it is being taken back: the sections are noted", "back sections", time.Minute},
		{"it is being taken back: the version is noted", "back noted", time.Minute},
		{"the recovery dies, too", "recover restored", time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newTrying(t)
			child := exec.CommandContext(t.Context(), self, "-test.run", "TestATriedChangeNeverSurvivesADeath")
			child.Env = append(os.Environ(), tryAt+"="+c.step+"|"+e.Path+"|"+e.Folder+"|"+c.deadline.String())
			out, _ := child.CombinedOutput()
			if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
				t.Fatalf("the child ended by itself: %s", out)
			}
			if _, _, err := e.RecoverTrial(); err != nil {
				t.Fatal(err)
			}
			if e.text() != e.before {
				t.Errorf("the file is not the old one")
			}
			if got, err := e.Trial(); err != nil || got.State != config.TrialBack || got.End != config.ByRestart {
				t.Errorf("got %+v, %v", got, err)
			}
			if _, done, err := e.RecoverTrial(); done || err != nil {
				t.Errorf("a second start takes it back again: %v, %v", done, err)
			}
			if err := e.Start(); err != nil {
				t.Errorf("the agent does not start: %v", err)
			}
			if _, err := e.Apply([]config.Change{{Path: "sender.per_second", Value: 9}}, "rui"); err != nil {
				t.Errorf("nothing can be changed any more: %v", err)
			}
		})
	}
}

// dieAfter is the child: it tries, goes on as far as it should, and ends by SIGKILL.
func dieAfter(t *testing.T, how string) {
	t.Helper()
	part := strings.Split(how, "|")
	wait, err := time.ParseDuration(part[3])
	if err != nil {
		t.Fatal(err)
	}
	e := &config.Editor{Path: part[1], Folder: part[2]}
	act, step, ending := strings.Cut(part[0], " ")
	die := func(name string) {
		if name == step || (!ending && name == act) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	if !ending {
		config.After(e, die)
	}
	if _, err := begin(e, time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	die("running")
	config.After(e, die)
	if act == "back" {
		_, err = e.EndTrial(false, "ana", config.ByPerson)
	} else {
		_, _, err = e.RecoverTrial()
	}
	t.Fatalf("it did not die: %v", err)
}

func TestATryIsKeptOrTakenBackByAPerson(t *testing.T) {
	for keep, want := range map[bool]config.TrialState{true: config.TrialKept, false: config.TrialBack} {
		e := newTrying(t)
		e.begin()
		got, err := e.EndTrial(keep, "rui", config.ByPerson)
		if err != nil || got.State != want || got.EndedBy != "rui" || (e.text() == e.before) == keep {
			t.Errorf("keep %v: %+v, %v", keep, got, err)
		}
		if _, err := e.EndTrial(keep, "rui", config.ByPerson); agent.CodeOf(err) != agent.CodeConflict {
			t.Errorf("a second time: %v", err)
		}
		if _, done, err := e.RecoverTrial(); done || err != nil {
			t.Errorf("a start takes back what has ended: %v, %v", done, err)
		}
		raw, err := os.ReadFile(filepath.Join(e.Folder, "trial.json"))
		if err != nil || strings.Contains(string(raw), "tried") {
			t.Errorf("the texts are still there: %v", err)
		}
	}
}

// One try at a time, and nothing else meanwhile; who edits by hand wins.
func TestNothingElseChangesDuringATry(t *testing.T) {
	e := newTrying(t)
	e.begin()
	other := func(config.Version, []byte) ([]config.Change, error) {
		return []config.Change{{Path: "log.level", Value: "debug"}}, nil
	}
	if _, err := e.TryAfar(other, "rui", time.Now().Add(time.Hour), func(_, _ config.Config) error { return nil }); agent.CodeOf(err) != agent.CodeConflict {
		t.Errorf("a second try: %v", err)
	}
	if _, err := e.Apply([]config.Change{{Path: "log.level", Value: "debug"}}, "rui"); agent.CodeOf(err) != agent.CodeConflict || !strings.Contains(agent.Sentence(err), "ana") {
		t.Errorf("another change: %v", err)
	}
	if _, err := e.Undo("rui", true); agent.CodeOf(err) != agent.CodeConflict {
		t.Errorf("undo: %v", err)
	}
	if e.Handwritten() {
		t.Error("nobody has edited the file")
	}
}

func TestAHandsEditIsNotOverwritten(t *testing.T) {
	for name, end := range map[string]func(e trying) (config.Trial, error){
		"the time is over": func(e trying) (config.Trial, error) { return e.EndTrial(false, "", config.ByDeadline) },
		"it is kept":       func(e trying) (config.Trial, error) { return e.EndTrial(true, "rui", config.ByPerson) },
		"a restart": func(e trying) (config.Trial, error) {
			got, _, err := e.RecoverTrial()
			return got, err
		},
	} {
		e := newTrying(t)
		e.begin()
		byHand := strings.Replace(e.text(), "per_second: 7", "per_second: 11", 1)
		if err := os.WriteFile(e.Path, []byte(byHand), 0o600); err != nil {
			t.Fatal(err)
		}
		if !e.Handwritten() {
			t.Errorf("%s: the edit is not seen", name)
		}
		if got, err := end(e); err != nil || got.State != config.TrialEdited {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if e.text() != byHand {
			t.Errorf("%s: the file was overwritten", name)
		}
	}
}

// A change that may not be made, or that is refused when it is looked at, leaves nothing on disk.
func TestARefusedTryLeavesNothing(t *testing.T) {
	e := newTrying(t)
	refused := errors.New("the cloud refuses it")
	for _, c := range []struct {
		change config.Change
		check  error
	}{
		{config.Change{Path: "mercafacil.base_url", Value: "https://other.example.com/"}, nil},
		{config.Change{Path: "mercafacil.token_file", Value: "/etc/passwd"}, nil},
		{config.Change{Path: "sender.per_second", Value: -1}, nil},
		{config.Change{Path: "sender.per_second", Value: 7}, refused},
	} {
		_, err := e.TryAfar(func(config.Version, []byte) ([]config.Change, error) { return []config.Change{c.change}, nil }, "ana", time.Now(), func(_, _ config.Config) error { return c.check })
		if err == nil || e.text() != e.before {
			t.Errorf("%s: %v", c.change.Path, err)
		}
		if got, err := e.Trial(); err != nil || got.State != "" {
			t.Errorf("%s: %+v, %v", c.change.Path, got, err)
		}
	}
}

func TestADamagedTryIsNone(t *testing.T) {
	e := newTrying(t)
	if err := os.WriteFile(filepath.Join(e.Folder, "trial.json"), []byte("\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, done, err := e.RecoverTrial(); done || err != nil {
		t.Errorf("%v, %v", done, err)
	}
	e.begin()
}
