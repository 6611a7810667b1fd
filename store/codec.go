package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// jobHead is the part of a job's payload before the body.
type jobHead struct {
	Kind        agent.Kind    `json:"kind"`
	Dialect     agent.Dialect `json:"dialect,omitempty"`
	Session     string        `json:"session,omitempty"`
	Coupon      string        `json:"coupon,omitempty"`
	Moment      string        `json:"moment,omitempty"`
	Net         agent.Milli   `json:"net,omitempty"`
	Unique      string        `json:"unique,omitempty"`
	After       string        `json:"after,omitempty"`
	Notes       []agent.Note  `json:"notes,omitempty"`
	Fingerprint []byte        `json:"fingerprint,omitempty"`
	CreatedAt   time.Time     `json:"created_at"`
	Spooled     *spooledBody  `json:"spooled,omitempty"`
}

// encodeJob gives the payload of a job: the length of the head in 4 bytes, the head, the body.
func encodeJob(job agent.Job, spooled *spooledBody) ([]byte, error) {
	head := jobHead{
		Kind: job.Kind, Dialect: job.Dialect, Session: job.Session, Coupon: job.Coupon, Moment: job.Moment, Unique: job.Unique,
		Net: job.Net, After: job.After, Notes: job.Notes, Fingerprint: job.Fingerprint[:], CreatedAt: job.CreatedAt.UTC(), Spooled: spooled,
	}
	body := job.Body
	if spooled != nil {
		body = nil
	}
	encoded, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	payload := make([]byte, 4, 4+len(encoded)+len(body))
	binary.BigEndian.PutUint32(payload, uint32(len(encoded)))
	return append(append(payload, encoded...), body...), nil
}

func decodeJob(seq uint64, payload []byte) (agent.Job, *spooledBody, error) {
	if len(payload) < 4 {
		return agent.Job{}, nil, fmt.Errorf("%w: job %d is too short", agent.ErrDamaged, seq)
	}
	size := int(binary.BigEndian.Uint32(payload))
	if len(payload) < 4+size {
		return agent.Job{}, nil, fmt.Errorf("%w: job %d is cut", agent.ErrDamaged, seq)
	}
	var head jobHead
	if err := json.Unmarshal(payload[4:4+size], &head); err != nil {
		return agent.Job{}, nil, fmt.Errorf("%w: head of job %d: %w", agent.ErrDamaged, seq, err)
	}
	job := agent.Job{
		Seq: seq, Kind: head.Kind, Dialect: head.Dialect, Session: head.Session, Coupon: head.Coupon, Moment: head.Moment, Unique: head.Unique,
		Net: head.Net, After: head.After, Notes: head.Notes, Body: payload[4+size:], CreatedAt: head.CreatedAt,
	}
	copy(job.Fingerprint[:], head.Fingerprint)
	return job, head.Spooled, nil
}

// storedStatus is [agent.Status] on disk; the version is in the envelope's header.
type storedStatus struct {
	State      agent.State    `json:"state"`
	Reason     string         `json:"reason,omitempty"`
	Attempts   int            `json:"attempts,omitempty"`
	Unanswered bool           `json:"unanswered,omitempty"`
	NotBefore  *time.Time     `json:"not_before,omitempty"`
	Revision   int            `json:"revision,omitempty"`
	Failure    *agent.Failure `json:"failure,omitempty"`
	Answer     *agent.Answer  `json:"answer,omitempty"`
	UpdatedAt  time.Time      `json:"updated_at"`
}

func encodeStatus(status agent.Status) ([]byte, error) {
	stored := storedStatus{
		State: status.State, Reason: status.Reason, Attempts: status.Attempts, Unanswered: status.Unanswered,
		Revision: status.Revision, Failure: status.Failure, Answer: status.Answer, UpdatedAt: status.UpdatedAt.UTC(),
	}
	if !status.NotBefore.IsZero() {
		notBefore := status.NotBefore.UTC()
		stored.NotBefore = &notBefore
	}
	return json.Marshal(stored)
}

func decodeStatus(h envelope.Header, payload []byte) (agent.Status, error) {
	var stored storedStatus
	if err := json.Unmarshal(payload, &stored); err != nil {
		return agent.Status{}, fmt.Errorf("%w: state of job %d: %w", agent.ErrDamaged, h.Sequence, err)
	}
	status := agent.Status{
		Version: h.Version, State: stored.State, Reason: stored.Reason, Attempts: stored.Attempts,
		Unanswered: stored.Unanswered, Revision: stored.Revision, Failure: stored.Failure, Answer: stored.Answer,
		UpdatedAt: stored.UpdatedAt,
	}
	if stored.NotBefore != nil {
		status.NotBefore = *stored.NotBefore
	}
	return status, nil
}

type storedEvent struct {
	Type string          `json:"type"`
	Key  string          `json:"key,omitempty"`
	Data json.RawMessage `json:"data,omitempty"`
	At   time.Time       `json:"at"`
}

type storedReceipt struct {
	State agent.State `json:"state"`
	At    time.Time   `json:"at"`
}

func seqOf(key []byte) uint64 { return binary.BigEndian.Uint64(key) }
