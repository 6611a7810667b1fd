package sender

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"pdvagent/agent"
)

// strangers is how many sales the cloud must already have that were never sent from here before the rest is held.
const strangers = 3

// twin watches for another agent with a copy of this store: of the jobs that were there when the process started it finds some
// in the cloud that were never tried here. A sale of the day that is there already has another cause, the shop's ERP that
// sends sales too: then there is no twin. Guarded by Sender.mu.
type twin struct {
	last    uint64 // newest job at the start
	strange int
	ruled   bool // out, or held already
}

// there tells whether an outcome says that the cloud has the sale already.
func there(job agent.Job, outcome agent.Outcome) bool {
	return job.Kind == agent.KindCoupon && (outcome.Status == http.StatusConflict || (outcome.Status != 0 && outcome.Class != agent.ClassOK && tellsDuplicate(job, outcome.Body)))
}

// suspectTwin counts a first attempt's outcome, and holds what else was there at the start once there are enough. before is the
// status before the attempt: one that anybody changed since the job was accepted says nothing.
func (s *Sender) suspectTwin(ctx context.Context, job agent.Job, before agent.Status, outcome agent.Outcome) error {
	if before.Version != 1 || before.Attempted() || !there(job, outcome) {
		return nil
	}
	s.mu.Lock()
	if job.Seq > s.twin.last {
		s.twin.ruled = true
	} else {
		s.twin.strange++
	}
	found := !s.twin.ruled && s.twin.strange >= strangers
	s.twin.ruled = s.twin.ruled || found
	s.mu.Unlock()
	if !found {
		return nil
	}
	held, err := s.holdBacklog(ctx)
	s.cfg.Log.Warn("store_cloned", "sign", "cloud", "held", held)
	s.cfg.Alarms.Raise(agent.Alarm{
		Code: agent.AlarmCloned, Since: s.cfg.Now(),
		Detail: fmt.Sprintf("A Mercafácil já tem vendas que daqui nunca foram enviadas: outra máquina envia com uma cópia (clone) destes dados. %d registro(s) retido(s), para que "+
			"nada vá duas vezes. Pare a cópia e confira: pdvagent queue retry --reason copia envia o que falta.", held),
	})
	return err
}

// holdBacklog holds the pending jobs that were there when the process started, but those under way.
func (s *Sender) holdBacklog(ctx context.Context) (held int, err error) {
	skip := func(seq uint64, _ agent.Kind) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, flying := s.inFlight[seq]
		return flying || seq > s.twin.last
	}
	const batch = 256
	ever := s.cfg.Now().Add(100 * 365 * 24 * time.Hour)
	for {
		jobs, _, err := s.cfg.Queue.Due(ever, 0, batch, skip)
		if err != nil || len(jobs) == 0 {
			return held, err
		}
		moved := 0
		for _, job := range jobs {
			job.Status.State, job.Status.Reason = agent.Held, agent.ReasonCloned
			err := s.commit(ctx, &job, agent.Change{})
			if ignoreLostRace(err) != nil {
				return held, err
			}
			if err == nil {
				moved++
			}
		}
		if held += moved; moved == 0 {
			return held, nil
		}
	}
}
