package loyalty

import (
	"context"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// preApply takes the basket (v2.2). The basket is on disk before the till is answered: apply stands on it.
func (c *liveCall) preApply() (agent.Reply, error) {
	cart, form := mercafacil.ReadCart(c.body)
	faults := form.Faults
	if cart.Session == "" && len(faults) == 0 {
		faults = append(faults, agent.Fault{Field: mercafacil.FieldTransactionID, Code: "required", Detail: "Falta este campo."})
	}
	if len(faults) > 0 {
		return agent.Reply{}, invalid(faults)
	}
	c.takeForm(form)
	turn, err := c.openSession(cart.Session)
	if err != nil {
		return agent.Reply{}, err
	}
	defer turn.end()
	same, err := c.newBasket(turn)
	if err != nil {
		return agent.Reply{}, err
	}
	if same {
		body, err := mercafacil.StandInMessage(c.talk.Dialect, turn.id(), mercafacil.Note{Delivery: agent.DeliveryReplayed})
		return agent.Reply{Body: body, Delivery: agent.DeliveryReplayed}, err
	}
	got, err := c.reach(turn)
	if err != nil {
		return agent.Reply{}, err
	}
	if got.absence == "" {
		got = c.giveBasket(turn, c.talk.Body, c.body)
	}
	return c.preApplied(turn, got)
}

// newBasket makes the call's basket the session's. True tells that it is the one already applied. A basket that differs
// from an applied one ends the cloud's session, on disk before the cloud is asked anything else (R35); so does one that the
// cloud was asked about when the power went.
func (c *liveCall) newBasket(turn *liveTurn) (same bool, err error) {
	held, err := c.hold(turn.id())
	if err != nil {
		return false, err
	}
	defer held.release()
	if held.Cart != nil && basketPrint(held.Cart) == basketPrint(c.talk.Body) {
		return held.Applied != nil, held.dropUnanswered()
	}
	held.Cart, held.CartUp, held.Applied = c.talk.Body, false, nil
	return false, held.dropUnanswered()
}

// dropUnanswered gives up the cloud's session, on disk, when the cloud was asked for discounts that nobody knows, or for
// another basket's.
func (h *heldSession) dropUnanswered() error {
	if !h.Asked || h.Applied != nil {
		return nil
	}
	var change agent.Change
	h.dropCloud(&change)
	_, err := h.save(context.Background(), change)
	return err
}

// basketPrint is a basket's fingerprint, whatever session it is for.
func basketPrint(text []byte) agent.Fingerprint {
	body, err := rawjson.Parse(text)
	if err != nil { // it was parsed when it came
		return agent.Fingerprint{}
	}
	text = rawjson.RemoveMember(text, body, mercafacil.FieldTransactionID)
	if body, err = rawjson.Parse(text); err != nil {
		return agent.Fingerprint{}
	}
	return fingerprint(body)
}

// giveBasket sends the basket to the cloud (v2.2), and gives again the shopper's answers to questions that come back.
func (c *liveCall) giveBasket(turn *liveTurn, text []byte, body rawjson.Value) response {
	held := turn.hold()
	defer held.release()
	up := swapTop(text, body, held.Cloud)
	var got response
	held.unlocked(func() { got = c.ask(agent.CallPreApply, up, nil) })
	if held.CartUp = got.absence == ""; !held.CartUp {
		return got
	}
	return c.answerAgain(held, got)
}

// preApplied writes down what became of the basket and answers the till.
func (c *liveCall) preApplied(turn *liveTurn, got response) (agent.Reply, error) {
	held, err := c.stillOpen(turn)
	if err != nil {
		return agent.Reply{}, err
	}
	defer held.release()
	held.Prompt, held.Absence = shownPrompt(mercafacil.ReadPrompt(got.answer)), got.absence
	reply := passed(mercafacil.SwapID(got.outcome.Body, got.answer, held.Cloud, held.ID))
	if got.absence != "" {
		if reply, err = standIn(mercafacil.StandInMessage(c.talk.Dialect, held.ID, contingency(got.absence))); err != nil {
			return reply, err
		}
	}
	_, err = held.save(context.Background(), agent.Change{})
	return reply, err
}
