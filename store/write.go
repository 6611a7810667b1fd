package store

import (
	"encoding/json"
	"errors"
	"time"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// writer writes one admitted change into the group's transaction. An error ends the whole group.
type writer struct {
	transaction
	now  func() time.Time
	meta *meta
	drop []string // spool files of jobs that are final now
}

func (w *writer) write(r *request) error {
	change := r.Change
	for i, job := range change.Jobs {
		job.Seq = w.meta.NextSeq
		w.meta.NextSeq++
		r.Result.Seqs = append(r.Result.Seqs, job.Seq)
		if err := w.addJob(job, change.jobs[i]); err != nil {
			return err
		}
	}
	for _, move := range change.Moves {
		if err := w.move(move); err != nil {
			return err
		}
	}
	for _, wire := range change.Wires {
		if wire.New > 0 {
			wire.Seq = r.Result.Seqs[wire.New-1]
		}
		h := envelope.Header{Sequence: wire.Seq, Version: 1}
		if err := w.put(bucketWire, wireKey(wire.Seq, wire.Revision), h, wire.Body); err != nil {
			return err
		}
	}
	for _, record := range change.Puts {
		if err := w.putRecord(record); err != nil {
			return err
		}
	}
	for _, event := range change.Events {
		if err := w.addEvent(event); err != nil {
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

func (w *writer) addJob(job agent.Job, ready preparedJob) error {
	h := envelope.Header{Tag: tag(job.Kind, agent.Pending), Sequence: job.Seq, Version: bodyVersion}
	if err := w.put(bucketJob, seqKey(job.Seq), h, ready.payload); err != nil {
		return err
	}
	if ready.spooled != nil {
		if err := w.put(bucketSpool, w.spooledKey(ready.spooled.Name), h, nil); err != nil {
			return err
		}
	}
	for _, group := range ready.groups {
		if err := bucketGroup.in(w.transaction).Put(groupKey(group, job.Seq), nil); err != nil {
			return err
		}
	}
	if ready.unique != nil {
		if err := bucketGroup.in(w.transaction).Put(ready.unique, seqKey(job.Seq)); err != nil {
			return err
		}
	}
	if job.Status.State == "" {
		job.Status.State = agent.Pending
	}
	job.Status.Version = 0
	return w.setStatus(job.Kind, job.Seq, job.Status)
}

// move takes the job out of the indexes of its old status and puts it into those of the new one.
func (w *writer) move(move agent.Move) error {
	old, err := w.status(move.Seq)
	if err != nil && !errors.Is(err, agent.ErrKeyMissing) {
		return err
	}
	h, _, err := envelope.Peek(bucketState.in(w.transaction).Get(seqKey(move.Seq)))
	if err != nil {
		return err
	}
	kind, state := untag(h.Tag)
	w.meta.Counts[kind.Code()][state.Code()]--
	switch state {
	case agent.Pending:
		err = bucketReady.in(w.transaction).Delete(readyKey(old.NotBefore, move.Seq))
	case agent.Held, agent.Dead:
		err = bucketAttention.in(w.transaction).Delete(attentionKey(state, move.Seq))
	}
	if err != nil {
		return err
	}
	if move.Status.State.Final() {
		if err := w.dropSpooled(move.Seq); err != nil {
			return err
		}
	}
	return w.setStatus(kind, move.Seq, move.Status)
}

// setStatus writes a status, its indexes, its count, and the receipt of a settled job.
func (w *writer) setStatus(kind agent.Kind, seq uint64, status agent.Status) error {
	w.meta.Counts[kind.Code()][status.State.Code()]++
	status.UpdatedAt = w.now().UTC()
	if err := w.putStatus(kind, seq, status); err != nil {
		return err
	}
	switch status.State {
	case agent.Pending:
		return bucketReady.in(w.transaction).Put(readyKey(status.NotBefore, seq), []byte{kind.Code()})
	case agent.Held:
		return bucketAttention.in(w.transaction).Put(attentionKey(status.State, seq), nil)
	case agent.Dead:
		if err := bucketAttention.in(w.transaction).Put(attentionKey(status.State, seq), nil); err != nil {
			return err
		}
	}
	payload, err := json.Marshal(storedReceipt{status.State, status.UpdatedAt})
	if err != nil {
		return err
	}
	h := envelope.Header{Tag: tag(kind, status.State), Sequence: seq, Version: status.Version + 1}
	return w.put(bucketReceipt, seqKey(seq), h, payload)
}

func (w *writer) dropSpooled(seq uint64) error {
	_, payload, err := w.get(bucketJob, seqKey(seq))
	if err != nil {
		return nil // unreadable: its body stays where it is
	}
	_, spooled, err := decodeJob(seq, payload)
	if err != nil || spooled == nil {
		return err
	}
	w.drop = append(w.drop, spooled.Name)
	return bucketSpool.in(w.transaction).Delete(w.spooledKey(spooled.Name))
}

func (w *writer) putRecord(record agent.Record) error {
	b, err := recordBucket(record.Bucket)
	if err != nil {
		return err
	}
	key := w.recordKey(b, record)
	if record.Value == nil {
		return b.in(w.transaction).Delete(key)
	}
	version, err := versionOf(b.in(w.transaction).Get(key))
	if err != nil {
		return err
	}
	return w.put(b, key, envelope.Header{Version: version + 1}, record.Value)
}
