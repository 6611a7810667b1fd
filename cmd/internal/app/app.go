// Package app wires an agent out of a configuration and runs it. Reading it is reading the design:
//
//   - [Assemble] names the parts in the order in which each needs those before it: the store (store.go), monitoring
//     (monitoring.go), sales and loads (loyalty.go), payments (paying.go), what runs by the clock (routines.go), and the
//     local API over all of them (api.go);
//   - [Run] starts the parts and opens the door for tills (door.go);
//   - [Serve] is Run with a configuration file, a log and a crash reporter (serve.go, log.go).
//
// It knows no command line and decides nothing: rules belong to the packages it wires. The commands of package cli call it,
// bench and the tests of the whole agent embed it.
package app

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/offsite"
	"pdvagent/agent/ops/routine"
	"pdvagent/agent/ops/settings"
	"pdvagent/agent/ops/uplink"
	"pdvagent/agent/till/api"
	"pdvagent/agent/till/web"
	"pdvagent/agent/upstream"
	"pdvagent/store"
)

// Config is what an agent is started with.
type Config struct {
	config.Config
	File  string         // the configuration's; changes of settings are written to it
	Level *slog.LevelVar // of the log; a change of settings sets it
	Ready func()         // called once the agent answers tills; not used by [Assemble]
	Dial  upstream.Dial  // opens connections to clouds; nil: TCP

	// Tap gets every exchange with tills and clouds, unmasked; it must not wait. The homologation listens by it. Optional.
	Tap func(agent.Exchange)

	// Now is the clock by which the agent dates things and knows what is due; nil: time.Now. Waits and the watchdog go by running time.
	Now func() time.Time

	// NewUUID makes the ids of sessions that the cloud did not open; nil: random ones.
	NewUUID func() string
}

// Dial makes the connections to clouds as the configuration says; nil: directly.
func Dial(cfg config.Config) upstream.Dial {
	proxy, err := url.Parse(cfg.Network.Proxy)
	if err != nil || proxy.Host == "" { // none
		return nil
	}
	return upstream.ThroughProxy(proxy, cfg.Network.Login.Reveal())
}

// Run is an agent from its wiring to its end. It returns nil when ctx has ended and everything has stopped, or the error
// that makes a restart necessary.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	if err := known(cfg.File, cfg.Config, log); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	a, err := Assemble(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer a.Close()
	group.Go(func() error { return a.Run(ctx) })
	if err := a.openDoor(ctx, group); err != nil {
		group.Go(func() error { return err })
	}
	return group.Wait()
}

// Assembly is every part of an agent.
type Assembly struct {
	Store *store.Store

	cfg  Config
	log  *slog.Logger
	zone *time.Location // of the shop

	monitoring
	loyalty  loyaltyParts
	paying   payingParts
	routines *routine.Book
	offsite  *offsite.Keeper // nil: no copies go elsewhere
	uplink   *uplink.Uplink  // nil: the chain has no hub
	access   *web.Access
	api      *api.API
	changes  *settings.Settings // of the configuration

	closers []func() // in the order in which the parts were made
}

// Assemble makes every part. Nothing runs yet but the journal, which every part writes to. The parts live until ctx ends;
// the caller runs and then closes them.
func Assemble(ctx context.Context, cfg Config, log *slog.Logger) (a *Assembly, err error) {
	if cfg.Dial == nil {
		cfg.Dial = Dial(cfg.Config)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NewUUID == nil {
		cfg.NewUUID = uuid.NewString
	}
	a = &Assembly{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			a.Close()
			a = nil
		}
	}()
	if a.zone, err = config.Zone(cfg.Shop.Timezone); err != nil {
		return a, err
	}
	for _, step := range []func(context.Context) error{
		a.openStore,
		a.openMonitoring,
		a.wireLoyalty,
		a.wirePaying,
		a.wireOffsite,
		a.wireChain,
		a.wireRoutines,
		a.wireAPI,
	} {
		if err = step(ctx); err != nil {
			return a, err
		}
	}
	return a, nil
}

// Run runs the parts until ctx ends or one of them fails.
func (a *Assembly) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	parts := []func(context.Context) error{a.board.Run, a.routines.Run, a.untilBroken, a.changes.Run}
	if a.offsite != nil {
		parts = append(parts, a.offsite.Run)
	}
	if a.uplink != nil {
		parts = append(parts, a.uplink.Run)
	}
	for _, part := range slices.Concat(parts, a.loyalty.run(), a.paying.run) {
		group.Go(func() error { return part(ctx) })
	}
	return group.Wait()
}

// Close closes the parts, the last one first. None may be running.
func (a *Assembly) Close() {
	for _, closer := range slices.Backward(a.closers) {
		closer()
	}
}
