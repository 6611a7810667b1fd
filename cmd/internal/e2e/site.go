package e2e

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pdvagent/agent/config"
	"pdvagent/agent/sandbox"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/rig"
)

// The tokens of every site. They must stand in no file but the configuration.
const (
	TillToken    = "token-do-caixa-token-do-caixa"
	SupportToken = "token-do-suporte-token-do-suporte"
	AdminToken   = "token-do-admin-token-do-admin"
	CloudToken   = "CANARY-CLOUD-TOKEN"
)

// Site is a shop with one till: simulated clouds, an agent in this process, and calls to both. It is the test that it was made
// for, too.
type Site struct {
	*testing.T
	Clouds   *sandbox.Sandbox
	Base     string           // URL of the agent
	Config   string           // path of its configuration
	AgentLog *logBuffer       // what the agent logs
	Now      func() time.Time // the agent's clock; nil: the time
	Stop     func()           // stops the agent that Start started
}

// NewSite starts the clouds and writes the agent's configuration; replace changes texts of it, in pairs of old and new. The
// agent does not run before [Site.Start].
func NewSite(t *testing.T, replace ...string) *Site {
	t.Helper()
	return NewSiteWithToken(t, CloudToken, replace...)
}

// NewSiteWithToken is [NewSite] with another token for the cloud.
func NewSiteWithToken(t *testing.T, token string, replace ...string) *Site {
	t.Helper()
	clouds, err := rig.StartClouds(t.Context(), false, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clouds.Close)
	answers, err := rig.Answers(t.Context(), t.TempDir(), clouds.BaseURL())
	if err != nil {
		t.Fatal(err)
	}
	answers.TillToken, answers.SupportToken, answers.AdminToken, answers.Token = TillToken, SupportToken, AdminToken, token
	replace = append(replace, "retry_min: 5s ", "retry_min: 50ms ", "retry_max: 30m", "retry_max: 300ms", "start_jitter: 60s", "start_jitter: 0s",
		"level: info", "level: debug")
	path, err := rig.WriteConfig(answers, replace...)
	if err != nil {
		t.Fatal(err)
	}
	return &Site{T: t, Clouds: clouds, Base: "http://" + answers.Listen, Config: path, AgentLog: &logBuffer{}}
}

// NewSiteShortDeadline is [NewSite] with a live deadline of half a second.
func NewSiteShortDeadline(t *testing.T, replace ...string) *Site {
	t.Helper()
	return NewSite(t, append(replace, "live_deadline: 2500ms", "live_deadline: 500ms")...)
}

// NewSiteWithPayments is [NewSite] with every payment vendor configured.
func NewSiteWithPayments(t *testing.T, replace ...string) *Site {
	t.Helper()
	old, text := rig.Payments("CLOUDS")
	s := NewSite(t, append(replace, old, text)...)
	s.EditConfig("CLOUDS", "http://"+s.Clouds.Address())
	return s
}

// Start starts the agent in this process and waits until it answers. It is stopped at the end of the test at the latest.
func (s *Site) Start() *Site {
	s.Helper()
	app.Recover(s.Config, app.NewLog(s.AgentLog, ""))
	cfg, _, err := config.Load(s.Config, os.LookupEnv)
	if err != nil {
		s.Fatal(err)
	}
	level := new(slog.LevelVar)
	log, closeLog, err := app.OpenLog(cfg, level, s.AgentLog)
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- errors.Join(app.Run(ctx, app.Config{Config: cfg, File: s.Config, Level: level, Ready: func() {}, Now: s.Now}, log), closeLog())
	}()
	s.Stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.Errorf("the agent ended with: %v", err)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	s.Cleanup(s.Stop)
	s.Until("the agent answers", func() bool { return s.Call(http.MethodGet, "/health", "", "").Status == http.StatusOK })
	return s
}

// DataDir is the agent's data folder.
func (s *Site) DataDir() string { return filepath.Join(filepath.Dir(s.Config), "data") }

// ConfigText is the configuration as the file has it now.
func (s *Site) ConfigText() string {
	s.Helper()
	text, err := os.ReadFile(s.Config)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

// EditConfig replaces a text of the configuration file wherever it stands.
func (s *Site) EditConfig(old, text string) {
	s.Helper()
	if err := os.WriteFile(s.Config, []byte(strings.ReplaceAll(s.ConfigText(), old, text)), 0o600); err != nil {
		s.Fatal(err)
	}
}

// logBuffer is a buffer that the agent writes while the test reads.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
