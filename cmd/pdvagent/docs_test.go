package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// manual reads one of the Portuguese documents.
func manual(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var apiCall = regexp.MustCompile(`(?s)\napi (\S+) '(.*?)'\n`)

// Every call of the document works as pasted, in its order, with the id of the session put in.
func TestTheCallsOfTheSessionDocumentWorkAsPasted(t *testing.T) {
	s := newSite(t).open()
	if err := s.clouds.Mercafacil.Seed(); err != nil {
		t.Fatal(err)
	}
	s.set(`{"rounds":1}`)
	text := strings.ReplaceAll(manual(t, "fidelidade.md"), "\napi ", "\n\napi ")
	calls := apiCall.FindAllStringSubmatch(text, -1)
	if len(calls) < 11 {
		t.Fatalf("the document has %d calls", len(calls))
	}
	id := ""
	for _, call := range calls {
		path, body, asked := call[1], call[2], id
		switch path {
		case "/v2/transaction/message": // the shopper of that answer is another one
			other, _ := s.greet("v2", "39053344705")
			asked = other.id
		case "/v2.2/transaction/message":
			other := s.begin("v2.2", maria)
			other.preApply(units("300", 1, "10.00"))
			asked = other.id
		}
		got := s.post(path, strings.ReplaceAll(body, `"ID"`, `"`+asked+`"`))
		if got.status != http.StatusOK && got.status != http.StatusAccepted {
			t.Errorf("%s %s: got %d %s", path, body, got.status, got.body)
		}
		if strings.HasSuffix(path, "/start") {
			id, _ = got.field("transaction_id").(string)
		}
		if path == "/v2/transaction/apply" && !strings.Contains(got.body, `"agent":{"delivery":"live","lines":[{"index":0,"discount":"3.00","absolute_share":"2.24","total":"24.76"},{"index":1,"discount":"3.693","absolute_share":"2.76","total":"30.477"}]}`) {
			t.Errorf("the document shows another answer: %s", got.body)
		}
		s.drained()
	}
	for _, coupon := range s.clouds.Mercafacil.Coupons() {
		if len(coupon.Warnings) != 0 || !coupon.Cancelled {
			t.Errorf("the cloud has %+v", coupon)
		}
	}
}

var (
	controlCall = regexp.MustCompile(`curl (?:-X (\S+) )?(http://127\.0\.0\.1:8790/control\S+)(?:\s+-d '([^']*)')?`)
	faultBody   = regexp.MustCompile("`-d '([^']*)'`")
)

// Every command of the document about the simulated cloud is taken.
func TestTheCommandsOfTheSandboxDocumentAreTaken(t *testing.T) {
	s := newSite(t)
	base := strings.TrimSuffix(s.clouds.BaseURL(), "/mercafacil/")
	text := manual(t, "sandbox.md")
	calls := controlCall.FindAllStringSubmatch(text, -1)
	for _, body := range faultBody.FindAllStringSubmatch(text, -1) {
		calls = append(calls, []string{"", "POST", "http://127.0.0.1:8790/control/mercafacil/faults", body[1]})
	}
	if len(calls) < 20 {
		t.Fatalf("the document has %d commands", len(calls))
	}
	for _, call := range calls {
		if strings.Contains(call[3], `"gone"`) {
			continue // it leaves the network: the sandbox's own test has it
		}
		method := call[1]
		if method == "" {
			method = http.MethodGet
		}
		request, err := http.NewRequestWithContext(context.Background(), method, base+strings.TrimPrefix(call[2], "http://127.0.0.1:8790"), strings.NewReader(call[3]))
		if err != nil {
			t.Fatal(err)
		}
		response, err := testHTTP.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(response.Body)
		if err != nil {
			t.Error(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if response.StatusCode >= 300 {
			t.Errorf("%s: got %d %s", call[0], response.StatusCode, raw)
		}
	}
}

// What the document says the cloud begins with is what it begins with.
func TestTheSandboxDocumentNamesWhatTheCloudBeginsWith(t *testing.T) {
	s := newSite(t)
	if err := s.clouds.Mercafacil.Seed(); err != nil {
		t.Fatal(err)
	}
	text := manual(t, "sandbox.md")
	for _, member := range s.clouds.Mercafacil.Members() {
		if !strings.Contains(text, "| "+member.Document+" | "+member.Name+" |") {
			t.Errorf("it does not name %s, %s", member.Document, member.Name)
		}
	}
	for _, offer := range s.clouds.Mercafacil.Offers() {
		if !strings.Contains(text, "| `"+offer.ID+"` |") {
			t.Errorf("it does not name %s", offer.ID)
		}
	}
}

// The page that a till's programmer opens needs nothing from anywhere else.
func TestDocumentationIsServedWithoutTheInternet(t *testing.T) {
	s := newSite(t).open()
	document, err := os.ReadFile(filepath.Join("..", "..", "agent", "tillapi", "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.call(http.MethodGet, "/openapi.yaml", "", ""); got.body != string(document) {
		t.Errorf("openapi.yaml: got %d, %d bytes", got.status, len(got.body))
	}
	page := s.call(http.MethodGet, "/docs", "", "")
	if page.status != http.StatusOK || !strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(page.body, "//") {
		t.Errorf("page: %d %v %s", page.status, page.header, page.body)
	}
	for _, file := range regexp.MustCompile(`(?:href|src)="(/[^"]+)"`).FindAllStringSubmatch(page.body, -1) {
		got := s.call(http.MethodGet, file[1], "", "")
		if media := got.header.Get("Content-Type"); got.status != http.StatusOK || len(got.body) < 100 || !regexp.MustCompile(`^text/css|javascript`).MatchString(media) {
			t.Errorf("%s: %d, %s, %d bytes", file[1], got.status, media, len(got.body))
		}
	}
	for _, path := range []string{"/docs/index.html", "/docs/..%2f..%2fgo.mod", "/docs/openapi.yaml", "/docs/a/b"} {
		if got := s.call(http.MethodGet, path, "", ""); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}
