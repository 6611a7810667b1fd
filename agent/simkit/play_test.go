package simkit_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
)

const success = "{\"answer\":\"done\"}\n"

func percent(n int) *int { return &n }

func TestEachFaultIsPlayed(t *testing.T) {
	plain := http.Header{"Content-Type": {"application/json"}}
	inUTF8 := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for name, c := range map[string]struct {
		fault  simkit.Fault
		want   agenttest.Response
		effect bool
	}{
		"status":               {simkit.Fault{Fault: simkit.Status, Status: 503}, agenttest.Response{Status: 503, Header: inUTF8, Body: `{"code":503,"text":"Service Unavailable"}` + "\n"}, false},
		"status, Retry-After":  {simkit.Fault{Fault: simkit.Status, Status: 429, RetryAfter: 7}, agenttest.Response{Status: 429, Header: http.Header{"Retry-After": {"7"}}, Body: `{"code":429,"text":"Too Many Requests"}` + "\n"}, false},
		"status with a body":   {simkit.Fault{Fault: simkit.Status, Status: 400, Body: "<h1>no"}, agenttest.Response{Status: 400, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: "<h1>no"}, false},
		"says":                 {simkit.Fault{Fault: simkit.Says, Body: `{"a":1,}`}, agenttest.Response{Status: 200, Header: plain, Body: `{"a":1,}`}, false},
		"says nothing":         {simkit.Fault{Fault: simkit.Says}, agenttest.Response{Status: 200, Header: plain}, false},
		"html":                 {simkit.Fault{Fault: simkit.HTML}, agenttest.Response{Status: 200, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: "<!DOCTYPE html><title>Login</title><p>Bem-vindo ao Wi-Fi do shopping."}, false},
		"error200":             {simkit.Fault{Fault: simkit.Error200}, agenttest.Response{Status: 200, Header: inUTF8, Body: `{"code":200,"text":"Algo deu errado."}` + "\n"}, false},
		"redirect":             {simkit.Fault{Fault: simkit.Redirect}, agenttest.Response{Status: 307, Header: http.Header{"Location": {"/buy/"}}}, false},
		"reset":                {simkit.Fault{Fault: simkit.Reset}, agenttest.Response{}, false},
		"slow":                 {simkit.Fault{Fault: simkit.Slow, DelayMS: 1}, agenttest.Response{Status: 200, Header: inUTF8, Body: success}, true},
		"slow by nothing":      {simkit.Fault{Fault: simkit.Slow}, agenttest.Response{Status: 200, Header: inUTF8, Body: success}, true},
		"lost":                 {simkit.Fault{Fault: simkit.Lost}, agenttest.Response{}, true},
		"cut in the middle":    {simkit.Fault{Fault: simkit.Cut}, agenttest.Response{Status: 200, Header: http.Header{"Content-Length": {"17"}}, Body: `{"answer`, Cut: true}, true},
		"cut after its head":   {simkit.Fault{Fault: simkit.Cut, Percent: percent(0)}, agenttest.Response{Status: 200, Header: inUTF8, Cut: true}, true},
		"cut before its end":   {simkit.Fault{Fault: simkit.Cut, Percent: percent(99)}, agenttest.Response{Status: 200, Header: inUTF8, Body: `{"answer":"done"`, Cut: true}, true},
		"trickle":              {simkit.Fault{Fault: simkit.Trickle, DelayMS: 1}, agenttest.Response{Status: 200, Header: http.Header{"Content-Length": {"17"}}, Body: strings.TrimSpace(success)}, true},
		"vary":                 {simkit.Fault{Fault: simkit.Vary, Settings: []byte(`{"word":"other"}`)}, agenttest.Response{Status: 200, Header: inUTF8, Body: `{"answer":"other"}` + "\n"}, true},
		"a distortion":         {simkit.Fault{Fault: "empty"}, agenttest.Response{Status: 200, Header: inUTF8, Body: "{}\n"}, true},
		"none on this request": {simkit.Fault{Fault: simkit.Reset, Route: "sell"}, agenttest.Response{Status: 200, Header: inUTF8, Body: success}, true},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := newCloud(nil)
			caller := agenttest.NewCaller(t, cloud)
			if c.fault.Route == "" {
				c.fault.Route = "buy"
			}
			cloud.add(t, c.fault)
			got := caller.Send(http.MethodPost, "/buy", "{}")
			if got.Status != c.want.Status || got.Body != c.want.Body || got.Cut != c.want.Cut {
				t.Errorf("got %d %q, cut %v, want %d %q, cut %v", got.Status, got.Body, got.Cut, c.want.Status, c.want.Body, c.want.Cut)
			}
			for name := range c.want.Header {
				if got.Header.Get(name) != c.want.Header.Get(name) {
					t.Errorf("%s: got %q, want %q", name, got.Header.Get(name), c.want.Header.Get(name))
				}
			}
			if effect := cloud.effects.Load() == 1; effect != c.effect {
				t.Errorf("it had an effect: %v", effect)
			}
		})
	}
}

func TestDialectSpellsWhatItSets(t *testing.T) {
	cloud := newCloud(func(cfg *simkit.FaultConfig) {
		cfg.Error200 = &simkit.Answer{Status: 200, Body: []string{"broken"}, Type: "application/json"}
		cfg.StatusType = "text/plain"
	})
	caller := agenttest.NewCaller(t, cloud)
	cloud.add(t, simkit.Fault{Route: "*", Fault: simkit.Error200, Times: 1})
	cloud.add(t, simkit.Fault{Route: "*", Fault: simkit.Status, Status: 500, Body: "<h1>no"})
	if got := caller.Send(http.MethodPost, "/buy", "{}"); got.Body != "[\"broken\"]\n" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("error200: got %q as %q", got.Body, got.Header.Get("Content-Type"))
	}
	if got := caller.Send(http.MethodPost, "/buy", "{}"); got.Body != "<h1>no" || got.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("status: got %q as %q", got.Body, got.Header.Get("Content-Type"))
	}
}

// meet sends a request that the fault of buy holds up, and returns when it is played. Other requests that it made had an
// effect.
func meet(ctx context.Context, t *testing.T, cloud *cloud, caller *agenttest.Caller, body string) (answered <-chan agenttest.Response, others int32) {
	t.Helper()
	answers := make(chan agenttest.Response, 1)
	go func() { answers <- caller.SendContext(ctx, http.MethodPost, "/buy", body) }()
	for len(cloud.Faults()) > 0 {
		if got := caller.SendContext(ctx, http.MethodPost, "/sell", "{}"); got.Status != 200 {
			t.Errorf("another route: got %d", got.Status)
		}
		<-cloud.served
		others++
	}
	return answers, others
}

// A silent cloud holds its request until the client goes; then nothing of it is left.
func TestSilenceEndsWithItsClient(t *testing.T) {
	cloud := newCloud(nil)
	caller := agenttest.NewCaller(t, cloud)
	cloud.add(t, simkit.Fault{Route: "buy", Fault: simkit.Silence, Times: 1})
	ctx, cancel := context.WithCancel(t.Context())
	answered, others := meet(ctx, t, cloud, caller, strings.Repeat("x", 1<<20))
	select {
	case got := <-answered:
		t.Errorf("it answered %d", got.Status)
	default:
	}
	cancel()
	if got := <-answered; got.Status != 0 {
		t.Errorf("it answered %d", got.Status)
	}
	<-cloud.served
	if effects := cloud.effects.Load(); effects != others {
		t.Errorf("%d requests had an effect, want %d", effects, others)
	}
}

// A slow cloud and a trickling one stop waiting when the client has gone.
func TestWaitsEndWithTheirClient(t *testing.T) {
	const hour = 3_600_000
	for _, kind := range []string{simkit.Slow, simkit.Trickle} {
		t.Run(kind, func(t *testing.T) {
			cloud := newCloud(nil)
			caller := agenttest.NewCaller(t, cloud)
			cloud.add(t, simkit.Fault{Route: "buy", Fault: kind, DelayMS: hour, Times: 1})
			ctx, cancel := context.WithCancel(t.Context())
			answered, _ := meet(ctx, t, cloud, caller, "")
			cancel()
			<-answered
			<-cloud.served
		})
	}
}
