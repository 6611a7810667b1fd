package loyalty

import (
	"context"
	"slices"

	"pdvagent/agent"
	"pdvagent/agent/basket"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// preApply takes the basket (v2.2). What it says is on disk before the till hears anything: apply stands on it.
func (c *conversation) preApply() (agent.Reply, error) {
	cart, faults := mercafacil.ReadCart(c.body)
	if cart.Session == "" {
		faults = append(faults, agent.Fault{Field: mercafacil.FieldTransactionID, Code: "required", Detail: "Falta este campo."})
	}
	if len(faults) > 0 {
		return agent.Reply{}, invalid(faults)
	}
	x, done, err := c.session(cart.Session)
	if err != nil {
		return agent.Reply{}, err
	}
	defer done()
	same, err := c.newBasket(x)
	if err != nil {
		return agent.Reply{}, err
	}
	if same {
		body, err := mercafacil.StandInMessage(c.talk.Dialect, x.id, mercafacil.Note{Delivery: agent.DeliveryReplayed})
		return agent.Reply{Body: body, Delivery: agent.DeliveryReplayed}, err
	}
	h, err := c.reach(x)
	if err != nil {
		return agent.Reply{}, err
	}
	if h.absence == "" {
		h = c.giveBasket(x, c.talk.Body, c.body)
	}
	return c.preApplied(x, h)
}

// newBasket makes the call's basket the session's. True tells that it is the one already applied. A basket that differs
// from an applied one ends the cloud's session, on disk before anything else is said to the cloud (R35); so does one
// that the cloud was asked about when the power went.
func (c *conversation) newBasket(x *session) (same bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := c.load(x); err != nil {
		return false, err
	}
	if x.Cart != nil && basketPrint(x.Cart) == basketPrint(c.talk.Body) {
		return x.Applied != nil, c.notAgain(x)
	}
	x.Cart, x.CartUp, x.Applied = c.talk.Body, false, nil
	return false, c.notAgain(x)
}

// notAgain gives up a session whose cloud was asked for discounts that nobody knows, or that are another basket's. It is
// called with the lock held.
func (c *conversation) notAgain(x *session) error {
	if !x.Asked || x.Applied != nil {
		return nil
	}
	var change agent.Change
	c.letGo(x, &change)
	_, err := c.save(context.Background(), x, change)
	return err
}

// basketPrint is what a basket says, whatever session it is for.
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

// reach makes sure that the cloud has the session: one that it has not is begun there, without a word to the till.
func (c *conversation) reach(x *session) (heard, error) {
	x.mu.Lock()
	cloud, opening := x.Cloud, x.Opening
	x.mu.Unlock()
	if cloud != "" {
		return heard{}, nil
	}
	body, err := rawjson.Parse(opening)
	if err != nil {
		return heard{}, err
	}
	if _, ok := body.Get(mercafacil.FieldTransactionID); ok {
		opening = swapTop(opening, body, "")
	}
	h, opened := c.askStart(opening, c.takeBackLate(x.id))
	if h.absence != "" {
		return h, nil
	}
	x = c.acquire(x.id) // for saveLater
	x.mu.Lock()
	err = c.stillOpen(x)
	if err != nil { // it ended meanwhile, without a session of the cloud's
		x.mu.Unlock()
		c.release(x)
		c.takeBack(x.id, opened.Session)
		return h, err
	}
	x.Cloud, x.Member, x.Absence = opened.Session, opened.Loyalty, ""
	h = c.answerAgain(x, h)
	c.saveLater(x, agent.Change{})
	return h, nil
}

// stillOpen refuses to go on with a session that was closed while the cloud was asked. Its end is on its way with the
// cloud's id. It is called with the lock held.
func (c *conversation) stillOpen(x *session) error {
	if err := c.load(x); err != nil {
		return err
	}
	if x.Stage != agent.StageOpen {
		return closedSession(x.Stage)
	}
	return nil
}

// giveBasket sends the basket to the cloud (v2.2), and answers what the shopper has answered already.
func (c *conversation) giveBasket(x *session, text []byte, body rawjson.Value) heard {
	x.mu.Lock()
	up := swapTop(text, body, x.Cloud)
	x.mu.Unlock()
	h := c.ask(agent.CallPreApply, up, nil)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.CartUp = h.absence == ""; !x.CartUp {
		return h
	}
	return c.answerAgain(x, h)
}

// maxRounds bounds a dialogue of the cloud's with the agent (contract 3.2).
const maxRounds = 10

// answerAgain gives the shopper's own answers to questions that are asked anew because a session had to be begun anew,
// each once. A question without an answer is left to the till. It is called with the lock held, and lets go of it while
// it asks.
func (c *conversation) answerAgain(x *session, h heard) heard {
	if c.talk.Dialect != agent.V22 {
		return h // one script, and the till has it
	}
	for range maxRounds {
		p := mercafacil.ReadPrompt(h.answer)
		i := slices.IndexFunc(x.Answers, func(a said) bool { return p.Shown && string(a.Question) == string(p.Text) })
		if i < 0 || slices.Contains(c.repeated, i) {
			return h
		}
		c.repeated = append(c.repeated, i)
		body, err := rawjson.Parse(x.Answers[i].Body)
		if err != nil {
			return h
		}
		up := swapTop(x.Answers[i].Body, body, x.Cloud)
		x.mu.Unlock()
		next := c.ask(agent.CallMessage, up, nil)
		x.mu.Lock()
		if next.absence != "" {
			return h
		}
		h = next
	}
	return h
}

// preApplied writes down what became of the basket and answers the till.
func (c *conversation) preApplied(x *session, h heard) (agent.Reply, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := c.stillOpen(x); err != nil {
		return agent.Reply{}, err
	}
	x.Prompt, x.Absence = asked(mercafacil.ReadPrompt(h.answer)), h.absence
	reply := passed(mercafacil.SwapID(h.outcome.Body, h.answer, x.Cloud, x.ID))
	if h.absence != "" {
		var err error
		if reply, err = standIn(mercafacil.StandInMessage(c.talk.Dialect, x.ID, contingency(h.absence))); err != nil {
			return reply, err
		}
	}
	_, err := c.save(context.Background(), x, agent.Change{})
	return reply, err
}

// apply gives the discounts of a basket: the call's own in v2, that of the last pre-apply in v2.2.
func (c *conversation) apply() (agent.Reply, error) {
	if c.talk.Dialect == agent.V22 {
		return c.applyLast()
	}
	cart, faults := mercafacil.ReadCart(c.body)
	if len(faults) > 0 {
		return agent.Reply{}, invalid(faults)
	}
	if cart.Session == "" {
		return c.applyUnidentified(cart)
	}
	x, done, err := c.session(cart.Session)
	if err != nil {
		return agent.Reply{}, err
	}
	defer done()
	same, err := c.newBasket(x)
	if err != nil {
		return agent.Reply{}, err
	}
	if same {
		return c.replayed(x), nil
	}
	h, err := c.reach(x)
	if err != nil {
		return agent.Reply{}, err
	}
	return c.discounts(x, h, cart.Lines)
}

func (c *conversation) replayed(x *session) agent.Reply {
	x.mu.Lock()
	defer x.mu.Unlock()
	return agent.Reply{Body: x.Applied, Delivery: agent.DeliveryReplayed}
}

// applyLast applies the basket of the last pre-apply (v2.2). One that the cloud has not seen goes first.
func (c *conversation) applyLast() (agent.Reply, error) {
	id, faults := mercafacil.ReadID(c.body, mercafacil.FieldTransactionID)
	if len(faults) > 0 {
		return agent.Reply{}, invalid(faults)
	}
	x, done, err := c.session(id)
	if err != nil {
		return agent.Reply{}, err
	}
	defer done()
	x.mu.Lock()
	err = c.notAgain(x)
	applied, text, up := x.Applied, x.Cart, x.CartUp
	x.mu.Unlock()
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
	h, err := c.reach(x)
	if err != nil {
		return agent.Reply{}, err
	}
	if h.absence == "" && !up {
		h = c.giveBasket(x, text, body)
	}
	return c.discounts(x, h, cart.Lines)
}

// applyUnidentified opens a session for a basket that comes without one (R29).
func (c *conversation) applyUnidentified(cart mercafacil.Cart) (agent.Reply, error) {
	document := ""
	if _, ok := agent.ParseDocument(cart.Client); ok {
		document = cart.Client
	}
	opening := mercafacil.OpeningBody(c.talk.Dialect, document)
	h, opened := c.askStart(opening, c.takeBackLate(""))
	id := opened.Session
	if h.absence != "" {
		id = c.cfg.NewUUID()
	}
	x := c.acquire(id)
	defer c.release(x)
	x.talk.Lock()
	defer x.talk.Unlock()
	x.mu.Lock()
	if err := c.load(x); err != nil {
		x.mu.Unlock()
		return agent.Reply{}, err
	}
	x.record = record{
		ID: id, Cloud: opened.Session, Dialect: c.talk.Dialect, Stage: agent.StageOpen, CreatedAt: c.cfg.Now().UTC(),
		Document: document, Member: opened.Loyalty, talked: talked{Opening: opening, Cart: c.talk.Body},
	}
	x.mu.Unlock()
	return c.discounts(x, h, cart.Lines)
}

// discounts asks the cloud, unless it was found away already, checks what it says, and answers the till. The basket is
// on disk before the till hears anything; the cloud's answer follows it.
func (c *conversation) discounts(x *session, h heard, lines []agent.CartLine) (agent.Reply, error) {
	if h.absence == "" {
		up, written := c.intend(x)
		h = c.ask(agent.CallApply, up, nil)
		if err := <-written; err != nil {
			return agent.Reply{}, err
		}
	}
	x = c.acquire(x.id) // for saveLater
	x.mu.Lock()
	reply, later, err := c.conclude(x, h, lines)
	if later {
		c.saveLater(x, agent.Change{})
		return reply, err
	}
	x.mu.Unlock()
	c.release(x)
	return reply, err
}

// intend writes down that the cloud is asked for the basket's discounts, while it is asked. It gives the body for the
// cloud; the channel says what became of the writing.
func (c *conversation) intend(x *session) (up []byte, written <-chan error) {
	x.mu.Lock()
	up = swapTop(c.talk.Body, c.body, x.Cloud)
	x.Asked = true
	done := make(chan error, 1)
	c.tasks.Go(func() {
		defer x.mu.Unlock()
		_, err := c.save(context.Background(), x, agent.Change{})
		done <- err
	})
	return up, done
}

// conclude turns what the cloud said, or its silence, into the till's answer. later tells that only the answer itself
// is left to be written. It is called with the lock held.
func (c *conversation) conclude(x *session, h heard, lines []agent.CartLine) (reply agent.Reply, later bool, err error) {
	if err := c.stillOpen(x); err != nil {
		return agent.Reply{}, false, err
	}
	if h.absence == "" {
		text, err := c.offer(x, h, lines)
		if err == nil {
			x.Applied, x.Given, x.Absence = text, true, ""
			return passed(text), true, nil
		}
		c.cfg.Log.Warn("bad_discount", "error", err)
		h.absence = agent.AbsenceBadDiscount
	}
	var change agent.Change
	if h.open() { // what it did is not what the till is told
		c.letGo(x, &change)
	}
	x.Asked, x.Applied, x.Given, x.Absence = false, nil, false, h.absence
	cart, err := rawjson.Parse(x.Cart)
	if err != nil {
		return agent.Reply{}, false, err
	}
	reply, err = standIn(mercafacil.StandInApply(x.ID, cart, lines, contingency(h.absence)))
	if err != nil {
		return reply, false, err
	}
	_, err = c.save(context.Background(), x, change)
	return reply, false, err
}

// offer gives the cloud's answer with what each line of the till gets. An error says that it cannot be used. It is
// called with the lock held.
func (c *conversation) offer(x *session, h heard, lines []agent.CartLine) ([]byte, error) {
	offered, err := mercafacil.ReadOffered(h.answer)
	if err != nil {
		return nil, err
	}
	shares, err := basket.Shares(lines, offered)
	if err != nil {
		return nil, err
	}
	note := mercafacil.Note{Delivery: agent.DeliveryLive, Lines: mercafacil.NoteLines(shares)}
	text := mercafacil.SwapID(h.outcome.Body, h.answer, x.Cloud, x.ID)
	answer, err := rawjson.Parse(text)
	if err != nil {
		return nil, err
	}
	if _, ok := answer.Get(mercafacil.FieldTransactionID); !ok { // the till must be able to confirm
		text = swapTop(text, answer, x.ID)
		if answer, err = rawjson.Parse(text); err != nil {
			return nil, err
		}
	}
	return mercafacil.WithNote(text, answer, note)
}
