package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/commit"
	"pdvagent/store/internal/envelope"
)

// maxInline is the largest body that fits into the database when the spool is full: a sale always does.
const maxInline = envelope.MaxPayload - 64<<10

type request = commit.Request[prepared, agent.Committed]

// applyGroup is the committer's work: one transaction for the group. A refused change leaves its neighbours alone; a
// failed commit leaves nobody acknowledged, and the file is opened anew before the next group. Where the disk had no room,
// what only settles gets a second try with the ballast's.
func (s *Store) applyGroup(group []*request) {
	s.room.look(s.cfg.Now())
	intended, err := s.commitGroup(group)
	if err == nil {
		return
	}
	if again := s.failGroup(group, intended, err); len(again) > 0 {
		if intended, err = s.commitGroup(again); err != nil {
			s.failGroup(again, intended, err)
		}
	}
}

// commitGroup writes a group in one transaction, and tells what the store's own record should be after it.
func (s *Store) commitGroup(group []*request) (*meta, error) {
	begun := s.cfg.Now()
	next, drop, err := s.writeGroup(group, begun)
	if err != nil {
		return next, err
	}
	s.cfg.Committed(len(group), s.cfg.Now().Sub(begun))
	s.spool.remove(drop)
	s.notice.tell()
	return next, nil
}

// writeGroup is the transaction. drop names the spool files of jobs that settled.
func (s *Store) writeGroup(group []*request, begun time.Time) (next *meta, drop []string, err error) {
	s.mu.RLock() // from the record's reading to its writing: a salvage in between would make another one
	defer s.mu.RUnlock()
	if s.gone {
		return s.meta.Load(), nil, agent.ErrStoreClosed
	}
	now := *s.meta.Load()
	next = &now
	next.Group++
	if !s.clock.look(begun, time.UnixMilli(next.HighWater)).Suspect { // one wrong year must not make every later clock look late
		next.HighWater = max(next.HighWater, begun.UnixMilli())
	}
	next.Whole = max(next.Whole, s.whole.Load())
	err = s.update(func(tx *bbolt.Tx) error {
		crowded := s.crowded(tx)
		for _, r := range group {
			if r.Err = s.check(tx, r.Change, crowded); r.Err != nil {
				continue
			}
			w := writer{Store: s, tx: tx, meta: next}
			if err := w.write(r); err != nil {
				return err
			}
			drop = append(drop, w.drop...)
		}
		return s.putMeta(tx, next)
	})
	if err == nil {
		s.meta.Store(next)
	}
	return next, drop, err
}

// failGroup answers a group whose commit failed. What is on disk is unknown until the file was opened anew; when it is
// certain then that nothing is there, and only room was missing, what settles is given back for a second try.
func (s *Store) failGroup(group []*request, intended *meta, cause error) (again []*request) {
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
			again = append(again, r)
		}
	}
	s.cfg.Log.Error("commit_failed", "changes", len(group), "error", cause)
	released := diskFull(cause) && s.room.release()
	if err := s.mend(cause); err != nil {
		s.cfg.Log.Error("store_reopen_failed", "error", err)
		return nil
	}
	if there := s.meta.Load().Group >= intended.Group; there || !full(cause) || (!released && len(again) == len(group)) {
		return nil
	}
	return again
}

// update is one write transaction.
func (s *Store) update(write func(*bbolt.Tx) error) error {
	return guarded(func() error { return s.db.Update(write) })
}

// check finds out whether the change can go through, before anything of it is written.
func (s *Store) check(tx *bbolt.Tx, change prepared, crowded bool) error {
	if crowded && len(change.Jobs) > 0 {
		return fmt.Errorf("%w: what is left is for settling", agent.ErrStoreFull)
	}
	keys := make(map[string]bool, len(change.Jobs))
	for i, job := range change.Jobs {
		if change.jobs[i].spooled == nil && len(job.Body) > maxInline {
			return fmt.Errorf("%w: a body of %d bytes finds no room in the spool", agent.ErrStoreFull, len(job.Body))
		}
		if job.Kind.Code() == 0 || (job.Status.State != "" && job.Status.State.Code() == 0) {
			return fmt.Errorf("%w: new job of kind %q, state %q", agent.ErrBadMove, job.Kind, job.Status.State)
		}
		unique := change.jobs[i].unique
		if unique == nil {
			continue
		}
		if keys[string(unique)] || bucketGroup.in(tx).Get(unique) != nil {
			return agent.ErrKeyTaken
		}
		keys[string(unique)] = true
	}
	for _, move := range change.Moves {
		if err := s.checkMove(tx, move); err != nil {
			return err
		}
	}
	for _, seq := range change.Forgets {
		if err := s.checkForget(tx, seq); err != nil {
			return err
		}
	}
	for _, seq := range change.Drops {
		if err := s.checkDrop(tx, seq); err != nil {
			return err
		}
	}
	for _, wire := range change.Wires {
		if bucketWire.in(tx).Get(wireKey(wire.Seq, wire.Revision)) != nil {
			return fmt.Errorf("%w: wire %d of job %d is written", agent.ErrVersion, wire.Revision, wire.Seq)
		}
	}
	for _, record := range change.Puts {
		if err := s.checkRecord(tx, record); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) checkMove(tx *bbolt.Tx, move agent.Move) error {
	h, _, err := envelope.Peek(bucketState.in(tx).Get(seqKey(move.Seq)))
	if err != nil {
		return fmt.Errorf("%w: job %d", agent.ErrNotFound, move.Seq)
	}
	_, now := untag(h.Tag)
	if r, _, err := envelope.Peek(bucketReceipt.in(tx).Get(seqKey(move.Seq))); err == nil && r.Version > h.Version {
		fault := fmt.Errorf("%w: job %d has a receipt of a later time than its state", agent.ErrDamaged, move.Seq)
		s.mendLater(func() error { return s.mendFault(fault) })
		return fault
	}
	if h.Version != move.Status.Version {
		return fmt.Errorf("%w: job %d is %s", agent.ErrVersion, move.Seq, now)
	}
	if !now.MayBecome(move.Status.State) {
		return fmt.Errorf("%w: job %d from %s to %s", agent.ErrBadMove, move.Seq, now, move.Status.State)
	}
	return nil
}

func (s *Store) checkRecord(tx *bbolt.Tx, record agent.Record) error {
	b, err := recordBucket(record.Bucket)
	if err != nil {
		return err
	}
	if record.IfVersion == agent.AnyVersion {
		return nil
	}
	version, err := versionOf(b.in(tx).Get(s.recordKey(b, record)))
	if err == nil && version != record.IfVersion {
		err = agent.ErrVersion
	}
	if err != nil {
		return fmt.Errorf("%w: record in %s", err, record.Bucket)
	}
	return nil
}

// recordKey is what stands on disk for a record's key.
func (s *Store) recordKey(b bucket, record agent.Record) []byte {
	if record.Ref != nil {
		return record.Ref
	}
	return s.ring.Hash(b.name, record.Key)
}

// versionOf is the version of a stored value, 0 where there is none.
func versionOf(data []byte) (uint64, error) {
	if data == nil {
		return 0, nil
	}
	h, _, err := envelope.Peek(data)
	if err != nil {
		return 0, agent.ErrDamaged
	}
	return h.Version, nil
}

// writer writes one checked change into the group's transaction. An error ends the whole group.
type writer struct {
	*Store
	tx   *bbolt.Tx
	meta *meta
	drop []string
}

func (w *writer) write(r *request) error {
	change := r.Change
	for i, job := range change.Jobs {
		job.Seq = w.meta.NextSeq
		w.meta.NextSeq++
		r.Result.Seqs = append(r.Result.Seqs, job.Seq)
		if err := w.job(job, change.jobs[i]); err != nil {
			return err
		}
	}
	for _, move := range change.Moves {
		if err := w.move(move); err != nil {
			return err
		}
	}
	for _, wire := range change.Wires {
		h := envelope.Header{Sequence: wire.Seq, Version: 1}
		if err := w.put(w.tx, bucketWire, wireKey(wire.Seq, wire.Revision), h, wire.Body); err != nil {
			return err
		}
	}
	for _, record := range change.Puts {
		if err := w.record(record); err != nil {
			return err
		}
	}
	for _, event := range change.Events {
		if err := w.event(event); err != nil {
			return err
		}
	}
	for _, seq := range change.Forgets {
		if err := w.forget(seq); err != nil {
			return err
		}
	}
	for _, seq := range change.Drops {
		if err := w.dropJob(seq); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) job(job agent.Job, ready preparedJob) error {
	h := envelope.Header{Tag: tag(job.Kind, agent.Pending), Sequence: job.Seq, Version: wholeVersion}
	if err := w.put(w.tx, bucketJob, seqKey(job.Seq), h, ready.payload); err != nil {
		return err
	}
	if ready.spooled != nil {
		if err := w.put(w.tx, bucketSpool, w.spooledKey(ready.spooled.Name), h, nil); err != nil {
			return err
		}
	}
	for _, group := range ready.groups {
		if err := bucketGroup.in(w.tx).Put(groupKey(group, job.Seq), nil); err != nil {
			return err
		}
	}
	if ready.unique != nil {
		if err := bucketGroup.in(w.tx).Put(ready.unique, seqKey(job.Seq)); err != nil {
			return err
		}
	}
	if job.Status.State == "" {
		job.Status.State = agent.Pending
	}
	job.Status.Version = 0
	return w.status(job.Kind, job.Seq, job.Status)
}

// move takes the job out of the indexes of its old status and puts it into those of the new one.
func (w *writer) move(move agent.Move) error {
	old, err := w.Store.status(w.tx, move.Seq)
	if err != nil && !errors.Is(err, agent.ErrKeyMissing) {
		return err
	}
	h, _, err := envelope.Peek(bucketState.in(w.tx).Get(seqKey(move.Seq)))
	if err != nil {
		return err
	}
	kind, state := untag(h.Tag)
	w.meta.Counts[kind.Code()][state.Code()]--
	switch state {
	case agent.Pending:
		err = bucketReady.in(w.tx).Delete(readyKey(old.NotBefore, move.Seq))
	case agent.Held, agent.Dead:
		err = bucketAttention.in(w.tx).Delete(attentionKey(state, move.Seq))
	}
	if err != nil {
		return err
	}
	if move.Status.State.Final() {
		if err := w.dropSpooled(move.Seq); err != nil {
			return err
		}
	}
	return w.status(kind, move.Seq, move.Status)
}

// status writes a status, its indexes, its count, and the receipt of a settled job.
func (w *writer) status(kind agent.Kind, seq uint64, status agent.Status) error {
	w.meta.Counts[kind.Code()][status.State.Code()]++
	status.UpdatedAt = w.cfg.Now().UTC()
	if err := w.putStatus(w.tx, kind, seq, status); err != nil {
		return err
	}
	switch status.State {
	case agent.Pending:
		return bucketReady.in(w.tx).Put(readyKey(status.NotBefore, seq), []byte{kind.Code()})
	case agent.Held:
		return bucketAttention.in(w.tx).Put(attentionKey(status.State, seq), nil)
	case agent.Dead:
		if err := bucketAttention.in(w.tx).Put(attentionKey(status.State, seq), nil); err != nil {
			return err
		}
	}
	payload, err := json.Marshal(storedReceipt{status.State, status.UpdatedAt})
	if err != nil {
		return err
	}
	h := envelope.Header{Tag: tag(kind, status.State), Sequence: seq, Version: status.Version + 1}
	return w.put(w.tx, bucketReceipt, seqKey(seq), h, payload)
}

func (w *writer) dropSpooled(seq uint64) error {
	_, payload, err := w.get(w.tx, bucketJob, seqKey(seq))
	if err != nil {
		return nil // unreadable: its body stays where it is
	}
	_, spooled, err := decodeJob(seq, payload)
	if err != nil || spooled == nil {
		return err
	}
	w.drop = append(w.drop, spooled.Name)
	return bucketSpool.in(w.tx).Delete(w.spooledKey(spooled.Name))
}

func (w *writer) record(record agent.Record) error {
	b, err := recordBucket(record.Bucket)
	if err != nil {
		return err
	}
	key := w.recordKey(b, record)
	if record.Value == nil {
		return b.in(w.tx).Delete(key)
	}
	version, err := versionOf(b.in(w.tx).Get(key))
	if err != nil {
		return err
	}
	return w.put(w.tx, b, key, envelope.Header{Version: version + 1}, record.Value)
}
