package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/evidence"
	kit "pdvagent/agent/ops/homologation"
	"pdvagent/agent/osfile"
	"pdvagent/agent/upstream"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/rig"
	"pdvagent/mercafacil/homologation"
)

// stage is an agent of the homologation's own, in this process, with a cloud and a till.
type stage struct {
	cfg    config.Config
	tap    *kit.Tap
	till   *kit.Till
	status *rig.Till
	cloud  *upstream.Client
	ended  chan struct{} // closed when the agent has ended
	err    error         // of its end; read it only then
	stop   func()
}

// own is what tells a run from another one.
type own struct {
	run string           // begins the coupons' ids
	ids *kit.IDs         // every other id
	now func() time.Time // nil: the time
}

// tap keeps what passes, by the run's clock.
func (o own) tap() *kit.Tap {
	if o.now == nil {
		return kit.NewTap()
	}
	return kit.NewTapOf(o.now)
}

// clock is the run's.
func (o own) clock() func() time.Time {
	if o.now == nil {
		return time.Now
	}
	return o.now
}

// startStage runs an agent until stop. What passes is kept by its tap.
func startStage(ctx context.Context, plan *homologation.Plan, start app.Config, own own) (*stage, error) {
	cfg := start.Config
	zone, err := config.Zone(cfg.Shop.Timezone)
	if err != nil {
		return nil, err
	}
	s := &stage{cfg: cfg, tap: own.tap(), ended: make(chan struct{})}
	s.status = rig.NewTill("http://"+cfg.API.Listen, tokenOf(cfg, "till"), tokenOf(cfg, "support"))
	s.till = &kit.Till{Base: s.status.Base, Token: s.status.Token, HTTP: &http.Client{Timeout: clientTimeout}, Plan: plan, Tap: s.tap, Zone: zone, Now: own.clock(), Run: own.run, IDs: own.ids}
	s.cloud, err = upstream.New(upstream.Config{
		BaseURL: cfg.Mercafacil.BaseURL, Observe: s.tap.Observe, Dial: start.Dial,
		Header: http.Header{"Authorization": {"Bearer " + cfg.Mercafacil.Token.Reveal()}, "Pdv-Version": {cfg.Mercafacil.PDVVersion}},
	})
	if err != nil {
		return nil, err
	}
	if err := osfile.MakePrivateFolder(cfg.DataDir); err != nil {
		return nil, err
	}
	log, closeLog, err := app.OpenLog(cfg, new(slog.LevelVar), io.Discard)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ready := make(chan struct{})
	start.Level, start.Ready, start.Tap = new(slog.LevelVar), func() { close(ready) }, s.tap.Observe
	go func() {
		err := app.Run(ctx, start, log)
		s.err = errors.Join(err, closeLog())
		close(s.ended)
	}()
	s.stop = func() {
		cancel()
		s.cloud.Close()
		<-s.ended
	}
	select {
	case <-ready:
		return s, nil
	case <-s.ended:
		cancel()
		return nil, s.err
	}
}

func tokenOf(cfg config.Config, scope string) string {
	for _, token := range cfg.API.Tokens {
		if token.Scope == scope {
			return token.Token.Reveal()
		}
	}
	return ""
}

// online waits until the agent says that the cloud answers.
func (s *stage) online(ctx context.Context) error { return s.status.WaitOnline(ctx) }

// facts are what no exchange shows.
func (s *stage) facts() homologation.Facts {
	return homologation.Facts{TokenLength: len(s.cfg.Mercafacil.Token.Reveal()), BaseURL: s.cfg.Mercafacil.BaseURL, Zone: s.till.Zone}
}

// cover is what the report says of this agent.
func (s *stage) cover() evidence.Cover {
	return evidence.Cover{
		Shop: s.cfg.Shop.ID, Till: s.cfg.Shop.Till, AgentVersion: app.Version, PDVVersion: s.cfg.Mercafacil.PDVVersion,
		BaseURL: s.cfg.Mercafacil.BaseURL, Dialect: s.cfg.Mercafacil.Dialect,
	}
}

// errRed is the end of a run in which an item failed, or stayed open that the sandbox can do.
func errRed(count int) error {
	return agent.Errorf(agent.CodeConflict, nil, "%d item(ns) sem prova; veja acima o que falta ou o que está errado.", count)
}
