package agenttest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Caller makes requests of a handler over real HTTP, as any program would: each on a connection of its own, and no
// redirection is followed.
type Caller struct {
	Header http.Header // of every request

	t      testing.TB
	url    string
	client *http.Client
}

// Response is what came back.
type Response struct {
	Status int // 0: there was no answer
	Header http.Header
	Body   string
	Cut    bool // the body ended too early
}

// NewCaller serves a handler on loopback until the test ends.
func NewCaller(t testing.TB, handler http.Handler) *Caller {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client := &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Minute, // a call that hangs, on any machine
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Caller{Header: make(http.Header), t: t, url: server.URL, client: client}
}

// Address is host and port of the handler.
func (c *Caller) Address() string { return strings.TrimPrefix(c.url, "http://") }

// Send makes one request. headers are names and values beside [Caller.Header], in pairs.
func (c *Caller) Send(method, path, body string, headers ...string) Response {
	c.t.Helper()
	return c.SendContext(c.t.Context(), method, path, body, headers...)
}

// SendContext makes one request that ends with ctx.
func (c *Caller) SendContext(ctx context.Context, method, path, body string, headers ...string) Response {
	c.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return Response{}
	}
	request.Header = c.Header.Clone()
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.client.Do(request)
	if err != nil {
		return Response{}
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	return Response{response.StatusCode, response.Header, string(raw), err != nil}
}
