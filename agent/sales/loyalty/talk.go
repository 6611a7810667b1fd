package loyalty

import (
	"context"
	"sync/atomic"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
	"pdvagent/mercafacil"
)

// Cloud answers live calls.
type Cloud interface {
	Call(ctx context.Context, call agent.Call, dialect agent.Dialect, body []byte) agent.Outcome
}

// Circuit tells whether a live call is worth a try, and counts the outcomes.
type Circuit interface {
	Open() bool
	Note(agent.Outcome)
}

// lateWait bounds the wait for an answer after its till was answered without it: a session that a late start opened must be
// cancelled.
const lateWait = 30 * time.Second

// Talk answers a live call inside the live deadline: with the cloud's answer, or with a contingency. An [agent.Error] is for
// the till.
func (s *Service) Talk(talk agent.Talk) (agent.Reply, error) {
	text, body, repairs, err := reading.Document(talk.Body)
	if err != nil {
		return agent.Reply{}, reading.Malformed(err)
	}
	if len(repairs) > 0 {
		s.cfg.Log.Info("body_mended", "call", talk.Call, "repairs", repairs)
	}
	talk.Body = text
	c := &liveCall{Service: s, talk: talk, body: body, started: s.cfg.Now()}
	defer s.busy.enter()()
	var reply agent.Reply
	switch talk.Call {
	case agent.CallStart:
		reply, err = c.start()
	case agent.CallMessage:
		reply, err = c.message()
	case agent.CallPreApply:
		reply, err = c.preApply()
	case agent.CallApply:
		reply, err = c.apply()
	}
	reply.Cloud = c.waited
	return reply, agent.ForTill(err)
}

// liveCall is one live call being answered. It goes on when its till hangs up: what it began in the cloud must be known.
type liveCall struct {
	*Service
	talk    agent.Talk
	body    rawjson.Value
	started time.Time
	waited  time.Duration // for the cloud

	repeated []int // indexes of the shopper's answers that were given again
}

// takeForm goes on with the body as the cloud takes it.
func (c *liveCall) takeForm(form mercafacil.Form) {
	if !form.Mended() {
		return
	}
	text := form.Wire()
	if body, err := rawjson.Parse(text); err == nil {
		c.talk.Body, c.body = text, body
	}
}

// response is what one exchange with the cloud brought: its answer, or why there is none.
type response struct {
	outcome agent.Outcome
	answer  rawjson.Value // of a live answer
	absence agent.Absence // empty: the answer is live
	notJSON bool          // a 2xx without a JSON object
}

// mayHaveActed tells whether the cloud may have done what was asked although there is no answer to rely on.
func (r response) mayHaveActed() bool { return r.outcome.Reached && r.absence != agent.AbsenceAuth }

// ask does one exchange in what is left of the deadline. late, unless nil, gets an answer that comes after it.
func (c *liveCall) ask(call agent.Call, body []byte, late func(agent.Outcome)) response {
	if c.cfg.Circuit.Open() {
		return response{absence: agent.AbsenceCircuit}
	}
	asked := c.cfg.Now()
	left := c.cfg.LiveDeadline - asked.Sub(c.started)
	if left <= 0 {
		return response{absence: agent.AbsenceTimeout}
	}
	outcome := c.exchange(call, body, left, late)
	c.waited += c.cfg.Now().Sub(asked)
	c.cfg.Circuit.Note(outcome)
	got := response{outcome: outcome}
	if outcome.Class == agent.ClassOK {
		if answer, err := rawjson.Parse(outcome.Body); err == nil && answer.Kind == rawjson.Object {
			got.answer = answer
			if outcome.Detail != "" {
				c.cfg.Log.Warn("cloud_answer_mended", "call", call, "detail", outcome.Detail)
			}
			c.authorized()
			return got
		}
		got.outcome.Class, got.outcome.Detail, got.notJSON = agent.ClassForeign, "no JSON object", true
	}
	got.absence = agent.AbsenceOf(got.outcome)
	if got.absence == agent.AbsenceAuth {
		c.unauthorized()
	}
	c.cfg.Log.Info("live_call_failed", "call", call, "reason", got.absence, "class", got.outcome.Class, "status", got.outcome.Status,
		"detail", got.outcome.Detail, "ms", outcome.Took.Milliseconds())
	return got
}

// exchange waits for the answer or the deadline, whichever comes first.
func (c *liveCall) exchange(call agent.Call, body []byte, left time.Duration, late func(agent.Outcome)) agent.Outcome {
	answers := make(chan agent.Outcome, 1)
	var decided atomic.Bool // set by the first of the answer and the deadline
	c.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(agent.WithRef(c.life, c.talk.Ref), left+lateWait)
		defer cancel()
		outcome := c.cfg.Cloud.Call(ctx, call, c.talk.Dialect, body)
		if decided.CompareAndSwap(false, true) {
			answers <- outcome
		} else if late != nil {
			late(outcome)
		}
	})
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case outcome := <-answers:
		return outcome
	case <-timer.C:
		if decided.CompareAndSwap(false, true) {
			return agent.Outcome{Class: agent.ClassTimeout, Detail: "no answer in time", Took: left, Reached: true}
		}
		return <-answers
	}
}

func (s *Service) unauthorized() {
	alarm := agent.Alarm{
		Code: agent.AlarmUnauthorized, Since: s.cfg.Now(),
		Detail: "A Mercafácil recusou o token desta loja (401). Confira mercafacil.token; as vendas continuam sem desconto do clube.",
	}
	s.cfg.Alarms.Raise(alarm)
}

func (s *Service) authorized() { s.cfg.Alarms.Clear(agent.AlarmUnauthorized, "") }

// openSession waits for the call's turn in the open session that it names, or refuses the call. End the turn.
func (c *liveCall) openSession(id string) (*liveTurn, error) {
	turn := c.takeTurn(id)
	held, err := c.hold(id)
	if err == nil {
		err = c.fits(held)
		held.release()
	}
	if err != nil {
		turn.end()
		return nil, err
	}
	return turn, nil
}

// fits refuses a session that is unknown, of the other dialect or closed. An abandoned one is open again: the shopper was
// only slow. So is a cancelled one for a basket: an item was taken back (manual 3.d), and the till goes on with the id that it has.
func (c *liveCall) fits(held *heldSession) error {
	switch {
	case !held.known():
		return agent.Errorf(agent.CodeUnknownSession, nil, "Esta transação não existe neste caixa. Comece outra (start).")
	case held.Dialect != c.talk.Dialect:
		return mixed(held.Dialect, c.talk.Dialect)
	case held.Stage == agent.StageAbandoned:
		held.Stage = agent.StageOpen
	case held.Stage == agent.StageCancelled && (c.talk.Call == agent.CallApply || c.talk.Call == agent.CallPreApply) && held.Opening != nil:
		return held.reopen()
	case held.Stage != agent.StageOpen:
		return closedSession(held.Stage)
	}
	return nil
}

// stillOpen locks a session that the call is about, and refuses to go on with one that was closed while the cloud was
// asked: its end is on its way with the cloud's id.
func (c *liveCall) stillOpen(turn *liveTurn) (*heldSession, error) {
	held, err := c.hold(turn.id())
	if err != nil {
		return nil, err
	}
	if held.Stage != agent.StageOpen {
		defer held.release()
		return nil, closedSession(held.Stage)
	}
	return held, nil
}

func mixed(used, now agent.Dialect) error {
	return agent.Errorf(agent.CodeDialectMixed, nil, "Esta transação já usou as rotas %s; não misture com %s.", used, now)
}

func closedSession(stage agent.Stage) error {
	word := map[agent.Stage]string{agent.StageConfirmed: "confirmada", agent.StageCancelled: "cancelada"}[stage]
	return agent.Errorf(agent.CodeConflict, nil, "Esta transação já foi %s. Comece outra (start).", word)
}

// contingency is the note to the till in an answer that is not the cloud's.
func contingency(reason agent.Absence) mercafacil.Note {
	return mercafacil.Note{Delivery: agent.DeliveryContingency, Reason: reason}
}

func passed(body []byte) agent.Reply { return agent.Reply{Body: body, Delivery: agent.DeliveryLive} }

func standIn(body []byte, err error) (agent.Reply, error) {
	return agent.Reply{Body: body, Delivery: agent.DeliveryContingency}, err
}

// Busy gives a channel that closes when no till waits for the cloud any more; nil when none does. Package sender lets live
// calls go first.
func (s *Service) Busy() <-chan struct{} { return s.busy.wait() }
