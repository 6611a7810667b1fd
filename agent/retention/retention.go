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
	Scrub(ctx context.Context) (values int, err error)
}

// Config says what is kept for how long.
type Config struct {
	Store Store
	Keep  time.Duration    // bodies of ended jobs, default 7 days
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
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Keeper{cfg}, nil
}

// Keep looks whether the store is sound, then drops what is old. It tells how many values it read and bodies it dropped.
func (k *Keeper) Keep(ctx context.Context) (read, dropped int, err error) {
	read, unsound := k.cfg.Store.Scrub(ctx)
	dropped, notDropped := k.cfg.Store.Forget(ctx, k.cfg.Now().Add(-k.cfg.Keep))
	return read, dropped, errors.Join(unsound, notDropped)
}
