package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"pdvagent/agent"
)

// stale is a connection that the cloud closed while it was idle; the first write fails.
type stale struct {
	net.Conn
	gone *atomic.Bool
}

func (c stale) Write(b []byte) (int, error) {
	if c.gone.Load() {
		return 0, errors.New("closed by the other side")
	}
	return c.Conn.Write(b)
}

// A kept connection fails before a byte was written, and no other can be made: nothing can have arrived.
func TestKeptConnectionThatIsDeadWasNoAttempt(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer server.Close()
	client, err := New(Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var gone atomic.Bool
	dial := client.transport.DialContext
	client.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if gone.Load() {
			return nil, errors.New("connection refused")
		}
		conn, err := dial(ctx, network, address)
		return stale{conn, &gone}, err
	}
	if outcome := client.Post(t.Context(), "x", []byte("{}")); outcome.Class != agent.ClassOK {
		t.Fatalf("got %+v", outcome)
	}
	gone.Store(true)
	if outcome := client.Post(t.Context(), "x", []byte("{}")); outcome.Class != agent.ClassUnreachable || outcome.Reached {
		t.Errorf("got %+v", outcome)
	}
}
