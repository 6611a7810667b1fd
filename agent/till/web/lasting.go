package web

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Lasting gives the context of an answer that takes long, such as a stream: it ends with the request, and with what the
// request was granted by. A session ends by its person, by somebody else, by time, or with its token; a token ends when the
// configuration has it no more, or another one. The caller then gets nothing more, also one that reads slowly. stop lets go.
func Lasting(w http.ResponseWriter, r *http.Request) (ctx context.Context, stop func()) {
	scope := scopeOf(r)
	ctx, cancel := context.WithCancel(r.Context())
	if scope.access == nil || scope.grant.token.scope == Public {
		return ctx, cancel
	}
	connection := http.NewResponseController(w)
	over := func() {
		cancel()
		_ = connection.SetWriteDeadline(time.Unix(1, 0)) // what waits to be written is dropped; a recorder has none
	}
	letGo := scope.access.watch(&watch{grant: scope.grant, over: over, now: scope.now})
	return ctx, func() { letGo(); cancel() }
}

// watch waits for the end of a grant. Its fields are written under the lock of consoles.
type watch struct {
	grant
	over  func() // is called once, with the lock: it must not wait
	now   func() time.Time
	timer *time.Timer // of a session's end by time
}

// watch calls w.over when the grant ends, at once where it has ended already; letGo forgets it.
func (a *Access) watch(w *watch) (letGo func()) {
	c := &a.consoles
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watches = append(c.watches, w)
	c.expire(w.now())
	c.look(a.now.Load().tokens)
	if w.session != "" && slices.Contains(c.watches, w) {
		w.timer = time.AfterFunc(time.Hour, func() { a.timeUp(w) }) // for how long is said in the next line
		c.rewind(w)
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.drop(w)
	}
}

// timeUp looks whether a session is over; one that a person has used meanwhile has more time.
func (a *Access) timeUp(w *watch) {
	c := &a.consoles
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(w.now())
	c.look(a.now.Load().tokens)
	if slices.Contains(c.watches, w) {
		c.rewind(w)
	}
}

// rewind sets the watch's timer to the end of its session as it is now. The caller holds mu.
func (c *consoles) rewind(w *watch) {
	for _, s := range c.sessions {
		if s.ID != w.session {
			continue
		}
		ends := s.Used.Add(SessionIdle)
		if s.Expires.Before(ends) {
			ends = s.Expires
		}
		w.timer.Reset(max(ends.Sub(w.now()), time.Millisecond))
	}
}

// look ends the watches whose grant is over. The caller holds mu.
func (c *consoles) look(tokens []hashedToken) {
	for _, w := range slices.Clone(c.watches) {
		open := slices.ContainsFunc(c.sessions, func(s *console) bool { return s.ID == w.session })
		if (w.session == "" || open) && slices.Contains(tokens, w.token) {
			continue
		}
		c.drop(w)
		w.over()
	}
}

// drop forgets a watch. The caller holds mu.
func (c *consoles) drop(w *watch) {
	c.watches = slices.DeleteFunc(c.watches, func(other *watch) bool { return other == w })
	if w.timer != nil {
		w.timer.Stop()
	}
}
