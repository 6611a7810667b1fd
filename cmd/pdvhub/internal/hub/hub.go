// Package hub runs a chain's hub: the broker that agents connect to, the listener where they join, and the keeping of what
// they tell. Reading it is reading how the hub's parts fit.
//
// It decides nothing about a till: package fleet does. cmd/pdvhub's command serve runs it.
package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"pdvagent/agent/chain"
	"pdvagent/cmd/pdvhub/internal/broker"
	"pdvagent/cmd/pdvhub/internal/ledger"
)

// keepEvery is how often what came is written, in one transaction.
const keepEvery = time.Second

// maxRuns bounds the runs of one agent that are noted in that time: more than two that take turns say nothing new.
const maxRuns = 4

// Config is what a hub is started with.
type Config struct {
	Dir    string   // the data folder
	Join   string   // host:port where agents join
	Broker string   // host:port where agents connect
	Names  []string // by which agents reach the hub; an agent that joins gets the first one
	Log    *slog.Logger
	Now    func() time.Time // default time.Now
}

// Hub is a hub whose listeners are open.
type Hub struct {
	cfg      Config
	ledger   *ledger.Ledger
	broker   *broker.Broker
	listener net.Listener
	wrong    wrong

	mu   sync.Mutex
	came map[string][]chain.State // since the last keeping, by agent; of each run in a row the last one
}

// Open opens the ledger and the listeners.
func Open(ctx context.Context, cfg Config) (h *Hub, err error) {
	if cfg.Dir == "" || cfg.Join == "" || cfg.Broker == "" || len(cfg.Names) == 0 || cfg.Log == nil {
		return nil, errors.New("hub.Config lacks a required field")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h = &Hub{cfg: cfg, came: make(map[string][]chain.State)}
	if h.ledger, err = ledger.Open(ctx, cfg.Dir, cfg.Now); err != nil {
		return nil, err
	}
	h.broker, err = broker.Start(broker.Config{Dir: cfg.Dir, Listen: cfg.Broker, Names: cfg.Names, Log: cfg.Log})
	if err != nil {
		return nil, errors.Join(err, h.ledger.Close())
	}
	if h.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", cfg.Join); err != nil {
		h.broker.Close()
		return nil, errors.Join(err, h.ledger.Close())
	}
	if err = h.writeAddress(); err != nil {
		h.broker.Close()
		return nil, errors.Join(err, h.listener.Close(), h.ledger.Close())
	}
	return h, nil
}

// Address is where agents join.
func (h *Hub) Address() string {
	_, port, err := net.SplitHostPort(h.listener.Addr().String())
	if err != nil {
		return ""
	}
	return "https://" + net.JoinHostPort(h.cfg.Names[0], port)
}

// Run serves until ctx ends, and closes everything.
func (h *Hub) Run(ctx context.Context) error {
	defer func() { _ = h.ledger.Close() }() // what was kept is on disk
	defer h.broker.Close()
	group, ctx := errgroup.WithContext(ctx)
	states, err := h.broker.Hub().Subscribe(chain.AllStates, h.state)
	if err != nil {
		return errors.Join(err, h.listener.Close())
	}
	if err := states.SetPendingLimits(1<<16, 64<<20); err != nil {
		return errors.Join(err, h.listener.Close())
	}
	server := h.server()
	group.Go(func() error {
		if err := server.ServeTLS(h.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	group.Go(func() error { return h.keep(ctx) })
	h.cfg.Log.Info("hub_listening", "join", h.Address(), "broker", h.broker.Server())
	return group.Wait()
}

// state notes what an agent tells. The broker lets an agent publish under its own id only.
func (h *Hub) state(m *nats.Msg) {
	var s chain.State
	id := chain.AgentOf(m.Subject)
	if len(m.Data) > chain.MaxState || json.Unmarshal(m.Data, &s) != nil || s.Agent != id {
		h.cfg.Log.Warn("state_not_understood", "agent", id, "bytes", len(m.Data))
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.came[id]
	switch {
	case len(list) > 0 && list[len(list)-1].Run == s.Run:
		list[len(list)-1] = s
	case len(list) < maxRuns:
		h.came[id] = append(list, s)
	}
}

// keep writes what came until ctx ends, and then once more.
func (h *Hub) keep(ctx context.Context) error {
	for {
		select {
		case <-time.After(keepEvery):
		case <-ctx.Done():
			return h.write(context.WithoutCancel(ctx))
		}
		if err := h.write(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("keep the states: %w", err)
		}
	}
}

func (h *Hub) write(ctx context.Context) error {
	h.mu.Lock()
	states := make([]chain.State, 0, len(h.came))
	for _, list := range h.came {
		states = append(states, list...)
	}
	clear(h.came)
	h.mu.Unlock()
	if len(states) == 0 {
		return nil
	}
	return h.ledger.Keep(ctx, states)
}
