package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/ops/traffic"
)

// HTTPClient makes the calls of the tests. It follows no redirection.
var HTTPClient = &http.Client{
	Timeout: 40 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Answer is an answer to a call.
type Answer struct {
	Status int // 0: there was none, and Body says why
	Header http.Header
	Body   string
}

// Field is a field of a JSON object, by its names with points between them; nil where there is none.
func (a Answer) Field(name string) any {
	var fields map[string]any
	if json.Unmarshal([]byte(a.Body), &fields) != nil {
		return nil
	}
	var value any = fields
	for _, part := range strings.Split(name, ".") {
		inner, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = inner[part]
	}
	return value
}

// Text is a field that is a text; empty where it is none.
func (a Answer) Text(name string) string {
	text, _ := a.Field(name).(string)
	return text
}

// Decode reads the body as JSON.
func (a Answer) Decode(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), into); err != nil {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
}

// Call makes a call of the local API and checks it against openapi.yaml. token "" is none; headers are pairs of name and
// value.
func (s *Site) Call(method, path, token, body string, headers ...string) Answer {
	s.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, s.Base+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := HTTPClient.Do(request)
	if err != nil {
		return Answer{Body: err.Error()}
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{Body: err.Error()}
	}
	document, err := OpenAPI()
	if err != nil {
		s.Fatal(err)
	}
	if err := document.Check(request, []byte(body), response, raw); err != nil {
		s.Errorf("openapi.yaml, %s %s, answered %d: %v\nrequest: %.2000s\nanswer: %.2000s", method, path, response.StatusCode, err, body, raw)
	}
	return Answer{response.StatusCode, response.Header, string(raw)}
}

// Post makes a call as the till does.
func (s *Site) Post(path, body string, headers ...string) Answer {
	s.Helper()
	return s.Call(http.MethodPost, path, TillToken, body, headers...)
}

// IDBody is the body of a call that names one id.
func IDBody(name, id string) string { return fmt.Sprintf(`{%q:%q}`, name, id) }

// Status is the agent's status, as support sees it.
func (s *Site) Status() Answer {
	s.Helper()
	return s.Call(http.MethodGet, "/v1/status", SupportToken, "")
}

// Until waits until a condition holds, for at most 15 seconds; what names it.
func (s *Site) Until(what string, done func() bool) {
	s.Helper()
	for deadline := time.Now().Add(15 * time.Second); !done(); {
		if time.Now().After(deadline) {
			s.Fatalf("waited in vain: %s\nstatus: %s", what, s.Status().Body)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// WaitDrained waits until nothing is left to send, as long as the queue moves: a disk that others use takes its time.
func (s *Site) WaitDrained() {
	s.Helper()
	for pending := s.Status().Field("queue.pending"); pending != 0.0; {
		last := pending
		s.Until("the queue is empty", func() bool {
			pending = s.Status().Field("queue.pending")
			return pending != last
		})
	}
}

// Journal reads the journal; query begins with a question mark, or is empty.
func (s *Site) Journal(query string) []traffic.Line {
	s.Helper()
	got := s.Call(http.MethodGet, "/v1/traffic"+query, SupportToken, "")
	if got.Status != http.StatusOK {
		s.Fatalf("traffic: %d %s", got.Status, got.Body)
	}
	var page struct{ Lines []traffic.Line }
	got.Decode(s, &page)
	return page.Lines
}
