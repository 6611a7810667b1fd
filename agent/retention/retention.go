// Package retention keeps the store in order, once after the start and once a night: it reads everything to see whether it
// is sound, drops what the agent no longer needs to know (SEC-15), compacts and makes a backup. What is old it does not decide by a clock that cannot be right; the store sees to that. Sessions and members are package
// loyalty's, the journal's files package traffic's.
package retention

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Store is where the bodies are.
type Store interface {
	Forget(ctx context.Context, before time.Time) (int, error)
	CompactIfWorth() (bool, error)
	Scrub(ctx context.Context) (values int, err error)
	BackupIfDue() (bytes int64, err error)
	Slack() (free, size int64)
}

// Config says what is kept for how long.
type Config struct {
	Store Store
	Log   *slog.Logger
	Zone  *time.Location
	Keep  time.Duration    // bodies of ended jobs, default 7 days
	Delay time.Duration    // after the start, default 1 min: first the shop opens
	Hour  int              // of the night, default 3
	Now   func() time.Time // default time.Now
}

// Keeper is the part that runs.
type Keeper struct {
	cfg Config

	mu   sync.Mutex
	last time.Time // when it ended the last time
	well bool
}

// Last is when it ended the last time, and whether well; the zero time before the first.
func (k *Keeper) Last() (at time.Time, well bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last, k.well
}

// New fills defaults and checks.
func New(cfg Config) (*Keeper, error) {
	if cfg.Store == nil || cfg.Log == nil || cfg.Zone == nil {
		return nil, errors.New("retention.Config wants Store, Log and Zone")
	}
	if cfg.Keep == 0 {
		cfg.Keep = 7 * 24 * time.Hour
	}
	if cfg.Delay == 0 {
		cfg.Delay = time.Minute
	}
	if cfg.Hour == 0 {
		cfg.Hour = 3
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Keeper{cfg: cfg}, nil
}

// Run works until ctx ends. A failure is logged and tried again the next night.
func (k *Keeper) Run(ctx context.Context) error {
	timer := time.NewTimer(k.cfg.Delay)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		k.once(ctx)
		timer.Reset(k.untilNight())
	}
}

// untilNight is how long it is to the next time that the clock on the wall shows the hour.
func (k *Keeper) untilNight() time.Duration {
	now := k.cfg.Now().In(k.cfg.Zone)
	next := time.Date(now.Year(), now.Month(), now.Day(), k.cfg.Hour, 0, 0, 0, k.cfg.Zone)
	if !next.After(now) {
		next = time.Date(now.Year(), now.Month(), now.Day()+1, k.cfg.Hour, 0, 0, 0, k.cfg.Zone)
	}
	return next.Sub(now)
}

// once looks whether the store is sound, drops what is old, compacts what is left and copies it.
func (k *Keeper) once(ctx context.Context) {
	_, before := k.cfg.Store.Slack()
	values, unsound := k.cfg.Store.Scrub(ctx)
	forgotten, notDropped := k.cfg.Store.Forget(ctx, k.cfg.Now().Add(-k.cfg.Keep))
	if ctx.Err() != nil {
		return
	}
	compacted, notCompacted := k.cfg.Store.CompactIfWorth()
	copied, notCopied := k.cfg.Store.BackupIfDue()
	if unsound != nil {
		k.cfg.Log.Error("store_not_scrubbed", "error", unsound)
	}
	if notDropped != nil {
		k.cfg.Log.Error("bodies_not_dropped", "error", notDropped)
	}
	if notCompacted != nil {
		k.cfg.Log.Error("store_not_compacted", "error", notCompacted)
	}
	if notCopied != nil {
		k.cfg.Log.Error("store_not_backed_up", "error", notCopied)
	}
	k.mu.Lock()
	k.last, k.well = k.cfg.Now(), errors.Join(unsound, notDropped, notCompacted, notCopied) == nil
	k.mu.Unlock()
	_, after := k.cfg.Store.Slack()
	k.cfg.Log.Info("retention", "values_read", values, "bodies_dropped", forgotten, "compacted", compacted,
		"bytes_before", before, "bytes_after", after, "backup_bytes", copied)
}
