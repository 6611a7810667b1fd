package loyalty

import (
	"context"
	"slices"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// close accepts a confirm or a cancel: natural key, replay, conflict (till-api.md, "Repeating is safe"). A session ends
// once: a confirm after a cancel and a cancel after a confirm are refused and kept held. What the cloud does not have
// needs no word to it: the job ends annulled.
func (c *call) close(ctx context.Context) (agent.Receipt, error) {
	id, faults := mercafacil.ReadID(c.body, mercafacil.FieldTransactionID)
	if len(faults) > 0 {
		return agent.Receipt{}, invalid(faults)
	}
	x, done, err := c.lock(id)
	if err != nil {
		return agent.Receipt{}, err
	}
	defer done()
	job := c.newJob()
	job.Session, job.Unique = id, agent.SessionGroup(id)
	if receipt, done, err := c.replay(ctx, job); done || err != nil {
		return receipt, err
	}
	relatives, err := c.cfg.Store.Group(agent.SessionGroup(id))
	if err != nil {
		return agent.Receipt{}, err
	}
	if used := dialectOf(x, relatives); used != "" && used != c.sub.Dialect {
		return agent.Receipt{}, mixed(used, c.sub.Dialect)
	}
	if slices.ContainsFunc(relatives, func(other agent.Job) bool { return endsOtherwise(other, job.Kind) }) {
		return c.holdConflict(ctx, job, endedOtherwise(job.Kind))
	}
	if !x.known() {
		return c.commit(ctx, agent.Change{Jobs: []agent.Job{job}})
	}
	return c.closeKnown(ctx, x, job)
}

// closeKnown ends a session that was begun here. It is called with its lock held.
func (c *call) closeKnown(ctx context.Context, x *session, job agent.Job) (agent.Receipt, error) {
	if x.Cloud == "" {
		job.Status.State, job.Status.Reason = agent.Annulled, agent.ReasonNoSession
	}
	x.Stage = agent.StageConfirmed
	if job.Kind == agent.KindCancel {
		x.Stage = agent.StageCancelled
	}
	committed, err := c.save(ctx, x, agent.Change{Jobs: []agent.Job{job}})
	if err != nil {
		return agent.Receipt{}, err
	}
	return agent.Receipt{Job: agent.Job{Seq: committed.Seqs[0]}.ID()}, nil
}

// dialectOf is the dialect that a session has been spoken of in; empty when there is none yet.
func dialectOf(x *session, relatives []agent.Job) agent.Dialect {
	if x.known() {
		return x.Dialect
	}
	for _, other := range relatives {
		if closes(other) && other.Dialect != "" {
			return other.Dialect
		}
	}
	return ""
}

// closes tells whether a job is a till's word about the end of its session.
func closes(job agent.Job) bool {
	return job.Kind == agent.KindConfirm || (job.Kind == agent.KindCancel && !job.Void())
}

// endsOtherwise tells whether a session was ended in the other way, as far as anybody accepted it.
func endsOtherwise(other agent.Job, kind agent.Kind) bool {
	state := other.Status.State
	return closes(other) && other.Kind != kind && state != agent.Held && state != agent.Discarded
}

// endedOtherwise is what the cashier reads then.
func endedOtherwise(kind agent.Kind) string {
	if kind == agent.KindCancel {
		return "Esta transação já foi confirmada e não pode mais ser cancelada. Para desfazer a venda, cancele o cupom. O pedido ficou guardado para o suporte conferir."
	}
	return "Esta transação já foi cancelada e não pode mais ser confirmada. Comece outra (start). O pedido ficou guardado para o suporte conferir."
}

// cancelJob is a cancel that the agent itself makes. id stands in its body.
func (s *Service) cancelJob(session, id string, dialect agent.Dialect) agent.Job {
	body := mercafacil.CancelBody(id)
	parsed, _ := rawjson.Parse(body) // made here, so it is right
	return agent.Job{
		Kind: agent.KindCancel, Dialect: dialect, Session: session, Unique: agent.SessionGroup(session), Body: body,
		Fingerprint: fingerprint(parsed), CreatedAt: s.cfg.Now(),
	}
}
