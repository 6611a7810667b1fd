package web

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/door"
)

// MaxConnections bounds the connections of a server, over all its listeners (SEC-08), see [door.Bound].
const MaxConnections = 256

// Place is the kind of place that a request has while it is handled. Each kind has a share of the connections, and all shares
// together are fewer than all: so no kind of request, nor any token, keeps the others out.
type Place int

// The kinds of place. A route has one of the first three.
const (
	Ordinary  Place = iota // may ask a cloud or read much
	Sale                   // only writes to disk
	Free                   // is never refused: health and status
	receiving              // the body is on its way
	waiting                // waits for a change, as the till asked
	streaming              // an event stream
)

// bodyComes is how long a body may be on its way before it makes way for another one, which waits for that.
const bodyComes = 250 * time.Millisecond

// share is how many requests of a kind there may be, in 256ths of the connections: in all and of one token.
type share struct {
	all, each int
	yields    bool          // the oldest ends for a new one, which is refused otherwise
	after     time.Duration // the age from which it does
}

// What a caller can hold for long (all but sales, which only write to disk) leaves 48 connections to sales, to requests of a
// free place, and to those that begin. A busy shop behind one token is far below its shares.
var shares = map[Place]share{
	Ordinary:  {all: 72, each: 64},
	Sale:      {all: 176, each: 160},
	receiving: {all: 96, each: 96, yields: true, after: bodyComes}, // an honest till's body comes with its header
	waiting:   {all: 24, each: 12},
	streaming: {all: 16, each: 8, yields: true},
}

// errBusy is the refusal where a share is used up.
var errBusy = agent.Errorf(agent.CodeBusy, nil, "O pdvagent atende chamadas demais ao mesmo tempo. Repita a mesma chamada em instantes; se continuar, veja se "+
	"um programa desta máquina abre chamadas sem parar.")

// seat is a request's place.
type seat struct {
	caller string // name of the token
	cut    func() // ends the connection
	kind   Place
	since  time.Time // it has its place
	places *places
}

// places are all seats that are taken, by kind, the oldest first.
type places struct {
	most int // connections

	mu    sync.Mutex
	taken map[Place][]*seat
}

func newPlaces() *places {
	return &places{most: door.Bound(MaxConnections), taken: make(map[Place][]*seat)}
}

// seat gives a request's seat, which has no place yet.
func (p *places) seat(r *http.Request, caller string) *seat {
	return &seat{caller: caller, cut: func() { door.Cut(r) }, kind: Free, places: p}
}

// take moves the seat to a place of another kind. False: that share is used up, and the seat has no place. A nil seat, of a
// public route, needs none.
func (s *seat) take(kind Place) bool {
	if s == nil {
		return true
	}
	p := s.places
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave(s)
	limit, counted := shares[kind]
	if !counted {
		return true
	}
	mine := 0
	for _, other := range p.taken[kind] {
		if other.caller == s.caller {
			mine++
		}
	}
	tooMany := mine >= p.part(limit.each)
	if tooMany || len(p.taken[kind]) >= p.part(limit.all) {
		caller := s.caller
		if !tooMany {
			caller = p.busiest(kind)
		}
		if !limit.yields || !p.makeWay(kind, caller, limit.after) {
			return false
		}
	}
	s.kind, s.since = kind, time.Now()
	p.taken[kind] = append(p.taken[kind], s)
	return true
}

// rise gives the place up.
func (s *seat) rise() {
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	s.places.leave(s)
}

// leave takes a seat off its kind's list. The caller holds mu.
func (p *places) leave(s *seat) {
	p.taken[s.kind] = slices.DeleteFunc(p.taken[s.kind], func(other *seat) bool { return other == s })
	s.kind = Free
}

// part is a share of the connections that this process may have.
func (p *places) part(of256 int) int { return max(1, of256*p.most/MaxConnections) }

// busiest is the token with the most seats of a kind. The caller holds mu.
func (p *places) busiest(kind Place) string {
	count, most := make(map[string]int), ""
	for _, s := range p.taken[kind] {
		if count[s.caller]++; count[s.caller] > count[most] {
			most = s.caller
		}
	}
	return most
}

// makeWay ends the token's oldest request of a kind, if it is as old as that. The caller holds mu.
func (p *places) makeWay(kind Place, caller string, age time.Duration) bool {
	at := slices.IndexFunc(p.taken[kind], func(s *seat) bool { return s.caller == caller })
	if at < 0 || time.Since(p.taken[kind][at].since) < age {
		return false
	}
	oldest := p.taken[kind][at]
	p.leave(oldest)
	oldest.cut()
	return true
}

// MayWait tells whether a request may wait for a change as its till asks; otherwise it is answered with what there is.
func MayWait(r *http.Request) bool { return scopeOf(r).seat.take(waiting) }

// MayStream tells whether a request may become a stream without an end. The token's oldest stream ends for a new one.
func MayStream(r *http.Request) error {
	if !scopeOf(r).seat.take(streaming) {
		return errBusy
	}
	return nil
}

// receive counts a request as one whose body is on its way, until received.
func (s *requestScope) receive(ctx context.Context) error {
	patience := time.After(2 * bodyComes)
	for !s.seat.take(receiving) {
		select {
		case <-time.After(bodyComes / 25):
		case <-patience:
			return errBusy
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// received gives the request the place of its route.
func (s *requestScope) received() error {
	if !s.seat.take(s.place) {
		return errBusy
	}
	return nil
}
