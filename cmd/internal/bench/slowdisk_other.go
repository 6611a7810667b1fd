//go:build !linux

package bench

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"pdvagent/cmd/internal/rig"
)

// slowDisk is the disk as it is: this system tells nobody of another process's syncs.
type slowDisk struct{}

func startOn(ctx context.Context, _ time.Duration, configPath string, appends int) (*slowDisk, *rig.Process, float64, error) {
	raw, err := appendTimes(ctx, filepath.Join(filepath.Dir(configPath), "raw"), appends)
	if err != nil {
		return nil, nil, 0, err
	}
	process, err := rig.StartAgent(ctx, configPath)
	return &slowDisk{}, process, raw, err
}

func (*slowDisk) counts() bool { return false }

func (*slowDisk) synced() int64 { return 0 }

func (*slowDisk) stop() error { return nil }

func runWrapped(context.Context, int, string) error {
	return errors.New("this system has no such wrapper")
}
