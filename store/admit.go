package store

import (
	"fmt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// maxInline bounds the body of a job that stays in the database because the spool is full: every sale fits.
const maxInline = envelope.MaxPayload - 64<<10

// admit refuses a change that cannot be applied as a whole, before anything of it is written.
func (tx transaction) admit(change prepared, nearlyFull bool) error {
	if nearlyFull && len(change.Jobs) > 0 {
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
		if err := tx.admitMove(move); err != nil {
			return err
		}
	}
	for _, seq := range change.Forgets {
		if err := tx.admitForget(seq); err != nil {
			return err
		}
	}
	for _, seq := range change.Drops {
		if err := tx.admitDrop(seq); err != nil {
			return err
		}
	}
	for _, wire := range change.Wires {
		if wire.New < 0 || wire.New > len(change.Jobs) {
			return fmt.Errorf("%w: wire of new job %d of %d", agent.ErrBadMove, wire.New, len(change.Jobs))
		}
		if bucketWire.in(tx).Get(wireKey(wire.Seq, wire.Revision)) != nil {
			return fmt.Errorf("%w: wire %d of job %d is written", agent.ErrVersion, wire.Revision, wire.Seq)
		}
	}
	for _, record := range change.Puts {
		if err := tx.admitRecord(record); err != nil {
			return err
		}
	}
	return nil
}

func (tx transaction) admitMove(move agent.Move) error {
	data := bucketState.in(tx).Get(seqKey(move.Seq))
	if data == nil {
		return fmt.Errorf("%w: job %d", agent.ErrNotFound, move.Seq)
	}
	h, _, err := envelope.Peek(data)
	if err != nil {
		return fmt.Errorf("%w: state of job %d", agent.ErrDamaged, move.Seq)
	}
	_, now := untag(h.Tag)
	if r, _, err := envelope.Peek(bucketReceipt.in(tx).Get(seqKey(move.Seq))); err == nil && r.Version > h.Version {
		return fmt.Errorf("%w: job %d has a receipt of a later time than its state", agent.ErrDamaged, move.Seq)
	}
	if h.Version != move.Status.Version {
		return fmt.Errorf("%w: job %d is %s", agent.ErrVersion, move.Seq, now)
	}
	if !now.MayBecome(move.Status.State) {
		return fmt.Errorf("%w: job %d from %s to %s", agent.ErrBadMove, move.Seq, now, move.Status.State)
	}
	return nil
}

func (tx transaction) admitRecord(record agent.Record) error {
	b, err := recordBucket(record.Bucket)
	if err != nil {
		return err
	}
	if record.IfVersion == agent.AnyVersion {
		return nil
	}
	version, err := versionOf(b.in(tx).Get(tx.recordKey(b, record)))
	if err == nil && version != record.IfVersion {
		err = agent.ErrVersion
	}
	if err != nil {
		return fmt.Errorf("%w: record in %s", err, record.Bucket)
	}
	return nil
}

// recordKey is the bucket key of a record.
func (tx transaction) recordKey(b bucket, record agent.Record) []byte {
	if record.Ref != nil {
		return record.Ref
	}
	return tx.ring.Hash(b.name, record.Key)
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
