package web_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/till/web"
)

func fuzzed(t testing.TB, handler http.HandlerFunc) http.Handler {
	t.Helper()
	guarded, err := web.Handler(web.Config{
		Port: 8780, Log: slog.New(slog.DiscardHandler), Alarm: func() string { return "" }, NewID: func() string { return "r" },
		Access: web.NewAccess([]web.Token{{Name: "t", Scope: web.Till, Secret: tillToken}}, []string{webTill}),
		Routes: []web.Route{
			{Method: "GET", Path: "/health", Scope: web.Public, Handler: handler},
			{Method: "POST", Path: "/sale", Scope: web.Till, Handler: handler},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return guarded
}

// FuzzBody: whatever a till sends as a body, what comes out is UTF-8, and UTF-8 that came in comes out as it was.
func FuzzBody(f *testing.F) {
	for _, sample := range agenttest.Samples() {
		f.Add([]byte(sample), "application/json")
		f.Add([]byte(sample), "application/json; charset=windows-1252")
	}
	f.Add([]byte("{\"a\":\"\x81\"}"), `application/x+json; charset="iso-8859-1"; x=`)
	f.Fuzz(func(t *testing.T, sent []byte, contentType string) {
		request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(sent))
		request.Header["Content-Type"] = []string{contentType}
		got, err := web.Body(httptest.NewRecorder(), request, 1000)
		switch {
		case err != nil:
		case !utf8.Valid(got):
			t.Fatalf("gave %q", got)
		case len(sent) > 1000:
			t.Fatalf("took %d bytes", len(sent))
		case !strings.Contains(strings.ToLower(contentType), "charset") && !bytes.Equal(got, bytes.TrimPrefix(sent, []byte("\xef\xbb\xbf"))):
			t.Fatalf("made %q of %q", got, sent)
		}
	})
}

// FuzzGuard: whatever stands in a request, a handler runs only for one of our three names, no foreign page, and the
// right token; and there is always an answer.
func FuzzGuard(f *testing.F) {
	for _, headers := range []string{
		"Host: 127.0.0.1:8780\r\n", "Host: [::1]:8780\r\nOrigin: http://[::1]:8780\r\n", "Host: localhost:8780\r\nSec-Fetch-Site: cross-site\r\nOrigin: " + webTill + "\r\n",
		"Host: evil.example:8780\r\n", "Host: 127.0.0.1:8780\r\nAuthorization: Bearer " + tillToken + "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n",
	} {
		f.Add([]byte("GET /health HTTP/1.1\r\n" + headers + "\r\n{}"))
		f.Add([]byte("POST /sale/ HTTP/1.1\r\n" + headers + "\r\n{}"))
		f.Add([]byte("OPTIONS //sale HTTP/1.1\r\n" + headers + "\r\n"))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		request.RemoteAddr = "127.0.0.1:50000"
		ran := false
		handler := fuzzed(t, func(_ http.ResponseWriter, r *http.Request) { ran = true; _, _ = io.Copy(io.Discard, r.Body) })
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		if recorder.Code < 200 || recorder.Header().Get("X-Request-Id") == "" {
			t.Fatalf("answered %d %v", recorder.Code, recorder.Header())
		}
		if !ran {
			return
		}
		ours := slices.Contains([]string{"127.0.0.1:8780", "localhost:8780", "[::1]:8780"}, request.Host)
		origin := request.Header.Get("Origin")
		foreign := origin != "" && origin != webTill && !slices.Contains([]string{"http://127.0.0.1:8780", "http://localhost:8780", "http://[::1]:8780"}, origin)
		if !ours || foreign || request.Header.Get("Upgrade") != "" || (request.Method != http.MethodGet && request.Method != http.MethodHead && request.Header.Get("Authorization") == "") {
			t.Fatalf("a handler ran for %q", raw)
		}
	})
}
