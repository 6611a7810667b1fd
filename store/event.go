package store

import (
	"encoding/json"
	"time"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// Bounds of the change stream (store.md 9).
const (
	eventAge = 7 * 24 * time.Hour
	eventMax = 10_000
	// eventPrune bounds how many events one new event deletes, so that no commit deletes a whole night's.
	eventPrune = 2
)

// addEvent writes an event and deletes old ones.
func (w *writer) addEvent(event agent.Event) error {
	event.ID = w.meta.NextEvent
	w.meta.NextEvent++
	if event.At.IsZero() {
		event.At = w.now()
	}
	payload, err := json.Marshal(storedEvent{event.Type, event.Key, event.Data, event.At.UTC()})
	if err != nil {
		return err
	}
	if err := w.put(bucketEvent, seqKey(event.ID), envelope.Header{Sequence: event.ID, Version: 1}, payload); err != nil {
		return err
	}
	return w.pruneEvents(event.ID)
}

// pruneEvents deletes the oldest events while they are too many or too old. Ids have no gaps: the first one gives the number.
func (w *writer) pruneEvents(newest uint64) error {
	for range eventPrune {
		first, _ := bucketEvent.in(w.transaction).Cursor().First()
		if first == nil || seqOf(first) == newest {
			return nil
		}
		if newest-seqOf(first) < eventMax {
			event, err := w.event(seqOf(first))
			if err == nil && w.now().Sub(event.At) < eventAge {
				return nil
			}
		}
		if err := bucketEvent.in(w.transaction).Delete(first); err != nil {
			return err
		}
	}
	return nil
}

// Events gives up to limit events after the given id, oldest first.
func (s *Store) Events(after uint64, limit int) ([]agent.Event, error) {
	var events []agent.Event
	err := s.view(func(tx transaction) error {
		cursor := bucketEvent.in(tx).Cursor()
		for key, _ := cursor.Seek(seqKey(after + 1)); key != nil && len(events) < limit; key, _ = cursor.Next() {
			event, err := tx.event(seqOf(key))
			if err != nil { // who follows the events goes on after it
				s.noteDamage(err)
				continue
			}
			events = append(events, event)
		}
		return nil
	})
	return events, err
}

// LastEvent is the id of the newest event; 0 before the first.
func (s *Store) LastEvent() uint64 { return s.meta.Load().NextEvent - 1 }
