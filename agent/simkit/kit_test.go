package simkit_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
)

// newKit makes a payment cloud with one route that answers with its body, and its control below /control.
func newKit(t *testing.T, cfg simkit.Config) (*simkit.Kit, *agenttest.Caller) {
	t.Helper()
	cfg.Routes, cfg.Refuse, cfg.Now = []string{"echo"}, refusal, start
	kit := simkit.New(cfg)
	values := simkit.NewSettings(func() settings { return settings{Word: "done"} }, checkWord)
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		kit.Serve(w, r, "echo", func(body []byte) simkit.Answer {
			if string(body) == `"no"` {
				return refusal(http.StatusConflict, "no")
			}
			return simkit.Answer{Status: http.StatusCreated, Body: string(body)}
		})
	})
	mux.Handle("/control/", http.StripPrefix("/control", kit.Control(values, func() { kit.Reset(); values.Restore() })))
	return kit, agenttest.NewCaller(t, mux)
}

func TestKitLogsWhatComes(t *testing.T) {
	kit, caller := newKit(t, simkit.Config{Hide: func(body []byte) []byte { return []byte(strings.ReplaceAll(string(body), "secret", "***")) }})
	kit.Advance(time.Hour)
	for _, f := range []simkit.Fault{{Fault: simkit.Reset, Times: 1}, {Fault: simkit.Status, Status: 500, Times: 1}, {Fault: simkit.Lost, Times: 1}} {
		f.Route = "echo"
		if err := kit.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := kit.Add(simkit.Fault{Route: "elsewhere", Fault: simkit.HTML}); err == nil {
		t.Error("a route that is not the cloud's is taken")
	}
	for _, body := range []string{`"reset"`, `"broken"`, `"lost"`, `"no"`, `"a secret"`, `not JSON`} {
		caller.Send(http.MethodPost, "/echo?a=1", body)
	}
	at := start().Add(time.Hour)
	want := []simkit.Arrival{
		{At: at, Fault: simkit.Reset},
		{At: at, Body: json.RawMessage(`"broken"`), Fault: simkit.Status},
		{At: at, Body: json.RawMessage(`"lost"`), Status: 201, Effect: true, Fault: simkit.Lost},
		{At: at, Body: json.RawMessage(`"no"`), Status: 409},
		{At: at, Body: json.RawMessage(`"a ***"`), Status: 201, Effect: true},
		{At: at, Status: 201, Effect: true},
	}
	got := kit.Received()
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i := range want {
		want[i].Route, want[i].Path = "echo", "/echo?a=1"
		if g, w := text(t, got[i]), text(t, want[i]); g != w {
			t.Errorf("request %d: got %s, want %s", i, g, w)
		}
	}
}

func text(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestKitTellsTheTimeOfItsClock(t *testing.T) {
	kit, caller := newKit(t, simkit.Config{})
	kit.Advance(90 * time.Minute)
	if got := caller.Send(http.MethodPost, "/echo", "{}").Header.Get("Date"); got != "Tue, 30 Sep 2031 13:30:00 GMT" {
		t.Errorf("got %s", got)
	}
	kit.Advance(-2 * time.Hour)
	if got := kit.Now(); !got.Equal(start().Add(-30 * time.Minute)) {
		t.Errorf("set back: %v", got)
	}
	if since := time.Since(simkit.NewClock(nil).Now()); since < 0 || since > time.Minute {
		t.Errorf("the real clock is %v away", since)
	}
}

func TestKitRefusesABodyThatIsCutOrTooLarge(t *testing.T) {
	kit, caller := newKit(t, simkit.Config{})
	if got := caller.Send(http.MethodPost, "/echo", `"`+strings.Repeat("x", 1<<20)+`"`); got.Status != 400 || !strings.Contains(got.Body, "body was cut") {
		t.Errorf("too large: got %d %s", got.Status, got.Body)
	}
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", caller.Address())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{}")); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 12)
	if _, err := conn.Read(answer); err != nil || string(answer) != "HTTP/1.1 400" {
		t.Errorf("cut: got %q %v", answer, err)
	}
	_ = conn.Close()
	for _, arrival := range kit.Received() {
		if arrival.Effect {
			t.Errorf("it had an effect: %+v", arrival)
		}
	}
}

func TestResetForgetsEverything(t *testing.T) {
	kit, caller := newKit(t, simkit.Config{})
	caller.Send(http.MethodPost, "/echo", "{}")
	kit.Advance(time.Hour)
	if err := kit.Add(simkit.Fault{Route: "*", Fault: simkit.HTML}); err != nil {
		t.Fatal(err)
	}
	caller.Send(http.MethodPut, "/control/settings", `{"word":"other"}`)
	if got := caller.Send(http.MethodPost, "/control/reset", ""); got.Status != 200 || got.Body != "{}\n" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if len(kit.Received()) != 0 || len(kit.Faults()) != 0 || !kit.Now().Equal(start()) {
		t.Errorf("left are %+v %+v %v", kit.Received(), kit.Faults(), kit.Now())
	}
	if got := caller.Send(http.MethodGet, "/control/settings", ""); got.Body != `{"word":"done","loud":false}`+"\n" {
		t.Errorf("settings: %s", got.Body)
	}
}

func TestListsAreNeverNull(t *testing.T) {
	one, two := 1, 2
	if got := text(t, simkit.List[int](nil)) + text(t, simkit.Values[int](nil)); got != "[][]" {
		t.Errorf("got %s", got)
	}
	list := []int{one, two}
	copied := simkit.List(list)
	if values := simkit.Values([]*int{&one, &two}); values[0] != 1 || values[1] != 2 {
		t.Errorf("got %v", values)
	}
	if list[0] = 7; copied[0] != 1 {
		t.Error("it is no copy")
	}
}

func TestAnswersAreWrittenAsTheyAre(t *testing.T) {
	for name, c := range map[string]struct {
		answer     simkit.Answer
		kind, body string
	}{
		"JSON":         {simkit.OK(map[string]int{"a": 1}), "application/json; charset=utf-8", `{"a":1}` + "\n"},
		"of a type":    {simkit.Answer{Status: 200, Body: 1, Type: "application/problem+json"}, "application/problem+json", "1\n"},
		"a file":       {simkit.File("application/pdf", []byte("%PDF")), "application/pdf", "%PDF"},
		"bytes":        {simkit.Answer{Status: 200, Raw: []byte("<h1>")}, "text/html; charset=utf-8", "<h1>"},
		"no bytes":     {simkit.File("application/json", []byte{}), "application/json", ""},
		"without body": {simkit.NoContent(), "application/json; charset=utf-8", ""},
	} {
		got := agenttest.NewCaller(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { simkit.Write(w, c.answer) })).Send(http.MethodGet, "/", "")
		if got.Status != c.answer.Status || got.Header.Get("Content-Type") != c.kind || got.Body != c.body {
			t.Errorf("%s: got %d %s %q", name, got.Status, got.Header.Get("Content-Type"), got.Body)
		}
	}
}
