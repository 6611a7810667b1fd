// Package webhook is the one listener that other machines may reach: it takes a payment gateway's notices at a secret path,
// answers at once, and hints at the payment, whose vendor is then asked. It changes no payment by what a notice says: what
// names no payment (nothing, {}, the test of a registration, a GET) is answered 200 and believed nothing, since gateways
// switch an address off that refuses. It has no other route. It is off unless configured, and runs with TLS or behind the shop's own proxy. The wiring runs it; it calls
// the vendor's reader of notices and checkout's Hint.
package webhook

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"pdvagent/agent/certificate"
	"pdvagent/agent/door"
)

// Config is what the listener needs.
type Config struct {
	Listen string // address and port
	Secret string // the path of notices, without its slash
	Cert   string // PEM file; empty: without TLS
	Key    string // PEM file

	Read func(body []byte) (gatewayID, externalID string, err error) // the payment that a notice names
	Hint func(gatewayID, externalID string) bool                     // has the vendor asked about it; false: it is not known
	Log  *slog.Logger

	PerSecond float64 // notices that are read, default 20; others are answered 429
}

// maxConnections bounds the listener's connections; the one that has been silent longest goes. They are apart from those of tills.
const maxConnections = 64

// maxNotice bounds a notice, in bytes.
const maxNotice = 64 << 10

// Handler is the listener's only route.
func Handler(cfg Config) (http.Handler, error) {
	if cfg.Secret == "" || cfg.Read == nil || cfg.Hint == nil || cfg.Log == nil {
		return nil, errors.New("webhook.Config wants Secret, Read, Hint and Log")
	}
	if cfg.PerSecond == 0 {
		cfg.PerSecond = 20
	}
	limit := rate.NewLimiter(rate.Limit(cfg.PerSecond), max(1, int(cfg.PerSecond)))
	want := sha256.Sum256([]byte("/" + cfg.Secret))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.URL.Path))
		right := subtle.ConstantTimeCompare(got[:], want[:]) == 1
		switch {
		case !right || !slices.Contains([]string{http.MethodPost, http.MethodGet, http.MethodHead}, r.Method):
			w.WriteHeader(http.StatusNotFound)
			return
		case !limit.Allow():
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotice))
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		w.WriteHeader(http.StatusOK)
		if r.Method != http.MethodPost {
			return
		}
		gatewayID, externalID, err := cfg.Read(body)
		if err != nil {
			cfg.Log.Warn("notice_of_no_payment", "bytes", len(body), "error", err)
			return
		}
		cfg.Log.Info("notice", "known", cfg.Hint(gatewayID, externalID))
	}), nil
}

// Run listens until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	handler, err := Handler(cfg)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return err
	}
	if cfg.Cert != "" {
		pair, err := certificate.Pair(cfg.Cert, cfg.Key)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		listener = tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}})
	}
	server := door.NewServer(&http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}, maxConnections)
	ended := context.AfterFunc(ctx, func() { _ = server.Close() }) // the gateway repeats a notice that is cut
	defer ended()
	cfg.Log.Info("webhook_listening", "address", listener.Addr().String(), "tls", cfg.Cert != "")
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
