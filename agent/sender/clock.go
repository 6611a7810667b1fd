package sender

import (
	"context"
	"time"

	"pdvagent/agent"
)

// lookForStranded is how often jobs are looked for whose time a wrong clock has set.
const lookForStranded = time.Minute

// unstrand gives jobs that wait longer than anything here lets a job wait the longest time there is: a clock that was wrong
// has set theirs, and was put right since (store.md 10).
func (s *Sender) unstrand(ctx context.Context, now time.Time) {
	if since := now.Sub(s.unstranded); since >= 0 && since < lookForStranded {
		return
	}
	s.unstranded = now
	const batch = 256
	longest := now.Add(max(s.cfg.RetryMax, longestAsked))
	jobs, err := s.cfg.Queue.Retried(longest.Add(time.Minute), batch)
	if err != nil {
		s.cfg.Log.Error("queue_unreadable", "error", err)
		return
	}
	if len(jobs) == batch {
		s.unstranded = time.Time{} // there are more: the commit wakes the next look
	}
	var change agent.Change
	for _, job := range jobs {
		job.Status.NotBefore = longest
		change.Moves = append(change.Moves, agent.Move{Seq: job.Seq, Status: job.Status})
	}
	if len(change.Moves) == 0 {
		return
	}
	if _, err := s.cfg.Jobs.Commit(context.WithoutCancel(ctx), change); ignoreLostRace(err) != nil {
		s.cfg.Log.Error("stranded_not_recorded", "error", err)
		return
	}
	s.cfg.Log.Warn("jobs_unstranded", "jobs", len(change.Moves))
}
