package web

import (
	"cmp"
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
	"pdvagent/agent/door"
)

// Scope is the right of a token. Each includes the one before it.
type Scope int

// The scopes. Public routes return no data and need no token.
const (
	Public Scope = iota
	Till
	Support
	Admin
)

// ParseScope reads a scope of the configuration.
func ParseScope(text string) (Scope, bool) {
	i := slices.Index([]string{"", "till", "support", "admin"}, text)
	return Scope(i), i > 0
}

func (s Scope) String() string { return []string{"", "till", "support", "admin"}[s] }

// Token is one local secret and its scope.
type Token struct {
	Name   string
	Scope  Scope
	Secret string
}

// Route is one route of the API.
type Route struct {
	Method  string
	Path    string // http.ServeMux's pattern without method; a trailing slash is accepted, too
	Scope   Scope
	Handler http.HandlerFunc
	Stream  bool // its body may also be NDJSON, see [Stream]
	File    bool // its body is a file, see [File]
	Place   Place
}

// Config is what the chain of checks needs.
type Config struct {
	Port    int // of the listener: the Host header must name it
	Access  *Access
	Charset string // windows-1252: of bodies that declare no charset and are not UTF-8. Default: those are refused
	Routes  []Route
	Alarm   func() string // code of the present alarm, or empty; for X-Agent-Alarm
	NewID   func() string // of a request
	Log     *slog.Logger
	Now     func() time.Time // default time.Now

	// Observe gets every request with its answer, refused ones included. It must not block. Optional.
	Observe func(agent.Exchange)
}

// guard is the chain of checks.
type guard struct {
	cfg    Config
	hosts  []string
	mux    *http.ServeMux
	places *places
}

// Access is the set of valid tokens and web origins, and the console's sessions. It can change while requests are handled.
type Access struct {
	now      atomic.Pointer[admitted]
	consoles consoles
}

type admitted struct {
	origins []string
	tokens  []hashedToken
}

// NewAccess accepts these tokens, and web tills of exactly these origins.
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

// Allow replaces the tokens and origins. Sessions and codes of a token that is no longer there, or no longer the same, end.
func (a *Access) Allow(tokens []Token, origins []string) {
	next := &admitted{origins: slices.Clone(origins)}
	for _, token := range tokens {
		next.tokens = append(next.tokens, hashedToken{token.Name, sha256.Sum256([]byte(token.Secret)), token.Scope})
	}
	a.now.Store(next)
	a.consoles.keep(next.tokens)
}

// configured gives the configured token of a hash; the zero token where there is none. It compares with every token, in
// constant time.
func (a *Access) configured(hash [sha256.Size]byte) hashedToken {
	found := hashedToken{}
	for _, token := range a.now.Load().tokens {
		if subtle.ConstantTimeCompare(hash[:], token.hash[:]) == 1 {
			found = token
		}
	}
	return found
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
	g := &guard{cfg: cfg, mux: http.NewServeMux(), places: newPlaces(), hosts: []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port}}
	methods := make(map[string][]string)
	for _, route := range cfg.Routes {
		for _, path := range spellings(route.Path) {
			methods[path] = append(methods[path], route.Method)
			g.mux.Handle(route.Method+" "+path, g.authorized(route))
		}
	}
	for path, allowed := range methods {
		refuse := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			Problem(w, r, agent.Errorf(agent.CodeMethod, nil, "Este endereço não aceita %s.", r.Method), nil, "")
		}
		// One pattern per method: a pattern for all methods would conflict with a path that has a wildcard in the same place.
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

// spellings are a path and the same with a trailing slash, where its pattern leaves room for one.
func spellings(path string) []string {
	if strings.HasSuffix(path, "{$}") || strings.HasSuffix(path, "...}") {
		return []string{path}
	}
	return []string{path, strings.TrimSuffix(path, "/") + "/{$}"}
}

// Server returns a server with the limits of SEC-08.
func Server(handler http.Handler, log *slog.Logger) *door.Server {
	return door.NewServer(&http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      65 * time.Second, // longer than the longest wait that a till may ask for (30 s)
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}, MaxConnections)
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scope := &requestScope{id: g.cfg.NewID(), start: g.cfg.Now(), now: g.cfg.Now, charset: g.cfg.Charset, access: g.cfg.Access}
	r = r.WithContext(context.WithValue(r.Context(), scopeKey{}, scope))
	h := w.Header()
	h.Set("X-Request-Id", scope.id)
	h.Set(HeaderDelivery, "live")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if r.ContentLength != 0 { // until the body is read to its end: the server does not wait for the rest of a refused one
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
	scope.grant = g.bearer(r)
	if strings.Contains(r.URL.Path, "//") { // a till joins a base URL with a trailing slash and a path with a leading one
		r.URL.Path = oneSlash(r.URL.Path)
	}
	g.mux.ServeHTTP(timed, r)
}

// oneSlash replaces repeated slashes by one.
func oneSlash(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// done answers for a handler that panicked, logs internal errors, and reports the exchange.
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

// exchange returns a request for the journal. It has the pattern of the route and never the path: a caller may put any text
// into that.
func exchange(w *timedWriter, r *http.Request, scope *requestScope) agent.Exchange {
	_, route, _ := strings.Cut(r.Pattern, " ")
	if route == "" || route == "/" { // none
		route = "-"
	}
	if scope.unseen {
		scope.request = nil
	}
	if scope.private {
		scope.response = nil
	}
	return agent.Exchange{
		At: scope.start, Side: scope.side(), Method: r.Method, Route: cmp.Or(strings.TrimSuffix(route, "/{$}"), "/"), Ref: scope.id, Status: w.status,
		Took: scope.now().Sub(scope.start), Delivery: w.Header().Get(HeaderDelivery), Origin: scope.origin, Detail: scope.remark,
		Request: scope.request, Response: scope.response, ResponseBytes: scope.answered,
	}
}

// exposed are the response headers that a browser lets a web till read.
const exposed = "X-Request-Id, " + HeaderDelivery + ", " + headerTime + ", X-Agent-Alarm"

// check refuses a request by its remote address, its Host and the headers of a browser.
func (g *guard) check(w http.ResponseWriter, r *http.Request) error {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return agent.Errorf(agent.CodeNotLoopback, nil, "O pdvagent só atende chamadas desta máquina.")
	}
	if !g.ours(r) {
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
	scopeOf(r).foreign = listed
	if site := r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && !listed {
		return agent.Errorf(agent.CodeOrigin, nil, "Uma página de outro endereço fez esta chamada; ela não está em api.allowed_origins.")
	}
	return nil
}

// ours tells whether the Host is one of the loopback names, in any case of letters, with the port. A client of HTTP/1.0 may leave
// the port out: a browser, which could be led here under a foreign name, speaks no HTTP/1.0.
func (g *guard) ours(r *http.Request) bool {
	host := strings.ToLower(r.Host)
	return slices.ContainsFunc(g.hosts, func(name string) bool {
		return host == name || (!r.ProtoAtLeast(1, 1) && host == name[:strings.LastIndex(name, ":")])
	})
}

// preflight answers the CORS preflight of a listed web till.
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

var errNoToken = agent.Errorf(agent.CodeUnauthorized, nil, "Falta um token local válido no cabeçalho Authorization.")

// authorized checks the scope of the token. On a route that changes something it also refuses any body but JSON: a form of a
// web page has another type.
func (g *guard) authorized(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scope := scopeOf(r)
		scope.watched = route.Scope != Till
		if route.Scope == Public && route.Method == http.MethodGet {
			route.Handler(w, r)
			return
		}
		foreign := route.Method != http.MethodGet && r.Header.Get("Content-Type") != "" && !isJSON(r) && (!route.Stream || !isNDJSON(r)) && (!route.File || !isFile(r))
		switch {
		case route.Scope != Public && scope.grant.token.scope == Public:
			Problem(w, r, errNoToken, nil, "")
		case scope.grant.token.scope < route.Scope:
			Problem(w, r, agent.Errorf(agent.CodeScope, nil, "Este token não tem permissão para esta chamada."), nil, "")
		case foreign:
			Problem(w, r, errNotJSON, nil, "")
		default:
			g.seated(route, w, r)
		}
	})
}

// seated handles a request at a place of its route's kind, or refuses it where there is none.
func (g *guard) seated(route Route, w http.ResponseWriter, r *http.Request) {
	scope := scopeOf(r)
	scope.seat, scope.place = g.places.seat(r, scope.grant.token.name), route.Place
	defer scope.seat.rise()
	if err := scope.received(); err != nil {
		Problem(w, r, err, nil, "")
		return
	}
	route.Handler(w, r)
}

// bearer returns what the request's token is worth: a configured one, or a session's.
func (g *guard) bearer(r *http.Request) grant {
	scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values("Authorization")) != 1 {
		return grant{}
	}
	hash := sha256.Sum256([]byte(strings.TrimLeft(given, " ")))
	if token := g.cfg.Access.configured(hash); token.scope != Public {
		return grant{token: token}
	}
	return g.cfg.Access.consoles.grant(hash, g.cfg.Now(), r.Header.Get(HeaderBackground) != "1")
}
