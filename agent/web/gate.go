package web

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// MaxConnections bounds the clients of a server, over all its listeners (SEC-08).
const MaxConnections = 256

// gate keeps the number of connections below its bound. Who comes when it is full is let in, and the one that has been
// silent longest has to go: a connection that has not yet said what it wants, or is kept for a next call. So clients that
// open connections and hold them cannot keep a till out; requests at work are never cut.
type gate struct {
	most int

	mu      sync.Mutex
	open    map[net.Conn]*list.Element // nil value: a request is at work
	waiting list.List                  // of net.Conn, longest silent first
}

func newGate(most int) *gate { return &gate{most: most, open: make(map[net.Conn]*list.Element)} }

// state is http.Server's ConnState.
func (g *gate) state(conn net.Conn, state http.ConnState) {
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
		_ = longest.Close() // its goroutine sees the end and says so
	}
}

func (g *gate) forget(conn net.Conn) {
	if element := g.open[conn]; element != nil {
		g.waiting.Remove(element)
	}
	delete(g.open, conn)
}

type connKey struct{}

// context is http.Server's ConnContext.
func (g *gate) context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// answers lets a connection count as silent from its answer on: net/http holds one that it closes for a while, so that the
// other side can read.
func (g *gate) answers(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		conn, ok := r.Context().Value(connKey{}).(net.Conn)
		g.mu.Lock()
		defer g.mu.Unlock()
		if element, open := g.open[conn]; ok && open && element == nil {
			g.open[conn] = g.waiting.PushBack(conn)
		}
	})
}
