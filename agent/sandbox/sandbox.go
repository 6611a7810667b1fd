// Package sandbox puts every simulated cloud on one loopback listener, with /control to steer them: the place where a
// till's programmer works and where the demo runs. It can leave the network and come back on the same port, so that an
// outage is a real one. It holds no cloud's rules; each simulator does.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"pdvagent/mercafacil/mercafacilsim"
	"pdvagent/payments/cashorder/cashordersim"
	"pdvagent/payments/ideamaker/ideamakersim"
	"pdvagent/payments/sevenaz/sevenazsim"
	"pdvagent/payments/sicoob/sicoobsim"
)

var errNotLoopback = errors.New("sandbox listens on loopback only")

// Config says where the clouds listen.
type Config struct {
	Listen  string   // loopback address and port; port 0 takes a free one
	Control string   // a second address where /control stays while the clouds are gone; empty for none
	Tokens  []string // accepted by Mercafácil, one per shop; none: any
	TLS     string   // a third address where the clouds are behind TLS, and Sicoob demands a certificate; empty for none
	Seed    bool     // begin with a small club and a few offers
	Log     *slog.Logger

	Now func() time.Time         // Mercafácil's clock; nil: the time
	ID  func(what string) string // Mercafácil's ids; nil: random ones

	FirstNosso int // from which on Sicoob counts its boletos, default 101
}

// Sandbox is the running clouds.
type Sandbox struct {
	Mercafacil *mercafacilsim.Sim
	IdeaMaker  *ideamakersim.Sim
	SevenAZ    *sevenazsim.Sim
	Sicoob     *sicoobsim.Sim
	CashOrder  *cashordersim.Sim

	cfg     Config
	handler http.Handler

	mu      sync.Mutex
	address string
	server  *http.Server // nil while the clouds are gone
	back    *time.Timer
	control *http.Server
	secure  *http.Server
	papers  papers
	tls     string // address
}

// Start listens. Close ends it.
func Start(ctx context.Context, cfg Config) (*Sandbox, error) {
	if cfg.Log == nil {
		return nil, errors.New("sandbox.Config wants Log")
	}
	s := &Sandbox{cfg: cfg, address: cfg.Listen}
	var err error
	s.Mercafacil, err = mercafacilsim.New(mercafacilsim.Config{Tokens: cfg.Tokens, Gone: s.leaveFor, Now: cfg.Now, ID: cfg.ID})
	if err != nil {
		return nil, err
	}
	if s.IdeaMaker, err = ideamakersim.New(ideamakersim.Config{Base: func() string { return "http://" + s.Address() + "/ideamaker" }}); err != nil {
		return nil, err
	}
	s.SevenAZ = sevenazsim.New(sevenazsim.Config{})
	if s.Sicoob, err = sicoobsim.New(sicoobsim.Config{First: cfg.FirstNosso}); err != nil {
		return nil, err
	}
	if s.CashOrder, err = cashordersim.New(cashordersim.Config{}); err != nil {
		return nil, err
	}
	if s.papers, err = newPapers(time.Now()); err != nil {
		return nil, err
	}
	if cfg.Seed {
		if err := s.Mercafacil.Seed(); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/mercafacil/", http.StripPrefix("/mercafacil", s.Mercafacil))
	mux.Handle("/ideamaker/", http.StripPrefix("/ideamaker", s.IdeaMaker.Titles()))
	mux.Handle("/gateway/", http.StripPrefix("/gateway", s.IdeaMaker.Gateway()))
	mux.Handle("/sevenaz/", http.StripPrefix("/sevenaz", s.SevenAZ))
	mux.Handle("/sicoob/", http.StripPrefix("/sicoob", s.Sicoob))
	mux.Handle("/cashorder/", http.StripPrefix("/cashorder", s.CashOrder))
	s.steer(mux)
	s.handler = mux
	if err := s.Return(ctx); err != nil {
		return nil, err
	}
	if cfg.TLS != "" {
		if err := s.serveTLS(ctx, mux); err != nil {
			s.Close()
			return nil, err
		}
	}
	if cfg.Control != "" {
		side := http.NewServeMux()
		s.steer(side)
		side.HandleFunc("POST /control/return", func(w http.ResponseWriter, r *http.Request) {
			if err := s.Return(context.WithoutCancel(r.Context())); err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
			}
		})
		if s.control, _, err = serve(ctx, cfg.Control, side); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// steer adds every cloud's control. The gateway is the other half of Idea Maker.
func (s *Sandbox) steer(mux *http.ServeMux) {
	for name, control := range map[string]http.Handler{
		"mercafacil": s.Mercafacil.Control(), "ideamaker": s.IdeaMaker.Control(), "gateway": s.IdeaMaker.Control(), "sevenaz": s.SevenAZ.Control(),
		"sicoob": s.Sicoob.Control(), "cashorder": s.CashOrder.Control(),
	} {
		mux.Handle("/control/"+name+"/", http.StripPrefix("/control/"+name, control))
	}
	s.papers.handOut(mux)
}

// serveTLS puts the clouds on the TLS listener, too. It stays when they leave the network.
func (s *Sandbox) serveTLS(ctx context.Context, handler http.Handler) (err error) {
	listener, err := listen(ctx, s.cfg.TLS)
	if err != nil {
		return err
	}
	s.secure, s.tls = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, TLSConfig: s.papers.config(), ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug)}, listener.Addr().String()
	go func() { _ = s.secure.ServeTLS(listener, "", "") }() // it always ends with the error of its closing
	s.cfg.Log.Info("sandbox_listening_tls", "address", s.tls)
	return nil
}

// TLSAddress is host and port of the TLS listener; empty without one.
func (s *Sandbox) TLSAddress() string { return s.tls }

// Address is host and port of the clouds.
func (s *Sandbox) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// BaseURL is what an agent has as mercafacil.base_url.
func (s *Sandbox) BaseURL() string { return "http://" + s.Address() + "/mercafacil/" }

// Leave takes the clouds off the network: connections are cut, new ones refused.
func (s *Sandbox) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back != nil {
		s.back.Stop()
		s.back = nil
	}
	if s.server != nil {
		_ = s.server.Close() // what it cuts is meant to be cut
		s.server = nil
		s.cfg.Log.Info("sandbox_gone", "address", s.address)
	}
}

// leaveFor is Leave, and Return after a while. It answers its caller first, who may be a request on this very listener.
func (s *Sandbox) leaveFor(d time.Duration) {
	const answerFirst = 50 * time.Millisecond
	time.AfterFunc(answerFirst, func() {
		s.Leave()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.back = time.AfterFunc(d, func() {
			if err := s.Return(context.Background()); err != nil {
				s.cfg.Log.Error("sandbox_return_failed", "error", err)
			}
		})
	})
}

const (
	returnPatience = 3 * time.Second
	returnPause    = 50 * time.Millisecond
)

// Return listens again on the same port; nothing happens when the clouds are there.
func (s *Sandbox) Return(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return nil
	}
	server, address, err := serve(ctx, s.address, s.handler)
	for deadline := time.Now().Add(returnPatience); err != nil && !errors.Is(err, errNotLoopback) && time.Now().Before(deadline) && ctx.Err() == nil; {
		<-time.After(returnPause) // somebody's outgoing connection may have the port for a moment
		server, address, err = serve(ctx, s.address, s.handler)
	}
	if err != nil {
		return err
	}
	s.server, s.address = server, address
	s.cfg.Log.Info("sandbox_listening", "address", address)
	return nil
}

// Close ends everything.
func (s *Sandbox) Close() {
	s.Leave()
	for _, server := range []*http.Server{s.control, s.secure} {
		if server != nil {
			_ = server.Close() // ending
		}
	}
}

// listen opens a loopback address.
func listen(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || (host != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return nil, fmt.Errorf("%w, not on %q", errNotLoopback, address)
	}
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", address)
}

func serve(ctx context.Context, address string, handler http.Handler) (*http.Server, string, error) {
	listener, err := listen(ctx, address)
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it always ends with the error of its closing
	return server, listener.Addr().String(), nil
}
