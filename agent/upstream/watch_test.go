package upstream

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"pdvagent/agent"
)

// hole is a connection that the network can swallow: what is written vanishes, and nothing comes.
type hole struct {
	net.Conn
	swallowed chan struct{}
	closed    chan struct{}
	once      sync.Once
}

func (h *hole) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	select {
	case <-h.swallowed:
		<-h.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (h *hole) Write(p []byte) (int, error) {
	select {
	case <-h.swallowed:
		return len(p), nil
	default:
		return h.Conn.Write(p)
	}
}

func (h *hole) Close() error {
	h.once.Do(func() { close(h.closed) })
	return h.Conn.Close()
}

// cloud says which of the calls that take long have come to it, and ends the slow one.
type cloud struct{ came, end chan struct{} }

// talk makes a client of a cloud that speaks HTTP/1 or 2, and gives its first connection after one answered call. /slow is
// answered when the test ends it, /never not at all.
func talk(t *testing.T, protocol int, deadline time.Duration) (*Client, *hole, cloud) {
	t.Helper()
	at := cloud{make(chan struct{}, 8), make(chan struct{})}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != protocol {
			w.WriteHeader(http.StatusHTTPVersionNotSupported)
		}
		switch r.URL.Path {
		case "/slow":
			at.came <- struct{}{}
			<-at.end
		case "/never":
			at.came <- struct{}{}
			<-r.Context().Done()
		}
		_, _ = w.Write([]byte("{}"))
	}))
	server.EnableHTTP2 = protocol == 2
	server.StartTLS()
	t.Cleanup(server.Close)
	var holes []*hole
	client, err := New(Config{
		BaseURL: server.URL, Deadline: deadline, Roots: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			h := &hole{Conn: conn, swallowed: make(chan struct{}), closed: make(chan struct{})}
			holes = append(holes, h)
			return h, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if got := client.Post(t.Context(), "x", []byte("{}")); got.Class != agent.ClassOK || len(holes) != 1 {
		t.Fatalf("got %+v over %d connections", got, len(holes))
	}
	return client, holes[0], at
}

// swallow is talk, and the network swallows that connection.
func swallow(t *testing.T, protocol int, deadline time.Duration) (*Client, *hole) {
	t.Helper()
	client, first, _ := talk(t, protocol, deadline)
	close(first.swallowed)
	return client, first
}

func TestConnectionThatWasSilentUntilTheDeadlineIsNotUsedAgain(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		client, first := swallow(t, protocol, 500*time.Millisecond)
		if got := client.Post(t.Context(), "x", []byte("{}")); got.Class != agent.ClassTimeout {
			t.Fatalf("HTTP/%d: got %+v", protocol, got)
		}
		<-first.closed
		client.cfg.Deadline = time.Minute
		if got := client.Post(t.Context(), "x", []byte("{}")); got.Class != agent.ClassOK {
			t.Errorf("HTTP/%d: got %+v", protocol, got)
		}
	}
}

// A call that its caller gives up, or that begins with hardly any time left, takes no other call's connection away.
func TestACallThatSaysNothingOfTheConnectionLeavesItToTheOthers(t *testing.T) {
	client, _, at := talk(t, 2, time.Minute)
	other := make(chan agent.Outcome)
	go func() { other <- client.Post(t.Context(), "slow", []byte("{}")) }()
	<-at.came
	late, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := client.Post(late, "never", []byte("{}")); got.Class != agent.ClassTimeout {
		t.Errorf("too late: %+v", got)
	}
	if got := client.Post(t.Context(), "x", []byte("{}")); got.Class != agent.ClassOK { // what the cloud still said has come now
		t.Errorf("in time: %+v", got)
	}
	gone, giveUp := context.WithCancel(t.Context())
	go func() {
		<-time.After(silence + 50*time.Millisecond)
		giveUp()
	}()
	if got := client.Post(gone, "never", []byte("{}")); got.Class != agent.ClassTimeout {
		t.Errorf("given up: %+v", got)
	}
	close(at.end)
	if got := <-other; got.Class != agent.ClassOK {
		t.Errorf("the other call: %+v", got)
	}
}

func TestSwallowedConnectionIsFoundByPings(t *testing.T) {
	client, first := swallow(t, 2, 10*time.Minute)
	if got := client.Post(t.Context(), "x", []byte("{}")); got.Class != agent.ClassBroken { // and no timeout
		t.Errorf("got %+v", got)
	}
	<-first.closed
}
