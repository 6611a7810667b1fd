// Package webhook is the one listener that others than this machine may reach: it takes a payment gateway's notices at a
// secret path, answers at once, and has the payment asked about. It believes nothing of a notice and has no other route. Off
// unless configured; TLS, or behind the shop's own proxy.
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
	"time"

	"golang.org/x/time/rate"
)

// Config says where notices come in.
type Config struct {
	Listen string // address and port
	Secret string // notices come to /Secret
	Cert   string // PEM file; empty: without TLS
	Key    string // PEM file

	Read func(body []byte) (gatewayID, externalID string, err error) // what a notice speaks of
	Hint func(gatewayID, externalID string) bool                     // has it asked about
	Log  *slog.Logger

	PerSecond float64 // notices that are read, default 20; more are told to come later
}

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
		case !right || r.Method != http.MethodPost:
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
		gatewayID, externalID, err := cfg.Read(body)
		if err != nil {
			cfg.Log.Warn("notice_not_understood", "bytes", len(body), "error", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		cfg.Log.Info("notice", "known", cfg.Hint(gatewayID, externalID))
		w.WriteHeader(http.StatusOK)
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
		pair, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		listener = tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}})
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() }) // a notice that is cut comes again
	defer ended()
	cfg.Log.Info("webhook_listening", "address", listener.Addr().String(), "tls", cfg.Cert != "")
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
