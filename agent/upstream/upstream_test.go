package upstream_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/upstream"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// serve runs a cloud and a client of it.
func serve(t *testing.T, handler http.HandlerFunc, change func(*upstream.Config)) (*upstream.Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := upstream.Config{BaseURL: server.URL, Deadline: 2 * time.Second}
	if change != nil {
		change(&cfg)
	}
	client, err := upstream.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, server
}

func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func TestEveryEndOfAnExchangeHasItsClass(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    agent.Outcome
	}{
		{"201 with JSON", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(201)
			_, _ = io.WriteString(w, `{"a":1}`)
		}, agent.Outcome{Class: agent.ClassOK, Status: 201, Body: []byte(`{"a":1}`), Reached: true}},
		{"windows-1252 that says so", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", `application/json; charset="ISO-8859-1"`)
			_, _ = io.WriteString(w, "\"n\xe3o\"")
		}, agent.Outcome{Class: agent.ClassOK, Status: 200, Body: []byte(`"não"`), Reached: true}},
		{"UTF-8 that calls itself iso-8859-1", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=iso-8859-1")
			_, _ = io.WriteString(w, `"não"`)
		}, agent.Outcome{Class: agent.ClassOK, Status: 200, Body: []byte(`"não"`), Reached: true}},
		{
			"204 without a body", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
			agent.Outcome{Class: agent.ClassOK, Status: 204, Reached: true},
		},
		{"captive portal", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "Bem-vindo")
		}, agent.Outcome{Class: agent.ClassForeign, Status: 200, Reached: true}},
		{"captive portal that calls itself JSON", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "\n <html>")
		}, agent.Outcome{Class: agent.ClassForeign, Status: 200, Reached: true}},
		{"answer without end", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("1", 2000))
		}, agent.Outcome{Class: agent.ClassForeign, Status: 200, Reached: true}},
		{"bomb", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, strings.Repeat("1", 1<<20))
			_ = z.Close()
		}, agent.Outcome{Class: agent.ClassForeign, Status: 200, Reached: true}},
		{
			"error page", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<h1>Bad Gateway", 502) },
			agent.Outcome{Class: agent.ClassStatus, Status: 502, Body: []byte("<h1>Bad Gateway\n"), Reached: true},
		},
		{
			"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere/", 307) },
			agent.Outcome{Class: agent.ClassStatus, Status: 307, Reached: true},
		},
		{"cut answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(201)
			_, _ = io.WriteString(w, `{"a":`)
			_ = http.NewResponseController(w).Flush()
			reset(w)
		}, agent.Outcome{Class: agent.ClassBroken, Status: 201, Reached: true}},
		{
			"reset without an answer", func(w http.ResponseWriter, _ *http.Request) { reset(w) },
			agent.Outcome{Class: agent.ClassBroken, Reached: true},
		},
		{"silence", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, agent.Outcome{Class: agent.ClassTimeout, Reached: true}},
		{"trickle", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "1")
				_ = http.NewResponseController(w).Flush()
				<-time.After(20 * time.Millisecond)
			}
		}, agent.Outcome{Class: agent.ClassTimeout, Status: 200, Reached: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			deadline := 30 * time.Second // a busy machine may take its time for what is no timeout
			if c.want.Class == agent.ClassTimeout {
				deadline = 300 * time.Millisecond
			}
			client, _ := serve(t, c.handler, func(cfg *upstream.Config) { cfg.Deadline, cfg.MaxAnswer = deadline, 1000 })
			got := client.Post(t.Context(), "x", []byte("{}"))
			same := got.Class == c.want.Class && got.Status == c.want.Status && got.Reached == c.want.Reached
			if c.want.Body != nil {
				same = same && string(got.Body) == string(c.want.Body)
			}
			if !same || got.Took > 10*time.Second {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestWhatNeverConnectedIsUnreachable(t *testing.T) {
	_, closed := serve(t, func(http.ResponseWriter, *http.Request) {}, nil)
	closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	for name, url := range map[string]string{
		"refused": closed.URL, "name that does not exist": "https://nowhere.invalid",
		"TLS where there is none":    strings.Replace(plain.URL, "http:", "https:", 1),
		"certificate nobody vouches": secure.URL,
	} {
		t.Run(name, func(t *testing.T) {
			client, err := upstream.New(upstream.Config{BaseURL: url, Deadline: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if got := client.Post(t.Context(), "x", []byte("{}")); got.Class != agent.ClassUnreachable || got.Reached || got.Status != 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestOneCallIsOneRequestWhateverHappens(t *testing.T) {
	var count atomic.Int32
	client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if count.Add(1)%2 == 0 {
			reset(w)
			return
		}
		w.WriteHeader(503)
	}, nil)
	for n := range 20 {
		client.Post(t.Context(), "x", []byte("{}"))
		if got := int(count.Load()); got != n+1 {
			t.Fatalf("%d calls made %d requests", n+1, got)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var elsewhere atomic.Bool
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			elsewhere.Store(true)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}, nil)
	if got := client.Post(t.Context(), "x", []byte("{}")); got.Status != 302 || elsewhere.Load() {
		t.Errorf("got %+v, followed: %v", got, elsewhere.Load())
	}
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, nil)
	if got := client.Post(t.Context(), "x", []byte("{}")); got.Class != agent.ClassOK {
		t.Errorf("got %+v", got)
	}
}

func TestBaseAndPathAreJoinedWithOneSlash(t *testing.T) {
	var path atomic.Value
	client := func(suffix string) *upstream.Client {
		c, server := serve(t, func(w http.ResponseWriter, r *http.Request) { path.Store(r.URL.Path) }, nil)
		_ = c
		joined, err := upstream.New(upstream.Config{BaseURL: server.URL + suffix})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(joined.Close)
		return joined
	}
	for _, c := range []struct{ base, path, want string }{
		{"", "v2/coupons", "/v2/coupons"},
		{"/", "/v2/coupons", "/v2/coupons"},
		{"/api", "v2/coupons/", "/api/v2/coupons/"},
		{"/api/", "/v2/coupons/", "/api/v2/coupons/"},
		{"/api//", "v2/coupons", "/api/v2/coupons"},
	} {
		client(c.base).Post(t.Context(), c.path, []byte("{}"))
		if got := path.Load(); got != c.want {
			t.Errorf("%q and %q: got %v, want %s", c.base, c.path, got, c.want)
		}
	}
}

func TestRetryAfterInSecondsAndAsADate(t *testing.T) {
	now := time.Date(2026, 5, 14, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-5": 0, "soon": 0, "9999999999": 0, "99999999": 24 * time.Hour,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second, now.Add(-time.Hour).Format(http.TimeFormat): 0,
	} {
		client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", text)
			w.WriteHeader(429)
		}, func(c *upstream.Config) { c.Now = func() time.Time { return now } })
		got := client.Post(t.Context(), "x", []byte("{}")).RetryAfter
		if text == "9999999999" { // more than 32 bits: the longest, or on such machines none
			if got != 0 && got != 24*time.Hour {
				t.Errorf("%q: got %v", text, got)
			}
		} else if got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestConfigurationThatWouldLeakOrRepeatIsRefused(t *testing.T) {
	for name, cfg := range map[string]upstream.Config{
		"plain http": {BaseURL: "http://example.com"}, "user": {BaseURL: "https://u:p@example.com"}, "query": {BaseURL: "https://example.com?a=1"},
		"no host": {BaseURL: "https://"}, "file": {BaseURL: "file:///etc/passwd"}, "empty": {},
		"loopback look-alike": {BaseURL: "http://127.0.0.1.example.com"},
		"Idempotency-Key":     {BaseURL: "https://example.com", Header: http.Header{"Idempotency-Key": {"x"}}},
		"X-Idempotency-Key":   {BaseURL: "https://example.com", Header: http.Header{"X-Idempotency-Key": {"x"}}},
	} {
		if _, err := upstream.New(cfg); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestCancelledCallerEndsTheExchange(t *testing.T) {
	client, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := client.Post(ctx, "x", []byte("{}")); got.Class != agent.ClassTimeout || got.Took > time.Second {
		t.Errorf("got %+v", got)
	}
}

func TestDetailsForSupportHoldNoURL(t *testing.T) {
	client, server := serve(t, func(w http.ResponseWriter, _ *http.Request) { reset(w) }, nil)
	for _, got := range []agent.Outcome{client.Post(t.Context(), "secret-path", []byte("{}"))} {
		if strings.Contains(fmt.Sprint(got.Detail), "secret-path") || strings.Contains(got.Detail, server.URL) {
			t.Errorf("detail %q", got.Detail)
		}
	}
}
