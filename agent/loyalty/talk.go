package loyalty

import (
	"context"
	"sync/atomic"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// Cloud is asked while a till waits.
type Cloud interface {
	Call(ctx context.Context, call agent.Call, dialect agent.Dialect, body []byte) agent.Outcome
}

// Circuit tells whether asking is worth a try.
type Circuit interface {
	Open() bool
	Note(agent.Outcome)
}

// latePatience is how long an answer is waited for when its till has gone on without it: a session that a late start
// opened must be taken back.
const latePatience = 30 * time.Second

// Talk answers a live call inside the live deadline: with the cloud's answer, or in its place. An [agent.Error] is the
// till's to read.
func (s *Service) Talk(talk agent.Talk) (agent.Reply, error) {
	c := &conversation{Service: s, talk: talk, begun: s.cfg.Now()}
	body, err := rawjson.Parse(talk.Body)
	if err != nil {
		return agent.Reply{}, rawjson.Refusal(err)
	}
	c.body = body
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

// conversation is one live call being answered. It goes on when its till hangs up: what was begun in the cloud must be
// known.
type conversation struct {
	*Service
	talk   agent.Talk
	body   rawjson.Value
	begun  time.Time
	waited time.Duration // for the cloud

	repeated []int // the shopper's answers that were given again
}

// heard is what one exchange brought: an answer of the cloud, or why there is none.
type heard struct {
	outcome agent.Outcome
	answer  rawjson.Value
	absence agent.Absence // empty: the answer is live
	wordy   bool          // a 2xx that says nothing in JSON
}

// open tells that the cloud may have done what was asked although there is no answer to rely on.
func (h heard) open() bool { return h.outcome.Reached && h.absence != agent.AbsenceAuth }

// ask does one exchange inside what is left of the deadline. late gets an answer that came after it.
func (c *conversation) ask(call agent.Call, body []byte, late func(agent.Outcome)) heard {
	if c.cfg.Circuit.Open() {
		return heard{absence: agent.AbsenceCircuit}
	}
	asked := c.cfg.Now()
	left := c.cfg.LiveDeadline - asked.Sub(c.begun)
	if left <= 0 {
		return heard{absence: agent.AbsenceTimeout}
	}
	outcome := c.exchange(call, body, left, late)
	c.waited += c.cfg.Now().Sub(asked)
	c.cfg.Circuit.Note(outcome)
	h := heard{outcome: outcome}
	if outcome.Class == agent.ClassOK {
		if answer, err := rawjson.Parse(outcome.Body); err == nil && answer.Kind == rawjson.Object {
			h.answer = answer
			c.authorized()
			return h
		}
		h.outcome.Class, h.outcome.Detail, h.wordy = agent.ClassForeign, "no JSON object", true
	}
	h.absence = agent.AbsenceOf(h.outcome)
	if h.absence == agent.AbsenceAuth {
		c.unauthorized()
	}
	c.cfg.Log.Info("live_call_failed", "call", call, "reason", h.absence, "class", h.outcome.Class, "status", h.outcome.Status,
		"detail", h.outcome.Detail, "ms", outcome.Took.Milliseconds())
	return h
}

// exchange waits for the answer or the deadline, whichever comes first.
func (c *conversation) exchange(call agent.Call, body []byte, left time.Duration, late func(agent.Outcome)) agent.Outcome {
	answers := make(chan agent.Outcome, 1)
	var decided atomic.Bool // whoever comes first says whether the answer was in time
	c.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(agent.WithRef(c.life, c.talk.Ref), left+latePatience)
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

// session finds the open session that the call speaks of, or the refusal. The session comes with its talk held; release
// it by the function. Its state lock is not held.
func (c *conversation) session(id string) (*session, func(), error) {
	x := c.acquire(id)
	x.talk.Lock()
	done := func() { x.talk.Unlock(); c.release(x) }
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := c.load(x); err != nil {
		done()
		return nil, nil, err
	}
	if err := c.fits(x); err != nil {
		done()
		return nil, nil, err
	}
	return x, done, nil
}

// fits refuses a session that cannot be talked about. One that was abandoned comes to life again: the shopper was only
// slow. It is called with the lock held.
func (c *conversation) fits(x *session) error {
	switch {
	case !x.known():
		return agent.Errorf(agent.CodeUnknownSession, nil, "Esta transação não existe neste caixa. Comece outra (start).")
	case x.Dialect != c.talk.Dialect:
		return mixed(x.Dialect, c.talk.Dialect)
	case x.Stage == agent.StageAbandoned:
		x.Stage = agent.StageOpen
	case x.Stage != agent.StageOpen:
		return closedSession(x.Stage)
	}
	return nil
}

func mixed(used, now agent.Dialect) error {
	return agent.Errorf(agent.CodeDialectMixed, nil, "Esta transação já usou as rotas %s; não misture com %s.", used, now)
}

func closedSession(stage agent.Stage) error {
	word := map[agent.Stage]string{agent.StageConfirmed: "confirmada", agent.StageCancelled: "cancelada"}[stage]
	return agent.Errorf(agent.CodeConflict, nil, "Esta transação já foi %s. Comece outra (start).", word)
}

// contingency is what the till reads of an answer in the cloud's place.
func contingency(reason agent.Absence) mercafacil.Note {
	return mercafacil.Note{Delivery: agent.DeliveryContingency, Reason: reason}
}

func passed(body []byte) agent.Reply { return agent.Reply{Body: body, Delivery: agent.DeliveryLive} }

func standIn(body []byte, err error) (agent.Reply, error) {
	return agent.Reply{Body: body, Delivery: agent.DeliveryContingency}, err
}

// Busy gives a channel that closes when no till waits for the cloud any more; nil when none does. The queue lets live
// calls go first.
func (s *Service) Busy() <-chan struct{} { return s.busy.wait() }
