package loyalty

import (
	"slices"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// reach makes sure that the cloud has the session: it begins there one that the cloud does not have, without the till
// being involved. The response says why when it could not.
func (c *liveCall) reach(turn *liveTurn) (response, error) {
	held := turn.hold()
	cloud, opening := held.Cloud, held.Opening
	held.release()
	if cloud != "" {
		return response{}, nil
	}
	body, err := rawjson.Parse(opening)
	if err != nil {
		return response{}, err
	}
	if _, ok := body.Get(mercafacil.FieldTransactionID); ok {
		opening = swapTop(opening, body, "")
	}
	got, opened := c.askStart(opening, c.takeBackLate(turn.id()))
	if got.absence != "" {
		return got, nil
	}
	held, err = c.stillOpen(turn)
	if err != nil { // it ended meanwhile, without a session of the cloud's
		c.takeBack(turn.id(), opened.Session)
		return got, err
	}
	defer held.release()
	held.Cloud, held.Member, held.Absence = opened.Session, opened.Loyalty, ""
	got = c.answerAgain(held, got)
	held.saveLater(agent.Change{})
	return got, nil
}

// maxRounds bounds a dialogue between the cloud and the agent (mercafacil.md 3.2).
const maxRounds = 10

// answerAgain gives the shopper's own answers to questions that come back because the session had to be begun anew, each
// once. A question without an answer is left to the till. It unlocks the session while it asks.
func (c *liveCall) answerAgain(held *heldSession, got response) response {
	if c.talk.Dialect != agent.V22 {
		return got // v2 has one script, and the till has it
	}
	for range maxRounds {
		p := mercafacil.ReadPrompt(got.answer)
		i := slices.IndexFunc(held.Answers, func(a shopperAnswer) bool { return p.Shown && string(a.Question) == string(p.Text) })
		if i < 0 || slices.Contains(c.repeated, i) {
			return got
		}
		c.repeated = append(c.repeated, i)
		body, err := rawjson.Parse(held.Answers[i].Body)
		if err != nil {
			return got
		}
		up := swapTop(held.Answers[i].Body, body, held.Cloud)
		var next response
		held.unlocked(func() { next = c.ask(agent.CallMessage, up, nil) })
		if next.absence != "" {
			return got
		}
		got = next
	}
	return got
}
