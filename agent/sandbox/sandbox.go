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
)

var errNotLoopback = errors.New("sandbox listens on loopback only")

// Config says where the clouds listen.
type Config struct {
	Listen  string   // loopback address and port; port 0 takes a free one
	Control string   // a second address where /control stays while the clouds are gone; empty for none
	Tokens  []string // accepted by Mercafácil, one per shop; none: any
	Seed    bool     // begin with a small club and a few offers
	Log     *slog.Logger
}

// Sandbox is the running clouds.
type Sandbox struct {
	Mercafacil *mercafacilsim.Sim

	cfg     Config
	handler http.Handler

	mu      sync.Mutex
	address string
	server  *http.Server // nil while the clouds are gone
	back    *time.Timer
	control *http.Server
}

// Start listens. Close ends it.
func Start(ctx context.Context, cfg Config) (*Sandbox, error) {
	if cfg.Log == nil {
		return nil, errors.New("sandbox.Config wants Log")
	}
	s := &Sandbox{cfg: cfg, address: cfg.Listen}
	var err error
	s.Mercafacil, err = mercafacilsim.New(mercafacilsim.Config{Tokens: cfg.Tokens, Gone: s.leaveFor})
	if err != nil {
		return nil, err
	}
	if cfg.Seed {
		if err := s.Mercafacil.Seed(); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/mercafacil/", http.StripPrefix("/mercafacil", s.Mercafacil))
	control := http.StripPrefix("/control/mercafacil", s.Mercafacil.Control())
	mux.Handle("/control/mercafacil/", control)
	s.handler = mux
	if err := s.Return(ctx); err != nil {
		return nil, err
	}
	if cfg.Control != "" {
		side := http.NewServeMux()
		side.Handle("/control/mercafacil/", control)
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
	if s.control != nil {
		_ = s.control.Close() // ending
	}
}

func serve(ctx context.Context, address string, handler http.Handler) (*http.Server, string, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || (host != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return nil, "", fmt.Errorf("%w, not on %q", errNotLoopback, address)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it always ends with the error of its closing
	return server, listener.Addr().String(), nil
}
