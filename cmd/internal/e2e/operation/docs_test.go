package operation

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

var apiCall = regexp.MustCompile(`(?s)\napi (\S+) '(.*?)'\n`)

// Every call of the document works as pasted, in its order, with the id of the session put in.
func TestTheCallsOfTheSessionDocumentWorkAsPasted(t *testing.T) {
	s := e2e.NewSite(t).Start()
	if err := s.Clouds.Mercafacil.Seed(); err != nil {
		t.Fatal(err)
	}
	s.SetCloud(`{"rounds":1}`)
	text := strings.ReplaceAll(e2e.Manual(t, "fidelidade.md"), "\napi ", "\n\napi ")
	calls := apiCall.FindAllStringSubmatch(text, -1)
	if len(calls) < 11 {
		t.Fatalf("the document has %d calls", len(calls))
	}
	id := ""
	asking, _ := s.Identify("v2.2", "15350946056") // the shopper of the dialogue
	for _, call := range calls {
		path, body, asked := call[1], call[2], id
		switch path {
		case "/v2/transaction/message": // the shopper of that answer is another one
			other, _ := s.Identify("v2", "39053344705")
			asked = other.ID
		case "/v2.2/transaction/message":
			if !strings.Contains(body, `"sim-1"`) { // not the question of the subtotal
				asked = asking.ID
			}
		}
		got := s.Post(path, strings.ReplaceAll(body, `"ID"`, `"`+asked+`"`))
		if got.Status != http.StatusOK && got.Status != http.StatusAccepted {
			t.Errorf("%s %s: got %d %s", path, body, got.Status, got.Body)
		}
		if path == "/v2.2/transaction/message" {
			wantAnswerShown(t, text, body, got)
		}
		if strings.HasSuffix(path, "/start") {
			id, _ = got.Field("transaction_id").(string)
		}
		if path == "/v2/transaction/apply" && !strings.Contains(got.Body, `"agent":{"delivery":"live","lines":[{"index":0,"discount":"3.00","absolute_share":"2.24","total":"24.76"},{"index":1,"discount":"3.693","absolute_share":"2.76","total":"30.477"}]}`) {
			t.Errorf("the document shows another answer: %s", got.Body)
		}
		s.WaitDrained()
	}
	for _, coupon := range s.Clouds.Mercafacil.Coupons() {
		if len(coupon.Warnings) != 0 || !coupon.Cancelled {
			t.Errorf("the cloud has %+v", coupon)
		}
	}
}

// wantAnswerShown wants the document to show, after a call of the dialogue, what the cloud answered.
func wantAnswerShown(t *testing.T, text, body string, got e2e.Answer) {
	t.Helper()
	_, shown, _ := strings.Cut(text, body)
	shown, _, _ = strings.Cut(shown, "\napi ")
	if asks, _ := got.Field("should_display_message").(bool); strings.Contains(shown, `"should_display_message":true`) != asks || !strings.Contains(shown, got.Text("message.text")) {
		t.Errorf("after %s the document shows another answer: %s", body, got.Body)
	}
}

// The page that a till's programmer opens needs nothing from anywhere else.
func TestDocumentationIsServedWithoutTheInternet(t *testing.T) {
	s := e2e.NewSite(t).Start()
	document, err := os.ReadFile(filepath.Join(agenttest.Root(), "agent", "till", "api", "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Call(http.MethodGet, "/openapi.yaml", "", ""); got.Body != string(document) {
		t.Errorf("openapi.yaml: got %d, %d bytes", got.Status, len(got.Body))
	}
	if got := s.Call(http.MethodGet, "/openapi.json", "", ""); got.Text("info.title") == "" {
		t.Errorf("openapi.json: got %d, %.100s", got.Status, got.Body)
	}
	if got := s.Call(http.MethodGet, "/docs", "", ""); got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/console/#") {
		t.Errorf("/docs: got %d, %s", got.Status, got.Header.Get("Location"))
	}
	for _, path := range []string{"/docs/index.html", "/docs/..%2f..%2fgo.mod", "/docs/openapi.yaml", "/docs/a/b"} {
		if got := s.Call(http.MethodGet, path, "", ""); got.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
}
