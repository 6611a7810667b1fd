package store

import (
	"errors"
	"fmt"
	"time"

	"pdvagent/agent"
	"pdvagent/store/internal/commit"
)

type request = commit.Request[prepared, agent.Committed]

// applyGroup is the committer's work: one transaction for the group. A refused change does not touch its neighbours. After
// a failed commit no change of the group is acknowledged, and the file is opened again before the next group. When the disk
// was full, the changes that only settle jobs get a second try with the room that the ballast kept.
func (s *Store) applyGroup(group []*request) {
	s.room.measure(s.cfg.Now())
	intended, err := s.commitGroup(group)
	switch {
	case errors.Is(err, errGone):
		s.leave(group)
		return
	case err == nil:
		return
	}
	if retry := s.failGroup(group, intended, err); len(retry) > 0 {
		if intended, err = s.commitGroup(retry); errors.Is(err, errGone) {
			s.leave(retry)
		} else if err != nil {
			s.failGroup(retry, intended, err)
		}
	}
}

// commitGroup writes a group in one transaction, and gives the store's own record as it is after the group.
func (s *Store) commitGroup(group []*request) (*meta, error) {
	begun := s.cfg.Now()
	next, drop, err := s.writeGroup(group, begun)
	if err == nil {
		err = s.stillThere()
	}
	if err != nil {
		return next, err
	}
	s.rest.used()
	s.cfg.Committed(len(group), s.cfg.Now().Sub(begun))
	s.spool.remove(drop)
	s.changed.notify()
	return next, nil
}

// writeGroup is the transaction. drop names the spool files of jobs that are final now.
func (s *Store) writeGroup(group []*request, begun time.Time) (next *meta, drop []string, err error) {
	s.mu.RLock() // from the reading of the record to its writing: a salvage in between would write another one
	defer s.mu.RUnlock()
	if s.gone.Load() {
		return s.meta.Load(), nil, errGone
	}
	if s.closed {
		return s.meta.Load(), nil, agent.ErrStoreClosed
	}
	now := *s.meta.Load()
	next = &now
	next.Group++
	if !s.clock.judge(begun, time.UnixMilli(next.HighWater)).Suspect { // one wrong year must not make every later clock look late
		next.HighWater = max(next.HighWater, begun.UnixMilli())
	}
	next.BodiesFrom = max(next.BodiesFrom, s.bodiesFrom.Load())
	err = s.update(func(tx transaction) error {
		nearlyFull := s.nearlyFull(tx)
		for _, r := range group {
			if r.Err = tx.admit(r.Change, nearlyFull); r.Err != nil {
				s.noteDamage(r.Err)
				continue
			}
			w := writer{transaction: tx, now: s.cfg.Now, meta: next}
			if err := w.write(r); err != nil {
				return err
			}
			drop = append(drop, w.drop...)
		}
		return tx.putMeta(next)
	})
	if err == nil {
		s.meta.Store(next)
	}
	return next, drop, err
}

// failGroup answers a group whose commit failed. What is on disk is unknown until the file is opened again. When nothing of
// the group is there, and only room was missing, it gives the changes that only settle jobs, for a second try.
func (s *Store) failGroup(group []*request, intended *meta, cause error) (retry []*request) {
	refusal := fmt.Errorf("%w: %w", agent.ErrStoreUnknown, cause)
	if full(cause) {
		refusal = fmt.Errorf("%w: %w", agent.ErrStoreFull, cause)
	}
	for _, r := range group {
		if r.Err != nil {
			continue
		}
		r.Err = refusal
		if len(r.Change.Jobs) == 0 {
			retry = append(retry, r)
		}
	}
	s.cfg.Log.Error("commit_failed", "changes", len(group), "error", cause)
	released := diskFull(cause) && s.room.release()
	if err := s.repair(cause); err != nil {
		s.cfg.Log.Error("store_reopen_failed", "error", err)
		return nil
	}
	onDisk := s.meta.Load().Group >= intended.Group
	if onDisk || !full(cause) || (!released && len(retry) == len(group)) {
		return nil
	}
	return retry
}
