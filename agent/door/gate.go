// Package door bounds the connections of a listener, and what of a process they may take: file descriptors and memory. The
// local API (agent/till/web) and the webhook's listener (agent/paying/webhook) use it; it calls nobody.
package door

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// share of the process's file descriptors is what one listener's connections may take; the store, the logs and the calls to
// clouds need the others.
const share = 3

// Bound gives the most connections of a listener that wants so many: fewer where the process may open few files.
func Bound(wanted int) int { return max(1, min(wanted, files()/share)) }

// Gate bounds the number of connections. A new connection beyond the bound closes the one that has waited longest: one that
// has not sent its request yet, or is kept alive for the next one. So clients that hold connections open cannot keep a till
// out. A connection whose request is handled is never closed.
type Gate struct {
	most int

	mu      sync.Mutex
	open    map[net.Conn]*list.Element // nil value: its request is handled
	waiting list.List                  // of net.Conn, the longest waiting first
}

// NewGate lets in at most so many connections.
func NewGate(most int) *Gate { return &Gate{most: most, open: make(map[net.Conn]*list.Element)} }

// State is http.Server's ConnState.
func (g *Gate) State(conn net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(conn)
	switch state {
	case http.StateNew, http.StateIdle:
		g.open[conn] = g.waiting.PushBack(conn)
	case http.StateActive:
		g.open[conn] = nil
	case http.StateClosed, http.StateHijacked:
	}
	if len(g.open) <= g.most {
		return
	}
	if element := g.waiting.Front(); element != nil {
		longest, _ := element.Value.(net.Conn)
		g.forget(longest)
		cut(longest) // its goroutine ends with a read error
	}
}

// forget removes a connection. The caller holds mu.
func (g *Gate) forget(conn net.Conn) {
	if element := g.open[conn]; element != nil {
		g.waiting.Remove(element)
	}
	delete(g.open, conn)
}

type connKey struct{}

// Context is http.Server's ConnContext.
func (g *Gate) Context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// Answers counts a connection as waiting from its answer on: net/http keeps one that it closes open for a while, so that
// the client can read.
func (g *Gate) Answers(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		conn, ok := connection(r)
		g.mu.Lock()
		defer g.mu.Unlock()
		if element, open := g.open[conn]; ok && open && element == nil {
			g.open[conn] = g.waiting.PushBack(conn)
		}
	})
}

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
func cut(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}
