// Package retention keeps the store in order by night: it reads every value to check that the store is sound, drops the
// bodies and heads of jobs that ended long ago (SEC-15), and has the paying domains drop what they no longer need. The store
// refuses to drop by a clock that cannot be right.
//
// It does not decide when it runs: package routine does. Sessions and members are package loyalty's, the journal's files
// package traffic's. The retention routine calls it; it calls the store and the domains' sweeps.
package retention

import (
	"context"
	"errors"
	"time"
)

// Store drops what ended before a time, and reads everything.
type Store interface {
	Forget(ctx context.Context, before time.Time) (int, error)
	Drop(ctx context.Context, before time.Time) (int, error)
	Scrub(ctx context.Context) (values int, err error)
}

// Sweep has a domain drop what it no longer needs, and counts what it dropped.
type Sweep func(ctx context.Context) (dropped int, err error)

// Config is what a keeper needs. A domain that the till does not have has no sweep.
type Config struct {
	Store    Store
	Payments Sweep
	Boletos  Sweep
	Orders   Sweep            // by card
	Unread   Sweep            // bodies that could not be read
	Trail    Sweep            // what people did
	Bodies   time.Duration    // how long the bodies of ended jobs are kept, default 7 days
	Heads    time.Duration    // how long their heads, with keys and fingerprints, are kept; default 400 days (till-api.md)
	Now      func() time.Time // default time.Now
}

// Keeper drops what is old.
type Keeper struct{ cfg Config }

// New fills defaults and checks.
func New(cfg Config) (*Keeper, error) {
	if cfg.Store == nil {
		return nil, errors.New("retention.Config wants Store")
	}
	if cfg.Bodies == 0 {
		cfg.Bodies = 7 * 24 * time.Hour
	}
	if cfg.Heads == 0 {
		cfg.Heads = 400 * 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Keeper{cfg}, nil
}

// Figures takes the counts of a run.
type Figures interface {
	Count(name string, n int)
}

// Keep reads the whole store to check that it is sound, and drops what is old, also from a store that is not sound. The
// domains' sweeps follow until the first error; a store that is not sound is one.
func (k *Keeper) Keep(ctx context.Context, run Figures) error {
	now := k.cfg.Now()
	read, unsound := k.cfg.Store.Scrub(ctx)
	bodies, forgetErr := k.cfg.Store.Forget(ctx, now.Add(-k.cfg.Bodies))
	heads, dropErr := k.cfg.Store.Drop(ctx, now.Add(-k.cfg.Heads))
	run.Count("values_read", read)
	run.Count("bodies_dropped", bodies)
	run.Count("heads_dropped", heads)
	err := errors.Join(unsound, forgetErr, dropErr)
	for _, domain := range []struct {
		figure string
		sweep  Sweep
	}{{"payments_emptied", k.cfg.Payments}, {"boletos_dropped", k.cfg.Boletos}, {"orders_dropped", k.cfg.Orders}, {"unread_dropped", k.cfg.Unread}, {"trail_dropped", k.cfg.Trail}} {
		if err != nil || domain.sweep == nil {
			continue
		}
		var dropped int
		dropped, err = domain.sweep(ctx)
		run.Count(domain.figure, dropped)
	}
	return err
}
