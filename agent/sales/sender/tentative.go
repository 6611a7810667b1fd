package sender

import (
	"time"

	"pdvagent/agent"
)

// rethink is how long a job waits whose refusal counts for nothing.
const rethink = time.Minute

// SetTentative tells that the cloud is called, from now on or no longer, with what may be taken back, such as a token that is
// being tried. Meanwhile no refusal ends a job and none holds one: the cloud may refuse what it takes a moment later. Call it
// before such a thing is used, and after it has been taken back.
func (s *Sender) SetTentative(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tentative = on
	s.era++
	for _, r := range s.routes {
		clear(r.suspects) // who passes next says nothing of them
	}
}

// present gives the present era of calls to the cloud.
func (s *Sender) present() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.era
}

// tentativeSince tells whether a call that began in an era may have been made with what is taken back.
func (s *Sender) tentativeSince(era uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tentative || s.era != era
}

// reconsider is the verdict of a tentative call. Only that the cloud wrote the job counts, and what concerns every job.
func reconsider(v verdict, outcome agent.Outcome) verdict {
	if outcome.Class == agent.ClassOK || v == unauthorized || linkTrouble(v) {
		return v
	}
	return unsure
}
