// Package door bounds the connections of a listener, and what of a process they may take: file descriptors and memory. The
// local API (agent/till/web) and the webhook's listener (agent/paying/webhook) use it; it calls nobody.
package door

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// share of the process's file descriptors is what one listener's connections may take; the store, the logs and the calls to
// clouds need the others.
const share = 3

// Bound gives the most connections of a listener that wants so many: fewer where the process may open few files.
func Bound(wanted int) int { return max(1, min(wanted, files()/share)) }

// grace is how long a connection may wait at a full door before it makes way: the time to send its request, or to read its
// answer. A newcomer waits as long for a place.
const grace = 100 * time.Millisecond

// gate bounds the number of connections. At a full door a newcomer takes the place of the connection that has waited longest:
// one that has not sent its request yet, or is kept alive for the next one. So clients that hold connections open cannot keep a
// till out. A connection whose request is handled is never closed; where all are, a newcomer gets a place beyond the bound,
// of which there are as many again.
type gate struct {
	most int

	mu      sync.Mutex
	open    map[net.Conn]*list.Element // nil value: its request is handled
	waiting list.List                  // of waiter, the longest waiting first
	changed chan struct{}              // closed and made anew when a connection ends or begins to wait
}

// waiter is a connection that waits since a time.
type waiter struct {
	conn  net.Conn
	since time.Time
}

// Server is an http.Server whose connections pass a gate.
type Server struct {
	http *http.Server
	gate *gate
}

// NewServer bounds the connections of a server, over all the listeners it serves, see [Bound].
func NewServer(server *http.Server, wanted int) *Server {
	g := newGate(Bound(wanted))
	server.Handler = g.answers(server.Handler)
	server.ConnState = g.state
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, plain(conn))
	}
	return &Server{http: server, gate: g}
}

// Shutdown ends the server as http.Server does: calls in progress get their answers until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

// Close ends the server as http.Server does, calls in progress with it.
func (s *Server) Close() error { return s.http.Close() }

// Serve serves a listener, as http.Server does.
func (s *Server) Serve(l net.Listener) error {
	return s.http.Serve(&listener{Listener: l, gate: s.gate, closed: make(chan struct{})})
}

func newGate(most int) *gate {
	return &gate{most: most, open: make(map[net.Conn]*list.Element), changed: make(chan struct{})}
}

type listener struct {
	net.Listener
	gate   *gate
	once   sync.Once
	closed chan struct{}
}

// Accept returns the next connection when it has a place.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !l.gate.enter(plain(conn), l.closed) {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	return conn, nil
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// enter waits until there is a place for a connection. It returns false when closed ends first.
func (g *gate) enter(conn net.Conn, closed <-chan struct{}) bool {
	came := time.Now()
	for {
		entered, changed := g.try(conn, came)
		if entered {
			return true
		}
		timer := time.NewTimer(grace / 4)
		select {
		case <-closed:
			timer.Stop()
			return false
		case <-changed:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// try gives a connection that came then its place, if there is one now, or a channel that ends at the next change.
func (g *gate) try(conn net.Conn, came time.Time) (bool, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if len(g.open) >= g.most {
		longest, found := g.longest()
		switch {
		case found && now.Sub(longest.since) >= grace:
			g.forget(longest.conn)
			cut(longest.conn) // its goroutine ends with a read error
		case !found && now.Sub(came) >= grace && len(g.open) < 2*g.most:
		default:
			return false, g.changed
		}
	}
	g.wait(conn, now)
	return true, nil
}

// longest is who has waited longest. The caller holds mu.
func (g *gate) longest() (waiter, bool) {
	if front := g.waiting.Front(); front != nil {
		w, ok := front.Value.(waiter)
		return w, ok
	}
	return waiter{}, false
}

// wait counts a connection as waiting from now on. The caller holds mu.
func (g *gate) wait(conn net.Conn, now time.Time) {
	g.open[conn] = g.waiting.PushBack(waiter{conn, now})
	close(g.changed)
	g.changed = make(chan struct{})
}

// forget removes a connection. The caller holds mu.
func (g *gate) forget(conn net.Conn) {
	if element := g.open[conn]; element != nil {
		g.waiting.Remove(element)
	}
	delete(g.open, conn)
	close(g.changed)
	g.changed = make(chan struct{})
}

// state is http.Server's ConnState. A connection that made way is no longer known, whatever its server still says of it.
func (g *gate) state(conn net.Conn, state http.ConnState) {
	conn = plain(conn)
	g.mu.Lock()
	defer g.mu.Unlock()
	element, known := g.open[conn]
	if !known {
		return
	}
	switch state {
	case http.StateNew:
	case http.StateActive:
		if element != nil {
			g.waiting.Remove(element)
			g.open[conn] = nil
		}
	case http.StateIdle:
		if element != nil {
			g.waiting.Remove(element)
		}
		g.wait(conn, time.Now())
	case http.StateClosed, http.StateHijacked:
		g.forget(conn)
	}
}

// answers counts a connection as waiting from its answer on: net/http keeps one that it closes open for a while, so that
// the client can read.
func (g *gate) answers(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		conn, _ := connection(r)
		g.mu.Lock()
		defer g.mu.Unlock()
		if element, known := g.open[conn]; known && element == nil {
			g.wait(conn, time.Now())
		}
	})
}

type connKey struct{}

// connection gives the connection that a request came by.
func connection(r *http.Request) (net.Conn, bool) {
	conn, ok := r.Context().Value(connKey{}).(net.Conn)
	return conn, ok
}

// Cut closes the connection of a request at once. Its handler sees a failed read or write, and the end of the request's context.
func Cut(r *http.Request) {
	if conn, ok := connection(r); ok {
		cut(conn)
	}
}

// cut closes without the farewell of TLS, which may wait for a peer that does not read.
func cut(conn net.Conn) { _ = plain(conn).Close() }

// plain gives the connection below TLS.
func plain(conn net.Conn) net.Conn {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return conn
}
