package store

import (
	"encoding/json"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// Events keep for this long and this many (store.md 9).
const (
	eventAge = 7 * 24 * time.Hour
	eventMax = 10_000
	// eventPrune bounds what one new event takes away, so that no commit pays for a long night.
	eventPrune = 2
)

func (w *writer) event(event agent.Event) error {
	event.ID = w.meta.NextEvent
	w.meta.NextEvent++
	if event.At.IsZero() {
		event.At = w.cfg.Now()
	}
	payload, err := json.Marshal(storedEvent{event.Type, event.Key, event.Data, event.At.UTC()})
	if err != nil {
		return err
	}
	if err := w.put(w.tx, bucketEvent, seqKey(event.ID), envelope.Header{Sequence: event.ID, Version: 1}, payload); err != nil {
		return err
	}
	return w.pruneEvents(event.ID)
}

// pruneEvents takes away the oldest while they are too many or too old. Ids are gapless, so the first one counts.
func (w *writer) pruneEvents(newest uint64) error {
	for range eventPrune {
		first, _ := bucketEvent.in(w.tx).Cursor().First()
		if first == nil || seqOf(first) == newest {
			return nil
		}
		if newest-seqOf(first) < eventMax {
			event, err := w.Store.event(w.tx, seqOf(first))
			if err == nil && w.cfg.Now().Sub(event.At) < eventAge {
				return nil
			}
		}
		if err := bucketEvent.in(w.tx).Delete(first); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) event(tx *bbolt.Tx, id uint64) (agent.Event, error) {
	_, payload, err := s.get(tx, bucketEvent, seqKey(id))
	if err != nil {
		return agent.Event{}, err
	}
	var stored storedEvent
	if err := json.Unmarshal(payload, &stored); err != nil {
		return agent.Event{}, errors.Join(agent.ErrDamaged, err)
	}
	return agent.Event{ID: id, Type: stored.Type, Key: stored.Key, Data: stored.Data, At: stored.At}, nil
}

// Events gives up to limit events after the given id, oldest first.
func (s *Store) Events(after uint64, limit int) ([]agent.Event, error) {
	var events []agent.Event
	err := s.view(func(tx *bbolt.Tx) error {
		cursor := bucketEvent.in(tx).Cursor()
		for key, _ := cursor.Seek(seqKey(after + 1)); key != nil && len(events) < limit; key, _ = cursor.Next() {
			event, err := s.event(tx, seqOf(key))
			if err != nil {
				return err
			}
			events = append(events, event)
		}
		return nil
	})
	return events, err
}

// LastEvent is the id of the newest event; 0 before the first.
func (s *Store) LastEvent() uint64 { return s.meta.Load().NextEvent - 1 }
