package loyalty

import (
	"context"
	"fmt"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// start begins a session, or adds to one (v2.2: a document typed later). The cloud's answer passes byte for byte.
func (c *liveCall) start() (agent.Reply, error) {
	opening, form := mercafacil.ReadOpening(c.body)
	if len(form.Faults) > 0 {
		return agent.Reply{}, invalid(form.Faults)
	}
	c.takeForm(form)
	if opening.Session == "" {
		return c.begin(opening, nil)
	}
	turn, err := c.openSession(opening.Session)
	if agent.CodeOf(err) == agent.CodeUnknownSession {
		return c.begin(opening, nil) // not ours: it travels unchanged
	}
	if err != nil {
		return agent.Reply{}, err
	}
	defer turn.end()
	return c.begin(opening, turn)
}

// begin asks the cloud. again is the turn of the session that the till names, or nil for a new one.
func (c *liveCall) begin(opening mercafacil.Opening, again *liveTurn) (agent.Reply, error) {
	up, late := c.talk.Body, c.takeBackLate("")
	if again != nil {
		up, late = c.upward(again), nil
	}
	got, opened := c.askStart(up, late)
	if got.absence == agent.AbsenceRefused {
		return agent.Reply{}, cloudRefused(got)
	}
	if got.absence != "" {
		return c.beginWithout(opening, again, got.absence)
	}
	held, err := c.holdStarted(again, opened.Session)
	if err != nil {
		return agent.Reply{}, err
	}
	defer held.release()
	if again != nil && held.Stage != agent.StageOpen { // it ended meanwhile
		if held.Cloud != opened.Session {
			c.takeBack(again.id(), opened.Session)
		}
		return agent.Reply{}, closedSession(held.Stage)
	}
	var change agent.Change
	if held.Cloud != opened.Session {
		held.dropCloud(&change)
	}
	held.opened(c.talk.Body, c.talk.Dialect, opening, opened)
	change.Puts = append(change.Puts, c.memberRecord(opening.Document, opened)...)
	reply := passed(mercafacil.SwapID(got.outcome.Body, got.answer, opened.Session, held.ID))
	held.saveLater(change)
	return reply, nil
}

// askStart asks for a session. An answer without a session is an error of the cloud.
func (c *liveCall) askStart(body []byte, late func(agent.Outcome)) (response, mercafacil.Opened) {
	got := c.ask(agent.CallStart, body, late)
	opened := mercafacil.ReadOpened(got.answer)
	if got.absence == "" && opened.Session == "" {
		got.absence = agent.AbsenceCloudError
	}
	return got, opened
}

// holdStarted locks the session that a start is written into: the one that the till named, or a new one with that id.
func (c *liveCall) holdStarted(again *liveTurn, id string) (*heldSession, error) {
	if again != nil {
		return c.hold(again.id())
	}
	held, err := c.hold(id)
	if err == nil { // an id that the cloud gives anew is a new session
		held.record = record{ID: id, CreatedAt: c.cfg.Now().UTC()}
	}
	return held, err
}

// beginWithout stands in for the cloud: what the member cache knows, and a session of our own.
func (c *liveCall) beginWithout(opening mercafacil.Opening, again *liveTurn, reason agent.Absence) (agent.Reply, error) {
	member := c.member(opening.Document)
	held, err := c.holdStarted(again, c.cfg.NewUUID())
	if err != nil {
		return agent.Reply{}, err
	}
	defer held.release()
	if again != nil && held.Stage != agent.StageOpen { // it ended meanwhile
		return agent.Reply{}, closedSession(held.Stage)
	}
	held.Dialect, held.Stage, held.Absence = c.talk.Dialect, agent.StageOpen, reason
	held.identified(opening.Document, c.talk.Body)
	held.Member, held.Prompt = nil, nil
	reply, err := standIn(mercafacil.StandInStart(held.Dialect, held.ID, opening.Document, c.talk.Ref, member, c.local(), contingency(reason)))
	held.saveLater(agent.Change{})
	return reply, err
}

// upward is the till's body as the cloud must read it: with its own id of the session, or none.
func (c *liveCall) upward(turn *liveTurn) []byte {
	held := turn.hold()
	defer held.release()
	return swapTop(c.talk.Body, c.body, held.Cloud)
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

// takeBackLate gives a function that cancels the session of a start whose answer came too late. session is the till's id,
// when there is one.
func (c *liveCall) takeBackLate(session string) func(agent.Outcome) {
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

// takeBack queues the cancel of a session of the cloud that no till knows.
func (c *liveCall) takeBack(session, cloudID string) {
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
func cloudRefused(got response) error {
	detail := fmt.Sprintf("A Mercafácil recusou esta identificação (%d).", got.outcome.Status)
	if answer, err := rawjson.Parse(got.outcome.Body); err == nil {
		for _, name := range []string{"message", "error", "detail"} {
			field, _ := answer.Get(name)
			if text, ok := field.Text(); ok && text != "" && len(text) <= maxCloudWords {
				detail = fmt.Sprintf("A Mercafácil recusou esta identificação (%d): %s", got.outcome.Status, text)
				break
			}
		}
	}
	refusal := agent.Errorf(agent.CodeCloudRefused, nil, "%s", detail)
	refusal.Status = got.outcome.Status
	return refusal
}
