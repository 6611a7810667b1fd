package sender

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"pdvagent/agent"
)

// leaveWithin bounds the time between the commit of a first attempt that was written with its job and its request. One that
// is later is taken back: the job was not sent.
const leaveWithin = 100 * time.Millisecond

// naturalKey names a job that has no number yet.
type naturalKey struct {
	kind   agent.Kind
	unique string
}

func keyOf(job agent.Job) naturalKey { return naturalKey{job.Kind, job.Unique} }

// promise is what has become of a first attempt that is written with its job.
type promise int

const (
	none   promise = iota
	kept           // a worker is kept for it, while it is written
	flying         // its request is under way
	broken         // it is on disk and was not made, and that is not on disk yet
)

// Enqueue commits a change whose first job is new. body is what goes up for it; nil when the cloud must be asked first. Where
// its request can leave at once (the link is open, it waits for nothing, a worker is free) its first attempt is written with
// it: one commit for both. An attempt that was not made after all is taken back, on disk.
func (s *Sender) Enqueue(ctx context.Context, change agent.Change, body []byte) (agent.Committed, error) {
	job := change.Jobs[0]
	if body == nil || !s.promise(job) {
		return s.cfg.Queue.Commit(ctx, change)
	}
	change.Jobs = slices.Clone(change.Jobs)
	change.Jobs[0].Status.Attempts, change.Jobs[0].Status.Unanswered = 1, true
	if !bytes.Equal(body, job.Body) {
		change.Wires = append(slices.Clip(change.Wires), agent.Wire{New: 1, Body: body})
	}
	committed, err := s.cfg.Queue.Commit(ctx, change)
	switch {
	case err == nil:
		job.Seq = committed.Seqs[0]
		s.launch(ctx, job, body, s.cfg.Now())
	case errors.Is(err, agent.ErrKeyTaken): // by another job
		s.release(job)
	default: // it may be on disk all the same
		s.lookFor(ctx, job)
	}
	return committed, err
}

// promise keeps a worker and a place in the pace for a new job, if its request can leave at once.
func (s *Sender) promise(job agent.Job) bool {
	if job.Unique == "" || (job.Status.State != "" && job.Status.State != agent.Pending) {
		return false
	}
	if s.cfg.Busy != nil && s.cfg.Busy() != nil { // live calls go first
		return false
	}
	if relatives, err := s.relatives(job); err != nil || !follows(job, relatives) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.promised[keyOf(job)] != none || !s.open(job.Kind) || s.busy() >= s.cfg.Parallel || !s.limiter.AllowN(s.cfg.Now(), 1) {
		return false
	}
	s.promised[keyOf(job)] = kept
	return true
}

// follows tells whether a job may go, given its relatives.
func follows(job agent.Job, relatives []agent.Job) bool {
	step, _ := agent.Follow(job, relatives)
	return step == agent.Go
}

// open tells whether jobs of a kind may leave now. The caller has s.mu.
func (s *Sender) open(kind agent.Kind) bool {
	r := s.routes[kind]
	return s.delivering != nil && !s.link.down && s.auth == nil && (r == nil || r.pause == nil)
}

// promiseOf tells what has become of the promise for a job that the queue shows as due.
func (s *Sender) promiseOf(job agent.Job) promise {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, busy := s.inFlight[job.Seq]; busy {
		return flying
	}
	return s.promised[keyOf(job)]
}

// launch makes the attempt that is on disk since a time.
func (s *Sender) launch(ctx context.Context, job agent.Job, body []byte, written time.Time) { //nolint:contextcheck // a delivery outlives its till's call
	s.mu.Lock()
	delivering := s.delivering
	s.inFlight[job.Seq] = job.Kind
	delete(s.promised, keyOf(job))
	if delivering != nil {
		s.workers.Go(func() { s.end(job, s.leave(delivering, job, body, written)) })
	}
	s.mu.Unlock()
	if delivering == nil { // the agent is stopping
		s.end(job, s.takeBack(ctx, job))
	}
}

// leave makes the attempt, unless something has come between.
func (s *Sender) leave(ctx context.Context, job agent.Job, body []byte, written time.Time) error {
	const asWritten = 1 // version of a status that nobody has changed since
	now, err := s.cfg.Queue.Job(job.Seq)
	if err != nil || now.Status.State != agent.Pending || now.Status.Version != asWritten {
		return s.takeBack(ctx, job)
	}
	relatives, err := s.relatives(job)
	if err != nil || !follows(job, relatives) {
		return s.takeBack(ctx, job)
	}
	s.mu.Lock()
	open := s.open(job.Kind)
	s.mu.Unlock()
	if !open || s.cfg.Now().Sub(written) > leaveWithin {
		return s.takeBack(ctx, job)
	}
	before := now.Status
	before.Attempts, before.Unanswered = 0, false
	ctx = agent.WithRef(ctx, job.ID())
	era := s.present()
	return s.settle(ctx, now, before, s.cfg.Cloud.Deliver(ctx, job.Kind, job.Dialect, body), era)
}

// takeBack writes down that a job's first attempt, which was written with it, was not made. Until that is on disk nothing is
// sent for the job: a 409 would be taken for the answer to an attempt that there was not.
func (s *Sender) takeBack(ctx context.Context, job agent.Job) error {
	err := s.uncount(ctx, job.Seq)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.promised, keyOf(job))
	if err != nil {
		s.promised[keyOf(job)] = broken
	}
	return err
}

// uncount writes that a job was not tried, whatever else has changed in its status. One that somebody has ended stays as it is.
func (s *Sender) uncount(ctx context.Context, seq uint64) error {
	var err error
	for range maxMoves {
		job, readErr := s.cfg.Queue.Job(seq)
		if readErr != nil {
			return readErr
		}
		if job.Status.State != agent.Pending || !job.Status.Attempted() {
			return nil
		}
		job.Status.Attempts, job.Status.Unanswered = 0, false
		if err = s.commit(ctx, &job, agent.Change{}); err == nil || ignoreLostRace(err) != nil {
			return err
		}
	}
	return err
}

// lookFor takes the attempt of a job back whose commit has failed and may be on disk all the same.
func (s *Sender) lookFor(ctx context.Context, job agent.Job) {
	found, err := s.cfg.Queue.Unique(job.Kind, job.Unique)
	switch {
	case errors.Is(err, agent.ErrNotFound):
		s.release(job)
		return
	case err == nil:
		err = s.takeBack(ctx, found)
	default:
		s.mu.Lock()
		s.promised[keyOf(job)] = broken
		s.mu.Unlock()
	}
	if err != nil {
		s.cfg.Log.Error("attempt_not_taken_back", "kind", job.Kind, "error", err)
	}
	s.wakeUp()
}

// release gives up the promise for a job that is not on disk.
func (s *Sender) release(job agent.Job) {
	s.mu.Lock()
	delete(s.promised, keyOf(job))
	s.mu.Unlock()
	s.wakeUp()
}
