package loyalty

import (
	"context"
	"fmt"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// start begins a session, or says more of one (v2.2: a document typed later). The cloud's answer passes byte for byte.
func (c *conversation) start() (agent.Reply, error) {
	opening, faults := mercafacil.ReadOpening(c.body)
	if len(faults) > 0 {
		return agent.Reply{}, invalid(faults)
	}
	if opening.Session == "" {
		return c.begin(opening, nil)
	}
	x, done, err := c.session(opening.Session)
	if agent.CodeOf(err) == agent.CodeUnknownSession {
		return c.begin(opening, nil) // not ours: it travels unchanged
	}
	if err != nil {
		return agent.Reply{}, err
	}
	defer done()
	return c.begin(opening, x)
}

// begin asks the cloud. again is the session that the till names, or nil.
func (c *conversation) begin(opening mercafacil.Opening, again *session) (agent.Reply, error) {
	up, late := c.talk.Body, c.takeBackLate("")
	if again != nil {
		up, late = c.upward(again), nil
	}
	h, opened := c.askStart(up, late)
	if h.absence == agent.AbsenceRefused {
		return agent.Reply{}, cloudRefused(h)
	}
	if h.absence != "" {
		return c.beginWithout(opening, again, h.absence)
	}
	x, err := c.mine(again, opened.Session)
	if err != nil {
		return agent.Reply{}, err
	}
	if again != nil && x.Stage != agent.StageOpen { // it ended meanwhile
		defer c.release(x)
		defer x.mu.Unlock()
		if x.Cloud != opened.Session {
			c.takeBack(x.id, opened.Session)
		}
		return agent.Reply{}, closedSession(x.Stage)
	}
	var change agent.Change
	if x.Cloud != opened.Session {
		c.letGo(x, &change)
	}
	x.opened(c, opening, opened)
	change.Puts = append(change.Puts, c.memberRecord(opening.Document, opened)...)
	reply := passed(mercafacil.SwapID(h.outcome.Body, h.answer, opened.Session, x.ID))
	c.saveLater(x, change)
	return reply, nil
}

// askStart asks for a session. An answer without one is none.
func (c *conversation) askStart(body []byte, late func(agent.Outcome)) (heard, mercafacil.Opened) {
	h := c.ask(agent.CallStart, body, late)
	opened := mercafacil.ReadOpened(h.answer)
	if h.absence == "" && opened.Session == "" {
		h.absence = agent.AbsenceCloudError
	}
	return h, opened
}

// mine gives the session to write into: the one the till named, or that of a new id; its lock is held, and saveLater
// lets go of it.
func (c *conversation) mine(again *session, id string) (*session, error) {
	if again != nil {
		id = again.id
	}
	x := c.acquire(id)
	x.mu.Lock()
	if err := c.load(x); err != nil {
		x.mu.Unlock()
		c.release(x)
		return nil, err
	}
	if again == nil { // an id that the cloud gives anew is a new session
		x.record = record{ID: id, CreatedAt: c.cfg.Now().UTC()}
	}
	return x, nil
}

// opened notes what a live start said. It is called with the lock held.
func (x *session) opened(c *conversation, opening mercafacil.Opening, opened mercafacil.Opened) {
	x.Cloud, x.Dialect, x.Stage, x.Absence = opened.Session, c.talk.Dialect, agent.StageOpen, ""
	x.identified(opening.Document, c.talk.Body)
	x.Member, x.Prompt = opened.Loyalty, asked(opened.Prompt)
}

// identified notes whom the session is for. Discounts that were given to somebody else are not the answer to the next
// apply. It is called with the lock held.
func (x *session) identified(document string, opening []byte) {
	if x.Document != document {
		x.Applied, x.Given = nil, false
	}
	x.Document, x.Opening = document, opening
}

func asked(p mercafacil.Prompt) *prompt {
	if !p.Shown {
		return nil
	}
	return &prompt{Tags: p.Tags, Input: p.Input, Text: p.Text}
}

// beginWithout stands in for the cloud: what the member cache knows, and a session of our own.
func (c *conversation) beginWithout(opening mercafacil.Opening, again *session, reason agent.Absence) (agent.Reply, error) {
	member := c.member(opening.Document)
	x, err := c.mine(again, c.cfg.NewUUID())
	if err != nil {
		return agent.Reply{}, err
	}
	if again != nil && x.Stage != agent.StageOpen { // it ended meanwhile
		defer c.release(x)
		defer x.mu.Unlock()
		return agent.Reply{}, closedSession(x.Stage)
	}
	x.Dialect, x.Stage, x.Absence = c.talk.Dialect, agent.StageOpen, reason
	x.identified(opening.Document, c.talk.Body)
	x.Member, x.Prompt = nil, nil
	reply, err := standIn(mercafacil.StandInStart(x.Dialect, x.ID, opening.Document, c.talk.Ref, member, c.local(), contingency(reason)))
	c.saveLater(x, agent.Change{})
	return reply, err
}

// upward is the till's body as the cloud must read it: with its own id of the session, or none.
func (c *conversation) upward(x *session) []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return swapTop(c.talk.Body, c.body, x.Cloud)
}

// swapTop gives the text with its transaction_id replaced as a raw token.
func swapTop(text []byte, body rawjson.Value, id string) []byte {
	if field, ok := body.Get(mercafacil.FieldTransactionID); ok {
		if now, isText := field.Text(); isText && now == id {
			return text
		}
	}
	return rawjson.SetMember(text, body, mercafacil.FieldTransactionID, rawjson.Quote(id))
}

// takeBackLate gives what is done with a start's answer that came too late: its session is cancelled. session is the
// till's id, when there is one.
func (c *conversation) takeBackLate(session string) func(agent.Outcome) {
	return func(late agent.Outcome) {
		answer, err := rawjson.Parse(late.Body)
		if late.Class != agent.ClassOK || err != nil {
			return
		}
		opened := mercafacil.ReadOpened(answer)
		if opened.Session != "" {
			c.takeBack(session, opened.Session)
		}
	}
}

// takeBack queues the cancel of a session of the cloud that nobody will speak of.
func (c *conversation) takeBack(session, cloudID string) {
	change := agent.Change{Jobs: []agent.Job{c.voidJob(session, cloudID, c.talk.Dialect)}}
	if _, err := c.cfg.Store.Commit(context.Background(), change); err != nil {
		c.cfg.Log.Error("session_not_taken_back", "error", err)
		return
	}
	c.cfg.Log.Info("session_taken_back")
}

// maxCloudWords bounds what is shown of the cloud's own words, in bytes.
const maxCloudWords = 300

// cloudRefused passes the cloud's refusal of a start to the till.
func cloudRefused(h heard) error {
	detail := fmt.Sprintf("A Mercafácil recusou esta identificação (%d).", h.outcome.Status)
	if answer, err := rawjson.Parse(h.outcome.Body); err == nil {
		for _, name := range []string{"message", "error", "detail"} {
			field, _ := answer.Get(name)
			if text, ok := field.Text(); ok && text != "" && len(text) <= maxCloudWords {
				detail = fmt.Sprintf("A Mercafácil recusou esta identificação (%d): %s", h.outcome.Status, text)
				break
			}
		}
	}
	refusal := agent.Errorf(agent.CodeCloudRefused, nil, "%s", detail)
	refusal.Status = h.outcome.Status
	return refusal
}
