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

// TestAfterATimeoutNoIdleConnectionIsUsedAgain has a network that swallows every connection that there is and takes new ones,
// as after sleep or a change of network: one call waits in vain, and not one per connection.
func TestAfterATimeoutNoIdleConnectionIsUsedAgain(t *testing.T) {
	const calls = 4
	var together sync.WaitGroup
	together.Add(calls)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/together" { // each call has a connection of its own
			together.Done()
			together.Wait()
		}
		_, _ = w.Write([]byte("{}"))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	var mu sync.Mutex
	var holes []*hole
	client, err := New(Config{
		BaseURL: server.URL, Deadline: time.Minute, Roots: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			h := &hole{Conn: conn, swallowed: make(chan struct{}), closed: make(chan struct{})}
			mu.Lock()
			defer mu.Unlock()
			holes = append(holes, h)
			return h, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var ended sync.WaitGroup
	for range calls {
		ended.Go(func() {
			if got := client.Post(t.Context(), "together", []byte("{}")); got.Class != agent.ClassOK {
				t.Errorf("got %+v", got)
			}
		})
	}
	ended.Wait()
	swallowed := holes
	if len(swallowed) != calls {
		t.Fatalf("%d connections", len(swallowed))
	}
	for _, h := range swallowed {
		close(h.swallowed)
	}
	client.cfg.Deadline = 300 * time.Millisecond
	if got := client.Post(t.Context(), "x", []byte("{}")); got.Class != agent.ClassTimeout {
		t.Errorf("got %+v", got)
	}
	client.cfg.Deadline = time.Minute
	if got := client.Post(t.Context(), "x", []byte("{}")); got.Class != agent.ClassOK {
		t.Errorf("got %+v", got)
	}
	for _, h := range swallowed {
		<-h.closed
	}
}
