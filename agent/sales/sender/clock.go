package sender

import (
	"context"
	"time"

	"pdvagent/agent"
)

// lookForStranded is how often stranded jobs are looked for.
const lookForStranded = time.Minute

// unstrand shortens the wait of stranded jobs to the longest regular one. A stranded job waits longer than that, because the
// clock was wrong when its time was set (store.md 10).
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
		s.unstranded = time.Time{} // there may be more: the commit below wakes the sender
	}
	var change agent.Change
	for _, job := range jobs {
		job.Status.NotBefore = longest
		change.Moves = append(change.Moves, agent.Move{Seq: job.Seq, Status: job.Status})
	}
	if len(change.Moves) == 0 {
		return
	}
	if _, err := s.cfg.Queue.Commit(context.WithoutCancel(ctx), change); ignoreLostRace(err) != nil {
		s.cfg.Log.Error("stranded_not_recorded", "error", err)
		return
	}
	s.cfg.Log.Warn("jobs_unstranded", "jobs", len(change.Moves))
}
