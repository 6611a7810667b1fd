package store

import (
	"encoding/json"
	"errors"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// decide gives the status of a job, from its state and its receipt, whichever is newer. known tells that the state that was
// found is right as it is. A pending state that may be out of date is held, because its job may have been sent, unless
// Config.ResendSalvaged says to send it again.
func (r *rebuilder) decide(seq uint64) (agent.Kind, agent.Status, bool) {
	state, hasState := r.parts[bucketState.code][string(seqKey(seq))]
	receipt, hasReceipt := r.parts[bucketReceipt.code][string(seqKey(seq))]
	if hasReceipt && (!hasState || receipt.version > state.version) {
		kind, final := untag(receipt.tag)
		return kind, agent.Status{Version: receipt.version, State: final}, false
	}
	if !hasState {
		return "", r.unsure(agent.Status{State: agent.Pending}), false
	}
	kind, name := untag(state.tag)
	status, err := r.statusAt(state)
	if err != nil {
		status = agent.Status{Version: state.version, State: name}
	}
	if state.live || name != agent.Pending {
		return kind, status, err == nil
	}
	return kind, r.unsure(status), false
}

// unsure is the status of a job of which it is unknown whether it was sent.
func (r *rebuilder) unsure(status agent.Status) agent.Status {
	status.Unanswered, status.Attempts = true, max(status.Attempts, 1) // the cloud may have the job
	if !r.cfg.ResendSalvaged {
		status.State, status.Reason = agent.Held, agent.ReasonSalvaged
	}
	return status
}

// lastWire goes back to the newest bytes that are there when those of a repair are lost: a person decides whether they go.
func (r *rebuilder) lastWire(seq uint64, status agent.Status, known bool) (agent.Status, bool) {
	revision := status.Revision
	for ; revision > 0; revision-- {
		if _, there := r.parts[bucketWire.code][string(wireKey(seq, revision))]; there {
			break
		}
	}
	if revision == status.Revision || status.State.Final() {
		return status, known
	}
	if status.Revision = revision; status.State == agent.Pending {
		status = r.unsure(status)
	}
	return status, false
}

func (r *rebuilder) statusAt(p part) (agent.Status, error) {
	h, payload, err := r.payload(p)
	if err != nil {
		return agent.Status{}, err
	}
	return decodeStatus(h, payload)
}

// found gives the job as the till sent it. Of one whose body is lost and still needed only the kind is known.
func (r *rebuilder) found(seq uint64, kind agent.Kind, status agent.Status) (agent.Job, *spooledBody, error) {
	job, spooled, err := r.decoded(seq, kind)
	if err == nil && spooled != nil && !status.State.Final() {
		err = r.body(*spooled)
	}
	return job, spooled, err
}

// decoded is found without a look at a body in the spool.
func (r *rebuilder) decoded(seq uint64, kind agent.Kind) (agent.Job, *spooledBody, error) {
	p, there := r.parts[bucketJob.code][string(seqKey(seq))]
	if !there {
		return agent.Job{Seq: seq, Kind: kind}, nil, agent.ErrNotFound
	}
	_, payload, err := r.payload(p)
	if err != nil {
		return agent.Job{Seq: seq, Kind: kind}, nil, err
	}
	return decodeJob(seq, payload)
}

// tombstone writes a job whose body is lost, so that a person sees that there was one.
func (r *rebuilder) tombstone(seq uint64, job agent.Job) error {
	payload, err := encodeJob(job, nil)
	if err != nil {
		return err
	}
	return r.tx.put(bucketJob, seqKey(seq), envelope.Header{Sequence: seq, Version: bodyVersion + 1}, payload)
}

// keyMissing copies a job whose key is missing. A pending one is held until its key is back.
func (r *rebuilder) keyMissing(seq uint64, kind agent.Kind, status agent.Status) error {
	if err := r.copy(bucketJob, string(seqKey(seq))); err != nil {
		return err
	}
	if status.State == agent.Pending {
		status.State = agent.Held
	}
	if status.State == agent.Held {
		status.Reason = agent.ReasonKeyMissing
	}
	if kind == "" {
		kind, _ = untag(r.parts[bucketJob.code][string(seqKey(seq))].tag)
	}
	if err := r.index(seq, agent.Job{Kind: kind}, nil, status); err != nil {
		return err
	}
	return r.state(seq, kind, status, false)
}

// index writes the index entries of a job.
func (r *rebuilder) index(seq uint64, job agent.Job, spooled *spooledBody, status agent.Status) error {
	var err error
	switch status.State {
	case agent.Pending:
		err = bucketReady.in(r.tx).Put(readyKey(status.NotBefore, seq), []byte{job.Kind.Code()})
	case agent.Held, agent.Dead:
		err = bucketAttention.in(r.tx).Put(attentionKey(status.State, seq), nil)
	}
	for _, group := range job.Groups() {
		err = errors.Join(err, bucketGroup.in(r.tx).Put(groupKey(r.ring.Hash("group", group), seq), nil))
	}
	if job.Unique != "" {
		unique := uniqueKey(r.ring.Hash("group", job.Unique), job.Kind)
		if bucketGroup.in(r.tx).Get(unique) == nil {
			err = errors.Join(err, bucketGroup.in(r.tx).Put(unique, seqKey(seq)))
		}
	}
	if spooled != nil && !status.State.Final() {
		h := envelope.Header{Sequence: seq, Version: bodyVersion}
		err = errors.Join(err, r.tx.put(bucketSpool, r.tx.spooledKey(spooled.Name), h, nil))
	}
	return err
}

// state writes a job's status: as it was found when that is right, else a new one; and the receipt of a settled job.
func (r *rebuilder) state(seq uint64, kind agent.Kind, status agent.Status, known bool) error {
	key := seqKey(seq)
	r.meta.Counts[kind.Code()][status.State.Code()]++
	if status.State == agent.Held && status.Reason == agent.ReasonSalvaged {
		r.report.Held = append(r.report.Held, seq)
	}
	if known {
		if err := r.copy(bucketState, string(key)); err != nil {
			return err
		}
	} else {
		status.UpdatedAt = r.cfg.Now().UTC()
		if err := r.tx.putStatus(kind, seq, status); err != nil {
			return err
		}
		status.Version++
	}
	if !status.State.Settled() {
		return nil
	}
	if p, there := r.parts[bucketReceipt.code][string(key)]; there && known && p.tag == tag(kind, status.State) {
		return r.copy(bucketReceipt, string(key))
	}
	payload, err := json.Marshal(storedReceipt{status.State, status.UpdatedAt})
	if err != nil {
		return err
	}
	h := envelope.Header{Tag: tag(kind, status.State), Sequence: seq, Version: status.Version}
	return r.tx.put(bucketReceipt, key, h, payload)
}
