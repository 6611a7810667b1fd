package loyalty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// record is one loyalty session as it stands on disk. The till sees ID for the session's whole life; Cloud is what the
// cloud calls it at present, and empty when the cloud has no such session.
type record struct {
	ID        string        `json:"id"`
	Cloud     string        `json:"cloud,omitempty"`
	Dialect   agent.Dialect `json:"dialect"`
	Stage     agent.Stage   `json:"stage"`
	Absence   agent.Absence `json:"absence,omitempty"` // why the cloud has it not, or why the last apply brought nothing
	CreatedAt time.Time     `json:"created_at"`
	TouchedAt time.Time     `json:"touched_at"`

	Document string `json:"document,omitempty"` // as the till gave it
	Member   *bool  `json:"member,omitempty"`   // as the cloud said; nil: it did not
	Given    bool   `json:"given,omitempty"`    // the last apply was answered by the cloud

	talked // let go of when the session is closed
}

// talked is what a session must remember while it is open.
type talked struct {
	Opening []byte    `json:"opening,omitempty"` // the till's start, to begin anew
	Cart    []byte    `json:"cart,omitempty"`    // the body with the basket: apply in v2, pre-apply in v2.2
	CartUp  bool      `json:"cart_up,omitempty"` // v2.2: the cloud has that basket
	Asked   bool      `json:"asked,omitempty"`   // the cloud was asked for that basket's discounts: it may have given them
	Applied []byte    `json:"applied,omitempty"` // what the till was answered for that basket, when the cloud gave it
	Prompt  *prompt   `json:"prompt,omitempty"`  // what the shopper is being asked
	Answers []said    `json:"answers,omitempty"` // what the shopper answered, in order
	Script  *exchange `json:"script,omitempty"`  // v2: the one answer, and what it was answered
}

// prompt is a question on the till's screen.
type prompt struct {
	Tags  []string `json:"tags,omitempty"`
	Input bool     `json:"input,omitempty"`
	Text  []byte   `json:"text"` // canonical form: the same question is the same text
}

// said is a question and the body by which it was answered.
type said struct {
	Question []byte `json:"question"`
	Body     []byte `json:"body"`
}

type exchange struct {
	Print agent.Fingerprint `json:"print"`
	Reply []byte            `json:"reply"`
}

// session is a record in use. Entries exist only while somebody uses them: the store is the memory.
type session struct {
	id   string
	refs int
	talk agent.Gate // held during a live call: one at a time

	mu      agent.Gate // of what follows; held while it is written
	loaded  bool
	version uint64
	record
}

// known tells whether the session was begun here. It is called with the lock held, after load.
func (x *session) known() bool { return x.ID != "" }

// table holds the sessions in use.
type table struct {
	mu   sync.Mutex
	used map[string]*session
}

// acquire gives the session with the till's id, known or not. Release it.
func (s *Service) acquire(id string) *session {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	x := s.table.used[id]
	if x == nil {
		x = &session{id: id, talk: agent.NewGate(), mu: agent.NewGate()}
		s.table.used[id] = x
	}
	x.refs++
	return x
}

func (s *Service) release(x *session) {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	if x.refs--; x.refs == 0 {
		delete(s.table.used, x.id)
	}
}

// load reads the record unless it is there. It is called with the lock held.
func (s *Service) load(x *session) error {
	if x.loaded {
		return nil
	}
	data, version, err := s.cfg.Records.Record(s.cfg.SessionBucket, x.id)
	switch {
	case errors.Is(err, agent.ErrNotFound), errors.Is(err, agent.ErrKeyMissing):
		x.record, x.version = record{}, version
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(data, &x.record); err != nil {
			return fmt.Errorf("session record: %w", err)
		}
		x.version = version
	}
	x.loaded = true
	return nil
}

// lock acquires and loads; call the result when done.
func (s *Service) lock(id string) (*session, func(), error) {
	x := s.acquire(id)
	x.mu.Lock()
	if err := s.load(x); err != nil {
		x.mu.Unlock()
		s.release(x)
		return nil, nil, err
	}
	return x, func() { x.mu.Unlock(); s.release(x) }, nil
}

// save writes the session together with the change. It is called with the lock held; after a failure the record is read
// anew by whoever comes next.
func (s *Service) save(ctx context.Context, x *session, change agent.Change) (agent.Committed, error) {
	x.TouchedAt = s.cfg.Now().UTC()
	if x.Stage == agent.StageConfirmed || x.Stage == agent.StageCancelled {
		x.talked = talked{}
	}
	data, err := json.Marshal(x.record)
	if err != nil {
		return agent.Committed{}, err
	}
	change.Puts = append(change.Puts, agent.Record{Bucket: s.cfg.SessionBucket, Key: x.id, Value: data, IfVersion: x.version})
	committed, err := s.cfg.Store.Commit(context.WithoutCancel(ctx), change)
	if err != nil {
		x.loaded = false
		return committed, err
	}
	x.version++
	return committed, nil
}

// saveLater writes the session after the till was answered. It takes over the lock and the hold on the session, so that
// the till's next call finds what was written.
func (s *Service) saveLater(x *session, change agent.Change) {
	s.tasks.Go(func() {
		defer s.release(x)
		defer x.mu.Unlock()
		if _, err := s.save(context.Background(), x, change); err != nil {
			s.cfg.Log.Error("session_not_written", "error", err)
		}
	})
}

// view is the session without personal data.
func (r record) view() agent.Session {
	return agent.Session{
		ID: r.ID, Stage: r.Stage, Live: r.Cloud != "", Absence: r.Absence, Applied: r.Given, Dialect: r.Dialect,
		CreatedAt: r.CreatedAt, TouchedAt: r.TouchedAt,
	}
}

// Session tells what is known of a session by the till's transaction_id; false when nothing is.
func (s *Service) Session(id string) (agent.Session, bool, error) {
	r, known, err := s.peek(id)
	return r.view(), known, err
}

// Downward gives what the cloud answered about a session as the till must read it: with the till's own id.
func (s *Service) Downward(id string, text []byte) []byte {
	r, known, err := s.peek(id)
	answer, malformed := rawjson.Parse(text)
	if err != nil || malformed != nil || !known || r.Cloud == "" {
		return text
	}
	return mercafacil.SwapID(text, answer, r.Cloud, r.ID)
}

// peek reads a session's record.
func (s *Service) peek(id string) (record, bool, error) {
	x, done, err := s.lock(id)
	if err != nil {
		return record{}, false, err
	}
	defer done()
	return x.record, x.known(), nil
}

// voidJob is the job by which a session of the cloud is taken back.
func (s *Service) voidJob(session, cloudID string, dialect agent.Dialect) agent.Job {
	job := s.cancelJob(session, cloudID, dialect)
	job.Unique = agent.VoidKey(cloudID)
	return job
}

// letGo gives up the cloud's session, because what it knows is not what the till was told. The job that cancels it goes
// into the change. It is called with the lock held.
func (s *Service) letGo(x *session, change *agent.Change) {
	if x.Cloud == "" {
		return
	}
	change.Jobs = append(change.Jobs, s.voidJob(x.id, x.Cloud, x.Dialect))
	x.Cloud, x.CartUp, x.Asked, x.Applied, x.Given = "", false, false, nil, false
}
