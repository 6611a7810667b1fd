package app

import (
	"context"
	"path/filepath"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/loads/inbox"
	"pdvagent/agent/loads/reconcile"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/ops/evidence"
	"pdvagent/agent/ops/homologation"
	"pdvagent/agent/ops/metrics"
	"pdvagent/agent/ops/settings"
	"pdvagent/agent/till/api"
	"pdvagent/agent/till/web"
	rules "pdvagent/mercafacil/homologation"
)

// wireAPI puts the local API over everything that runs.
func (a *Assembly) wireAPI(ctx context.Context) error {
	a.access = web.NewAccess(accessTokens(a.cfg.Config), a.cfg.API.AllowedOrigins)
	if err := a.metrics.Read(a.metricSources()); err != nil {
		return err
	}
	changes, err := a.settings()
	if err != nil {
		return err
	}
	a.changes = changes
	a.api, err = a.routes(ctx, changes)
	return err
}

// routes gives every route its part; a part that is not configured stays nil, and its routes say so.
func (a *Assembly) routes(ctx context.Context, changes *settings.Settings) (*api.API, error) {
	cfg := api.Config{
		Agent:   api.Agent{Store: a.Store, Alarms: a.alarms, Version: Version, Zone: a.zone, Now: a.cfg.Now, Stopping: ctx.Done()},
		Paying:  a.paying.routes(),
		Support: api.Support{Board: a.board, Journal: a.journal, Metrics: a.metrics, Routines: a.routines, Confirm: a.routines.StartAs, Settings: changes, Access: a.access, Audit: a.trail, Day: a.day, Doctor: Installation{File: a.cfg.File, Inside: true}},
	}
	cfg.Support.Inbox = inbox.New(filepath.Join(a.cfg.DataDir, "entrada"), time.Now)
	cfg.Support.Reading = a.reading
	if a.cfg.Mercafacil != nil {
		watch, err := a.watch()
		if err != nil {
			return nil, err
		}
		cfg.Support.Watch = watch
		cfg.Sales = api.Sales{
			Loyalty: a.loyalty.sales, Sender: a.loyalty.sender, Circuit: a.loyalty.circuit, Loads: a.loyalty.loads, Unread: a.loyalty.unread,
			Dialect: a.dialect(), QueuedStatus: a.cfg.Till.QueuedStatus, CloudURL: a.cfg.Mercafacil.BaseURL,
		}
	}
	return api.New(cfg)
}

// watch looks at what the till does, while support wants it.
func (a *Assembly) watch() (*homologation.Watcher, error) {
	cloud := a.cfg.Mercafacil
	return homologation.NewWatcher(homologation.WatchConfig{
		Path: filepath.Join(a.cfg.DataDir, "homologacao.json"), Tap: a.watched, Now: a.cfg.Now,
		Facts: rules.Facts{TokenLength: len(cloud.Token.Reveal()), BaseURL: cloud.BaseURL, Zone: a.zone},
		Cover: evidence.Cover{
			Shop: a.cfg.Shop.ID, Till: a.cfg.Shop.Till, AgentVersion: Version, PDVVersion: cloud.PDVVersion, BaseURL: cloud.BaseURL, Dialect: cloud.Dialect,
		},
	})
}

// reading is how a file dropped on the console is read: by the rules of its routine's source, where that is a folder.
func (a *Assembly) reading(kind agent.Kind) source.Config {
	cfg := source.Default()
	if rule := a.cfg.Routine(string(kind)); rule.Source != nil {
		cfg = rule.Source.Open()
	}
	return droppedOr("-", cfg)
}

// day adds up a day's sales, given as YYYY-MM-DD.
func (a *Assembly) day(day string) (reconcile.Report, error) {
	cfg := reconcile.Config{Jobs: a.Store, Zone: a.zone}
	if a.loyalty.sales != nil {
		cfg.Session = a.loyalty.sales.Session
	}
	return reconcile.Day(cfg, day)
}

// metricSources is what the metrics read when somebody asks for them.
func (a *Assembly) metricSources() metrics.Config {
	cfg := metrics.Config{
		Version: Version, Queue: a.Store, Alarms: a.board.List, Lost: a.journal.Lost, Now: a.cfg.Now,
		Sizes: map[string]metrics.Size{
			"database": a.Store.Size, "spool": a.Store.SpoolSize, "catalog": a.Store.CatalogSize, "backup": a.Store.BackupSize, "journal": a.journal.Size,
			"log": func() (int64, int64) { return logSize(a.cfg.Config) },
		},
		Routines: make(map[string]metrics.Run),
	}
	for _, entry := range a.routines.List() {
		cfg.Routines[entry.Name] = func() (time.Time, bool) { return a.routines.Last(entry.Name) }
	}
	if a.cfg.Mercafacil != nil {
		cfg.Link, cfg.Circuit = a.loyalty.sender.Link, a.loyalty.circuit.State
	}
	return cfg
}

// settings is what can change while the agent runs: every field that a part applies.
func (a *Assembly) settings() (*settings.Settings, error) {
	cfg := settings.Config{Editor: Editor(a.cfg.File, a.cfg.Config), Running: a.cfg.Config, Log: a.log, Trials: a.trials()}
	cfg.Appliers = []settings.Applier{
		{Fields: []string{"log.level"}, Apply: func(c config.Config) error { a.cfg.Level.Set(logLevel(c.Log.Level)); return nil }},
		{Fields: []string{"api.tokens", "api.allowed_origins"}, Apply: func(c config.Config) error { a.access.Allow(accessTokens(c), c.API.AllowedOrigins); return nil }},
	}
	if a.cfg.Mercafacil != nil {
		cfg.Changed = a.loyalty.sender.Resume
		cfg.Appliers = append(
			cfg.Appliers,
			settings.Applier{Fields: []string{"sender.per_second"}, Apply: func(c config.Config) error { a.loyalty.sender.SetPace(c.Sender.PerSecond); return nil }},
			settings.Applier{Fields: []string{"mercafacil.token"}, Apply: a.loyalty.setToken},
		)
	}
	return settings.New(cfg)
}

// Editor changes a configuration file and keeps its versions in the data folder.
func Editor(file string, cfg config.Config) *config.Editor {
	return &config.Editor{Path: file, Folder: filepath.Join(cfg.DataDir, "config")}
}

func accessTokens(cfg config.Config) []web.Token {
	tokens := make([]web.Token, 0, len(cfg.API.Tokens))
	for _, token := range cfg.API.Tokens {
		scope, _ := web.ParseScope(token.Scope) // config has checked it
		tokens = append(tokens, web.Token{Name: token.Name, Scope: scope, Secret: token.Token.Reveal()})
	}
	return tokens
}
