package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
)

// transaction is a bbolt transaction and the keys of the values in it.
type transaction struct {
	*bbolt.Tx
	ring *keyring.Ring
}

// openValue opens a stored value. A missing one is [agent.ErrNotFound].
func openValue(ring *keyring.Ring, data []byte) (envelope.Header, []byte, error) {
	if data == nil {
		return envelope.Header{}, nil, agent.ErrNotFound
	}
	h, payload, err := envelope.Open(data, ring.Key)
	switch {
	case errors.Is(err, envelope.ErrUnknownKey):
		err = fmt.Errorf("%w: %w", agent.ErrKeyMissing, err)
	case errors.Is(err, envelope.ErrDamaged):
		err = fmt.Errorf("%w: %w", agent.ErrDamaged, err)
	}
	return h, payload, err
}

// put seals payload and stores it under key.
func (tx transaction) put(b bucket, key []byte, h envelope.Header, payload []byte) error {
	h.Bucket, h.Key = b.code, key
	sealed, err := envelope.Seal(tx.ring.Current, h, payload)
	if err != nil {
		return err
	}
	return b.in(tx).Put(key, sealed)
}

// get opens the value under key and checks that it was put there.
func (tx transaction) get(b bucket, key []byte) (envelope.Header, []byte, error) {
	h, payload, err := openValue(tx.ring, b.in(tx).Get(key))
	if err != nil {
		return h, nil, err
	}
	if h.Bucket != b.code || string(h.Key) != string(key) {
		return h, nil, fmt.Errorf("%w: %s holds another's value", agent.ErrDamaged, b.name)
	}
	return h, payload, nil
}

// job gives a job with the body that its value holds, or with the name of the file that holds it.
func (tx transaction) job(seq uint64) (agent.Job, *spooledBody, error) {
	_, payload, err := tx.get(bucketJob, seqKey(seq))
	if err != nil {
		return agent.Job{}, nil, fmt.Errorf("job %d: %w", seq, err)
	}
	job, spooled, err := decodeJob(seq, payload)
	if err != nil {
		return job, nil, err
	}
	job.Status, err = tx.status(seq)
	return job, spooled, err
}

// head gives a job without its body; of one whose key is missing, what its envelope shows.
func (tx transaction) head(seq uint64) (agent.Job, error) {
	job, _, err := tx.job(seq)
	if errors.Is(err, agent.ErrKeyMissing) {
		h, _, peekErr := envelope.Peek(bucketState.in(tx).Get(seqKey(seq)))
		if peekErr != nil {
			return job, err
		}
		job = agent.Job{Seq: seq}
		job.Kind, job.Status.State = untag(h.Tag)
		if status, statusErr := tx.status(seq); statusErr == nil {
			job.Status = status
		}
		job.Status.Version = h.Version
		err = nil
	}
	job.Body = nil
	return job, err
}

func (tx transaction) status(seq uint64) (agent.Status, error) {
	h, payload, err := tx.get(bucketState, seqKey(seq))
	if err != nil {
		return agent.Status{}, fmt.Errorf("state of job %d: %w", seq, err)
	}
	return decodeStatus(h, payload)
}

func (tx transaction) putStatus(kind agent.Kind, seq uint64, status agent.Status) error {
	payload, err := encodeStatus(status)
	if err != nil {
		return err
	}
	header := envelope.Header{Tag: tag(kind, status.State), Sequence: seq, Version: status.Version + 1}
	return tx.put(bucketState, seqKey(seq), header, payload)
}

// finalJob gives a job, and when it became final; the zero time for one that is not final.
func (tx transaction) finalJob(seq uint64) (agent.Job, time.Time, error) {
	job, _, err := tx.job(seq)
	if err != nil || !job.Status.State.Final() {
		return job, time.Time{}, err
	}
	_, payload, err := tx.get(bucketReceipt, seqKey(seq))
	if err != nil {
		return job, time.Time{}, fmt.Errorf("receipt of job %d: %w", seq, err)
	}
	var receipt storedReceipt
	err = json.Unmarshal(payload, &receipt)
	return job, receipt.At, err
}

func (tx transaction) event(id uint64) (agent.Event, error) {
	_, payload, err := tx.get(bucketEvent, seqKey(id))
	if err != nil {
		return agent.Event{}, err
	}
	var stored storedEvent
	if err := json.Unmarshal(payload, &stored); err != nil {
		return agent.Event{}, errors.Join(agent.ErrDamaged, err)
	}
	return agent.Event{ID: id, Type: stored.Type, Key: stored.Key, Data: stored.Data, At: stored.At}, nil
}

func (tx transaction) meta() (*meta, error) {
	_, payload, err := tx.get(bucketMeta, metaState)
	if err != nil {
		return nil, err
	}
	m := newMeta()
	return m, json.Unmarshal(payload, m)
}

func (tx transaction) putMeta(m *meta) error {
	payload, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return tx.put(bucketMeta, metaState, envelope.Header{Version: uint64(m.Schema)}, payload)
}

// spooledKey is the bucket key of a spool file. Its name is random; it is hashed like every other name.
func (tx transaction) spooledKey(name string) []byte { return tx.ring.Hash("spool", name) }

// rawView reads the open file. It is for the opening, and for owners of s.mu.
func (s *Store) rawView(read func(transaction) error) error {
	return s.db.View(func(tx *bbolt.Tx) error { return read(transaction{tx, s.ring}) })
}

// rawUpdate writes to the open file. It is for the opening, and for owners of s.mu.
func (s *Store) rawUpdate(write func(transaction) error) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return write(transaction{tx, s.ring}) })
}

// update is rawUpdate for owners of s.mu that turns a fault of the mapped file into an error.
func (s *Store) update(write func(transaction) error) error {
	return guarded(func() error { return s.rawUpdate(write) })
}
