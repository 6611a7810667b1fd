package loyalty

import (
	"context"
	"slices"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// close accepts a confirm or a cancel: natural key, replay, conflict (till-api.md, "Repeating is safe"). A session ends
// once: a confirm after a cancel and a cancel after a confirm are held and refused. The job of a session that the cloud does
// not have is annulled.
func (c *call) close(ctx context.Context) (agent.Receipt, error) {
	id, form := mercafacil.ReadID(c.body, mercafacil.FieldTransactionID)
	if len(form.Faults) > 0 {
		return agent.Receipt{}, invalid(form.Faults)
	}
	held, err := c.hold(id)
	if err != nil {
		return agent.Receipt{}, err
	}
	defer held.release()
	job := c.newJob()
	job.Session, job.Unique = id, agent.EndKey(id, held.Round)
	if receipt, done, err := c.replay(ctx, job); done || err != nil {
		return receipt, err
	}
	relatives, err := c.cfg.Store.Group(agent.SessionGroup(id))
	if err != nil {
		return agent.Receipt{}, err
	}
	if used := dialectOf(&held.record, relatives); used != "" && used != c.sub.Dialect {
		return agent.Receipt{}, mixed(used, c.sub.Dialect)
	}
	if slices.ContainsFunc(relatives, func(other agent.Job) bool { return endsOtherwise(other, job) }) {
		return c.holdConflict(ctx, job, endedOtherwise(job.Kind))
	}
	if !held.known() {
		return c.commit(ctx, agent.Change{Jobs: []agent.Job{job}}, onWire(job.Kind, job.Dialect, job.Body))
	}
	return c.closeKnown(ctx, held, job)
}

// closeKnown ends a session that was begun here.
func (c *call) closeKnown(ctx context.Context, held *heldSession, job agent.Job) (agent.Receipt, error) {
	var body []byte
	if held.Cloud == "" {
		job.Status.State, job.Status.Reason = agent.Annulled, agent.ReasonNoSession
	} else if text, err := c.withSession(job, held.record, onWire(job.Kind, job.Dialect, job.Body)); err == nil {
		body = text
	}
	held.Stage = agent.StageConfirmed
	if job.Kind == agent.KindCancel {
		held.Stage = agent.StageCancelled
	}
	committed, err := held.enqueue(ctx, agent.Change{Jobs: []agent.Job{job}}, body)
	if err != nil {
		return agent.Receipt{}, err
	}
	return agent.Receipt{Job: agent.Job{Seq: committed.Seqs[0]}.ID()}, nil
}

// dialectOf is the dialect of a session's earlier calls; empty when there was none.
func dialectOf(session *record, relatives []agent.Job) agent.Dialect {
	if session.known() {
		return session.Dialect
	}
	for _, other := range relatives {
		if closes(other) && other.Dialect != "" {
			return other.Dialect
		}
	}
	return ""
}

// closes tells whether a job is a till's confirm or cancel.
func closes(job agent.Job) bool {
	return job.Kind == agent.KindConfirm || (job.Kind == agent.KindCancel && !job.Void())
}

// endsOtherwise tells whether another job is an accepted end of the other kind, of the same round of the session.
func endsOtherwise(other, job agent.Job) bool {
	state := other.Status.State
	return closes(other) && other.Kind != job.Kind && other.Unique == job.Unique && state != agent.Held && state != agent.Discarded
}

// endedOtherwise is the refusal of an end of one kind after one of the other.
func endedOtherwise(kind agent.Kind) string {
	if kind == agent.KindCancel {
		return "Esta transação já foi confirmada e não pode mais ser cancelada. Para desfazer a venda, cancele o cupom. O pedido ficou guardado para o suporte conferir."
	}
	return "Esta transação já foi cancelada e não pode mais ser confirmada. Comece outra (start). O pedido ficou guardado para o suporte conferir."
}

// cancelJob is a cancel by the agent itself, with id in its body and the session's natural key.
func (s *Service) cancelJob(session, id string, round int, dialect agent.Dialect) agent.Job {
	body := mercafacil.CancelBody(id)
	parsed, _ := rawjson.Parse(body) // made here, so it is valid
	return agent.Job{
		Kind: agent.KindCancel, Dialect: dialect, Session: session, Unique: agent.EndKey(session, round), Body: body,
		Fingerprint: fingerprint(parsed), CreatedAt: s.cfg.Now(),
	}
}
