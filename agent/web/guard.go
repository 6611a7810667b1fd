package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"pdvagent/agent"
)

// Scope is what a token may do. Each contains the one before it.
type Scope int

// The scopes; Public routes carry no data and want no token.
const (
	Public Scope = iota
	Till
	Support
	Admin
)

// ParseScope reads the configuration's word.
func ParseScope(text string) (Scope, bool) {
	i := slices.Index([]string{"", "till", "support", "admin"}, text)
	return Scope(i), i > 0
}

// Token is one local secret and what it opens.
type Token struct {
	Name   string
	Scope  Scope
	Secret string
}

// Route is one entry of the table of a listener.
type Route struct {
	Method  string
	Path    string // http.ServeMux's pattern without method; the trailing slash is accepted beside it
	Scope   Scope
	Handler http.HandlerFunc
	Stream  bool // its body may also be a row of JSON objects: see [Stream]
}

// Config is what the chain needs.
type Config struct {
	Port   int // of the listener: the Host header must name it
	Access *Access
	Routes []Route
	Alarm  func() string    // code of what needs a person, or empty
	NewID  func() string    // of a request
	Log    *slog.Logger     //
	Now    func() time.Time // default time.Now

	// Observe gets every request with its answer, refused ones too; it must not wait. Optional.
	Observe func(agent.Exchange)
}

type guard struct {
	cfg   Config
	hosts []string
	mux   *http.ServeMux
}

// Access is who is let in. It can change while the chain is at work.
type Access struct{ now atomic.Pointer[admitted] }

type admitted struct {
	origins []string
	tokens  []hashedToken
}

// NewAccess lets in tokens, and web tills by their exact origins.
func NewAccess(tokens []Token, origins []string) *Access {
	a := new(Access)
	a.Allow(tokens, origins)
	return a
}

type hashedToken struct {
	name  string
	hash  [sha256.Size]byte
	scope Scope
}

// Allow lets in those from now on, and nobody else.
func (a *Access) Allow(tokens []Token, origins []string) {
	next := &admitted{origins: slices.Clone(origins)}
	for _, token := range tokens {
		next.tokens = append(next.tokens, hashedToken{token.Name, sha256.Sum256([]byte(token.Secret)), token.Scope})
	}
	a.now.Store(next)
}

// Handler builds the chain.
func Handler(cfg Config) (http.Handler, error) {
	if cfg.Port == 0 || cfg.Access == nil || cfg.NewID == nil || cfg.Log == nil || cfg.Alarm == nil {
		return nil, errors.New("web.Config wants Port, Access, NewID, Log and Alarm")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	port := strconv.Itoa(cfg.Port)
	g := &guard{cfg: cfg, mux: http.NewServeMux(), hosts: []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port}}
	methods := make(map[string][]string)
	for _, route := range cfg.Routes {
		for _, path := range []string{route.Path, strings.TrimSuffix(route.Path, "/") + "/{$}"} {
			methods[path] = append(methods[path], route.Method)
			g.mux.Handle(route.Method+" "+path, g.authorized(route))
		}
	}
	for path, allowed := range methods {
		refuse := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			Problem(w, r, agent.Errorf(agent.CodeMethod, nil, "Este endereço não aceita %s.", r.Method), nil, "")
		}
		// Method by method: one pattern for all would stand in the way of a path with a wildcard in the same place.
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"} {
			if !slices.Contains(allowed, method) {
				g.mux.HandleFunc(method+" "+path, refuse)
			}
		}
	}
	g.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		Problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Este endereço não existe no pdvagent."), nil, "")
	})
	return g, nil
}

// Server gives an http.Server with the limits of SEC-08.
func Server(handler http.Handler, log *slog.Logger) *http.Server {
	gate := newGate(MaxConnections)
	return &http.Server{
		Handler:           gate.answers(handler),
		ConnState:         gate.state,
		ConnContext:       gate.context,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      65 * time.Second, // longer than the longest wait a till may ask for
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scope := &requestScope{id: g.cfg.NewID(), start: g.cfg.Now(), now: g.cfg.Now}
	r = r.WithContext(context.WithValue(r.Context(), scopeKey{}, scope))
	h := w.Header()
	h.Set("X-Request-Id", scope.id)
	h.Set(HeaderDelivery, "live")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if r.ContentLength != 0 { // until Body has read it to its end: nobody waits for the rest of a body that is not wanted
		h.Set("Connection", "close")
	}
	if alarm := g.cfg.Alarm(); alarm != "" {
		h.Set("X-Agent-Alarm", alarm)
	}
	timed := &timedWriter{ResponseWriter: w, scope: scope}
	defer g.done(timed, r, scope)
	if err := g.check(timed, r); err != nil {
		Problem(timed, r, err, nil, "")
		return
	}
	if r.Method == http.MethodOptions && r.Header.Get("Origin") != "" {
		g.preflight(timed, r)
		return
	}
	if strings.Contains(r.URL.Path, "//") { // a base URL that ends in a slash, and a path that begins with one
		r.URL.Path = oneSlash(r.URL.Path)
	}
	g.mux.ServeHTTP(timed, r)
}

func oneSlash(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// done answers for a handler that panicked and logs what went wrong inside.
func (g *guard) done(w *timedWriter, r *http.Request, scope *requestScope) {
	if failure := recover(); failure != nil {
		g.cfg.Log.Error("handler_panic", "request_id", scope.id, "route", r.Pattern, "stack", string(debug.Stack()))
		if !w.wrote {
			Problem(w, r, errors.New("panic"), nil, "")
		}
	}
	if scope.err != nil {
		g.cfg.Log.Error("request_failed", "request_id", scope.id, "route", r.Pattern, "error", scope.err)
	}
	if g.cfg.Observe != nil {
		g.cfg.Observe(exchange(w, r, scope))
	}
}

// exchange is a request as the journal has it. A path that no route has is what a caller chose, so it is left out.
func exchange(w *timedWriter, r *http.Request, scope *requestScope) agent.Exchange {
	_, route, _ := strings.Cut(r.Pattern, " ")
	if route == "" || route == "/" {
		route = "-"
	}
	if scope.unseen {
		scope.request = nil
	}
	return agent.Exchange{
		At: scope.start, Side: agent.SideTill, Method: r.Method, Route: strings.TrimSuffix(route, "/{$}"), Ref: scope.id, Status: w.status,
		Took: scope.now().Sub(scope.start), Delivery: w.Header().Get(HeaderDelivery), Origin: scope.origin,
		Request: scope.request, Response: scope.response, ResponseBytes: scope.answered,
	}
}

// exposed are the headers of ours that a web till may read; without it a browser keeps them to itself.
const exposed = "X-Request-Id, " + HeaderDelivery + ", " + headerTime + ", X-Agent-Alarm"

// check is everything that is decided before the route: who connects, under which name, from which page.
func (g *guard) check(w http.ResponseWriter, r *http.Request) error {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return agent.Errorf(agent.CodeNotLoopback, nil, "O pdvagent só atende chamadas desta máquina.")
	}
	if !slices.Contains(g.hosts, r.Host) {
		return agent.Errorf(agent.CodeHost, nil, "Chame o pdvagent por 127.0.0.1, localhost ou [::1], com a porta.")
	}
	if len(r.Header.Values("Origin")) > 1 || r.Header.Get("Upgrade") != "" || r.Header.Get("Sec-Fetch-Mode") == "no-cors" {
		return agent.Errorf(agent.CodeBrowser, nil, "Este tipo de chamada de navegador não é aceito.")
	}
	origin, listed := r.Header.Get("Origin"), false
	if origin != "" {
		if listed = slices.Contains(g.cfg.Access.now.Load().origins, origin); listed {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Expose-Headers", exposed)
			w.Header().Set("Vary", "Origin")
		} else if !slices.Contains(g.hosts, strings.TrimPrefix(origin, "http://")) || !strings.HasPrefix(origin, "http://") {
			return agent.Errorf(agent.CodeOrigin, nil, "A página que fez esta chamada não está em api.allowed_origins.")
		}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && !listed {
		return agent.Errorf(agent.CodeOrigin, nil, "Uma página de outro endereço fez esta chamada; ela não está em api.allowed_origins.")
	}
	return nil
}

// preflight answers a listed web till's question before its call.
func (g *guard) preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Prefer, Idempotency-Key")
	h.Set("Access-Control-Max-Age", "600")
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	w.WriteHeader(http.StatusNoContent)
}

// authorized wants the route's scope, and no body but JSON where something changes: a page's form has another type.
func (g *guard) authorized(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route.Scope == Public {
			route.Handler(w, r)
			return
		}
		scope, ok := g.scope(r)
		foreign := route.Method != http.MethodGet && r.Header.Get("Content-Type") != "" && !isJSON(r) && (!route.Stream || !isNDJSON(r))
		switch {
		case !ok:
			Problem(w, r, agent.Errorf(agent.CodeUnauthorized, nil, "Falta um token local válido no cabeçalho Authorization."), nil, "")
		case scope < route.Scope:
			Problem(w, r, agent.Errorf(agent.CodeScope, nil, "Este token não tem permissão para esta chamada."), nil, "")
		case foreign:
			Problem(w, r, errNotJSON, nil, "")
		default:
			route.Handler(w, r)
		}
	})
}

// scope compares with every token in constant time.
func (g *guard) scope(r *http.Request) (Scope, bool) {
	scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values("Authorization")) != 1 {
		return Public, false
	}
	hash, found := sha256.Sum256([]byte(given)), hashedToken{}
	for _, token := range g.cfg.Access.now.Load().tokens {
		if subtle.ConstantTimeCompare(hash[:], token.hash[:]) == 1 {
			found = token
		}
	}
	scopeOf(r).caller = found.name
	return found.scope, found.scope != Public
}
