package sender

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pdvagent/agent"
)

// deliver makes one attempt: the bytes are frozen and the attempt is on disk before anything is sent, and its result is
// on disk before the job is looked at again. A nil error means that whatever happened is written down.
func (s *Sender) deliver(ctx context.Context, picked agent.Job) error {
	job, err := s.cfg.Jobs.Job(picked.Seq)
	if err != nil {
		return err
	}
	if job.Status.State != agent.Pending || job.Status.Version != picked.Status.Version {
		return nil // it moved since it was picked; if it is still due, the move's sign picks it anew
	}
	ctx = agent.WithRef(ctx, job.ID())
	before := job.Status
	body, change, err := s.freeze(ctx, job)
	if postponed, ok := errors.AsType[*agent.Postponed](err); ok {
		return s.postpone(ctx, job, before, postponed.Outcome)
	}
	if errors.Is(err, agent.ErrMoot) {
		return s.annul(ctx, job, agent.ReasonNoSession)
	}
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	job.Status.Attempts++
	job.Status.Unanswered = true // until an answer says otherwise: a power cut leaves it so
	if err := s.commit(ctx, &job, change); err != nil {
		return ignoreLostRace(err)
	}
	outcome := s.cfg.Cloud.Deliver(ctx, job.Kind, job.Dialect, body)
	return s.settle(ctx, job, before, outcome)
}

// postpone takes what a question to the cloud brought, which had to be asked before the job: it says the same of the link
// as a delivery would, but the job was not tried.
func (s *Sender) postpone(ctx context.Context, job agent.Job, before agent.Status, outcome agent.Outcome) error {
	v := judge(job.Kind, outcome, false, s.cfg.Conflict)
	outcome.Body, outcome.Detail = nil, "identification first: "+outcome.Detail
	if v != unauthorized {
		v = notTried
		job.Status.NotBefore = s.cfg.Now().Add(backoff(s.cfg.RetryMin, s.cfg.RetryMax, 1))
	}
	err := s.record(ctx, &job, before, outcome, v)
	s.say(job, outcome, v)
	s.observe(ctx, job, outcome, v)
	return err
}

// freeze gives the bytes that go up. Before the first attempt they are made, and written where they differ from what the
// till sent; ever after they are the same.
func (s *Sender) freeze(ctx context.Context, job agent.Job) ([]byte, agent.Change, error) {
	body, err := s.cfg.Jobs.Wire(job.Seq, job.Status.Revision)
	if err == nil {
		return body, agent.Change{}, nil
	}
	if !errors.Is(err, agent.ErrNotFound) || job.Status.Revision > 0 {
		return nil, agent.Change{}, err
	}
	if job.Status.Attempted() { // no wire was written at the first attempt: what the till sent went up
		return job.Body, agent.Change{}, nil
	}
	body, err = s.cfg.Preparer.Prepare(ctx, job)
	if err != nil || bytes.Equal(body, job.Body) {
		return job.Body, agent.Change{}, err
	}
	return body, agent.Change{Wires: []agent.Wire{{Seq: job.Seq, Body: body}}}, nil
}

// commit writes the job's present status, with whatever else belongs to it. It outlives ctx.
func (s *Sender) commit(ctx context.Context, job *agent.Job, change agent.Change) error {
	change.Moves = append(change.Moves, agent.Move{Seq: job.Seq, Status: job.Status})
	if job.Status.State != agent.Pending {
		event, err := settledEvent(*job)
		if err != nil {
			return err
		}
		change.Events = append(change.Events, event)
	}
	if _, err := s.cfg.Jobs.Commit(context.WithoutCancel(ctx), change); err != nil {
		return err
	}
	job.Status.Version++
	return nil
}

// settledEvent is the line of the change stream for a settled job; it holds no personal data.
func settledEvent(job agent.Job) (agent.Event, error) {
	data, err := json.Marshal(map[string]string{"job": job.ID(), "kind": string(job.Kind), "state": string(job.Status.State)})
	return agent.Event{Type: "job", Key: job.ID(), Data: data}, err
}

// ignoreLostRace forgives a refusal by version: somebody settled the job while we picked it, nothing was sent.
func ignoreLostRace(err error) error {
	if errors.Is(err, agent.ErrVersion) || errors.Is(err, agent.ErrBadMove) {
		return nil
	}
	return err
}

// settle writes what an outcome means for the job, then lets the link and the route know.
func (s *Sender) settle(ctx context.Context, job agent.Job, before agent.Status, outcome agent.Outcome) error {
	v := judge(job.Kind, outcome, before.Unanswered, s.cfg.Conflict)
	err := s.record(ctx, &job, before, outcome, v)
	s.say(job, outcome, v)
	s.observe(ctx, job, outcome, v)
	return err
}

// maxMoves bounds how often a job may move while its outcome is being written.
const maxMoves = 8

// record writes the outcome into the job's status, also when the status moved during the request: a person's retry must
// not make the cloud's answer forgotten. One who ended the job meanwhile has the last word.
func (s *Sender) record(ctx context.Context, job *agent.Job, before agent.Status, outcome agent.Outcome, v verdict) error {
	var err error
	for range maxMoves {
		s.conclude(&job.Status, before, outcome, v)
		if err = s.commit(ctx, job, agent.Change{}); err == nil || ignoreLostRace(err) != nil {
			return err
		}
		now, readErr := s.cfg.Jobs.Job(job.Seq)
		if readErr != nil {
			return readErr
		}
		if now.Status.State != agent.Pending {
			s.cfg.Log.Warn("job_ended_during_request", "seq", job.Seq, "kind", job.Kind, "state", now.Status.State, "class", outcome.Class)
			return nil
		}
		*job = now
	}
	return err
}

// conclude is what an outcome makes of a status.
func (s *Sender) conclude(st *agent.Status, before agent.Status, outcome agent.Outcome, v verdict) {
	now := s.cfg.Now()
	st.Unanswered = before.Unanswered || !outcome.Answered()
	if outcome.Status != 0 {
		st.Answer = &agent.Answer{Status: outcome.Status, Body: outcome.Body[:min(len(outcome.Body), agent.MaxAnswer)], At: now}
	}
	if v != delivered {
		st.Failure = &agent.Failure{
			Class: outcome.Class, Status: outcome.Status, Detail: outcome.Detail, At: now, Asked: outcome.RetryAfter > 0,
		}
	}
	switch v {
	case delivered:
		st.State, st.Reason, st.Unanswered = agent.Sent, "", false
	case refused:
		st.State, st.Reason = agent.Dead, agent.ReasonRefused
	case notTried, unauthorized: // no attempt
		st.Attempts, st.Unanswered = before.Attempts, before.Unanswered
	case again, suspect:
		asked := min(outcome.RetryAfter, longestAsked)
		st.NotBefore = now.Add(max(backoff(s.cfg.RetryMin, s.cfg.RetryMax, st.Attempts), asked))
	}
}

// observe tells the link and the route of an outcome, and does what follows from it for other jobs.
func (s *Sender) observe(ctx context.Context, job agent.Job, outcome agent.Outcome, v verdict) {
	now := s.cfg.Now()
	if linkTrouble(v) {
		s.mu.Lock()
		fell := s.link.trouble(job.Seq, outcome.Class, outcome.RetryAfter, &s.cfg)
		s.mu.Unlock()
		if fell {
			s.cfg.Log.Warn("cloud_away", "class", outcome.Class, "status", outcome.Status, "detail", outcome.Detail)
		}
		return
	}
	if v == unauthorized {
		s.pauseCloud(now)
		return
	}
	s.mu.Lock()
	returned := s.link.answered(now)
	authorized := s.auth != nil
	s.auth = nil
	s.mu.Unlock()
	if authorized {
		s.cfg.Alarms.Clear(agent.AlarmUnauthorized, "")
	}
	if returned || authorized {
		s.cfg.Log.Info("cloud_back")
		s.startBacklog(now)
		s.flush(ctx, now)
	}
	if v == suspect {
		s.suspicion(now, job, outcome.Status)
	} else {
		s.routePasses(ctx, job)
	}
}

// flush makes jobs due whose last failure was the link's: the link is back. Where the cloud itself asked for a time, it
// gets it.
func (s *Sender) flush(ctx context.Context, now time.Time) {
	if _, err := s.hasten(ctx, now); err != nil {
		s.cfg.Log.Error("flush_not_recorded", "error", err)
	}
}

// Hasten makes due what waits for a time of its own after a failure, and tells how many jobs that were.
func (s *Sender) Hasten(ctx context.Context) (int, error) { return s.hasten(ctx, s.cfg.Now()) }

func (s *Sender) hasten(ctx context.Context, now time.Time) (int, error) {
	const batch = 512
	jobs, err := s.cfg.Queue.Retried(now, batch)
	if err != nil {
		return 0, err
	}
	var change agent.Change
	for _, job := range jobs {
		f := job.Status.Failure
		if f == nil || f.Asked || (f.Class == agent.ClassStatus && f.Status < 500) {
			continue
		}
		job.Status.NotBefore = time.Time{}
		change.Moves = append(change.Moves, agent.Move{Seq: job.Seq, Status: job.Status})
	}
	if len(change.Moves) == 0 {
		return 0, nil
	}
	// A job that moved meanwhile refuses the whole; each then comes at its own time.
	_, err = s.cfg.Jobs.Commit(context.WithoutCancel(ctx), change)
	return len(change.Moves), ignoreLostRace(err)
}

// annul ends a job that has nothing left to do.
func (s *Sender) annul(ctx context.Context, job agent.Job, reason string) error {
	job.Status.State, job.Status.Reason = agent.Annulled, reason
	s.cfg.Log.Info("job_annulled", "seq", job.Seq, "kind", job.Kind)
	return ignoreLostRace(s.commit(ctx, &job, agent.Change{}))
}

// say logs and counts what a person may want to know, without any body. Failures of a link that is down are said once, by observe.
func (s *Sender) say(job agent.Job, outcome agent.Outcome, v verdict) {
	attrs := []any{
		"seq", job.Seq, "kind", job.Kind, "attempts", job.Status.Attempts, "class", outcome.Class,
		"status", outcome.Status, "ms", outcome.Took.Milliseconds(),
	}
	switch v {
	case delivered:
		s.cfg.Log.Debug("job_sent", attrs...)
	case refused:
		s.cfg.Log.Warn("job_dead", attrs...)
	case again, suspect, notTried, unauthorized:
		s.cfg.Log.Debug("job_later", attrs...)
		s.cfg.Later(outcome.Class)
	}
}
