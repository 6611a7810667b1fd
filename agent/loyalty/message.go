package loyalty

import (
	"context"
	"fmt"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// message takes a shopper's answer. In v2 it is the one answer to the script of the start, and queued when the cloud is
// away; in v2.2 it is a step of a loop that lives only as long as the cloud is there.
func (c *conversation) message() (agent.Reply, error) {
	told, faults := mercafacil.ReadSaid(c.body, c.talk.Dialect)
	if len(faults) > 0 {
		return agent.Reply{}, invalid(faults)
	}
	x, done, err := c.session(told.Session)
	if err != nil {
		return agent.Reply{}, err
	}
	defer done()
	print := fingerprint(c.body)
	x.mu.Lock()
	script, refusal, reason, up := x.Script, x.refuses(told.Tag, c.talk.Dialect), x.Absence, swapTop(c.talk.Body, c.body, x.Cloud)
	gone := x.Cloud == ""
	x.mu.Unlock()
	switch {
	case script != nil && script.Print == print:
		return agent.Reply{Body: script.Reply, Delivery: agent.DeliveryReplayed}, nil
	case refusal != nil:
		return agent.Reply{}, refusal
	case gone: // the session was given up since the question was asked: nobody is left to hear the answer
		return standIn(mercafacil.StandInMessage(c.talk.Dialect, told.Session, contingency(reason)))
	}
	h := c.ask(agent.CallMessage, up, nil)
	if h.wordy && c.talk.Dialect == agent.V2 { // the vendor documents no answer: any 2xx is one (contract 3.2)
		h.absence, h.outcome.Body = "", []byte(`{"transaction_id":`+string(rawjson.Quote(told.Session))+`}`)
	}
	if h.absence != "" {
		return c.messageWithout(x, told, print, h)
	}
	return c.messageLive(x, told, print, h)
}

// refuses gives the refusal of a tag that the question on the screen does not offer. It is called with the lock held.
func (x *session) refuses(tag string, dialect agent.Dialect) error {
	offered := mercafacil.Prompt{}
	if x.Prompt != nil {
		offered = mercafacil.Prompt{Shown: true, Tags: x.Prompt.Tags, Input: x.Prompt.Input}
	}
	if offered.Takes(tag) {
		return nil
	}
	profile, _ := mercafacil.ProfileOf(dialect)
	detail := "Nenhuma resposta é esperada nesta transação agora."
	if len(offered.Tags) > 0 {
		detail = fmt.Sprintf("Esta resposta não foi oferecida; as oferecidas são: %s.", strings.Join(offered.Tags, ", "))
	}
	return invalid([]agent.Fault{{Field: profile.Tag, Code: "not_offered", Detail: detail}})
}

// messageLive passes the cloud's answer and remembers what was asked next.
func (c *conversation) messageLive(x *session, told mercafacil.Said, print agent.Fingerprint, h heard) (agent.Reply, error) {
	x, err := c.mine(x, told.Session)
	if err != nil {
		return agent.Reply{}, err
	}
	x.answered(c.talk.Body)
	reply := passed(mercafacil.SwapID(h.outcome.Body, h.answer, x.Cloud, x.ID))
	if c.talk.Dialect == agent.V2 {
		x.Script = &exchange{print, reply.Body}
	} else {
		x.Prompt = asked(mercafacil.ReadPrompt(h.answer))
	}
	c.saveLater(x, agent.Change{})
	return reply, nil
}

// maxAnswers bounds what is remembered of a dialogue that does not end.
const maxAnswers = 50

// answered remembers how the question on the screen was answered. It is called with the lock held.
func (x *session) answered(body []byte) {
	var question []byte
	if x.Prompt != nil {
		question = x.Prompt.Text
	}
	x.Answers = append(x.Answers, said{question, body})
	x.Answers = x.Answers[max(0, len(x.Answers)-maxAnswers):]
}

// messageWithout answers in the cloud's place. A v2 answer goes into the queue, unless the cloud refused it.
func (c *conversation) messageWithout(x *session, told mercafacil.Said, print agent.Fingerprint, h heard) (agent.Reply, error) {
	reply, err := standIn(mercafacil.StandInMessage(c.talk.Dialect, told.Session, contingency(h.absence)))
	if err != nil {
		return reply, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := c.load(x); err != nil {
		return agent.Reply{}, err
	}
	var change agent.Change
	if c.talk.Dialect == agent.V2 && h.absence != agent.AbsenceRefused {
		change.Jobs = []agent.Job{{
			Kind: agent.KindMessage, Dialect: c.talk.Dialect, Session: x.ID, Body: c.talk.Body, Fingerprint: print, CreatedAt: c.cfg.Now(),
		}}
		x.answered(c.talk.Body)
		x.Script = &exchange{print, reply.Body}
	}
	if c.talk.Dialect == agent.V22 { // a loop that broke off asks nothing any more; a script stands for the whole session
		x.Prompt = nil
	}
	_, err = c.save(context.Background(), x, change)
	return reply, err
}
