package api_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/till/api"
)

// listener reads a stream of events.
type listener struct {
	t      *testing.T
	body   *bufio.Reader
	header http.Header
}

func listen(t *testing.T, base, query string, headers ...string) *listener {
	t.Helper()
	return listenTo(t, base+"/v1/events"+query, append([]string{"Authorization", "Bearer " + tillToken}, headers...)...)
}

// listenTo reads the stream of any address.
func listenTo(t *testing.T, address string, headers ...string) *listener {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Transport{DisableKeepAlives: true}
	response, err := client.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("got %d %v", response.StatusCode, response.Header)
	}
	return &listener{t, bufio.NewReader(response.Body), response.Header}
}

// next reads one event: its id and type.
func (l *listener) next() string {
	l.t.Helper()
	var lines []string
	for {
		line, err := l.body.ReadString('\n')
		if err != nil {
			return "end"
		}
		if line = strings.TrimSpace(line); line == "" {
			return strings.Join(lines, " ")
		}
		lines = append(lines, line)
	}
}

// happen commits events to the fixture's store.
func (f *fixture) happen(keys ...string) {
	f.t.Helper()
	var change agent.Change
	for _, key := range keys {
		change.Events = append(change.Events, agent.Event{Type: "payment", Key: key, Data: []byte(`{"id":"` + key + `"}`)})
	}
	if _, err := f.store.Commit(context.Background(), change); err != nil {
		f.t.Fatal(err)
	}
}

func TestEventsGoOnWhereTheTillWas(t *testing.T) {
	f := newFixture(t)
	f.happen("a", "b", "c")
	base := f.serve()
	for name, c := range map[string]struct {
		query   string
		headers []string
		want    []string
	}{
		"all there are":               {"?after=0", nil, []string{`id: 1 event: payment data: {"id":"a"}`, `id: 2 event: payment data: {"id":"b"}`, `id: 3 event: payment data: {"id":"c"}`}},
		"by the header of a browser":  {"", []string{"Last-Event-ID", "2"}, []string{`id: 3 event: payment data: {"id":"c"}`}},
		"the parameter comes first":   {"?after=1", []string{"Last-Event-ID", "3"}, []string{`id: 2 event: payment data: {"id":"b"}`}},
		"nothing that was before now": {"", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, base, c.query, c.headers...)
			for _, want := range c.want {
				if got := l.next(); got != want {
					t.Fatalf("got %q, want %q", got, want)
				}
			}
		})
	}
	l := listen(t, base, "")
	f.happen("d")
	if got := l.next(); got != `id: 4 event: payment data: {"id":"d"}` {
		t.Errorf("got %q", got)
	}
	f.get("/v1/events?after=x").wantProblem(http.StatusUnprocessableEntity, "invalid", "after")
}

// More events than one page are sent without waiting for a further change.
func TestEventsOfSeveralPagesComeAtOnce(t *testing.T) {
	f := newFixture(t)
	keys := make([]string, 205)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	f.happen(keys...)
	l := listen(t, f.serve(), "?after=0")
	for i := range keys {
		if got := l.next(); !strings.HasPrefix(got, fmt.Sprintf("id: %d ", i+1)) {
			t.Fatalf("got %q as number %d", got, i+1)
		}
	}
}

func TestEventsEndWhenTheAgentStops(t *testing.T) {
	f := newFixture(t)
	l := listen(t, f.serve(), "")
	close(f.stop)
	if got := l.next(); got != "end" {
		t.Errorf("got %q", got)
	}
}

// quiet is a store in which nothing happens.
type quiet struct {
	api.Store
	changed chan struct{}
}

func (quiet) LastEvent() uint64 { return 0 }

func (quiet) Events(uint64, int) ([]agent.Event, error) { return nil, nil }

func (q quiet) Changed() <-chan struct{} { return q.changed }

// flushed is a response that says when it was written to; it is read after the handler has ended.
type flushed struct {
	header http.Header
	text   bytes.Buffer
	times  []time.Duration
	begin  time.Time
}

func (w *flushed) Header() http.Header { return w.header }

func (w *flushed) WriteHeader(int) {}

func (w *flushed) Write(text []byte) (int, error) {
	w.times = append(w.times, time.Since(w.begin))
	return w.text.Write(text)
}

func (w *flushed) Flush() {}

// A stream in which nothing happens says so every 15 s, so that a connection that broke is noticed.
func TestStreamWithoutEventsShowsThatItLives(t *testing.T) {
	outside := newFixture(t).cfg
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{t: t, cfg: outside}
		f.cfg.Agent.Store, f.cfg.Agent.Stopping = quiet{changed: make(chan struct{})}, make(chan struct{})
		f.remake()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8780/v1/events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.RemoteAddr = "127.0.0.1:1000"
		request.Header.Set("Authorization", "Bearer "+tillToken)
		w := &flushed{header: make(http.Header), begin: time.Now()}
		f.handler.ServeHTTP(w, request)
		if w.text.String() != ": ok\n\n: ok\n\n: ok\n\n" || fmt.Sprint(w.times) != "[15s 30s 45s]" {
			t.Errorf("got %q at %v", w.text.String(), w.times)
		}
	})
}
