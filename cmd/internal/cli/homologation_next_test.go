package cli

import (
	"testing"

	kit "pdvagent/agent/ops/homologation"
)

// TestTheItemThatIsDoneNowIsGoneOnWith has items that the console asked for, and that the person of the terminal went past.
func TestTheItemThatIsDoneNowIsGoneOnWith(t *testing.T) {
	items := []kit.WatchEntry{{ID: "H9", Verdict: "open"}, {ID: "H13", Till: true, Verdict: "open"}, {ID: "H14", Till: true, Verdict: "failed"}, {ID: "H15", Till: true, Verdict: "passed"}}
	for name, c := range map[string]struct {
		current, only string
		passed        []string
		want          string
	}{
		"nothing is asked for":        {want: "H13"},
		"the console asked for H14":   {current: "H14", want: "H14"},
		"what is proved is over":      {current: "H15", want: "H13"},
		"the person went past it":     {current: "H13", passed: []string{"H13"}, want: "H14"},
		"one item is wanted":          {current: "H13", only: "h14", want: "H14"},
		"the person went past all":    {passed: []string{"H13", "H14"}, want: ""},
		"what no till can do is none": {only: "H9", want: ""},
	} {
		w := &watching{cfg: watchOptions{item: c.only}, passed: c.passed}
		if got := w.next(kit.WatchState{Current: c.current, Items: items}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
