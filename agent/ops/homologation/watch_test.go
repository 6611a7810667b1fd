package homologation_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/homologation"
	rules "pdvagent/mercafacil/homologation"
)

type window struct {
	Item      string
	Exchanges []struct {
		At                                            time.Time
		Side                                          agent.Side
		Route, Ref, Delivery, Origin, Request, Answer string
		Status                                        int
	}
}

// recording is what passed in a run against the sandbox, read once.
var recording = sync.OnceValues(func() (windows []window, err error) {
	text, err := os.ReadFile(filepath.Join(agenttest.Root(), "mercafacil", "homologation", "testdata", "run.json"))
	if err == nil {
		err = json.Unmarshal(text, &windows)
	}
	return windows, err
})

// passed gives what was recorded of items, in their order; * of all.
func passed(t *testing.T, ids ...string) []agent.Exchange {
	t.Helper()
	windows, err := recording()
	if err != nil {
		t.Fatal(err)
	}
	var list []agent.Exchange
	for _, id := range ids {
		for _, w := range windows {
			if w.Item != id && id != "*" {
				continue
			}
			for _, x := range w.Exchanges {
				list = append(list, agent.Exchange{
					At: x.At, Side: x.Side, Method: "POST", Route: x.Route, Ref: x.Ref, Status: x.Status, Delivery: x.Delivery, Origin: x.Origin,
					Request: []byte(x.Request), Response: []byte(x.Answer),
				})
			}
		}
	}
	if len(list) == 0 {
		t.Fatalf("nothing was recorded of %v", ids)
	}
	return list
}

// watch is a watcher with its tap, and the file that it keeps.
type watch struct {
	*testing.T
	*homologation.Watcher
	tap  *homologation.Tap
	path string
	now  time.Time
}

func newWatch(t *testing.T) *watch {
	return openWatch(t, filepath.Join(t.TempDir(), "homologacao.json"))
}

func openWatch(t *testing.T, path string) *watch {
	t.Helper()
	w := &watch{T: t, tap: homologation.NewTap(), path: path, now: time.Date(2026, 11, 29, 1, 0, 0, 0, time.UTC)}
	var err error
	w.Watcher, err = homologation.NewWatcher(homologation.WatchConfig{Path: path, Tap: w.tap, Facts: rules.Facts{BaseURL: "https://discounts-secure.mercafacil.com/api/"}, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *watch) ask(asked homologation.Asked) homologation.WatchState {
	w.Helper()
	state, err := w.Change(asked)
	if err != nil {
		w.Fatal(err)
	}
	return state
}

func (w *watch) pass(list []agent.Exchange) {
	for _, x := range list {
		w.tap.Observe(x)
	}
}

// verdict gives verdict and words of an item now.
func (w *watch) verdict(id string) (verdict, words string) {
	w.Helper()
	state, err := w.State()
	if err != nil {
		w.Fatal(err)
	}
	for _, entry := range state.Items {
		if entry.ID == id {
			return entry.Verdict, entry.Words
		}
	}
	w.Fatalf("no item %s", id)
	return "", ""
}

func (w *watch) want(id, verdict string, words ...string) {
	w.Helper()
	got, said := w.verdict(id)
	if got != verdict {
		w.Errorf("%s is %s (%s), want %s", id, got, said, verdict)
	}
	for _, word := range words {
		if !strings.Contains(said, word) {
			w.Errorf("%s says %q, want %q in it", id, said, word)
		}
	}
}

// wrong gives the exchanges with a text changed in every request.
func wrong(list []agent.Exchange, old, changed string) []agent.Exchange {
	for i := range list {
		list[i].Request = []byte(strings.ReplaceAll(string(list[i].Request), old, changed))
	}
	return list
}

func TestNobodyWatchesAndNothingIsKept(t *testing.T) {
	w := newWatch(t)
	w.pass(passed(t, "H14"))
	if n := len(w.tap.Since(0)); n != 0 {
		t.Errorf("%d exchanges are kept", n)
	}
	if state, err := w.State(); err != nil || state.Watching {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestTheItemThatIsAskedForIsTickedOff(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start"})
	state := w.ask(homologation.Asked{Do: "item", Item: "h20.2"})
	if !strings.Contains(state.Instruction, "529.982.247-25") || len(state.Needs) != 1 {
		t.Errorf("instruction %q, needs %q", state.Instruction, state.Needs)
	}
	w.want("H20.2", "open")
	w.pass(passed(t, "H20.2"))
	w.want("H20.2", "passed", "R$ 2,00")
}

func TestWhatWasWrongIsSaidAndCanBeDoneAgain(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start"})
	w.ask(homologation.Asked{Do: "item", Item: "H14"})
	w.pass(wrong(passed(t, "H14"), `"client_id":"0","coupon"`, `"client_id":"39053344705","coupon"`))
	w.want("H14", "failed", "o cupom levou client_id 39053344705, mas este cliente não é do clube: deveria ir 0")
	w.pass(passed(t, "H13")) // something else
	w.want("H14", "failed")
	w.pass(passed(t, "H14"))
	w.want("H14", "passed")
}

func TestOrdinaryTrafficTicksOff35Items(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start"})
	w.pass(passed(t, "*"))
	state, err := w.State()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, entry := range state.Items {
		if entry.Verdict == "passed" {
			count++
		}
		if entry.Verdict == "failed" {
			t.Errorf("%s: %s", entry.ID, entry.Words)
		}
	}
	if count < 35 {
		t.Errorf("%d items, want 35", count)
	}
}

func TestALaterMistakeTurnsAnItemRedAgain(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start"})
	w.pass(passed(t, "H16"))
	w.want("H16", "passed")
	w.pass(wrong(passed(t, "H16"), `"total_value_with_discount":52.49,"origin"`, `"total_value_with_discount":47.49,"origin"`))
	w.want("H16", "failed", "R$ 47,49", "R$ 52,49")
}

func TestASaleOfAnOutageThatTheTillKeepsTurnsItsItemRed(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start"})
	w.ask(homologation.Asked{Do: "item", Item: "R45"})
	var list []agent.Exchange
	for _, x := range passed(t, "R45") {
		if !strings.Contains(x.Route, "coupons") {
			list = append(list, x)
		}
	}
	w.pass(list)
	w.want("R45", "open")
	w.pass(passed(t, "H13"))
	w.want("R45", "failed", "o cupom não foi enviado ao pdvagent")
	w.pass(passed(t, "R45"))
	w.want("R45", "passed")
}

func TestTwoSalesAtOnceAreTwoSales(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start"})
	one, other := passed(t, "H16"), passed(t, "H14")
	for i := range max(len(one), len(other)) {
		for _, list := range [][]agent.Exchange{one, other} {
			if i < len(list) {
				w.pass(list[i : i+1])
			}
		}
	}
	for _, id := range []string{"H13", "H14", "H15", "H16", "H18", "H19", "R25"} {
		w.want(id, "passed")
	}
}

func TestAnItemInTheWrongOrderSaysSo(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start"})
	w.ask(homologation.Asked{Do: "item", Item: "H25"})
	list := passed(t, "H25")
	second := 0
	for i, x := range list {
		if strings.HasSuffix(x.Route, "start") && x.Side == agent.SideTill {
			second = i
		}
	}
	w.pass(list[second:])
	w.want("H25", "open", "Fora de ordem")
}

func TestAWatchGoesOnAfterTheAgentWasAway(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start"})
	w.pass(passed(t, "H13"))
	w.want("H13", "passed")
	again := openWatch(t, w.path)
	again.want("H13", "passed")
	again.pass(passed(t, "H4"))
	again.want("H4", "passed")
}

func TestAWatchThatNobodyLooksAtEnds(t *testing.T) {
	w := newWatch(t)
	w.ask(homologation.Asked{Do: "start"})
	w.pass(passed(t, "H13"))
	w.now = w.now.Add(13 * time.Hour)
	if state, err := w.State(); err != nil || state.Watching || len(w.tap.Since(0)) != 0 {
		t.Errorf("%+v, %v", state, err)
	}
}
