package simkit_test

import (
	"testing"

	"pdvagent/agent/simkit"
)

func TestSettingsChangeAllThatIsNamedOrNothing(t *testing.T) {
	s := simkit.NewSettings(func() settings { return settings{Word: "done"} }, checkWord)
	if err := s.Merge([]byte(`{"loud":true}`)); err != nil || s.Get() != (settings{Word: "done", Loud: true}) {
		t.Errorf("got %+v %v", s.Get(), err)
	}
	for _, wrong := range []string{`{"word":""}`, `{"word":"other","colour":"red"}`, `{"word":"other","loud":"yes"}`, `{"word":"other"} {}`, `{`, ``, `[]`} {
		if s.Check([]byte(wrong)) == nil {
			t.Errorf("%s passes the check", wrong)
		}
		if err := s.Merge([]byte(wrong)); err == nil || s.Get() != (settings{Word: "done", Loud: true}) {
			t.Errorf("%s: got %+v %v", wrong, s.Get(), err)
		}
	}
	if err := s.Check([]byte(`{"word":"other"}`)); err != nil || s.Get().Word != "done" {
		t.Errorf("a check changed them to %+v: %v", s.Get(), err)
	}
	s.Set(func(s *settings) { s.Word = "other" })
	if s.Get() != (settings{Word: "other", Loud: true}) {
		t.Errorf("got %+v", s.Get())
	}
	s.Restore()
	if s.Get() != (settings{Word: "done"}) {
		t.Errorf("restored to %+v", s.Get())
	}
}

func TestVariedSettingsAreOfOneRequest(t *testing.T) {
	cloud := newCloud(nil)
	cloud.add(t, simkit.Fault{Route: "buy", Fault: simkit.Vary, Settings: []byte(`{"word":"other"}`), Times: 1})
	cloud.add(t, simkit.Fault{Route: "buy", Fault: simkit.Slow, Settings: []byte(`{"word":"other"}`), Times: 1})
	for i, want := range []string{"other", "done", "done"} { // varied, met by another fault, met by none
		if got := cloud.settings.Varied(cloud.Play("buy")).Word; got != want {
			t.Errorf("request %d: got %s, want %s", i, got, want)
		}
	}
}
