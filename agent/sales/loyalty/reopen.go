package loyalty

import (
	"context"
	"errors"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// reopen opens a session that the till cancelled, on disk. The cloud's session is over; the next question begins another. A
// cancel that has not gone up yet keeps the id of the one that it ends.
func (h *heldSession) reopen() error {
	for range maxRaces {
		if err := h.load(); err != nil {
			return err
		}
		if h.Stage != agent.StageCancelled {
			return closedSession(h.Stage)
		}
		change, err := h.bindCancel()
		if err != nil {
			return err
		}
		h.Stage, h.Cloud, h.Round = agent.StageOpen, "", h.Round+1
		h.CartUp, h.Asked, h.Applied, h.Given = false, false, nil, false
		_, err = h.save(context.Background(), change)
		if !errors.Is(err, agent.ErrVersion) && !errors.Is(err, agent.ErrBadMove) {
			return err
		}
	}
	return agent.Errorf(agent.CodeInFlight, nil, "O cancelamento desta transação está sendo enviado agora. Repita em instantes.")
}

// bindCancel freezes the bytes of the session's cancel where it still waits: before its first attempt they would be made from
// the session's present id.
func (h *heldSession) bindCancel() (agent.Change, error) {
	var change agent.Change
	store := h.service.cfg.Store
	relatives, err := store.Group(agent.SessionGroup(h.ID))
	if err != nil || h.Cloud == "" {
		return change, err
	}
	for _, head := range relatives {
		if head.Kind != agent.KindCancel || head.Unique != agent.EndKey(h.ID, h.Round) || head.Status.State != agent.Pending {
			continue
		}
		if _, err := store.Wire(head.Seq, 0); !errors.Is(err, agent.ErrNotFound) {
			if err != nil {
				return change, err
			}
			continue // frozen already
		}
		job, err := store.Job(head.Seq)
		if err != nil {
			return change, err
		}
		body, err := rawjson.Parse(job.Body)
		if err != nil {
			return change, err
		}
		up := job.Body // without a wire it went up as the till sent it
		if !job.Status.Attempted() {
			up = swapTop(job.Body, body, h.Cloud)
			change.Moves = append(change.Moves, agent.Move{Seq: job.Seq, Status: job.Status}) // refused when an attempt begins meanwhile
		}
		change.Wires = append(change.Wires, agent.Wire{Seq: job.Seq, Body: up})
	}
	return change, nil
}
