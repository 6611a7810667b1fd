package sender_test

import (
	"testing"
	"time"

	"pdvagent/agent"
)

// What the cloud refuses while something is tried ends nobody: each refusal that would be a job's end otherwise leaves it waiting,
// without an attempt, and it goes up when what was tried is taken back.
func TestNoJobEndsWhileSomethingIsTried(t *testing.T) {
	for _, answer := range []agent.Outcome{status(400), status(403), status(404), status(409), status(422), status(418), status(401), {Class: agent.ClassDenied, Status: 200}} {
		inShop(t, nil, nil, func(s *shop) {
			s.sender.SetTentative(true)
			s.cloud.tell(always(answer))
			seqs := s.add(coupons(4)...)
			wait(10*time.Minute + 30*time.Second) // between two attempts
			for _, seq := range seqs {
				if job := s.want(seq, agent.Pending); job.Status.Attempts != 0 {
					t.Errorf("%d: %d attempts", answer.Status, job.Status.Attempts)
				}
			}
			s.cloud.tell(nil)
			s.sender.SetTentative(false)
			s.sender.Resume()
			wait(5 * time.Minute)
			for _, seq := range seqs {
				s.want(seq, agent.Sent)
			}
		})
	}
}

// A refusal that comes after the try ended, to a call that began in it, counts for nothing either; a later one does.
func TestARefusalOfATryThatEndedMeanwhileCountsForNothing(t *testing.T) {
	inShop(t, nil, nil, func(s *shop) {
		s.cloud.latency = 2 * time.Second
		s.sender.SetTentative(true)
		s.cloud.tell(always(status(422)))
		seq := s.add(coupons(1)...)[0]
		wait(time.Second)
		s.sender.SetTentative(false)
		wait(2 * time.Second)
		s.want(seq, agent.Pending)
		wait(2 * time.Minute)
		s.want(seq, agent.Dead)
	})
}
