package store

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// fate decides where a job stands, from its state and its receipt, whichever speak of the later time. known says that the
// stored state is right as it is. A state that may be of an earlier time never sends anything: it is held, unless the
// configuration says that twice is better than not at all.
func (r *rebuilder) fate(seq uint64) (agent.Kind, agent.Status, bool) {
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

// unsure is a job of which it is not known whether it was sent.
func (r *rebuilder) unsure(status agent.Status) agent.Status {
	status.Unanswered, status.Attempts = true, max(status.Attempts, 1) // the cloud may have it
	if !r.cfg.ResendSalvaged {
		status.State, status.Reason = agent.Held, agent.ReasonSalvaged
	}
	return status
}

func (r *rebuilder) statusAt(p part) (agent.Status, error) {
	h, payload, err := r.payload(p)
	if err != nil {
		return agent.Status{}, err
	}
	return decodeStatus(h, payload)
}

// found gives the job as the till sent it. What is known of one whose body is gone is its kind.
func (r *rebuilder) found(seq uint64, kind agent.Kind) (agent.Job, *spooledBody, error) {
	p, there := r.parts[bucketJob.code][string(seqKey(seq))]
	if !there {
		return agent.Job{Seq: seq, Kind: kind}, nil, agent.ErrNotFound
	}
	_, payload, err := r.payload(p)
	if err != nil {
		return agent.Job{Seq: seq, Kind: kind}, nil, err
	}
	job, spooled, err := decodeJob(seq, payload)
	if err == nil && spooled != nil {
		if _, missing := os.Stat(filepath.Join(r.cfg.Dir, spoolName, spooled.Name)); errors.Is(missing, os.ErrNotExist) {
			err = missing
		}
	}
	return job, spooled, err
}

// tombstone stands for a job whose body is gone: a person must see that there was one.
func (r *rebuilder) tombstone(seq uint64, job agent.Job) error {
	payload, err := encodeJob(job, nil)
	if err != nil {
		return err
	}
	return r.put(r.tx, bucketJob, seqKey(seq), envelope.Header{Sequence: seq, Version: wholeVersion + 1}, payload)
}

// locked keeps a job whose key is missing: it waits for that key, and for a person.
func (r *rebuilder) locked(seq uint64, kind agent.Kind, status agent.Status) error {
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

// index writes the ways that lead to a job.
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
		h := envelope.Header{Sequence: seq, Version: wholeVersion}
		err = errors.Join(err, r.put(r.tx, bucketSpool, r.spooledKey(spooled.Name), h, nil))
	}
	return err
}

// state writes where the job stands: as it was found when that is right, else anew, with a receipt where it is settled.
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
		if err := r.putStatus(r.tx, kind, seq, status); err != nil {
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
	return r.put(r.tx, bucketReceipt, key, h, payload)
}
