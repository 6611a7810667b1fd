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

// deliver makes one attempt: the bytes and the attempt are on disk before anything is sent, and the outcome before the job is
// picked again. nil tells that the outcome is on disk.
func (s *Sender) deliver(ctx context.Context, picked agent.Job) error {
	job, err := s.cfg.Queue.Job(picked.Seq)
	if err != nil {
		return err
	}
	if job.Status.State != agent.Pending || job.Status.Version != picked.Status.Version {
		return nil // it changed since it was picked; that commit wakes the sender
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
	job.Status.Unanswered = true // until there is an answer: after a power cut it stays so
	if err := s.commit(ctx, &job, change); err != nil {
		return ignoreLostRace(err)
	}
	era := s.present()
	outcome := s.cfg.Cloud.Deliver(ctx, job.Kind, job.Dialect, body)
	return s.settle(ctx, job, before, outcome, era)
}

// postpone notes the outcome of a question to the cloud that had to be answered before the job. It counts for the link like
// a delivery's outcome, but the job was not tried.
func (s *Sender) postpone(ctx context.Context, job agent.Job, before agent.Status, outcome agent.Outcome) error {
	v := judge(job.Kind, outcome, false, s.cfg.Conflict)
	outcome.Body, outcome.Detail = nil, "identification first: "+outcome.Detail
	if v != unauthorized {
		v = notTried
		job.Status.NotBefore = s.cfg.Now().Add(backoff(s.cfg.RetryMin, s.cfg.RetryMax, 1))
	}
	err := s.record(ctx, &job, before, outcome, v)
	s.log(job, outcome, v)
	s.observe(ctx, job, outcome, v)
	return err
}

// freeze gives the bytes that go up. They are prepared before the first attempt, and written to disk where they differ from
// what the till sent; every later attempt sends the same.
func (s *Sender) freeze(ctx context.Context, job agent.Job) ([]byte, agent.Change, error) {
	body, err := s.cfg.Queue.Wire(job.Seq, job.Status.Revision)
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

// commit writes the job's status together with a change. It goes on when ctx ends.
func (s *Sender) commit(ctx context.Context, job *agent.Job, change agent.Change) error {
	change.Moves = append(change.Moves, agent.Move{Seq: job.Seq, Status: job.Status})
	if job.Status.State != agent.Pending {
		event, err := settledEvent(*job)
		if err != nil {
			return err
		}
		change.Events = append(change.Events, event)
	}
	if _, err := s.cfg.Queue.Commit(context.WithoutCancel(ctx), change); err != nil {
		return err
	}
	job.Status.Version++
	return nil
}

// settledEvent is the event of the change stream for a settled job. It holds no personal data.
func settledEvent(job agent.Job) (agent.Event, error) {
	data, err := json.Marshal(map[string]string{"job": job.ID(), "kind": string(job.Kind), "state": string(job.Status.State)})
	return agent.Event{Type: "job", Key: job.ID(), Data: data}, err
}

// ignoreLostRace drops the refusal of a change because its job changed meanwhile.
func ignoreLostRace(err error) error {
	if errors.Is(err, agent.ErrVersion) || errors.Is(err, agent.ErrBadMove) {
		return nil
	}
	return err
}

// settle writes an outcome into the job's status, then applies it to the link and the route. era is when the call began.
func (s *Sender) settle(ctx context.Context, job agent.Job, before agent.Status, outcome agent.Outcome, era uint64) error {
	v, tentative := s.heed(job, outcome, before.Unanswered), s.tentativeSince(era)
	if tentative {
		v = reconsider(v, outcome)
	}
	err := s.record(ctx, &job, before, outcome, v)
	s.log(job, outcome, v)
	s.observe(ctx, job, outcome, v)
	if tentative {
		return err
	}
	return errors.Join(err, s.suspectTwin(ctx, job, before, outcome))
}

// maxMoves bounds how often a job may change while its outcome is being written.
const maxMoves = 8

// record writes the outcome into the job's status, also when the status changed during the request: a person's retry must not
// lose the cloud's answer. When a person ended the job meanwhile it stays ended.
func (s *Sender) record(ctx context.Context, job *agent.Job, before agent.Status, outcome agent.Outcome, v verdict) error {
	var err error
	for range maxMoves {
		s.conclude(&job.Status, before, outcome, v)
		if err = s.commit(ctx, job, agent.Change{}); err == nil || ignoreLostRace(err) != nil {
			return err
		}
		now, readErr := s.cfg.Queue.Job(job.Seq)
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

// conclude applies an outcome to a status.
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
		if before.Failure != nil {
			st.Failure.Doubts, st.Failure.Since = before.Failure.Doubts, before.Failure.Since
		}
	}
	switch v {
	case delivered:
		st.State, st.Reason, st.Unanswered = agent.Sent, "", false
	case refused:
		st.State, st.Reason = agent.Dead, agent.ReasonRefused
	case notTried, unauthorized: // no attempt
		st.Attempts, st.Unanswered = before.Attempts, before.Unanswered
	case unsure:
		st.Attempts, st.Unanswered = before.Attempts, before.Unanswered
		st.NotBefore = now.Add(min(rethink, s.cfg.RetryMax))
	case doubted:
		s.doubt(st, now)
	case again, suspect:
		asked := min(outcome.RetryAfter, longestAsked)
		st.NotBefore = now.Add(max(backoff(s.cfg.RetryMin, s.cfg.RetryMax, st.Attempts), asked))
	}
}

// observe applies an outcome to the link and the route, and to the jobs that wait for them.
func (s *Sender) observe(ctx context.Context, job agent.Job, outcome agent.Outcome, v verdict) {
	now := s.cfg.Now()
	if linkTrouble(v) {
		s.mu.Lock()
		fell := s.link.failed(job.Seq, outcome.Class, outcome.RetryAfter, &s.cfg)
		s.mu.Unlock()
		if fell {
			s.cfg.Log.Warn("cloud_away", "class", outcome.Class, "status", outcome.Status, "detail", outcome.Detail)
		}
		if outcome.RetryAfter > longestAsked {
			s.cfg.Alarms.Raise(busyAlarm(now, outcome))
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
	if returned {
		s.cfg.Alarms.Clear(agent.AlarmBusy, "")
	}
	if returned || authorized {
		s.cfg.Log.Info("cloud_back")
		s.startBacklog(now)
		s.flush(ctx, now)
	}
	switch v {
	case unsure:
	case suspect:
		s.noteSuspect(now, job, outcome.Status)
	default:
		s.routePassed(ctx, job)
	}
}

// busyAlarm says that the cloud asks for a wait that is longer than the agent's.
func busyAlarm(now time.Time, outcome agent.Outcome) agent.Alarm {
	return agent.Alarm{
		Code: agent.AlarmBusy, Since: now,
		Detail: fmt.Sprintf("A Mercafácil pediu que se espere %.0f minutos (%d). As vendas ficam guardadas; uma é tentada a cada %.0f minutos, e todas são "+
			"enviadas sozinhas quando ela voltar. Se durar, avise a Mercafácil.", outcome.RetryAfter.Minutes(), outcome.Status, longestAsked.Minutes()),
	}
}

// flush makes the jobs due that failed because of the link, which is back. Jobs for which the cloud asked for a time wait for
// it.
func (s *Sender) flush(ctx context.Context, now time.Time) {
	if _, err := s.hasten(ctx, now); err != nil {
		s.cfg.Log.Error("flush_not_recorded", "error", err)
	}
}

// Hasten makes the jobs due that wait for a time after a failure of the link, and gives their number.
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
		if f == nil || f.Asked || f.Class == agent.ClassDenied || (f.Class == agent.ClassStatus && f.Status < 500) {
			continue
		}
		job.Status.NotBefore = time.Time{}
		change.Moves = append(change.Moves, agent.Move{Seq: job.Seq, Status: job.Status})
	}
	if len(change.Moves) == 0 {
		return 0, nil
	}
	// One job that changed meanwhile refuses the change: then each job is due at its own time.
	_, err = s.cfg.Queue.Commit(context.WithoutCancel(ctx), change)
	return len(change.Moves), ignoreLostRace(err)
}

// annul ends a job that is not needed any more.
func (s *Sender) annul(ctx context.Context, job agent.Job, reason string) error {
	job.Status.State, job.Status.Reason = agent.Annulled, reason
	s.cfg.Log.Info("job_annulled", "seq", job.Seq, "kind", job.Kind)
	return ignoreLostRace(s.commit(ctx, &job, agent.Change{}))
}

// log logs and counts an outcome, without any body. observe logs a link that goes down, once.
func (s *Sender) log(job agent.Job, outcome agent.Outcome, v verdict) {
	attrs := []any{
		"seq", job.Seq, "kind", job.Kind, "attempts", job.Status.Attempts, "class", outcome.Class,
		"status", outcome.Status, "ms", outcome.Took.Milliseconds(),
	}
	switch v {
	case delivered:
		s.cfg.Log.Debug("job_sent", attrs...)
	case refused:
		s.cfg.Log.Warn("job_dead", attrs...)
	case doubted:
		if job.Status.State == agent.Dead {
			s.cfg.Log.Warn("job_dead", append(attrs, "reason", job.Status.Reason)...)
			return
		}
		fallthrough
	case again, suspect, notTried, unauthorized, unsure:
		s.cfg.Log.Debug("job_later", attrs...)
		s.cfg.Later(outcome.Class)
	}
}
