package simkit_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
)

// exchange is a call of a control API, and what is answered.
type exchange struct {
	method, path, body string
	status             int
	want               string
}

func converse(t *testing.T, caller *agenttest.Caller, exchanges []exchange) {
	t.Helper()
	for _, e := range exchanges {
		got := caller.Send(e.method, e.path, e.body)
		if got.Status != e.status || strings.TrimSpace(got.Body) != e.want {
			t.Errorf("%s %s %s: got %d %s, want %d %s", e.method, e.path, e.body, got.Status, got.Body, e.status, e.want)
		}
	}
}

func TestControlOfAPaymentCloud(t *testing.T) {
	_, caller := newKit(t, simkit.Config{})
	const put, post, get, del = http.MethodPut, http.MethodPost, http.MethodGet, http.MethodDelete
	converse(t, caller, []exchange{
		{get, "/control/faults", "", 200, `[]`},
		{post, "/control/faults", `{"route":"echo","fault":"status","status":503,"times":2}`, 201, `[{"route":"echo","fault":"status","status":503,"times":2}]`},
		{post, "/echo", `1`, 503, `{"code":503,"text":"Service Unavailable"}`},
		{get, "/control/faults", "", 200, `[{"route":"echo","fault":"status","status":503,"times":1}]`},
		{del, "/control/faults", "", 200, `[]`},
		{post, "/echo", `1`, 201, `"1"`},
		{post, "/control/faults", `{"route":"echo","fault":"html","tmies":1}`, 422, `{"message":"json: unknown field \"tmies\""}`},
		{post, "/control/faults", `{"route":"echo","fault":"html","seconds":1}`, 422, `{"message":"json: unknown field \"seconds\""}`},
		{post, "/control/faults", `{"route":"echo","fault":"html","Percent":1}`, 422, `{"message":"json: unknown field \"Percent\""}`},
		{post, "/control/faults", `{"route":"echo","fault":"html","settings":{}}`, 422, `{"message":"json: unknown field \"settings\""}`},
		{post, "/control/faults", `{`, 422, `{"message":"unexpected EOF"}`},
		{post, "/control/faults", `[]`, 422, `{"message":"json: cannot unmarshal array into Go value of type simkit.Fault"}`},
		{post, "/control/faults", ``, 422, `{"message":"fault must be one of status, says, html, error200, reset, silence, slow, lost"}`},
		{get, "/control/clock", "", 200, `{"now":"2031-09-30T12:00:00Z"}`},
		{post, "/control/clock", `{"advance_seconds":60}`, 200, `{"now":"2031-09-30T12:01:00Z"}`},
		{post, "/control/clock", `{"advance_seconds":-30} ignored`, 200, `{"now":"2031-09-30T12:00:30Z"}`},
		{post, "/control/clock", ``, 200, `{"now":"2031-09-30T12:00:30Z"}`},
		{post, "/control/clock", `{"advance":60}`, 422, `{"message":"json: unknown field \"advance\""}`},
		{put, "/control/settings", `{"loud":true}`, 200, `{"word":"done","loud":true}`},
		{put, "/control/settings", `{"loud":false,"word":""}`, 422, `{"message":"word must not be empty"}`},
		{put, "/control/settings", `{"loud":false,"colour":"red"}`, 422, `{"message":"json: unknown field \"colour\""}`},
		{put, "/control/settings", ``, 422, `{"message":"EOF"}`},
		{get, "/control/settings", "", 200, `{"word":"done","loud":true}`},
		{get, "/control/received", "", 200, `[{"at":"2031-09-30T12:00:00Z","route":"echo","path":"/echo","body":1,"status":0,"effect":false,"fault":"status"},` +
			`{"at":"2031-09-30T12:00:00Z","route":"echo","path":"/echo","body":1,"status":201,"effect":true}]`},
		{post, "/control/reset", `{"all":true}`, 422, `{"message":"json: unknown field \"all\""}`},
		{post, "/control/reset", `{}`, 200, `{}`},
		{get, "/control/received", "", 200, `[]`},
		{post, "/control/received", "", 405, `Method Not Allowed`},
		{get, "/control/nothing", "", 404, `404 page not found`},
	})
}

// A control that wants one value reads as strictly as the loyalty cloud's, and answers in the simulator's way.
func TestControlThatWantsOneValue(t *testing.T) {
	cloud := newCloud(nil)
	c := simkit.NewControl(simkit.ControlConfig{OneValue: true, Type: "application/json", Refuse: func(message string) any { return []string{message} }})
	c.Faults(cloud.FaultSet)
	c.Settings(cloud.settings)
	done := 0
	c.Do("POST /do", func() error {
		if done++; done > 1 {
			return errors.New("once is enough")
		}
		return nil
	}, func() any { return done })
	c.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("page")) })
	simkit.Take(c, "POST /words", http.StatusAccepted, func(_ context.Context, words []string) (any, error) { return len(words), nil })
	caller := agenttest.NewCaller(t, c)
	const put, post, get = http.MethodPut, http.MethodPost, http.MethodGet
	converse(t, caller, []exchange{
		{post, "/faults", `{"fault":"gone","seconds":5}`, 201, `[]`},
		{post, "/faults", `{"route":"buy","fault":"cut","percent":10,"times":0}`, 201, `[{"route":"buy","fault":"cut","percent":10,"times":0}]`},
		{post, "/faults", ``, 422, `["EOF"]`},
		{post, "/faults", `{"route":"buy","fault":"html"} {}`, 422, `["more than one JSON value"]`},
		{put, "/settings", `{"loud":true} {"loud":false}`, 422, `["more than one JSON value"]`},
		{get, "/settings", ``, 200, `{"word":"done","loud":false}`},
		{post, "/words", `["a","b"]`, 202, `2`},
		{post, "/words", `["` + strings.Repeat("x", 1<<20) + `"]`, 422, `["http: request body too large"]`},
		{post, "/do", `whatever`, 200, `1`},
		{post, "/do", ``, 422, `["once is enough"]`},
		{get, "/page", ``, 200, `page`},
	})
	if got := caller.Send(get, "/settings", "").Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("answered as %s", got)
	}
}
