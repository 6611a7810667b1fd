package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"pdvagent/agent"
)

// Response headers of the agent.
const (
	HeaderDelivery = "X-Agent-Delivery" // live, contingency, queued, delivered, replayed or refused
	headerTime     = "X-Agent-Time"
)

type scopeKey struct{}

// requestScope is the state of one request.
type requestScope struct {
	id    string
	start time.Time
	now   func() time.Time
	cloud time.Duration
	err   error

	grant    grant // of the token
	access   *Access
	foreign  bool   // a page of another origin called, which the configuration lists
	seat     *seat  // nil on a public route
	place    Place  // of the route
	watched  bool   // the route is one that tills have no need of
	request  []byte // body, for the journal
	unseen   bool   // the journal does not get the body
	private  bool   // the journal does not get the response
	charset  string // see Config
	response []byte // its beginning, for the journal
	answered int    // length of the response, in bytes
	origin   string // of a refusal
	remark   string // for the journal
}

// Remark adds a sentence without personal data to the journal's line of the request.
func Remark(r *http.Request, sentence string) {
	scope := scopeOf(r)
	scope.remark = strings.TrimSpace(scope.remark + " " + sentence)
}

// Unseen keeps the request's body out of the journal. Call it before the body is read.
func Unseen(r *http.Request) { scopeOf(r).unseen = true }

// Private keeps the response out of the journal.
func Private(r *http.Request) { scopeOf(r).private = true }

// maxKept bounds the response that the journal gets, in bytes.
const maxKept = 32 << 10

func scopeOf(r *http.Request) *requestScope {
	if scope, ok := r.Context().Value(scopeKey{}).(*requestScope); ok {
		return scope
	}
	return &requestScope{}
}

// fail notes an internal error for the log.
func (s *requestScope) fail(err error) { s.err = errors.Join(s.err, err) }

// side says who called. The token says it; a call without a valid one is support's on the routes that tills have no need of.
func (s *requestScope) side() agent.Side {
	if s.grant.token.scope >= Support || (s.grant.token.scope == Public && s.watched) {
		return agent.SideSupport
	}
	return agent.SideTill
}

// Caller returns the name of the request's token, or of the one that opened its session; empty without one.
func Caller(r *http.Request) string { return scopeOf(r).grant.token.name }

// Granted returns the scope of the request's token; [Public] without a valid one.
func Granted(r *http.Request) Scope { return scopeOf(r).grant.token.scope }

// SessionID returns the id of the console's session that the request is of; empty for a configured token.
func SessionID(r *http.Request) string { return scopeOf(r).grant.session }

// Foreign tells whether a page of another origin called, which the configuration lists.
func Foreign(r *http.Request) bool { return scopeOf(r).foreign }

// Received returns the request's body as far as it was read, in UTF-8.
func Received(r *http.Request) []byte { return scopeOf(r).request }

// Fail notes an internal error for the log; the request goes on.
func Fail(r *http.Request, err error) { scopeOf(r).fail(err) }

// RequestID returns the request's id (X-Request-Id).
func RequestID(r *http.Request) string { return scopeOf(r).id }

// SpentInCloud adds to the time that the request waited for a cloud (X-Agent-Time).
func SpentInCloud(r *http.Request, took time.Duration) { scopeOf(r).cloud += took }

// timedWriter sets X-Agent-Time when the answer begins, and keeps its beginning for the journal.
type timedWriter struct {
	http.ResponseWriter
	scope  *requestScope
	wrote  bool
	status int
}

func (w *timedWriter) WriteHeader(status int) {
	if !w.wrote {
		w.wrote, w.status = true, status
		all := w.scope.now().Sub(w.scope.start)
		value := fmt.Sprintf("agent=%d;cloud=%d", (all - w.scope.cloud).Milliseconds(), w.scope.cloud.Milliseconds())
		w.Header().Set(headerTime, value)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *timedWriter) Write(data []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	w.scope.answered += len(data)
	w.scope.response = append(w.scope.response, data[:min(len(data), maxKept-len(w.scope.response))]...)
	return w.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *timedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func asError(err error) (*agent.Error, bool) { return errors.AsType[*agent.Error](err) }
