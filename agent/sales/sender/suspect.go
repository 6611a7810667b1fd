package sender

import (
	"context"
	"fmt"
	"time"

	"pdvagent/agent"
)

// pauseCloud stops all deliveries, except for trials: the cloud refuses the token, which is no job's fault.
func (s *Sender) pauseCloud(now time.Time) {
	s.mu.Lock()
	s.auth = &pause{next: now.Add(s.cfg.RetryMax)}
	s.mu.Unlock()
	alarm := agent.Alarm{
		Code: agent.AlarmUnauthorized, Since: now,
		Detail: "A Mercafácil recusou o token desta loja (401). Confira mercafacil.token; as vendas continuam guardadas.",
	}
	s.cfg.Alarms.Raise(alarm)
}

// noteSuspect notes a job that was refused as if its route were missing. That may be the job's fault; when the next job on
// the route gets the same status, the route is paused and both wait.
func (s *Sender) noteSuspect(now time.Time, job agent.Job, status int) {
	s.mu.Lock()
	r := s.route(job.Kind)
	alike := false
	for seq, other := range r.suspects {
		alike = alike || (seq != job.Seq && other == status)
	}
	r.suspects[job.Seq] = status
	paused := r.pause != nil
	if paused || alike {
		r.pause = &pause{next: now.Add(s.cfg.RetryMax)}
		clear(r.suspects) // it was not their fault
	}
	s.mu.Unlock()
	if paused || !alike {
		return
	}
	alarm := agent.Alarm{
		Code: agent.AlarmRoutePaused, Subject: string(job.Kind), Since: now,
		Detail: fmt.Sprintf("A Mercafácil recusa tudo nesta rota (%d). Confira mercafacil.base_url e o dialeto; os envios ficam guardados "+
			"e são tentados de novo sozinhos.", status),
	}
	s.cfg.Alarms.Raise(alarm)
}

// routePassed ends the pause of a job's route after the job passed it. Suspects were refused while it passed: they are dead.
func (s *Sender) routePassed(ctx context.Context, job agent.Job) {
	s.mu.Lock()
	r := s.route(job.Kind)
	paused := r.pause != nil
	r.pause = nil
	delete(r.suspects, job.Seq)
	var refused []uint64
	for seq := range r.suspects {
		if _, busy := s.inFlight[seq]; !busy {
			refused = append(refused, seq)
			delete(r.suspects, seq)
		}
	}
	s.mu.Unlock()
	if paused {
		s.cfg.Alarms.Clear(agent.AlarmRoutePaused, string(job.Kind))
	}
	for _, seq := range refused {
		s.markDead(ctx, seq)
	}
}

// markDead ends a job that was refused on a route that passes others.
func (s *Sender) markDead(ctx context.Context, seq uint64) {
	job, err := s.cfg.Queue.Job(seq)
	if err == nil && job.Status.State == agent.Pending {
		job.Status.State, job.Status.Reason = agent.Dead, agent.ReasonRouteOnly
		err = ignoreLostRace(s.commit(ctx, &job, agent.Change{}))
		s.cfg.Log.Warn("job_dead", "seq", seq, "kind", job.Kind, "reason", agent.ReasonRouteOnly)
	}
	if err != nil {
		s.cfg.Log.Error("condemn_not_recorded", "seq", seq, "error", err)
	}
}
