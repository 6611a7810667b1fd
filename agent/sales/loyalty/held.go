package loyalty

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pdvagent/agent"
)

// sessions holds the sessions in use by the till's id. An entry exists while somebody refers to it: the store is the memory.
type sessions struct {
	mu   sync.Mutex
	used map[string]*session
}

// session is a session in use. Only a heldSession leads to its state.
type session struct {
	id    string
	refs  int        // guarded by sessions.mu
	turn  agent.Gate // held by the live call at hand
	lock  agent.Gate // guards state; held while the state is written to disk
	state sessionState
}

// sessionState is a session's record and which version of it the store has.
type sessionState struct {
	record
	loaded  bool
	version uint64
	written chan struct{} // closes with the next save, which something waits for (saveSoon); nil: nothing does
}

// acquire refers to a session, known or not. Release it.
func (t *sessions) acquire(id string) *session {
	t.mu.Lock()
	defer t.mu.Unlock()
	entry := t.used[id]
	if entry == nil {
		entry = &session{id: id, turn: agent.NewGate(), lock: agent.NewGate()}
		t.used[id] = entry
	}
	entry.refs++
	return entry
}

func (t *sessions) release(entry *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if entry.refs--; entry.refs == 0 {
		delete(t.used, entry.id)
	}
}

// heldSession is a session whose lock its owner holds: the one way to the session's record. It is empty after release and
// handOver, and while unlocked runs its function: a use then is a nil dereference, never a race.
type heldSession struct {
	*sessionState
	service *Service
	entry   *session
}

// hold locks the session with the till's id, known or not, and reads its record unless it is in memory. Release it.
func (s *Service) hold(id string) (*heldSession, error) {
	held := s.lock(id)
	if err := held.load(); err != nil {
		held.release()
		return nil, err
	}
	return held, nil
}

// lock is hold without the reading.
func (s *Service) lock(id string) *heldSession {
	entry := s.sessions.acquire(id)
	entry.lock.Lock()
	return &heldSession{&entry.state, s, entry}
}

// release unlocks the session. After release or handOver it does nothing.
func (h *heldSession) release() {
	if h.sessionState == nil {
		return
	}
	h.sessionState = nil
	h.entry.lock.Unlock()
	h.service.sessions.release(h.entry)
}

// handOver gives the locked session to a task that goes on after the till is answered. The session is released when the
// task ends.
func (h *heldSession) handOver(task func(*heldSession)) {
	moved := *h
	h.sessionState = nil
	h.service.tasks.Go(func() {
		defer moved.release()
		task(&moved)
	})
}

// unlocked runs do without the lock: a question to the cloud must not stop who ends the session. The record may be another
// one afterwards.
func (h *heldSession) unlocked(do func()) {
	state := h.sessionState
	h.sessionState = nil
	h.entry.lock.Unlock()
	defer func() {
		h.entry.lock.Lock()
		h.sessionState = state
	}()
	do()
}

// load reads the record unless it is in memory.
func (h *heldSession) load() error {
	if h.loaded {
		return nil
	}
	row, err := h.service.sessionTable.Row(h.entry.id)
	switch {
	case errors.Is(err, agent.ErrKeyMissing):
		h.record = record{} // nobody can read it: the session is a new one
	case err != nil:
		return err
	default:
		if h.record, err = row.Value(); err != nil {
			return fmt.Errorf("session record: %w", err)
		}
	}
	h.version, h.loaded = row.Version, true
	return nil
}

// save writes the session together with the change. After a failure the next owner reads the record again.
func (h *heldSession) save(ctx context.Context, change agent.Change) (agent.Committed, error) {
	return h.saveBy(ctx, change, h.service.cfg.Store.Commit)
}

// enqueue is save with a new job, the change's first; body is what goes up for it, as in Config.Enqueue.
func (h *heldSession) enqueue(ctx context.Context, change agent.Change, body []byte) (agent.Committed, error) {
	return h.saveBy(ctx, change, func(ctx context.Context, change agent.Change) (agent.Committed, error) {
		return h.service.cfg.Enqueue(ctx, change, body)
	})
}

func (h *heldSession) saveBy(ctx context.Context, change agent.Change, commit func(context.Context, agent.Change) (agent.Committed, error)) (agent.Committed, error) {
	cfg := &h.service.cfg
	h.TouchedAt = cfg.Now().UTC()
	switch h.Stage {
	case agent.StageConfirmed:
		h.openState = openState{}
	case agent.StageCancelled:
		h.openState = openState{Opening: h.Opening, Cart: h.Cart, Answers: h.Answers}
	}
	put, err := h.service.sessionTable.Put(h.entry.id, h.record, h.version)
	if err != nil {
		return agent.Committed{}, err
	}
	change.Puts = append(change.Puts, put)
	committed, err := commit(context.WithoutCancel(ctx), change)
	if h.written != nil {
		close(h.written)
		h.written = nil
	}
	if err != nil {
		h.loaded = false
		return committed, err
	}
	h.version++
	return committed, nil
}

// saveLater writes the session after the till is answered. It hands the session over, so that the till's next call finds
// what was written.
func (h *heldSession) saveLater(change agent.Change) {
	h.handOver(func(h *heldSession) {
		if _, err := h.save(context.Background(), change); err != nil {
			h.service.cfg.Log.Error("session_not_written", "error", err)
		}
	})
}

// answerWait is how long the cloud's discounts wait for the next change of their session, mostly its confirm, to be written
// with it.
const answerWait = 2 * time.Minute

// saveSoon writes the session with its next change, at the latest after answerWait or when the agent stops. Until then it is
// in memory: what follows without it must be right after a crash.
func (h *heldSession) saveSoon() {
	if h.written != nil {
		return
	}
	written := make(chan struct{})
	h.written = written
	s, entry := h.service, h.service.sessions.acquire(h.entry.id)
	s.tasks.Go(func() {
		defer s.sessions.release(entry)
		timer := time.NewTimer(answerWait)
		defer timer.Stop()
		select {
		case <-written:
			return
		case <-timer.C:
		case <-s.running.Done():
		}
		held := s.lock(entry.id)
		defer held.release()
		if held.written == nil {
			return
		}
		if _, err := held.save(context.Background(), agent.Change{}); err != nil {
			s.cfg.Log.Error("session_not_written", "error", err)
		}
	})
}

// dropCloud gives up the cloud's session, because the till got another answer than the cloud gave. The job that cancels it
// goes into the change.
func (h *heldSession) dropCloud(change *agent.Change) {
	if h.Cloud == "" {
		return
	}
	change.Jobs = append(change.Jobs, h.service.voidJob(h.entry.id, h.Cloud, h.Dialect))
	h.Cloud, h.CartUp, h.Asked, h.Applied, h.Given = "", false, false, nil, false
}

// liveTurn is the right of a live call to speak with the cloud about a session: the next live call about it waits. It does
// not lock the session, so that a confirm or a cancel can end it meanwhile.
type liveTurn struct {
	service *Service
	entry   *session
}

// takeTurn waits for the turn of a live call about a session. End it.
func (s *Service) takeTurn(id string) *liveTurn {
	entry := s.sessions.acquire(id)
	entry.turn.Lock()
	return &liveTurn{s, entry}
}

func (t *liveTurn) end() {
	t.entry.turn.Unlock()
	t.service.sessions.release(t.entry)
}

// id is the till's id of the session.
func (t *liveTurn) id() string { return t.entry.id }

// hold locks the session as this call, which has read it, left it: with what is not on disk yet. Release it.
func (t *liveTurn) hold() *heldSession { return t.service.lock(t.entry.id) }
