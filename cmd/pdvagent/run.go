package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"pdvagent/agent"
	"pdvagent/agent/alarm"
	"pdvagent/agent/catalog"
	"pdvagent/agent/config"
	"pdvagent/agent/loyalty"
	"pdvagent/agent/mask"
	"pdvagent/agent/metrics"
	"pdvagent/agent/osfile"
	"pdvagent/agent/routine"
	"pdvagent/agent/sender"
	"pdvagent/agent/service"
	"pdvagent/agent/settings"
	"pdvagent/agent/tillapi"
	"pdvagent/agent/traffic"
	"pdvagent/agent/upstream"
	"pdvagent/agent/web"
	"pdvagent/mercafacil"
	"pdvagent/store"
)

func newRun(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Executa o agente: em primeiro plano, ou para o gerenciador de serviços que o iniciou", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return service.Run(cmd.Context(), opts.serve)
		},
	}
}

// serve is the agent from its configuration on, in the foreground.
func (o *options) serve(ctx context.Context, ready func()) (err error) {
	cfg, warnings, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return err
	}
	if err := osfile.MakePrivateFolder(cfg.DataDir); err != nil {
		return err
	}
	crashed, unwatch, err := coroner(cfg).Watch()
	if err != nil {
		return err
	}
	defer unwatch()
	level := new(slog.LevelVar)
	log, closeLog, err := openLog(cfg, level, os.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	for _, warning := range warnings {
		log.Warn("config_warning", "line", warning.Line, "key", warning.Field, "detail", warning.Detail)
	}
	if crashed != "" {
		tellCrash(crashed, log)
	}
	if err := run(ctx, place{Config: cfg, file: o.config, level: level, ready: ready}, log); err != nil {
		log.Error("ended", "error", err)
		return err
	}
	return nil
}

// coroner keeps what a run said when it died, for support.
func coroner(cfg config.Config) service.Coroner {
	return service.Coroner{Folder: filepath.Join(cfg.DataDir, "crash"), Log: filepath.Join(logFolder(cfg), logName), Mask: mask.Text}
}

func tellCrash(file string, log *slog.Logger) {
	log.Error("crashed_before", "file", file)
	if events, err := service.OpenEventLog(); err == nil {
		events.Crashed(file)
		_ = events.Close() // it has been said
	}
}

// place is what an agent is started with.
type place struct {
	config.Config
	file  string         // that the configuration came from
	level *slog.LevelVar // of the log
	ready func()         // called when tills are answered
	dial  upstream.Dial  // how clouds are reached; nil: by TCP
}

// run is an agent from its wiring to its end: it returns when ctx ends and everything has stopped, or with the error that
// makes a restart necessary.
func run(ctx context.Context, at place, log *slog.Logger) error {
	group, ctx := errgroup.WithContext(ctx)
	a, err := at.assemble(ctx, log)
	if err != nil {
		return err
	}
	defer a.close()
	for _, part := range a.parts {
		group.Go(func() error { return part(ctx) })
	}
	if err := at.open(ctx, group, a.routes, a.access, a.watch, log); err != nil {
		group.Go(func() error { return err })
	}
	return group.Wait()
}

// assembly is the wiring: the store, who writes into it (loyalty), who drains it (sender), and what stands behind the door
// (tillapi behind web).
type assembly struct {
	queue  *store.Store
	watch  watch
	access *web.Access
	parts  []func(context.Context) error // what runs
	routes *tillapi.API
	ends   []func() // in the order of their beginning
}

func (a *assembly) close() {
	for _, end := range slices.Backward(a.ends) {
		end()
	}
}

// assemble makes everything that an agent is made of. Nothing of it runs yet; it will until ctx ends.
func (at place) assemble(ctx context.Context, log *slog.Logger) (a *assembly, err error) {
	a = &assembly{}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	cfg, counts, alarms := at.Config, metrics.New(), new(agent.Alarms)
	a.queue, err = openStore(cfg, storeHooks{counts.Commit, func(r store.Report) { raiseSalvaged(alarms, r) }}, log)
	if err != nil {
		return a, err
	}
	a.ends = append(a.ends, func() {
		if err := a.queue.Close(); err != nil {
			log.Error("store_not_closed", "error", err)
		}
	})
	if earlier, err := store.LastSalvage(cfg.DataDir); err == nil && earlier != nil {
		raiseSalvaged(alarms, *earlier)
	}
	if a.watch, err = openWatch(ctx, cfg, a.queue, counts, alarms, log); err != nil {
		return a, err
	}
	a.ends = append(a.ends, a.watch.close)
	zone, err := config.Zone(cfg.Shop.Timezone)
	if err != nil {
		return a, err
	}
	side, err := at.loyaltySide(zone, a.queue, a.watch, log)
	if err != nil {
		return a, err
	}
	a.ends = append(a.ends, side.close)
	pay, err := at.payingSide(a.queue, a.watch, log)
	a.ends = append(a.ends, pay.close)
	if err != nil {
		return a, err
	}
	clock := clockwork{cfg: cfg, zone: zone, queue: a.queue, side: side, pay: pay, log: log}
	book, err := clock.book()
	if err != nil {
		return a, err
	}
	a.access = web.NewAccess(tokens(cfg), cfg.API.AllowedOrigins)
	a.parts = append([]func(context.Context) error{a.watch.board.Run, book.Run, unbroken(a.queue)}, append(side.parts(), pay.run...)...)
	a.routes, err = at.routes(ctx, a.queue, a.watch, book, clock, side, a.access, log)
	return a, err
}

// routes is the local API over everything that runs.
func (at place) routes(ctx context.Context, queue *store.Store, watch watch, book *routine.Book, clock clockwork, side loyaltyParts, access *web.Access, log *slog.Logger) (*tillapi.API, error) {
	api := tillapi.Config{
		Queue: queue, Overview: queue, Wires: queue.Wire, Alarms: watch.alarms, Board: watch.board, Metrics: watch.counts, Journal: watch.journal,
		Dialect: agent.V2, Accepted: at.Till.QueuedStatus, Version: version, AgentID: queue.AgentID(), Stopping: ctx.Done(), Routines: book, Day: clock.day, Zone: clock.zone, Events: queue,
	}
	clock.pay.serve(&api)
	reads := watch.reads(at.Config, queue)
	reads.Routines = make(map[string]metrics.Run)
	for _, entry := range book.List() {
		reads.Routines[entry.Name] = func() (time.Time, bool) { return book.Last(entry.Name) }
	}
	if at.Mercafacil != nil {
		api.Sales, api.Sessions, api.Engine, api.Circuit = side.sales, side.sales, side.engine, side.circuit.State
		api.Loads = side.loads
		api.Dialect, api.Cloud = agent.Dialect(at.Mercafacil.Dialect), at.Mercafacil.BaseURL
		reads.Link, reads.Circuit = side.engine.Link, side.circuit.State
	}
	if err := watch.counts.Read(reads); err != nil {
		return nil, err
	}
	var err error
	if api.Settings, err = at.settings(side, access, log); err != nil {
		return nil, err
	}
	return tillapi.New(api)
}

// settings is what can change while the agent runs, and who takes it.
func (at place) settings(side loyaltyParts, access *web.Access, log *slog.Logger) (*settings.Settings, error) {
	takers := []settings.Taker{
		{Fields: []string{"log.level"}, Take: func(c config.Config) error { at.level.Set(logLevel(c.Log.Level)); return nil }},
		{Fields: []string{"api.tokens", "api.allowed_origins"}, Take: func(c config.Config) error { access.Allow(tokens(c), c.API.AllowedOrigins); return nil }},
	}
	cfg := settings.Config{Editor: editor(at.file, at.Config), Running: at.Config, Log: log}
	if at.Mercafacil != nil {
		cfg.Changed = side.engine.Resume
		takers = append(takers,
			settings.Taker{Fields: []string{"sender.per_second"}, Take: func(c config.Config) error { side.engine.SetPace(c.Sender.PerSecond); return nil }},
			settings.Taker{Fields: []string{"mercafacil.token"}, Take: side.newToken},
		)
	}
	cfg.Takers = takers
	return settings.New(cfg)
}

// editor changes a configuration's file; its versions lie in the data folder.
func editor(file string, cfg config.Config) *config.Editor {
	return &config.Editor{Path: file, Folder: filepath.Join(cfg.DataDir, "config")}
}

// watch is what looks on: the journal, the alarms, the metrics. Nothing waits for it.
type watch struct {
	journal *traffic.Journal
	counts  *metrics.Metrics
	alarms  *agent.Alarms
	board   *alarm.Board
	close   func() // after everybody who may still have something to say
}

func openWatch(ctx context.Context, cfg config.Config, queue *store.Store, counts *metrics.Metrics, alarms *agent.Alarms, log *slog.Logger) (watch, error) {
	w := watch{counts: counts, alarms: alarms}
	var err error
	w.journal, err = traffic.New(traffic.Config{
		Dir: filepath.Join(cfg.DataDir, "traffic"), KeepDays: cfg.Traffic.KeepDays, MaxBytes: int64(cfg.Traffic.MaxMB) << 20,
		Bodies: cfg.Traffic.Bodies == "masked", Mark: queue.Mark, Log: log,
	})
	if err != nil {
		return w, err
	}
	events, err := service.OpenEventLog()
	if err != nil {
		return w, err
	}
	if w.board, err = alarm.New(alarm.Config{Alarms: w.alarms, Jobs: queue, Log: log, Tell: events.Tell}); err != nil {
		return w, errors.Join(err, events.Close())
	}
	stopJournal := startJournal(ctx, w.journal)
	w.close = func() {
		stopJournal()
		_ = events.Close() // nothing is said any more
	}
	return w, nil
}

// observe notes a call of the local API or of a cloud.
func (w watch) observe(x agent.Exchange) {
	w.journal.Record(x)
	w.counts.Exchange(x)
}

// reads is what the metrics read when somebody asks.
func (w watch) reads(cfg config.Config, queue *store.Store) metrics.Config {
	return metrics.Config{
		Version: version, Queue: queue, Alarms: w.board.List, Lost: w.journal.Lost,
		Sizes: map[string]metrics.Size{
			"database": queue.Size, "spool": queue.SpoolSize, "catalog": queue.CatalogSize, "backup": queue.BackupSize, "journal": w.journal.Size,
			"log": func() (int64, int64) { return logSize(cfg) },
		},
	}
}

// startJournal writes until the result is called: after everybody who may still have something to say.
func startJournal(ctx context.Context, journal *traffic.Journal) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = journal.Run(ctx) // it has no error of its own: what it cannot write it says in the log
	}()
	return func() { cancel(); <-done }
}

// loyaltyParts is what exists only where mercafacil is configured.
type loyaltyParts struct {
	cloud   *mercafacil.Client
	circuit *upstream.Circuit
	sales   *loyalty.Service
	engine  *sender.Sender
	loads   *catalog.Loader
}

// parts is what runs; nothing where mercafacil is not configured.
func (p loyaltyParts) parts() []func(context.Context) error {
	if p.engine == nil {
		return nil
	}
	return []func(context.Context) error{p.engine.Run, p.loads.Run, p.circuit.Run}
}

// newToken speaks to the cloud with another token from now on. A section that went away needs a restart.
func (p loyaltyParts) newToken(cfg config.Config) error {
	if cfg.Mercafacil == nil {
		return errors.New("the section is gone")
	}
	p.cloud.SetToken(cfg.Mercafacil.Token.Reveal())
	return nil
}

// close ends what goes on without a till, then the connections.
func (p loyaltyParts) close() {
	if p.engine == nil {
		return
	}
	p.sales.Close()
	p.cloud.Close()
}

func (at place) loyaltySide(zone *time.Location, queue *store.Store, watch watch, log *slog.Logger) (loyaltyParts, error) {
	var p loyaltyParts
	var err error
	cfg := at.Config
	if cfg.Mercafacil == nil {
		return p, nil
	}
	p.cloud, err = mercafacil.New(mercafacil.Config{
		BaseURL: cfg.Mercafacil.BaseURL, Token: cfg.Mercafacil.Token.Reveal(), PDVVersion: cfg.Mercafacil.PDVVersion,
		Observe: watch.observe, Dial: at.dial,
	})
	if err != nil {
		return p, err
	}
	if p.circuit, err = upstream.NewCircuit(upstream.CircuitConfig{Probe: p.cloud.Probe, Log: log}); err != nil {
		return p, err
	}
	p.sales, err = loyalty.New(loyalty.Config{
		Store: queue, Counter: queue, Records: queue, Changed: queue.Changed, Cloud: p.cloud, Circuit: p.circuit, Alarms: watch.alarms, Log: log,
		CounterBucket: store.CounterRecords, SessionBucket: store.SessionRecords, MemberBucket: store.MemberRecords,
		LiveDeadline: time.Duration(cfg.Mercafacil.LiveDeadline), AbandonAfter: time.Duration(cfg.Loyalty.AbandonAfter),
		MemberCache: orNone(cfg.Loyalty.MemberCache), UnknownMember: loyalty.Unknown(cfg.Loyalty.UnknownMember),
		KeepOfflineID: cfg.Loyalty.OfflineID == "keep", Shop: cfg.Shop.ID, Till: cfg.Shop.Till, Zone: zone,
		Dialect: agent.Dialect(cfg.Mercafacil.Dialect), UUIDCoupons: cfg.Till.CouponID == "uuid", NewUUID: uuid.NewString,
	})
	if err != nil {
		return p, err
	}
	p.engine, err = sender.New(sender.Config{
		Queue: queue, Jobs: queue, Cloud: p.cloud, Preparer: p.sales, Busy: p.sales.Busy, Later: watch.counts.Later, Alarms: watch.alarms, Log: log,
		Parallel: cfg.Sender.Parallel, PerSecond: cfg.Sender.PerSecond,
		RetryMin: time.Duration(cfg.Sender.RetryMin), RetryMax: time.Duration(cfg.Sender.RetryMax), StartJitter: orNone(cfg.Sender.StartJitter),
		Conflict: sender.CouponConflict(cfg.Mercafacil.CouponConflict),
	})
	if err != nil {
		return p, err
	}
	p.loads, err = clockwork{cfg: cfg, queue: queue, log: log}.loader()
	return p, err
}

// orNone gives a time that is written as 0s in the file to parts whose zero means their default.
func orNone(d config.Duration) time.Duration { return max(time.Duration(d), time.Nanosecond) }

// stopPatience is how long requests at hand may go on when the agent stops.
const stopPatience = 10 * time.Second

// open opens the door: the same chain on 127.0.0.1 and ::1.
func (at place) open(ctx context.Context, group *errgroup.Group, routes *tillapi.API, access *web.Access, watch watch, log *slog.Logger) error {
	listeners, noIPv6, err := web.Listen(ctx, at.API.Listen)
	if err != nil {
		return err
	}
	if noIPv6 != nil {
		log.Warn("no_ipv6", "error", noIPv6)
	}
	tcp, ok := listeners[0].Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("listener has the address %v", listeners[0].Addr())
	}
	handler, err := web.Handler(web.Config{
		Port: tcp.Port, Access: access, Routes: routes.Routes(),
		Alarm: watch.board.Code, NewID: uuid.NewString, Log: log, Observe: watch.observe,
	})
	if err != nil {
		return err
	}
	server := web.Server(handler, log)
	for _, listener := range listeners {
		group.Go(func() error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	at.ready()
	notifier := service.NewNotifier(os.Getenv)
	if err := notifier.Ready(); err != nil {
		log.Warn("systemd_not_told", "error", err)
	}
	group.Go(func() error { return notifier.Alive(ctx, health(tcp.Port), log) })
	group.Go(func() error {
		<-ctx.Done()
		_ = notifier.Stopping() // it sees the end anyway
		patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
		defer cancel()
		if err := server.Shutdown(patient); err != nil {
			log.Warn("requests_cut", "error", err)
			return server.Close()
		}
		return nil
	})
	log.Info("listening", "address", listeners[0].Addr().String(), "version", version)
	return nil
}

// health asks the agent as a till would, over its own port.
func health(port int) func(context.Context) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/health", port), http.NoBody)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close() // its head is enough
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("health answers %s", response.Status)
		}
		return nil
	}
}

func tokens(cfg config.Config) []web.Token {
	list := make([]web.Token, 0, len(cfg.API.Tokens))
	for _, token := range cfg.API.Tokens {
		scope, _ := web.ParseScope(token.Scope) // config has checked it
		list = append(list, web.Token{Name: token.Name, Scope: scope, Secret: token.Token.Reveal()})
	}
	return list
}
