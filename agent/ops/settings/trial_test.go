package settings_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/settings"
)

// ordeal is settings that run in fake time, with what they told.
type ordeal struct {
	*running
	t         *testing.T
	ended     []config.Trial
	tentative []bool
	probe     error
	ahead     atomic.Int64 // of the clock on the wall, in nanoseconds
	cancel    func()
}

func inTrial(t *testing.T, do func(o *ordeal)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &ordeal{t: t}
		o.running = startWith(t, settings.Trials{
			Probe: func(context.Context, config.Config, config.Config) error { return o.probe },
			Tentative: func(on bool) {
				o.mu.Lock()
				defer o.mu.Unlock()
				o.tentative = append(o.tentative, on)
			},
			Ended: func(trial config.Trial) {
				o.mu.Lock()
				defer o.mu.Unlock()
				o.ended = append(o.ended, trial)
			},
			Now: func() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) },
		})
		ctx, cancel := context.WithCancel(t.Context())
		o.cancel = cancel
		done := make(chan error, 1)
		go func() { done <- o.Run(ctx) }()
		do(o)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// try begins a try of log.level: debug.
func (o *ordeal) try() {
	o.t.Helper()
	out, trial, err := o.Try(o.t.Context(), map[string]any{"log": map[string]any{"level": "debug"}}, settings.By{Name: "ana"})
	if err != nil || trial.State != config.TrialRuns || strings.Join(out.Applied, " ") != "log.level" || trial.Deadline.Before(time.Now().Add(4*time.Minute)) {
		o.t.Fatalf("got %+v, %+v, %v", out, trial, err)
	}
}

// level is what the file says, and what was last applied.
func (o *ordeal) level() string {
	o.t.Helper()
	text, err := os.ReadFile(o.path)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, level := range []string{"info", "debug", "error"} {
		if strings.Contains(string(text), "level: "+level) {
			taken, _ := o.took()
			return level + " " + taken[len(taken)-1]
		}
	}
	return ""
}

// seen gives the tries that ended, and what the sender was told.
func (o *ordeal) seen() (ended []config.Trial, tentative string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.ended), fmt.Sprint(o.tentative)
}

func (o *ordeal) wantLevel(want string) {
	o.t.Helper()
	synctest.Wait()
	if got := o.level(); got != want {
		o.t.Errorf("file and agent have %s, want %s", got, want)
	}
}

func TestATryIsTakenBackWhenNobodyKeepsIt(t *testing.T) {
	inTrial(t, func(o *ordeal) {
		o.try()
		<-time.After(4*time.Minute + 50*time.Second)
		o.wantLevel("debug debug")
		<-time.After(15 * time.Second)
		o.wantLevel("info info")
		if ended, tentative := o.seen(); len(ended) != 1 || ended[0].State != config.TrialBack || ended[0].End != config.ByDeadline || tentative != "[true false]" {
			t.Errorf("got %+v, %v", ended, tentative)
		}
		o.try() // another one may follow
	})
}

func TestAKeptTryStays(t *testing.T) {
	inTrial(t, func(o *ordeal) {
		o.try()
		if got, err := o.Keep("rui"); err != nil || got.State != config.TrialKept {
			t.Errorf("got %+v, %v", got, err)
		}
		<-time.After(time.Hour)
		o.wantLevel("debug debug")
		if ended, tentative := o.seen(); len(ended) != 0 || tentative != "[true false]" {
			t.Errorf("got %+v, %v", ended, tentative)
		}
	})
}

func TestATryIsTakenBackByAPerson(t *testing.T) {
	inTrial(t, func(o *ordeal) {
		o.try()
		if got, err := o.TakeBack("rui"); err != nil || got.State != config.TrialBack {
			t.Errorf("got %+v, %v", got, err)
		}
		o.wantLevel("info info")
	})
}

// Whoever sets the clock neither lengthens a try nor cuts it to nothing without taking it back.
func TestAClockThatIsSetDoesNotKeepATry(t *testing.T) {
	for _, ahead := range []time.Duration{-24 * time.Hour, time.Hour} {
		inTrial(t, func(o *ordeal) {
			o.try()
			o.ahead.Store(int64(ahead))
			<-time.After(5*time.Minute + 5*time.Second)
			if ahead < 0 { // this test's clock on the wall is the only one that it has
				o.ahead.Store(0)
				<-time.After(5 * time.Second)
			}
			o.wantLevel("info info")
		})
	}
}

func TestAHandsEditEndsATry(t *testing.T) {
	inTrial(t, func(o *ordeal) {
		o.try()
		text, err := os.ReadFile(o.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(o.path, []byte(strings.Replace(string(text), "level: debug", "level: error", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		<-time.After(5 * time.Second)
		o.wantLevel("error error")
		if ended, _ := o.seen(); len(ended) != 1 || ended[0].State != config.TrialEdited {
			t.Errorf("got %+v", ended)
		}
	})
}

// What can only be applied by a restart, what the cloud refuses, and what nobody may change from here is not tried.
func TestWhatIsNotTried(t *testing.T) {
	inTrial(t, func(o *ordeal) {
		o.take("info")
		for name, patch := range map[string]map[string]any{
			"sender.parallel":     {"sender": map[string]any{"parallel": 9}},
			"mercafacil.base_url": {"mercafacil": map[string]any{"base_url": "https://other.example.com/"}},
		} {
			_, _, err := o.Try(t.Context(), patch, settings.By{Name: "ana"})
			if faults, ok := errors.AsType[config.Faults](err); !ok || faults[0].Field != name {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, _, err := o.Try(t.Context(), map[string]any{}, settings.By{Name: "ana"}); agent.CodeOf(err) != agent.CodeInvalid {
			t.Errorf("nothing: %v", err)
		}
		o.probe = errors.New("refused")
		if _, _, err := o.Try(t.Context(), map[string]any{"log": map[string]any{"level": "debug"}}, settings.By{Name: "ana"}); !errors.Is(err, o.probe) {
			t.Errorf("a refused probe: %v", err)
		}
		o.wantLevel("info info")
		if _, tentative := o.seen(); o.Trial().State != "" || tentative != "[]" {
			t.Errorf("got %+v, %v", o.Trial(), tentative)
		}
	})
}

// Two people see the same version; the second one reads who was first.
func TestTheSecondOfTwoPeopleIsTold(t *testing.T) {
	r := start(t)
	_, version, err := r.Show()
	if err != nil {
		t.Fatal(err)
	}
	seen := settings.Tag(version)
	change := func(level, who string) error {
		_, err := r.Put(map[string]any{"log": map[string]any{"level": level}}, settings.By{Name: who, Seen: seen})
		return err
	}
	if err := change("debug", "ana"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"a change": change("error", "rui"), "undo": func() error { _, err := r.Undo(settings.By{Name: "rui", Seen: seen}); return err }()} {
		if agent.CodeOf(err) != agent.CodeChanged || !strings.Contains(agent.Sentence(err), "ana") || !strings.Contains(agent.Sentence(err), "log.level") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := r.Try(t.Context(), map[string]any{"log": map[string]any{"level": "error"}}, settings.By{Name: "rui", Seen: seen}); agent.CodeOf(err) != agent.CodeChanged {
		t.Errorf("a try: %v", err)
	}
}
