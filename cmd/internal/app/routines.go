package app

import (
	"context"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/ops/retention"
	"pdvagent/agent/ops/routine"
	"pdvagent/store"
)

// wireRoutines makes the scheduler of every routine that this till has.
func (a *Assembly) wireRoutines(context.Context) error {
	keeper, err := a.newKeeper()
	if err != nil {
		return err
	}
	list := []routine.Routine{
		a.routine("reconcile", a.reconcileToday),
		a.routine("retention", func(ctx context.Context, run *routine.Run) error { return keeper.Keep(ctx, run) }),
		a.routine("compact", a.compact),
		a.routine("backup", a.backup),
	}
	if a.cfg.Mercafacil != nil {
		list = append(a.cloudRoutines(), list...)
	}
	if a.paying.boletos != nil {
		settle := a.routine("sicoob-settlement", func(ctx context.Context, run *routine.Run) error { return a.paying.boletos.Settle(ctx, run) })
		settle.Shop = true
		list = append(list, settle)
	}
	a.routines, err = routine.New(routine.Config{
		Routines: list, Records: a.Store, Bucket: store.RoutineRecords, Primary: a.cfg.Shop.Primary, NewID: uuid.NewString, Log: a.log, Now: a.cfg.Now,
	})
	return err
}

// newKeeper makes retention over the store and what the vendors that are configured keep in it.
func (a *Assembly) newKeeper() (*retention.Keeper, error) {
	cfg := retention.Config{Store: a.Store, Trail: a.trail.Sweep, Now: a.cfg.Now}
	if a.paying.engine != nil {
		cfg.Payments = a.paying.engine.Sweep
	}
	if a.paying.boletos != nil {
		cfg.Boletos = a.paying.boletos.Sweep
	}
	if a.paying.orders != nil {
		cfg.Orders = a.paying.orders.Sweep
	}
	if a.loyalty.unread != nil {
		cfg.Unread = a.loyalty.unread.Sweep
	}
	return retention.New(cfg)
}

// cloudRoutines are those of sales and loads.
func (a *Assembly) cloudRoutines() []routine.Routine {
	list := []routine.Routine{
		a.routine("resend", a.resend),
		a.routine("end-of-day", a.resendEverything),
		a.routine("abandoned", a.endAbandoned),
	}
	for _, kind := range config.SourceLoads() {
		from := a.cfg.Routine(string(kind)).Source
		if from == nil {
			continue
		}
		load := a.routine(string(kind), func(ctx context.Context, run *routine.Run) error {
			return a.loyalty.loads.Load(ctx, kind, droppedOr(run.Folder(), from.Open()), run)
		})
		load.Shop = true
		list = append(list, load)
	}
	return list
}

// droppedOr is a source's configuration for the one file that a person has dropped on the console, if there is one. It brings
// what it has: that a record is not in it does not mean that it is gone.
func droppedOr(folder string, cfg source.Config) source.Config {
	if folder == "" {
		return cfg
	}
	if cfg.Type != "folder" {
		cfg = source.Default()
	}
	cfg.Type, cfg.Path, cfg.Rest, cfg.Mode, cfg.Removed = "folder", folder, time.Second, "changes", "report"
	return cfg
}

// routine gives work the times that the configuration says; a routine that is off runs when a person asks for it.
func (a *Assembly) routine(name string, do func(context.Context, *routine.Run) error) routine.Routine {
	rule := a.cfg.Routine(name)
	r := routine.Routine{Name: name, Do: do, Table: routine.Timetable{Zone: a.zone}}
	if rule.Off {
		return r
	}
	r.Table.Every = time.Duration(rule.Every)
	for _, text := range rule.At {
		if at, err := routine.ParseTimeOfDay(text); err == nil { // config has checked it
			r.Table.At = append(r.Table.At, at)
		}
	}
	r.Table.Phase = routine.PhaseOf(a.Store.AgentID(), name, r.Table.Every)
	return r
}

// resend lets what is paused go on.
func (a *Assembly) resend(_ context.Context, run *routine.Run) error {
	run.Count("pending", int(a.Store.Counters().Total(agent.Pending)))
	a.loyalty.sender.Resume()
	return nil
}

// resendEverything also tries now what waits for its next attempt (R45).
func (a *Assembly) resendEverything(ctx context.Context, run *routine.Run) error {
	run.Count("pending", int(a.Store.Counters().Total(agent.Pending)))
	hastened, err := a.loyalty.sender.Hasten(ctx)
	run.Count("hastened", hastened)
	if err != nil {
		return err
	}
	a.loyalty.sender.Resume()
	return nil
}

// endAbandoned ends sessions that no till has ended.
func (a *Assembly) endAbandoned(ctx context.Context, run *routine.Run) error {
	abandoned, unconfirmed, err := a.loyalty.sales.Sweep(ctx)
	run.Count("abandoned", abandoned)
	run.Count("unconfirmed", unconfirmed)
	return err
}

// reconcileToday adds up today's sales.
func (a *Assembly) reconcileToday(_ context.Context, run *routine.Run) error {
	report, err := a.day(a.cfg.Now().In(a.zone).Format(time.DateOnly))
	report.Sales = nil
	run.SetData(report)
	run.Count("accepted", report.Total.Accepted.Count)
	run.Count("delivered", report.Total.Delivered.Count)
	run.Count("pending", report.Total.Pending.Count)
	return err
}

// compact rewrites the store's file when that frees enough.
func (a *Assembly) compact(_ context.Context, run *routine.Run) error {
	_, before := a.Store.Slack()
	done, err := a.Store.CompactIfWorth()
	if done {
		_, after := a.Store.Slack()
		run.Count("bytes_freed", int(before-after))
	}
	return err
}

// backup copies the store's file when the latest copy is old, and has a sealed copy made for another machine.
func (a *Assembly) backup(_ context.Context, run *routine.Run) error {
	if a.offsite != nil {
		a.offsite.Kick()
	}
	size, err := a.Store.BackupIfDue()
	run.Count("bytes", int(size))
	return err
}
