package loyalty

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
)

// keepSessions is how long a session is kept after its last change: a sale of it may be on its way until then.
const keepSessions = 7 * 24 * time.Hour

// Sweep cancels abandoned sessions, deletes old ones and stale members, and raises the alarm about receipts without their
// confirm. It gives the number of sessions that it cancelled, and of those without their confirm.
func (s *Service) Sweep(ctx context.Context) (abandoned, unconfirmed int, err error) {
	err = s.sessionTable.Each(func(row records.Row[record]) error {
		r, err := row.Value()
		if err != nil {
			return fmt.Errorf("session record: %w", err)
		}
		age := s.cfg.Now().Sub(r.TouchedAt)
		switch {
		case age > keepSessions:
			return s.dropSession(ctx, r, row)
		case r.Stage == agent.StageCancelled && r.Opening != nil && age > s.cfg.AbandonAfter:
			return s.forgetOpening(ctx, r.ID)
		case r.Stage == agent.StageOpen && age > s.cfg.AbandonAfter:
			cancelled, missing, err := s.abandon(ctx, r.ID)
			if cancelled {
				abandoned++
			}
			if missing {
				unconfirmed++
			}
			return err
		}
		return ctx.Err()
	})
	if err != nil {
		return abandoned, unconfirmed, err
	}
	s.alarmUnconfirmed(unconfirmed)
	return abandoned, unconfirmed, s.memberTable.Each(func(row records.Row[memberRecord]) error {
		if known, err := row.Value(); err == nil && !s.stale(known) {
			return nil
		}
		return s.memberTable.Write(ctx, row.Delete())
	})
}

// dropSession deletes a session unless a job of it is unsettled.
func (s *Service) dropSession(ctx context.Context, r record, row records.Row[record]) error {
	jobs, err := s.cfg.Store.Group(agent.SessionGroup(r.ID))
	if err != nil {
		return err
	}
	if slices.ContainsFunc(jobs, func(job agent.Job) bool { return !job.Status.State.Settled() }) {
		return nil
	}
	return s.sessionTable.Write(ctx, row.Delete())
}

// forgetOpening drops what only a cancelled session that is opened again would need.
func (s *Service) forgetOpening(ctx context.Context, id string) error {
	held, err := s.hold(id)
	if err != nil {
		return err
	}
	defer held.release()
	if held.Stage != agent.StageCancelled || s.cfg.Now().Sub(held.TouchedAt) <= s.cfg.AbandonAfter {
		return nil
	}
	held.openState = openState{}
	_, err = held.save(ctx, agent.Change{})
	return err
}

// abandon cancels a session without an end and without a receipt. One with a receipt is not cancelled: unconfirmed tells that
// its confirm is missing.
func (s *Service) abandon(ctx context.Context, id string) (abandoned, unconfirmed bool, err error) {
	held, err := s.hold(id)
	if err != nil {
		return false, false, err
	}
	defer held.release()
	if held.Stage != agent.StageOpen || s.cfg.Now().Sub(held.TouchedAt) <= s.cfg.AbandonAfter {
		return false, false, nil
	}
	jobs, err := s.cfg.Store.Group(agent.SessionGroup(id))
	if err != nil {
		return false, false, err
	}
	if slices.ContainsFunc(jobs, func(job agent.Job) bool { return job.Kind == agent.KindCoupon && accepted(job) }) {
		return false, held.Cloud != "", nil
	}
	var change agent.Change
	held.dropCloud(&change)
	held.Stage, held.Prompt = agent.StageAbandoned, nil
	_, err = held.save(ctx, change)
	s.cfg.Log.Info("session_abandoned", "cancelled", len(change.Jobs) > 0)
	return err == nil, false, err
}

// alarmUnconfirmed raises, changes or clears the alarm about receipts without their confirm.
func (s *Service) alarmUnconfirmed(n int) {
	if s.unconfirmed.Swap(int64(n)) == int64(n) {
		return
	}
	s.cfg.Alarms.Clear(agent.AlarmUnconfirmed, "")
	if n == 0 {
		return
	}
	s.cfg.Alarms.Raise(agent.Alarm{
		Code: agent.AlarmUnconfirmed, Since: s.cfg.Now(),
		Detail: fmt.Sprintf("%d venda(s) enviada(s) sem a confirmação da transação: a Mercafácil não sabe que o desconto foi usado. "+
			"O programa do caixa deve chamar confirm antes do cupom.", n),
	})
}
