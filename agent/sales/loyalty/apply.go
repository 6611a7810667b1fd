package loyalty

import (
	"context"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/sales/basket"
	"pdvagent/mercafacil"
)

// apply gives the discounts of a basket: the call's own in v2, that of the last pre-apply in v2.2.
func (c *liveCall) apply() (agent.Reply, error) {
	if c.talk.Dialect == agent.V22 {
		return c.applyLast()
	}
	cart, form := mercafacil.ReadCart(c.body)
	if len(form.Faults) > 0 {
		return agent.Reply{}, invalid(form.Faults)
	}
	c.takeForm(form)
	if cart.Session == "" {
		return c.applyUnidentified(cart)
	}
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
		return replayed(turn), nil
	}
	got, err := c.reach(turn)
	if err != nil {
		return agent.Reply{}, err
	}
	return c.discounts(turn, got, cart.Lines)
}

func replayed(turn *liveTurn) agent.Reply {
	held := turn.hold()
	defer held.release()
	return agent.Reply{Body: held.Applied, Delivery: agent.DeliveryReplayed}
}

// applyLast applies the basket of the last pre-apply (v2.2). One that the cloud has not seen goes first.
func (c *liveCall) applyLast() (agent.Reply, error) {
	id, form := mercafacil.ReadID(c.body, mercafacil.FieldTransactionID)
	if len(form.Faults) > 0 {
		return agent.Reply{}, invalid(form.Faults)
	}
	c.takeForm(form)
	turn, err := c.openSession(id)
	if err != nil {
		return agent.Reply{}, err
	}
	defer turn.end()
	held := turn.hold()
	err = held.dropUnanswered()
	applied, text, up := held.Applied, held.Cart, held.CartUp
	held.release()
	switch {
	case err != nil:
		return agent.Reply{}, err
	case applied != nil:
		return agent.Reply{Body: applied, Delivery: agent.DeliveryReplayed}, nil
	case text == nil:
		return agent.Reply{}, invalid([]agent.Fault{{Field: "items", Code: "required", Detail: "Envie os itens antes (pre-apply)."}})
	}
	body, err := rawjson.Parse(text)
	if err != nil {
		return agent.Reply{}, err
	}
	cart, _ := mercafacil.ReadCart(body) // checked when it came
	got, err := c.reach(turn)
	if err != nil {
		return agent.Reply{}, err
	}
	if got.absence == "" && !up {
		got = c.giveBasket(turn, text, body)
	}
	return c.discounts(turn, got, cart.Lines)
}

// applyUnidentified opens a session for a basket that comes without one (R29).
func (c *liveCall) applyUnidentified(cart mercafacil.Cart) (agent.Reply, error) {
	document := ""
	if _, ok := agent.ParseDocument(cart.Client); ok {
		document = cart.Client
	}
	opening := mercafacil.OpeningBody(c.talk.Dialect, document)
	got, opened := c.askStart(opening, c.takeBackLate(""))
	id := opened.Session
	if got.absence != "" {
		id = c.cfg.NewUUID()
	}
	turn := c.takeTurn(id)
	defer turn.end()
	held, err := c.hold(id)
	if err != nil {
		return agent.Reply{}, err
	}
	held.record = record{
		ID: id, Cloud: opened.Session, Dialect: c.talk.Dialect, Stage: agent.StageOpen, CreatedAt: c.cfg.Now().UTC(),
		Document: document, Member: opened.Loyalty, openState: openState{Opening: opening, Cart: c.talk.Body},
	}
	held.release()
	return c.discounts(turn, got, cart.Lines)
}

// discounts asks the cloud for the basket's discounts, unless it is known to be away, and answers the till.
func (c *liveCall) discounts(turn *liveTurn, got response, lines []agent.CartLine) (agent.Reply, error) {
	if got.absence == "" {
		up, written := c.intend(turn)
		got = c.ask(agent.CallApply, up, nil)
		if err := <-written; err != nil {
			return agent.Reply{}, err
		}
	}
	return c.conclude(turn, got, lines)
}

// intend writes down that the cloud is asked for the basket's discounts, while it is asked. It gives the body for the
// cloud; the channel gives the result of the writing.
func (c *liveCall) intend(turn *liveTurn) (up []byte, written <-chan error) {
	held := turn.hold()
	up = swapTop(c.talk.Body, c.body, held.Cloud)
	held.Asked = true
	done := make(chan error, 1)
	held.handOver(func(held *heldSession) {
		_, err := held.save(context.Background(), agent.Change{})
		done <- err
	})
	return up, done
}

// conclude turns the cloud's answer, or its absence, into the till's. The till's basket is on disk before the till is
// answered; the cloud's answer is written after it, mostly with the confirm.
func (c *liveCall) conclude(turn *liveTurn, got response, lines []agent.CartLine) (agent.Reply, error) {
	held, err := c.stillOpen(turn)
	if err != nil {
		return agent.Reply{}, err
	}
	defer held.release()
	if got.absence == "" {
		text, err := offer(&held.record, got, lines)
		if err == nil {
			held.Applied, held.Given, held.Absence = text, true, ""
			held.saveSoon()
			return passed(text), nil
		}
		c.cfg.Log.Warn("bad_discount", "error", err)
		got.absence = agent.AbsenceBadDiscount
	}
	var change agent.Change
	if got.mayHaveActed() { // the till gets another answer than the one that the cloud acted on
		held.dropCloud(&change)
	}
	held.Asked, held.Applied, held.Given, held.Absence = false, nil, false, got.absence
	cart, err := rawjson.Parse(held.Cart)
	if err != nil {
		return agent.Reply{}, err
	}
	reply, err := standIn(mercafacil.StandInApply(held.ID, cart, lines, contingency(got.absence)))
	if err != nil {
		return reply, err
	}
	_, err = held.save(context.Background(), change)
	return reply, err
}

// offer gives the cloud's answer with the share of each of the till's lines. An error says that the answer cannot be used.
func offer(r *record, got response, lines []agent.CartLine) ([]byte, error) {
	offered, err := mercafacil.ReadOffered(got.answer)
	if err != nil {
		return nil, err
	}
	shares, err := basket.Shares(lines, offered)
	if err != nil {
		return nil, err
	}
	note := mercafacil.Note{Delivery: agent.DeliveryLive, Lines: mercafacil.NoteLines(shares), Rounding: mercafacil.Rounding(offered, shares)}
	text := mercafacil.SwapID(got.outcome.Body, got.answer, r.Cloud, r.ID)
	answer, err := rawjson.Parse(text)
	if err != nil {
		return nil, err
	}
	if _, ok := answer.Get(mercafacil.FieldTransactionID); !ok { // the till must be able to confirm
		text = swapTop(text, answer, r.ID)
		if answer, err = rawjson.Parse(text); err != nil {
			return nil, err
		}
	}
	return mercafacil.WithNote(text, answer, note)
}
