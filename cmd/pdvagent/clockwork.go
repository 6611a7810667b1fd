package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/catalog"
	"pdvagent/agent/config"
	"pdvagent/agent/loyalty"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reconcile"
	"pdvagent/agent/retention"
	"pdvagent/agent/routine"
	"pdvagent/mercafacil"
	"pdvagent/store"
)

// clockwork is the wiring of what runs by the clock.
type clockwork struct {
	cfg   config.Config
	zone  *time.Location
	queue *store.Store
	side  loyaltyParts
	pay   payingParts
	log   *slog.Logger
}

// book is the timetable: every routine that exists on this till.
func (c clockwork) book() (*routine.Book, error) {
	keeper, err := retention.New(retention.Config{Store: c.queue})
	if err != nil {
		return nil, err
	}
	list := []routine.Routine{
		c.routine("reconcile", func(_ context.Context, run *routine.Run) error {
			report, err := c.day(time.Now().In(c.zone).Format(time.DateOnly))
			report.Sales = nil
			run.Tell(report)
			run.Count("accepted", report.Total.Accepted.Count)
			run.Count("delivered", report.Total.Delivered.Count)
			run.Count("pending", report.Total.Pending.Count)
			return err
		}),
		c.routine("retention", func(ctx context.Context, run *routine.Run) error {
			kept, err := keeper.Keep(ctx)
			run.Count("values_read", kept.Read)
			run.Count("bodies_dropped", kept.Bodies)
			run.Count("heads_dropped", kept.Heads)
			dropped := 0
			if err == nil && c.pay.engine != nil {
				dropped, err = c.pay.engine.Sweep(ctx)
				run.Count("payments_emptied", dropped)
			}
			if err == nil && c.pay.ledger != nil {
				dropped, err = c.pay.ledger.Sweep(ctx)
				run.Count("boletos_dropped", dropped)
			}
			if err == nil && c.pay.desk != nil {
				dropped, err = c.pay.desk.Sweep(ctx)
				run.Count("orders_dropped", dropped)
			}
			return err
		}),
		c.routine("compact", func(_ context.Context, run *routine.Run) error {
			_, before := c.queue.Slack()
			done, err := c.queue.CompactIfWorth()
			if done {
				_, after := c.queue.Slack()
				run.Count("bytes_freed", int(before-after))
			}
			return err
		}),
		c.routine("backup", func(_ context.Context, run *routine.Run) error {
			size, err := c.queue.BackupIfDue()
			run.Count("bytes", int(size))
			return err
		}),
	}
	if c.cfg.Mercafacil != nil {
		list = append(c.cloudRoutines(), list...)
	}
	if c.pay.ledger != nil {
		settle := c.routine("sicoob-settlement", func(ctx context.Context, run *routine.Run) error { return c.pay.ledger.Settle(ctx, run) })
		settle.Shop = true
		list = append(list, settle)
	}
	return routine.New(routine.Config{
		Routines: list, Records: c.queue, Bucket: store.RoutineRecords, Primary: c.cfg.Shop.Primary, NewID: uuid.NewString, Log: c.log,
	})
}

// day adds up a day's sales.
func (c clockwork) day(day string) (reconcile.Report, error) {
	cfg := reconcile.Config{Jobs: c.queue, Zone: c.zone}
	if c.side.sales != nil {
		cfg.Session = c.side.sales.Session
	}
	return reconcile.Day(cfg, day)
}

func (c clockwork) cloudRoutines() []routine.Routine {
	list := []routine.Routine{
		c.routine("resend", func(ctx context.Context, run *routine.Run) error { return c.resend(ctx, run, false) }),
		c.routine("end-of-day", func(ctx context.Context, run *routine.Run) error { return c.resend(ctx, run, true) }),
		c.routine("abandoned", func(ctx context.Context, run *routine.Run) error {
			abandoned, unconfirmed, err := c.side.sales.Sweep(ctx)
			run.Count("abandoned", abandoned)
			run.Count("unconfirmed", unconfirmed)
			return err
		}),
	}
	for _, kind := range config.SourceLoads() {
		if rule := c.cfg.Routine(string(kind)); rule.Source != nil {
			list = append(list, c.load(kind, rule))
		}
	}
	return list
}

// routine gives one its time.
func (c clockwork) routine(name string, do func(context.Context, *routine.Run) error) routine.Routine {
	rule := c.cfg.Routine(name)
	r := routine.Routine{Name: name, Do: do}
	r.Table.Zone = c.zone
	if rule.Off {
		return r
	}
	r.Table.Every = time.Duration(rule.Every)
	for _, text := range rule.At {
		if at, err := routine.ParseTimeOfDay(text); err == nil { // config has checked it
			r.Table.At = append(r.Table.At, at)
		}
	}
	r.Table.Phase = routine.PhaseOf(c.queue.AgentID(), name, r.Table.Every)
	return r
}

// resend tries what is paused or waits; all of it at the end of the day (R45).
func (c clockwork) resend(ctx context.Context, run *routine.Run, everything bool) error {
	run.Count("pending", int(c.queue.Counters().Total(agent.Pending)))
	if everything {
		hastened, err := c.side.engine.Hasten(ctx)
		run.Count("hastened", hastened)
		if err != nil {
			return err
		}
	}
	c.side.engine.Resume()
	return nil
}

// load sends what is new in a source.
func (c clockwork) load(kind agent.Kind, rule config.Routine) routine.Routine {
	r := c.routine(string(kind), func(ctx context.Context, run *routine.Run) error {
		result, err := c.side.loads.Load(ctx, kind, rule.Source.Open(), run.Everything(), func(now catalog.Result) { count(run, now) })
		count(run, result)
		run.Tell(result)
		for _, fault := range result.Faults {
			run.Fault(fault)
		}
		if result.Refused > result.Accepted {
			run.Fault(fmt.Sprintf("A maior parte dos registros foi recusada: %d de %d. Confira a origem; o relatório diz o que há com cada um.", result.Refused, result.Refused+result.Accepted))
		}
		if result.Gone != nil && result.Gone.Withheld {
			run.Fault("Registros demais sumiram da carga completa para ser verdade; nada foi dado por inativo. Confira a origem.")
		}
		return err
	})
	r.Shop = true
	return r
}

func count(run *routine.Run, result catalog.Result) {
	run.Count("accepted", result.Accepted)
	run.Count("changed", result.Changed)
	run.Count("unchanged", result.Unchanged)
	run.Count("rejected", result.Refused)
	run.Count("batches", result.Batches)
	if result.Gone != nil {
		run.Count("removed", result.Gone.Count)
	}
}

// loader takes loads.
func (c clockwork) loader() (*catalog.Loader, error) {
	wrapped := c.cfg.Mercafacil.Wrapper == "object"
	return catalog.New(catalog.Config{
		Store: c.queue, Records: c.queue, Changed: c.queue.Changed, Digest: c.queue.Digest, NewID: uuid.NewString, Bucket: store.BatchRecords,
		Ledger:  func(whole bool) (catalog.Ledger, error) { return c.queue.OpenCatalog(whole) },
		Shape:   func(kind agent.Kind) agent.LoadShape { return mercafacil.Shape(kind, wrapped) },
		Read:    readRecord,
		Dialect: agent.Dialect(c.cfg.Mercafacil.Dialect), MaxBytes: mercafacil.MaxBatch, Log: c.log,
	})
}

// readRecord checks one record of a load: an old receipt as a live one.
func readRecord(shape agent.LoadShape, record rawjson.Value) (string, []agent.Fault) {
	if shape.Key == mercafacil.FieldCoupon {
		return loyalty.CheckSale(record)
	}
	return mercafacil.ReadRecord(shape, record)
}
