package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"pdvagent/agent"
)

// Names of the headers that tell how an answer came about.
const (
	HeaderDelivery = "X-Agent-Delivery" // live, contingency, queued, delivered or replayed
	headerTime     = "X-Agent-Time"
)

type scopeKey struct{}

// requestScope is what the chain knows of one request.
type requestScope struct {
	id    string
	start time.Time
	now   func() time.Time
	cloud time.Duration
	err   error

	caller   string // name of the token
	request  []byte // of the body that was read, for the journal
	unseen   bool   // nobody is shown the request's body
	response []byte // the beginning of it
	answered int    // length of the whole, in bytes
	origin   string // of a refusal
}

// Unseen keeps the body of a call from the journal. Call it before the body is read.
func Unseen(r *http.Request) { scopeOf(r).unseen = true }

// maxKept bounds what is kept of an answer for the journal, in bytes.
const maxKept = 32 << 10

func scopeOf(r *http.Request) *requestScope {
	if scope, ok := r.Context().Value(scopeKey{}).(*requestScope); ok {
		return scope
	}
	return &requestScope{}
}

func (s *requestScope) fail(err error) { s.err = errors.Join(s.err, err) }

// Caller is the name of the token that a request came with; empty on a public route.
func Caller(r *http.Request) string { return scopeOf(r).caller }

// RequestID is the id by which the request is known (X-Request-Id).
func RequestID(r *http.Request) string { return scopeOf(r).id }

// SpentInCloud notes how much of the request was waiting for a cloud.
func SpentInCloud(r *http.Request, took time.Duration) { scopeOf(r).cloud += took }

// timedWriter adds the time an answer took, at the moment it begins.
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
