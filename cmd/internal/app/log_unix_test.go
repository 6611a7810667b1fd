//go:build !windows

package app_test

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
	"pdvagent/cmd/internal/app"
)

func TestLogGoesIntoAFileOfItsOwnWhateverWasPlantedThere(t *testing.T) {
	for kind, plant := range agenttest.Plants() {
		target, untouched := agenttest.Outside(t)
		cfg := config.Default()
		cfg.DataDir = t.TempDir()
		path := filepath.Join(app.LogFolder(cfg), "pdvagent.log")
		if err := errors.Join(os.Mkdir(app.LogFolder(cfg), 0o700), plant(target, path)); err != nil {
			t.Fatal(err)
		}
		agenttest.GiveAway(t, cfg.DataDir)
		log, done, err := app.OpenLog(cfg, new(slog.LevelVar), io.Discard)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		log.Info("a line")
		if err := done(); err != nil {
			t.Error(err)
		}
		if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "a line") {
			t.Errorf("%s: got %q, %v", kind, text, err)
		}
		untouched()
	}
}

// The folder of a running log becomes a link: what is full is neither renamed nor begun outside.
func TestAFullLogIsLedNowhereByAFolderThatBecameALink(t *testing.T) {
	target, untouched := agenttest.Outside(t)
	cfg := config.Default()
	cfg.DataDir, cfg.Log.MaxMB = t.TempDir(), 5
	log, done, err := app.OpenLog(cfg, new(slog.LevelVar), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("a line")
	if err := errors.Join(os.RemoveAll(app.LogFolder(cfg)), os.Symlink(target, app.LogFolder(cfg))); err != nil {
		t.Fatal(err)
	}
	agenttest.GiveAway(t, cfg.DataDir)
	for range 30 {
		log.Info("a line", "text", strings.Repeat("x", 100<<10))
	}
	if err := done(); err != nil {
		t.Error(err)
	}
	untouched()
}
