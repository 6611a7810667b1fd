package sender

import (
	"context"
	"fmt"
	"time"

	"pdvagent/agent"
)

// pauseCloud stops everything but a trial now and then: the cloud refuses our token, and no job is to blame.
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

// suspicion notes that a job was refused as if its route were missing. The first one may be itself to blame; when the
// next on the route fares alike, the route is paused and both wait.
func (s *Sender) suspicion(now time.Time, job agent.Job, status int) {
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
		clear(r.suspects) // not theirs, then
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

// routePasses ends a pause of the route, and the hope of those that were refused while others pass.
func (s *Sender) routePasses(ctx context.Context, job agent.Job) {
	s.mu.Lock()
	r := s.route(job.Kind)
	paused := r.pause != nil
	r.pause = nil
	delete(r.suspects, job.Seq)
	var guilty []uint64
	for seq := range r.suspects {
		if _, busy := s.inFlight[seq]; !busy {
			guilty = append(guilty, seq)
			delete(r.suspects, seq)
		}
	}
	s.mu.Unlock()
	if paused {
		s.cfg.Alarms.Clear(agent.AlarmRoutePaused, string(job.Kind))
	}
	for _, seq := range guilty {
		s.condemn(ctx, seq)
	}
}

func (s *Sender) condemn(ctx context.Context, seq uint64) {
	job, err := s.cfg.Jobs.Job(seq)
	if err == nil && job.Status.State == agent.Pending {
		job.Status.State, job.Status.Reason = agent.Dead, agent.ReasonRouteOnly
		err = ignoreLostRace(s.commit(ctx, &job, agent.Change{}))
		s.cfg.Log.Warn("job_dead", "seq", seq, "kind", job.Kind, "reason", agent.ReasonRouteOnly)
	}
	if err != nil {
		s.cfg.Log.Error("condemn_not_recorded", "seq", seq, "error", err)
	}
}
