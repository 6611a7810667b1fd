package loyalty

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pdvagent/agent"
)

// keepSessions is how long a closed session is remembered after its last word; a sale of it may still be on its way.
const keepSessions = 7 * 24 * time.Hour

// Sweep cancels what was abandoned, lets go of what is long over, and counts the sales that went without their confirm. It
// tells how many sessions it cancelled.
func (s *Service) Sweep(ctx context.Context) (abandoned, unconfirmed int, err error) {
	err = s.each(s.cfg.SessionBucket, func(value agent.Value) error {
		var r record
		if err := json.Unmarshal(value.Data, &r); err != nil {
			return fmt.Errorf("session record: %w", err)
		}
		age := s.cfg.Now().Sub(r.TouchedAt)
		switch {
		case age > keepSessions:
			return s.dropSession(ctx, r, value)
		case r.Stage == agent.StageOpen && age > s.cfg.AbandonAfter:
			given, left, err := s.abandon(ctx, r.ID)
			if given {
				abandoned++
			}
			if left {
				unconfirmed++
			}
			return err
		}
		return ctx.Err()
	})
	if err != nil {
		return abandoned, unconfirmed, err
	}
	s.sayUnconfirmed(unconfirmed)
	return abandoned, unconfirmed, s.each(s.cfg.MemberBucket, func(value agent.Value) error {
		var known memberRecord
		if err := json.Unmarshal(value.Data, &known); err == nil && !s.stale(known) {
			return nil
		}
		record := agent.Record{Bucket: s.cfg.MemberBucket, Ref: value.Ref, IfVersion: value.Version}
		_, err := s.cfg.Store.Commit(ctx, agent.Change{Puts: []agent.Record{record}})
		return err
	})
}

// each hands in every record of a bucket.
func (s *Service) each(bucket string, do func(agent.Value) error) error {
	const page = 256
	for after := []byte(nil); ; {
		values, next, err := s.cfg.Records.Records(bucket, after, page)
		if err != nil {
			return err
		}
		for _, value := range values {
			if err := do(value); err != nil {
				return err
			}
		}
		if after = next; next == nil {
			return nil
		}
	}
}

// dropSession forgets a session, unless something of it is still on its way.
func (s *Service) dropSession(ctx context.Context, r record, value agent.Value) error {
	jobs, err := s.cfg.Store.Group(agent.SessionGroup(r.ID))
	if err != nil {
		return err
	}
	if slices.ContainsFunc(jobs, func(job agent.Job) bool { return !job.Status.State.Settled() }) {
		return nil
	}
	record := agent.Record{Bucket: s.cfg.SessionBucket, Ref: value.Ref, IfVersion: value.Version}
	_, err = s.cfg.Store.Commit(ctx, agent.Change{Puts: []agent.Record{record}})
	return err
}

// abandon cancels a session that was left with neither end nor receipt. One with a receipt is never cancelled by us:
// unconfirmed tells that its confirm is missing.
func (s *Service) abandon(ctx context.Context, id string) (abandoned, unconfirmed bool, err error) {
	x, done, err := s.lock(id)
	if err != nil {
		return false, false, err
	}
	defer done()
	if x.Stage != agent.StageOpen || s.cfg.Now().Sub(x.TouchedAt) <= s.cfg.AbandonAfter {
		return false, false, nil
	}
	jobs, err := s.cfg.Store.Group(agent.SessionGroup(id))
	if err != nil {
		return false, false, err
	}
	if slices.ContainsFunc(jobs, func(job agent.Job) bool { return job.Kind == agent.KindCoupon && live(job) }) {
		return false, x.Cloud != "", nil
	}
	var change agent.Change
	s.letGo(x, &change)
	x.Stage, x.Prompt = agent.StageAbandoned, nil
	_, err = s.save(ctx, x, change)
	s.cfg.Log.Info("session_abandoned", "cancelled", len(change.Jobs) > 0)
	return err == nil, false, err
}

// sayUnconfirmed keeps the alarm true.
func (s *Service) sayUnconfirmed(n int) {
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
