package web_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/till/web"
)

// call sends one request through a chain with one route and returns the answer, with what the journal saw.
func call(t *testing.T, route web.Route, body io.Reader, change func(*http.Request), access *web.Access) (*httptest.ResponseRecorder, agent.Exchange) {
	t.Helper()
	var seen []agent.Exchange
	now := time.Unix(0, 0)
	handler, err := web.Handler(web.Config{
		Port: 8780, Access: access, Log: slog.New(slog.DiscardHandler), Alarm: func() string { return "" }, NewID: func() string { return "request-1" }, Routes: []web.Route{route},
		Observe: func(x agent.Exchange) { seen = append(seen, x) },
		Now:     func() time.Time { now = now.Add(time.Second); return now }, // each look at the clock is a second later
	})
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(route.Method, "http://127.0.0.1:8780"+strings.ReplaceAll(route.Path, "{id}", "7"), body)
	request.RemoteAddr = "127.0.0.1:1000"
	request.Header.Set("Authorization", "Bearer "+tillToken)
	request.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(request)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if len(seen) != 1 {
		t.Fatalf("the journal saw %d calls", len(seen))
	}
	return recorder, seen[0]
}

func tillAccess() *web.Access {
	return web.NewAccess([]web.Token{{Name: "caixa 12", Scope: web.Till, Secret: tillToken}}, nil)
}

func TestHandlerKnowsItsCallerAndItsRequest(t *testing.T) {
	route := web.Route{Method: http.MethodPost, Path: "/v1/things/{id}", Scope: web.Till, Handler: func(w http.ResponseWriter, r *http.Request) {
		web.SpentInCloud(r, 300*time.Millisecond)
		web.SpentInCloud(r, 200*time.Millisecond)
		_, _ = fmt.Fprintf(w, "%s %s %s", web.Caller(r), web.RequestID(r), r.PathValue("id"))
	}}
	recorder, seen := call(t, route, strings.NewReader("{}"), nil, tillAccess())
	if recorder.Body.String() != "caixa 12 request-1 7" {
		t.Errorf("got %q", recorder.Body)
	}
	if got := recorder.Header().Get("X-Agent-Time"); got != "agent=500;cloud=500" {
		t.Errorf("X-Agent-Time is %q", got)
	}
	if seen.Route != "/v1/things/{id}" || seen.Ref != "request-1" || seen.Status != 200 || seen.Side != agent.SideTill || seen.Took != 2*time.Second || seen.Delivery != "live" {
		t.Errorf("the journal saw %+v", seen)
	}
}

// The journal has the pattern of a route, never the path that a caller chose.
func TestJournalDoesNotShowAnUnknownPath(t *testing.T) {
	route := web.Route{Method: http.MethodGet, Path: "/health", Scope: web.Public, Handler: func(http.ResponseWriter, *http.Request) {}}
	recorder, seen := call(t, route, http.NoBody, func(r *http.Request) { r.URL.Path = "/52998224725" }, tillAccess())
	if recorder.Code != 404 || seen.Route != "-" {
		t.Errorf("got %d, the journal saw %+v", recorder.Code, seen)
	}
	if _, seen = call(t, route, http.NoBody, func(r *http.Request) { r.URL.Path = "/health/" }, tillAccess()); seen.Route != "/health" {
		t.Errorf("with a slash at the end the journal saw %+v", seen)
	}
}

func TestBodyThatNobodyMaySeeIsKeptFromTheJournal(t *testing.T) {
	for unseen, want := range map[bool]string{false: `{"card":"4111"}`, true: ""} {
		route := web.Route{Method: http.MethodPost, Path: "/orders", Scope: web.Till, Handler: func(w http.ResponseWriter, r *http.Request) {
			if unseen {
				web.Unseen(r)
			}
			if _, err := web.Body(w, r, 100); err != nil {
				t.Error(err)
			}
		}}
		if _, seen := call(t, route, strings.NewReader(`{"card":"4111"}`), nil, tillAccess()); string(seen.Request) != want {
			t.Errorf("unseen %v: the journal saw %q", unseen, seen.Request)
		}
	}
}

func TestAccessCanChangeWhileTheChainWorks(t *testing.T) {
	access := tillAccess()
	route := web.Route{Method: http.MethodGet, Path: "/sale", Scope: web.Till, Handler: func(http.ResponseWriter, *http.Request) {}}
	from := func(origin string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Origin", origin) }
	}
	if recorder, _ := call(t, route, http.NoBody, nil, access); recorder.Code != 200 {
		t.Errorf("got %d", recorder.Code)
	}
	if recorder, _ := call(t, route, http.NoBody, from(webTill), access); recorder.Code != 403 {
		t.Errorf("an origin that is not listed: got %d", recorder.Code)
	}
	access.Allow([]web.Token{{Name: "other", Scope: web.Till, Secret: supportToken}}, []string{webTill})
	if recorder, _ := call(t, route, http.NoBody, nil, access); recorder.Code != 401 {
		t.Errorf("a token that was taken away: got %d", recorder.Code)
	}
	recorder, _ := call(t, route, http.NoBody, func(r *http.Request) { from(webTill)(r); r.Header.Set("Authorization", "Bearer "+supportToken) }, access)
	if recorder.Code != 200 || recorder.Header().Get("Access-Control-Allow-Origin") != webTill || !strings.Contains(recorder.Header().Get("Access-Control-Expose-Headers"), "X-Agent-Delivery") {
		t.Errorf("got %d %v", recorder.Code, recorder.Header())
	}
}

func TestScopesHaveTheNamesOfTheConfiguration(t *testing.T) {
	for text, want := range map[string]web.Scope{"till": web.Till, "support": web.Support, "admin": web.Admin} {
		if got, ok := web.ParseScope(text); !ok || got != want {
			t.Errorf("%s: got %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "public", "Till", "root"} {
		if _, ok := web.ParseScope(text); ok {
			t.Errorf("%q is a scope", text)
		}
	}
}

func TestChainIsNotBuiltWithoutWhatItNeeds(t *testing.T) {
	whole := web.Config{Port: 1, Access: tillAccess(), Log: slog.New(slog.DiscardHandler), Alarm: func() string { return "" }, NewID: func() string { return "" }}
	if _, err := web.Handler(whole); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*web.Config){
		"port": func(c *web.Config) { c.Port = 0 }, "access": func(c *web.Config) { c.Access = nil }, "log": func(c *web.Config) { c.Log = nil },
		"alarm": func(c *web.Config) { c.Alarm = nil }, "id": func(c *web.Config) { c.NewID = nil },
	} {
		cfg := whole
		change(&cfg)
		if _, err := web.Handler(cfg); err == nil {
			t.Errorf("built without %s", name)
		}
	}
}

// A refusal of the use case has the status of the caller's table; what no table knows is internal, and its cause is logged.
func TestProblemTakesTheTableOfItsCaller(t *testing.T) {
	refuse := func(code agent.Code) (web.Refusal, bool) {
		return web.Refusal{Status: 418, Origin: "cloud", Retry: "later"}, code == agent.CodeConflict
	}
	for name, c := range map[string]struct {
		err    error
		status int
		origin string
	}{
		"known by the caller": {agent.Errorf(agent.CodeConflict, nil, "x"), 418, "cloud"},
		"known by the chain":  {agent.Errorf(agent.CodeTooLarge, nil, "x"), 413, "till"},
		"known by nobody":     {agent.Errorf(agent.CodeDamaged, nil, "CANARY"), 500, "agent"},
		"no refusal":          {errors.New("CANARY"), 500, "agent"},
	} {
		route := web.Route{Method: http.MethodGet, Path: "/x", Scope: web.Till, Handler: func(w http.ResponseWriter, r *http.Request) { web.Problem(w, r, c.err, refuse, "job-1") }}
		recorder, seen := call(t, route, http.NoBody, nil, tillAccess())
		if recorder.Code != c.status || seen.Origin != c.origin || !strings.Contains(recorder.Body.String(), `"job":"job-1"`) || strings.Contains(recorder.Body.String(), "CANARY") {
			t.Errorf("%s: got %d %s, the journal saw %+v", name, recorder.Code, recorder.Body, seen)
		}
	}
}

// stream reads a body through web.Stream, as a load does.
func stream(t *testing.T, body io.Reader, media string, limit int64) (string, *httptest.ResponseRecorder, agent.Exchange, error) {
	t.Helper()
	var got []byte
	var err error
	route := web.Route{Method: http.MethodPost, Path: "/load", Scope: web.Till, Stream: true, Handler: func(w http.ResponseWriter, r *http.Request) {
		var reader io.Reader
		if reader, err = web.Stream(w, r, limit); err == nil {
			got, err = io.ReadAll(reader)
		}
	}}
	recorder, seen := call(t, route, body, func(r *http.Request) { r.Header.Set("Content-Type", media); r.ContentLength = -1 }, tillAccess())
	return string(got), recorder, seen, err
}

func TestStreamIsReadAsUTF8HoweverItIsCut(t *testing.T) {
	const text = "caf\u00e9 \u20ac \U0001f600 fim"
	latin := "caf\xe9 \x80 fim"
	for name, c := range map[string]struct{ sent, media, want string }{
		"JSON":         {text, "application/json", text},
		"NDJSON":       {text, "application/x-ndjson", text},
		"the old name": {text, "application/ndjson; charset=utf-8", text},
		"windows-1252": {latin, "application/json; charset=windows-1252", "caf\u00e9 \u20ac fim"},
		"ISO-8859-1":   {latin, "application/x-ndjson; charset=ISO-8859-1", "caf\u00e9 \u20ac fim"},
	} {
		for cut, reader := range map[string]func(io.Reader) io.Reader{"in one piece": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "with the end": iotest.DataErrReader} {
			got, recorder, seen, err := stream(t, reader(strings.NewReader(c.sent)), c.media, 1000)
			if err != nil || got != c.want {
				t.Errorf("%s, %s: got %q, %v", name, cut, got, err)
			}
			if recorder.Header().Get("Connection") != "" || string(seen.Request) != c.sent {
				t.Errorf("%s, %s: Connection is %q, the journal saw %q", name, cut, recorder.Header().Get("Connection"), seen.Request)
			}
		}
	}
}

func TestStreamThatCannotBeReadSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		body  io.Reader
		media string
		code  agent.Code
	}{
		"a charset nobody knows":  {strings.NewReader("a"), "application/json; charset=utf-16", agent.CodeEncoding},
		"no UTF-8":                {strings.NewReader("caf\xe9 fim"), "application/json", agent.CodeEncoding},
		"a cut character":         {strings.NewReader("caf\xc3"), "application/json", agent.CodeEncoding},
		"a byte without a letter": {strings.NewReader("a\x81"), "application/json; charset=windows-1252", agent.CodeEncoding},
		"more than the limit":     {strings.NewReader(strings.Repeat("x", 1001)), "application/json", agent.CodeTooLarge},
		"a connection that broke": {io.MultiReader(strings.NewReader("a"), iotest.ErrReader(io.ErrUnexpectedEOF)), "application/json", agent.CodeMalformed},
	} {
		_, recorder, _, err := stream(t, c.body, c.media, 1000)
		if refusal := web.StreamError(err); refusal != nil {
			err = refusal
		}
		if agent.CodeOf(err) != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
		if rest := name != "a cut character"; (recorder.Header().Get("Connection") == "close") != rest {
			t.Errorf("%s: Connection is %q", name, recorder.Header().Get("Connection"))
		}
	}
	if web.StreamError(errors.New("other")) != nil || web.StreamError(nil) != nil {
		t.Error("an error that says nothing of the stream became one")
	}
	if refusal := web.StreamError(fmt.Errorf("record 3: %w", rawjson.ErrEncoding)); refusal == nil || refusal.Code != agent.CodeEncoding {
		t.Errorf("got %v", refusal)
	}
}

func TestCompressedStreamIsRefused(t *testing.T) {
	route := web.Route{Method: http.MethodPost, Path: "/load", Scope: web.Till, Stream: true, Handler: func(w http.ResponseWriter, r *http.Request) {
		if _, err := web.Stream(w, r, 10); agent.CodeOf(err) != agent.CodeMediaType {
			t.Errorf("got %v", err)
		}
	}}
	call(t, route, strings.NewReader("x"), func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, tillAccess())
}

// A row of JSON objects is let in where the route reads streams, and nowhere else. The journal sees its head alone.
func TestRowOfObjectsIsForStreamsOnly(t *testing.T) {
	for streams, want := range map[bool]int{true: 200, false: 415} {
		route := web.Route{Method: http.MethodPost, Path: "/load", Scope: web.Till, Stream: streams, Handler: func(w http.ResponseWriter, r *http.Request) {
			if reader, err := web.Stream(w, r, 1<<20); err == nil {
				_, _ = io.Copy(io.Discard, reader)
			}
		}}
		recorder, seen := call(t, route, strings.NewReader(strings.Repeat("{}\n", 5000)), func(r *http.Request) { r.Header.Set("Content-Type", web.NDJSON) }, tillAccess())
		if recorder.Code != want || (streams && len(seen.Request) != 4<<10) {
			t.Errorf("streams %v: got %d, the journal saw %d bytes", streams, recorder.Code, len(seen.Request))
		}
	}
}

// The token says who called; a call without a good one is support's on the routes that tills have no need of.
func TestTheJournalHearsWhoCalled(t *testing.T) {
	access := web.NewAccess([]web.Token{{Name: "t", Scope: web.Till, Secret: tillToken}, {Name: "s", Scope: web.Support, Secret: supportToken}, {Name: "a", Scope: web.Admin, Secret: "admin-token"}}, nil)
	for _, c := range []struct {
		route web.Scope
		token string
		want  agent.Side
	}{
		{web.Till, tillToken, agent.SideTill},
		{web.Till, supportToken, agent.SideSupport},
		{web.Till, "admin-token", agent.SideSupport},
		{web.Till, "wrong", agent.SideTill},
		{web.Till, "", agent.SideTill},
		{web.Support, supportToken, agent.SideSupport},
		{web.Support, tillToken, agent.SideTill},
		{web.Support, "", agent.SideSupport},
		{web.Admin, "wrong", agent.SideSupport},
		{web.Public, "", agent.SideSupport},
		{web.Public, tillToken, agent.SideTill},
		{web.Public, supportToken, agent.SideSupport},
	} {
		route := web.Route{Method: http.MethodGet, Path: "/v1/things", Scope: c.route, Handler: func(http.ResponseWriter, *http.Request) {}}
		_, seen := call(t, route, nil, func(r *http.Request) {
			r.Method, r.URL.Path = http.MethodGet, "/v1/things"
			if c.token != "" {
				r.Header.Set("Authorization", "Bearer "+c.token)
			} else {
				r.Header.Del("Authorization")
			}
		}, access)
		if seen.Route != "/v1/things" || seen.Side != c.want {
			t.Errorf("a route of scope %d, token %q: %s of %s, want %s", c.route, c.token, seen.Side, seen.Route, c.want)
		}
	}
}
