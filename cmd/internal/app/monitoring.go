package app

import (
	"context"
	"errors"
	"path/filepath"

	"pdvagent/agent"
	"pdvagent/agent/ops/alarm"
	"pdvagent/agent/ops/audit"
	"pdvagent/agent/ops/homologation"
	"pdvagent/agent/ops/metrics"
	"pdvagent/agent/ops/service"
	"pdvagent/agent/ops/traffic"
	"pdvagent/store"
)

// monitoring is what every part reports to. No part waits for it.
type monitoring struct {
	journal *traffic.Journal // of the calls of tills and to clouds
	metrics *metrics.Metrics
	alarms  *agent.Alarms
	board   *alarm.Board // shows the alarms
	tap     func(agent.Exchange)
	watched *homologation.Tap // keeps what passes while somebody watches the till
	trail   *audit.Trail      // of what people did
}

// openMonitoring starts the journal. It is closed after every part that writes to it.
func (a *Assembly) openMonitoring(ctx context.Context) error {
	var err error
	a.tap, a.watched = a.cfg.Tap, homologation.NewTap()
	a.journal, err = traffic.New(traffic.Config{
		Dir: filepath.Join(a.cfg.DataDir, "traffic"), KeepDays: a.cfg.Traffic.KeepDays, MaxBytes: int64(a.cfg.Traffic.MaxMB) << 20,
		Bodies: a.cfg.Traffic.Bodies == "masked", Mark: a.Store.Mark, Log: a.log, Now: a.cfg.Now,
	})
	if err != nil {
		return err
	}
	if a.trail, err = audit.New(audit.Config{Store: a.Store, Bucket: store.AuditRecords, Now: a.cfg.Now}); err != nil {
		return err
	}
	events, err := service.OpenEventLog()
	if err != nil {
		return err
	}
	if a.board, err = alarm.New(alarm.Config{Alarms: a.alarms, Jobs: a.Store, Log: a.log, Notify: events.Alarm, Now: a.cfg.Now}); err != nil {
		return errors.Join(err, events.Close())
	}
	stopJournal := startJournal(ctx, a.journal)
	a.closers = append(a.closers, func() {
		stopJournal()
		_ = events.Close() // nobody writes to it any more
	})
	return nil
}

// startJournal writes the journal until stop is called, also after ctx has ended.
func startJournal(ctx context.Context, journal *traffic.Journal) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = journal.Run(ctx) // always nil: it logs what it cannot write
	}()
	return func() { cancel(); <-done }
}

// observe notes one call of the local API or of a cloud.
func (m monitoring) observe(exchange agent.Exchange) {
	if m.tap != nil {
		m.tap(exchange)
	}
	m.watched.Observe(exchange)
	m.journal.Record(exchange)
	m.metrics.Exchange(exchange)
}
