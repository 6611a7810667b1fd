package settings

import (
	"context"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
)

// Trials is what a try of a change needs of the other parts. All of it is optional.
type Trials struct {
	For time.Duration // how long a try lasts without anybody's word; default 5 minutes

	// Probe asks the cloud whether it takes what is new, before anything is changed.
	Probe func(ctx context.Context, before, after config.Config) error
	// Tentative tells that what is in force may be taken back, and that it no longer may.
	Tentative func(on bool)
	// Ended gets each try that ended without a person, and at the start the latest one, however it ended.
	Ended func(config.Trial)
	// Forgotten tells that such a try needs nobody's attention any more.
	Forgotten func()

	Now func() time.Time // default time.Now
}

func (t *Trials) fill() {
	if t.For == 0 {
		t.For = 5 * time.Minute
	}
	if t.Probe == nil {
		t.Probe = func(context.Context, config.Config, config.Config) error { return nil }
	}
	if t.Tentative == nil {
		t.Tentative = func(bool) {}
	}
	if t.Ended == nil {
		t.Ended = func(config.Trial) {}
	}
	if t.Forgotten == nil {
		t.Forgotten = func() {}
	}
	if t.Now == nil {
		t.Now = time.Now
	}
}

// look is how often a try's file and the clock are looked at: a hand that edits the file, a clock that is set.
const look = 2 * time.Second

// Try is [Settings.Put] for some minutes: the change is taken back unless [Settings.Keep] comes before. Fields that hold only
// after a restart cannot be tried: a restart takes them back.
func (s *Settings) Try(ctx context.Context, patch map[string]any, by By) (Outcome, config.Trial, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	check := func(before, after config.Config) error {
		if err := s.mayBeTried(before, after); err != nil {
			return err
		}
		return s.cfg.Trials.Probe(ctx, before, after)
	}
	deadline := s.cfg.Trials.Now().Add(s.cfg.Trials.For).UTC().Truncate(time.Second)
	edited, err := s.cfg.Editor.TryAfar(changesOf(patch, by), by.Name, deadline, check)
	if err == nil && edited.Same {
		err = agent.Errorf(agent.CodeInvalid, nil, "Nada seria diferente: não há o que experimentar.")
	}
	if err != nil {
		s.dropTrial()
		return Outcome{}, config.Trial{}, err
	}
	if s.trial, err = s.cfg.Editor.Trial(); err != nil {
		return Outcome{}, config.Trial{}, err
	}
	s.began = s.cfg.Trials.Now()
	s.cfg.Trials.Forgotten()
	s.cfg.Trials.Tentative(true) // before what is tried is used
	out, err := s.apply(edited)
	select {
	case s.tried <- struct{}{}:
	default:
	}
	return out, s.trial, err
}

// dropTrial ends a try that has begun on disk and could not go on. The caller holds mu.
func (s *Settings) dropTrial() {
	t, err := s.cfg.Editor.Trial()
	if err != nil || t.State != config.TrialRuns || s.trial.State == config.TrialRuns { // none, or somebody else's
		return
	}
	if t, err = s.cfg.Editor.EndTrial(false, "", config.ByDeadline); err != nil {
		s.cfg.Log.Error("trial_not_ended", "error", err)
	}
	s.trial = t
}

// mayBeTried refuses fields that nobody can apply while the agent runs.
func (s *Settings) mayBeTried(before, after config.Config) error {
	a, err := before.Marked()
	if err != nil {
		return err
	}
	b, err := after.Marked()
	if err != nil {
		return err
	}
	var faults config.Faults
	for _, field := range config.Differences(any(a), any(b)) {
		if !slices.ContainsFunc(s.cfg.Appliers, func(applier Applier) bool { return applier.covers(field) }) {
			faults = append(faults, config.Fault{Field: field, Detail: "só vale depois de reiniciar o serviço, e um reinício desfaz o que se experimenta; grave em vez de experimentar"})
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// Trial gives the latest try; the zero one where there was none.
func (s *Settings) Trial() config.Trial {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trial
}

// Keep makes the change that is being tried a lasting one.
func (s *Settings) Keep(who string) (config.Trial, error) { return s.end(true, who) }

// TakeBack ends the change that is being tried. Where none is, nothing happens but that the notice of the last one goes.
func (s *Settings) TakeBack(who string) (config.Trial, error) { return s.end(false, who) }

func (s *Settings) end(keep bool, who string) (config.Trial, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !keep && s.trial.State != config.TrialRuns {
		s.forgetTrial()
		return s.trial, nil
	}
	t, err := s.cfg.Editor.EndTrial(keep, who, config.ByPerson)
	if err != nil {
		return t, err
	}
	return t, s.ended(t)
}

// Run takes back what nobody keeps, until ctx ends. What is being tried then is taken back at the next start.
func (s *Settings) Run(ctx context.Context) error {
	for {
		wait := (<-chan time.Time)(nil)
		if s.Trial().State == config.TrialRuns {
			wait = time.After(look)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.tried:
		case <-wait:
			s.mu.Lock()
			s.settleTrial()
			s.mu.Unlock()
		}
	}
}

// settleTrial ends a try whose time is over, or whose file somebody has changed. The time is over by the clock on the wall and by
// the one that nobody sets, whichever comes first. The caller holds mu.
func (s *Settings) settleTrial() {
	t, err := s.cfg.Editor.Trial()
	if err != nil || t.State != config.TrialRuns {
		return
	}
	now := s.cfg.Trials.Now()
	over := !now.Before(s.trial.Deadline) || now.Sub(s.began) >= s.cfg.Trials.For // began is zero after a restart
	if !over && !s.cfg.Editor.Handwritten() {
		return
	}
	if t, err = s.cfg.Editor.EndTrial(false, "", config.ByDeadline); err == nil {
		err = s.ended(t)
	}
	if err != nil { // it is tried again
		s.cfg.Log.Error("trial_not_ended", "error", err)
		return
	}
	s.cfg.Trials.Ended(t)
}

// ended applies the file as it is after a try. The caller holds mu.
func (s *Settings) ended(t config.Trial) error {
	s.trial = t
	edited, err := s.cfg.Editor.Current()
	if err == nil {
		_, err = s.apply(edited)
	}
	s.cfg.Trials.Tentative(false) // after what was tried is no longer used
	s.cfg.Log.Info("trial_ended", "state", t.State, "end", t.End, "fields", strings.Join(t.Changed, " "))
	return err
}

// forgetTrial takes the notice of an ended try away. The caller holds mu.
func (s *Settings) forgetTrial() {
	if s.trial.State != config.TrialRuns {
		s.cfg.Trials.Forgotten()
	}
}
