// Package retention keeps the store in order by night: it reads everything to see whether it is sound, and drops what the
// agent no longer needs to know (SEC-15). What is old it does not decide by a clock that cannot be right; the store sees to
// that. When it runs is package routine's. Sessions and members are package loyalty's, the journal's files package
// traffic's.
package retention

import (
	"context"
	"errors"
	"time"
)

// Store is where the bodies are.
type Store interface {
	Forget(ctx context.Context, before time.Time) (int, error)
	Drop(ctx context.Context, before time.Time) (int, error)
	Scrub(ctx context.Context) (values int, err error)
}

// Config says what is kept for how long.
type Config struct {
	Store Store
	Keep  time.Duration    // bodies of ended jobs, default 7 days
	Heads time.Duration    // what stays of them, with keys and fingerprints; default 400 days (till-api.md)
	Now   func() time.Time // default time.Now
}

// Keeper does it.
type Keeper struct{ cfg Config }

// New fills defaults and checks.
func New(cfg Config) (*Keeper, error) {
	if cfg.Store == nil {
		return nil, errors.New("retention.Config wants Store")
	}
	if cfg.Keep == 0 {
		cfg.Keep = 7 * 24 * time.Hour
	}
	if cfg.Heads == 0 {
		cfg.Heads = 400 * 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Keeper{cfg}, nil
}

// Kept is what one look did.
type Kept struct {
	Read   int // values
	Bodies int // dropped
	Heads  int // dropped
}

// Keep looks whether the store is sound, then drops what is old.
func (k *Keeper) Keep(ctx context.Context) (kept Kept, err error) {
	var troubles [3]error
	kept.Read, troubles[0] = k.cfg.Store.Scrub(ctx)
	kept.Bodies, troubles[1] = k.cfg.Store.Forget(ctx, k.cfg.Now().Add(-k.cfg.Keep))
	kept.Heads, troubles[2] = k.cfg.Store.Drop(ctx, k.cfg.Now().Add(-k.cfg.Heads))
	return kept, errors.Join(troubles[:]...)
}
