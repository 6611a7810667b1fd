package console_test

import (
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/till/console"
	"pdvagent/agent/till/web"
)

// call asks the chain of checks, as a browser on this machine does.
func call(t *testing.T, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	handler, err := web.Handler(web.Config{
		Port: 8780, Access: web.NewAccess(nil, nil), Routes: console.Routes(), Alarm: func() string { return "" },
		NewID: func() string { return "1" }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	r.Host, r.RemoteAddr = "127.0.0.1:8780", "127.0.0.1:1234"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestAgentsAddressLeadsToThePage(t *testing.T) {
	for _, path := range []string{"/", "/console"} {
		if got := call(t, "GET", path); got.Code < 300 || got.Code > 399 || got.Header().Get("Location") != "/console/" {
			t.Errorf("%s: got %d to %q", path, got.Code, got.Header().Get("Location"))
		}
	}
	if got := call(t, "GET", "/console/"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "pdvagent") {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}

// Every file has a kind that the page may have, the policy, and an ETag by which a browser need not load it again.
func TestEveryFileIsServedWithItsTypeAndThePolicy(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		seen++
		path := "/console/" + strings.TrimPrefix(filepath.ToSlash(name), "page/")
		text, err := os.ReadFile(name)
		got := call(t, "GET", path)
		if got.Code != http.StatusOK || got.Body.String() != string(text) || got.Header().Get("Content-Type") == "" {
			t.Errorf("%s: got %d %q", path, got.Code, got.Header().Get("Content-Type"))
		}
		policy := got.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
		if again := call(t, "GET", path, "If-None-Match", got.Header().Get("ETag")); again.Code != http.StatusNotModified || got.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: got %d for the same content, Cache-Control %q", path, again.Code, got.Header().Get("Cache-Control"))
		}
		return err
	})
	if err != nil || seen == 0 {
		t.Fatal(seen, err)
	}
}

// A guide is served as text, whatever it holds; pictures and the documents for programmers of the agent are not there.
func TestGuidesAreServedAsText(t *testing.T) {
	for name, begin := range map[string]string{"suporte.md": "# ", "CHANGELOG.md": "# ", "exemplos/README.md": "# ", "exemplos/Venda.java": "", "prometheus-alertas.yaml": ""} {
		got := call(t, "GET", "/console/guias/"+name)
		if got.Code != http.StatusOK || got.Header().Get("Content-Type") != "text/plain; charset=utf-8" || !strings.HasPrefix(got.Body.String(), begin) || got.Body.Len() < 500 {
			t.Errorf("%s: got %d, %s, %d bytes", name, got.Code, got.Header().Get("Content-Type"), got.Body.Len())
		}
	}
	for _, name := range []string{"telas/console-inicio.png", "decisions.md", "docs.go", "", "spec/till-api.md"} {
		if got := call(t, "GET", "/console/guias/"+name); got.Code != http.StatusNotFound {
			t.Errorf("%s: got %d", name, got.Code)
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	for path, want := range map[string]int{
		"/console/none.js": 404, "/console/%2e%2e/console.go": 404, "/console/page/index.html": 404, "/none": 404,
	} {
		if got := call(t, "GET", path); got.Code != want {
			t.Errorf("%s: got %d", path, got.Code)
		}
	}
	if got := call(t, "POST", "/console/"); got.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d", got.Code)
	}
}

func TestPageOfAnotherOriginGetsNothing(t *testing.T) {
	for name, headers := range map[string][]string{
		"another origin":     {"Origin", "https://evil.example"},
		"a link from a page": {"Sec-Fetch-Site", "cross-site"},
		"another port":       {"Sec-Fetch-Site", "same-site"},
		"a frame":            {"Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "same-origin"},
		"an object":          {"Sec-Fetch-Dest", "object"},
	} {
		if got := call(t, "GET", "/console/", headers...); got.Code < 400 || strings.Contains(got.Body.String(), "<html") {
			t.Errorf("%s: got %d %s", name, got.Code, got.Body)
		}
	}
}
