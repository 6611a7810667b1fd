package simkit_test

import (
	"net/http"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
)

// statuses sends requests of routes and gives their answers' statuses.
func statuses(caller *agenttest.Caller, routes ...string) []int {
	var list []int
	for _, route := range routes {
		list = append(list, caller.Send(http.MethodPost, "/"+route, "{}").Status)
	}
	return list
}

func equal(t *testing.T, got []int, want ...int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got, want)
			return
		}
	}
}

func TestAFaultIsPlayedAsOftenAsItIsToBe(t *testing.T) {
	cloud := newCloud(nil)
	caller := agenttest.NewCaller(t, cloud)
	cloud.add(t, simkit.Fault{Route: "buy", Fault: simkit.Status, Status: 503, Times: 2})
	equal(t, statuses(caller, "sell", "buy", "sell", "buy", "buy"), 200, 503, 200, 503, 200)

	cloud.add(t, simkit.Fault{Route: "*", Fault: simkit.Status, Status: 500})
	cloud.add(t, simkit.Fault{Route: "*", Fault: simkit.Status, Status: 501})
	equal(t, statuses(caller, "sell", "buy", "buy"), 500, 500, 500)
	cloud.Heal()
	equal(t, statuses(caller, "sell", "buy"), 200, 200)
	if on := cloud.Faults(); len(on) != 0 {
		t.Errorf("healed, and on are %+v", on)
	}
}

func TestTheFirstFaultThatFitsIsPlayed(t *testing.T) {
	cloud := newCloud(nil)
	caller := agenttest.NewCaller(t, cloud)
	cloud.add(t, simkit.Fault{Route: "sell", Fault: simkit.Status, Status: 501, Times: 1})
	cloud.add(t, simkit.Fault{Route: "*", Fault: simkit.Status, Status: 502, Times: 1})
	cloud.add(t, simkit.Fault{Route: "buy", Fault: simkit.Status, Status: 503, Times: 1})
	equal(t, statuses(caller, "buy", "buy", "sell", "sell"), 502, 503, 501, 200)
}

func TestListedTimesAreAllOrWhatRemains(t *testing.T) {
	for _, remaining := range []bool{false, true} {
		cloud := newCloud(func(cfg *simkit.FaultConfig) { cfg.ListRemaining = remaining })
		caller := agenttest.NewCaller(t, cloud)
		cloud.add(t, simkit.Fault{Route: "buy", Fault: simkit.Slow, Times: 3})
		cloud.add(t, simkit.Fault{Route: "sell", Fault: simkit.Slow})
		statuses(caller, "buy", "sell")
		want := 3
		if remaining {
			want = 2
		}
		if on := cloud.Faults(); len(on) != 2 || on[0].Times != want || on[1].Times != 0 {
			t.Errorf("remaining %v: got %+v", remaining, on)
		}
	}
}

func TestGoneTakesTheCloudAwayAtOnce(t *testing.T) {
	cloud := newCloud(nil)
	cloud.add(t, simkit.Fault{Fault: simkit.Gone, Seconds: 90}) // without a route
	if cloud.left != 90*time.Second || len(cloud.Faults()) != 0 {
		t.Errorf("it left for %v, and on are %+v", cloud.left, cloud.Faults())
	}
	cloud = newCloud(func(cfg *simkit.FaultConfig) { cfg.Leave = nil })
	if err := cloud.Add(simkit.Fault{Fault: simkit.Gone, Seconds: 90}); err == nil {
		t.Error("a cloud that cannot leave left")
	}
}

func TestAFaultThatCannotBePlayedIsRefused(t *testing.T) {
	negative := "times, delay_ms, seconds and retry_after must not be negative"
	for _, c := range []struct {
		fault simkit.Fault
		want  string
	}{
		{simkit.Fault{Route: "buy", Fault: "fly"}, "fault must be one of status, says, html, error200, reset, silence, slow, lost, redirect, vary, cut, trickle, gone, empty"},
		{simkit.Fault{Route: "rent", Fault: simkit.HTML}, "route must be one of buy, sell, or *"},
		{simkit.Fault{Fault: simkit.HTML}, "route must be one of buy, sell, or *"},
		{simkit.Fault{Route: "buy", Fault: simkit.Status, Status: 299}, "status must be 300 to 599, is 299"},
		{simkit.Fault{Route: "buy", Fault: simkit.Status, Status: 600}, "status must be 300 to 599, is 600"},
		{simkit.Fault{Route: "buy", Fault: simkit.Cut, Percent: percent(100)}, "percent must be 0 to 99, is 100"},
		{simkit.Fault{Route: "buy", Fault: simkit.Cut, Percent: percent(-1)}, "percent must be 0 to 99, is -1"},
		{simkit.Fault{Route: "buy", Fault: simkit.HTML, Times: -1}, negative},
		{simkit.Fault{Route: "buy", Fault: simkit.Slow, DelayMS: -1}, negative},
		{simkit.Fault{Fault: simkit.Gone, Seconds: -1}, negative},
		{simkit.Fault{Route: "buy", Fault: simkit.Status, Status: 429, RetryAfter: -1}, negative},
		{simkit.Fault{Fault: simkit.Gone}, "gone wants seconds, and a sandbox that can leave the network"},
		{simkit.Fault{Route: "buy", Fault: simkit.Vary}, "EOF"},
		{simkit.Fault{Route: "buy", Fault: simkit.Vary, Settings: []byte(`{"word":""}`)}, "word must not be empty"},
		{simkit.Fault{Route: "buy", Fault: simkit.Vary, Settings: []byte(`{"colour":"red"}`)}, `json: unknown field "colour"`},
	} {
		cloud := newCloud(nil)
		if err := cloud.Add(c.fault); err == nil || err.Error() != c.want || len(cloud.Faults()) != 0 {
			t.Errorf("%+v: got %v, want %s", c.fault, err, c.want)
		}
	}
	common := simkit.NewFaultSet(simkit.FaultConfig{Routes: []string{"buy"}})
	for _, c := range []struct {
		fault simkit.Fault
		want  string
	}{
		{simkit.Fault{Route: "buy", Fault: simkit.Cut}, "fault must be one of status, says, html, error200, reset, silence, slow, lost"},
		{simkit.Fault{Route: "buy", Fault: simkit.HTML, Times: -1}, "times, delay_ms and retry_after must not be negative"},
	} {
		if err := common.Add(c.fault); err == nil || err.Error() != c.want {
			t.Errorf("%+v: got %v, want %s", c.fault, err, c.want)
		}
	}
}
