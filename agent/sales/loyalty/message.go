package loyalty

import (
	"context"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// message takes a shopper's answer. In v2 it is the one answer to the script of the start, and is queued when the cloud is
// away; in v2.2 it is a step of a dialogue, which ends when the cloud is away.
func (c *liveCall) message() (agent.Reply, error) {
	answer, form := mercafacil.ReadSaid(c.body, c.talk.Dialect)
	if len(form.Faults) > 0 {
		return agent.Reply{}, invalid(form.Faults)
	}
	c.takeForm(form)
	turn, err := c.openSession(answer.Session)
	if err != nil {
		return agent.Reply{}, err
	}
	defer turn.end()
	print := fingerprint(c.body)
	held := turn.hold()
	script, refusal, reason := held.Script, held.refuses(answer.Tag, c.talk.Dialect), held.Absence
	up, gone := swapTop(c.talk.Body, c.body, held.Cloud), held.Cloud == ""
	held.release()
	switch {
	case script != nil && script.Print == print:
		return agent.Reply{Body: script.Reply, Delivery: agent.DeliveryReplayed}, nil
	case refusal != nil:
		return agent.Reply{}, refusal
	case gone: // the session was given up after the question was asked: the answer has no addressee
		return standIn(mercafacil.StandInMessage(c.talk.Dialect, answer.Session, contingency(reason)))
	}
	got := c.ask(agent.CallMessage, up, nil)
	if got.notJSON && c.talk.Dialect == agent.V2 { // the vendor documents no answer: any 2xx is one (mercafacil.md 3.2)
		got.absence, got.outcome.Body = "", []byte(`{"transaction_id":`+string(rawjson.Quote(answer.Session))+`}`)
	}
	if got.absence != "" {
		return c.messageWithout(turn, print, got)
	}
	return c.messageLive(turn, print, got)
}

// messageLive passes the cloud's answer on and notes the next question.
func (c *liveCall) messageLive(turn *liveTurn, print agent.Fingerprint, got response) (agent.Reply, error) {
	held, err := c.hold(turn.id())
	if err != nil {
		return agent.Reply{}, err
	}
	defer held.release()
	held.answered(c.talk.Body)
	reply := passed(mercafacil.SwapID(got.outcome.Body, got.answer, held.Cloud, held.ID))
	if c.talk.Dialect == agent.V2 {
		held.Script = &scriptAnswer{print, reply.Body}
	} else {
		held.Prompt = shownPrompt(mercafacil.ReadPrompt(got.answer))
	}
	held.saveLater(agent.Change{})
	return reply, nil
}

// messageWithout answers in the cloud's place. A v2 answer goes into the queue, unless the cloud refused it.
func (c *liveCall) messageWithout(turn *liveTurn, print agent.Fingerprint, got response) (agent.Reply, error) {
	reply, err := standIn(mercafacil.StandInMessage(c.talk.Dialect, turn.id(), contingency(got.absence)))
	if err != nil {
		return reply, err
	}
	held, err := c.hold(turn.id())
	if err != nil {
		return agent.Reply{}, err
	}
	defer held.release()
	var change agent.Change
	if c.talk.Dialect == agent.V2 && got.absence != agent.AbsenceRefused {
		change.Jobs = []agent.Job{{
			Kind: agent.KindMessage, Dialect: c.talk.Dialect, Session: held.ID, Body: c.talk.Body, Fingerprint: print, CreatedAt: c.cfg.Now(),
		}}
		held.answered(c.talk.Body)
		held.Script = &scriptAnswer{print, reply.Body}
	}
	if c.talk.Dialect == agent.V22 { // a dialogue that broke off asks nothing any more; a script stands for the whole session
		held.Prompt = nil
	}
	_, err = held.save(context.Background(), change)
	return reply, err
}
