package upstream_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/upstream"
)

// circuit runs a circuit in fake time whose probe gives a test's answers.
func circuit(t *testing.T, probe func() agent.Outcome) *upstream.Circuit {
	t.Helper()
	c, err := upstream.NewCircuit(upstream.CircuitConfig{
		Probe: func(context.Context) agent.Outcome { return probe() }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c
}

var (
	away  = agent.Outcome{Class: agent.ClassUnreachable}
	fine  = agent.Outcome{Class: agent.ClassOK, Status: 200, Reached: true}
	moved = agent.Outcome{Class: agent.ClassStatus, Status: 404, Reached: true}
)

func TestCircuitOpensAfterARunOfFailuresAndAProbeClosesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var probes atomic.Int32
		var back atomic.Bool
		c := circuit(t, func() agent.Outcome {
			probes.Add(1)
			if back.Load() {
				return moved // any HTTP answer
			}
			return away
		})
		for i := range 3 {
			if c.Open() {
				t.Fatalf("open after %d failures", i)
			}
			c.Note(agent.Outcome{Class: agent.ClassTimeout})
		}
		if !c.Open() || c.State().Reason != agent.ClassTimeout {
			t.Fatalf("got %+v, want it open", c.State())
		}
		<-time.After(time.Hour)
		if n := probes.Load(); n < 240 || n > 500 {
			t.Errorf("%d probes in an hour, want one every 7.5 to 15 s", n)
		}
		back.Store(true)
		<-time.After(15 * time.Second)
		if c.Open() {
			t.Error("still open although the probe is answered")
		}
	})
}

func TestCircuitCountsOnlyWhatSaysThatTheCloudIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := circuit(t, func() agent.Outcome { return away })
		for _, o := range []agent.Outcome{
			fine, moved,
			{Class: agent.ClassStatus, Status: 500},
			{Class: agent.ClassStatus, Status: 429},
			{Class: agent.ClassStatus, Status: 401},
			{Class: agent.ClassForeign, Status: 200},
		} {
			c.Note(away)
			c.Note(away)
			c.Note(o) // ends the run
			if c.Open() {
				t.Fatalf("%+v did not end the run", o)
			}
		}
		for _, status := range []int{502, 503, 504} {
			c.Note(agent.Outcome{Class: agent.ClassStatus, Status: status, Reached: true})
		}
		if !c.Open() {
			t.Error("502, 503 and 504 are no failures")
		}
	})
}

func TestCircuitThatAProbeClosedForNothingOpensWithTheFirstFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := circuit(t, func() agent.Outcome { return fine })
		for range 3 {
			c.Note(agent.Outcome{Class: agent.ClassTimeout})
		}
		<-time.After(2 * time.Second)
		if c.Open() {
			t.Fatal("the probe did not close it")
		}
		c.Note(agent.Outcome{Class: agent.ClassTimeout})
		if !c.Open() {
			t.Error("the next failure did not open it")
		}
		<-time.After(4 * time.Second)
		c.Note(fine)
		c.Note(agent.Outcome{Class: agent.ClassTimeout})
		if c.Open() {
			t.Error("one failure after a success opened it")
		}
	})
}

func TestProbeIsAGetOfTheBaseURLWithTheHeadersOfEveryRequest(t *testing.T) {
	var seen *http.Request
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r
		w.WriteHeader(http.StatusNotFound)
	}, func(cfg *upstream.Config) {
		cfg.BaseURL += "/api/"
		cfg.Header = http.Header{"Pdv-Version": {"1"}}
	})
	if outcome := client.Probe(t.Context()); outcome.Status != http.StatusNotFound {
		t.Errorf("got %+v", outcome)
	}
	if seen.Method != http.MethodGet || seen.URL.Path != "/api/" || seen.Header.Get("pdv-version") != "1" {
		t.Errorf("got %s %s %v", seen.Method, seen.URL.Path, seen.Header)
	}
}

func TestCloudThatIsAwayFromTheStartIsSilentUntilItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var back atomic.Bool
		c := circuit(t, func() agent.Outcome {
			if back.Load() {
				return moved
			}
			return away
		})
		if got := c.State(); !got.Silent || got.Open {
			t.Errorf("at the start: %+v", got)
		}
		<-time.After(time.Hour)
		if got := c.State(); !got.Silent || got.Reason != agent.ClassUnreachable || !got.Since.Equal(begun) {
			t.Errorf("away: %+v", got)
		}
		back.Store(true)
		<-time.After(time.Minute)
		got := c.State()
		if got.Silent || got.Reason != "" || got.Outage == nil || !got.Outage.From.Equal(begun) || !got.Outage.To.Equal(got.Since) {
			t.Errorf("back: %+v", got)
		}
	})
}

func TestPageOfAPortalIsNoAnswerOfTheCloud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := circuit(t, func() agent.Outcome { return agent.Outcome{Class: agent.ClassForeign, Status: 200, Reached: true} })
		<-time.After(time.Minute)
		if got := c.State(); !got.Silent {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAnOutageThatEndedIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := circuit(t, func() agent.Outcome { return fine })
		<-time.After(time.Minute)
		begun := time.Now()
		for range 3 {
			c.Note(away)
		}
		<-time.After(time.Minute)
		if got := c.State(); got.Open || got.Outage == nil || !got.Outage.From.Equal(begun) || got.Outage.Reason != agent.ClassUnreachable {
			t.Errorf("got %+v, %+v", got, got.Outage)
		}
	})
}
