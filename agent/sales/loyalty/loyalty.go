package loyalty

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
	"pdvagent/agent/records"
)

// Store holds the jobs, the sessions, the member cache and the running numbers. Its methods refuse with the errors of
// package agent: [agent.ErrNotFound], [agent.ErrVersion], [agent.ErrKeyTaken] and [agent.ErrBadMove].
type Store interface {
	records.Store
	Changed() <-chan struct{} // closed after the next commit

	Job(seq uint64) (agent.Job, error)
	Head(seq uint64) (agent.Job, error) // without its body, also when the body cannot be decrypted
	Unique(kind agent.Kind, group string) (agent.Job, error)
	Group(name string) ([]agent.Job, error)
	List(state agent.State, kind agent.Kind, after uint64, limit int) ([]agent.Job, error)
	Wire(seq uint64, revision int) ([]byte, error)
	Counters() agent.Counters
	LastSeq() uint64
}

// Config is what the service needs.
type Config struct {
	Store   Store
	Cloud   Cloud
	Circuit Circuit
	Alarms  *agent.Alarms
	Log     *slog.Logger

	CounterBucket string // record bucket of the store for running numbers
	SessionBucket string // for sessions
	MemberBucket  string // for members

	// Enqueue commits a change whose first job is new. body is what goes up for it; nil when the cloud must be asked first, or
	// has nothing of it. Default: Store.Commit.
	Enqueue func(ctx context.Context, change agent.Change, body []byte) (agent.Committed, error)

	LiveDeadline  time.Duration    // of a live call, default 2.5 s
	AbandonAfter  time.Duration    // a session without a call for this long is cancelled, default 2 h
	MemberCache   time.Duration    // how long a member is remembered, default 30 days
	UnknownMember Unknown          // default resolve
	KeepOfflineID bool             // a coupon keeps the transaction_id of a session that the cloud never had
	Shop, Till    string           // for composed coupon ids
	Zone          *time.Location   // of the shop, default the machine's
	Dialect       agent.Dialect    // of the agent's own calls, default v2
	UUIDCoupons   bool             // coupon ids are UUIDs instead
	NewUUID       func() string    // required
	Now           func() time.Time // default time.Now
}

func (c *Config) fill() error {
	if c.Store == nil || c.Cloud == nil || c.Circuit == nil ||
		c.Alarms == nil || c.Log == nil || c.NewUUID == nil || c.CounterBucket == "" || c.SessionBucket == "" || c.MemberBucket == "" {
		return errors.New("loyalty.Config wants everything that has no default")
	}
	if c.Enqueue == nil {
		c.Enqueue = func(ctx context.Context, change agent.Change, _ []byte) (agent.Committed, error) {
			return c.Store.Commit(ctx, change)
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Dialect == "" {
		c.Dialect = agent.V2
	}
	if c.LiveDeadline == 0 {
		c.LiveDeadline = 2500 * time.Millisecond
	}
	if c.AbandonAfter == 0 {
		c.AbandonAfter = 2 * time.Hour
	}
	if c.MemberCache == 0 {
		c.MemberCache = 30 * 24 * time.Hour
	}
	if c.UnknownMember == "" {
		c.UnknownMember = UnknownResolve
	}
	if c.Zone == nil {
		c.Zone = time.Local
	}
	return nil
}

// Service takes the decisions. It is safe for concurrent use.
type Service struct {
	cfg          Config
	sessionTable records.Table[record]
	memberTable  records.Table[memberRecord]
	numberTable  records.Table[uint64] // one value: numberKey

	numbers   agent.Gate // one running number at a time
	conflicts agent.Gate // one conflicting submission at a time, so that one is the newest

	sessions    sessions
	noted       noted
	busy        busy
	unconfirmed atomic.Int64 // as in the alarm

	identity   agent.Gate // one document at a time
	identified map[string]resolved

	life    context.Context // of tasks that outlive their calls
	end     context.CancelFunc
	running context.Context // until the agent stops
	stop    context.CancelFunc
	tasks   sync.WaitGroup
}

// New checks the configuration and fills its defaults. Close the service.
func New(cfg Config) (*Service, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, sessions: sessions{used: make(map[string]*session)}, identified: make(map[string]resolved),
		numbers: agent.NewGate(), conflicts: agent.NewGate(), identity: agent.NewGate(),
		sessionTable: records.Table[record]{Store: cfg.Store, Bucket: cfg.SessionBucket}, memberTable: records.Table[memberRecord]{Store: cfg.Store, Bucket: cfg.MemberBucket},
		numberTable: records.Table[uint64]{Store: cfg.Store, Bucket: cfg.CounterBucket},
	}
	s.noted.alarms, s.noted.tills = cfg.Alarms, make(map[string]*tillNotes)
	if err := s.noted.remember(cfg.Store); err != nil {
		return nil, err
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.running, s.stop = context.WithCancel(s.life)
	return s, nil
}

// lastAnswers bounds the wait for answers under way when the agent stops.
const lastAnswers = 2 * time.Second

// Close ends the tasks that outlive their calls. No call may follow.
func (s *Service) Close() {
	s.stop()
	timer := time.AfterFunc(lastAnswers, s.end)
	defer timer.Stop()
	s.tasks.Wait()
	s.end()
}

// local is the present time in the shop's zone.
func (s *Service) local() time.Time { return s.cfg.Now().In(s.cfg.Zone) }

// maxRaces bounds how often a decision is repeated after a lost race.
const maxRaces = 16

// Accept writes a submission down and returns when it is on disk. An [agent.Error] is for the till. A receipt comes also
// with the refusal of an invalid or conflicting sale, because it is kept.
func (s *Service) Accept(ctx context.Context, sub agent.Submission) (agent.Receipt, error) {
	text, body, repairs, err := reading.Document(sub.Body)
	if err != nil {
		return agent.Receipt{}, reading.Malformed(err)
	}
	if len(repairs) > 0 {
		s.cfg.Log.Info("body_mended", "kind", sub.Kind, "repairs", repairs)
	}
	sub.Body = text
	decide := s.decision(sub, body, len(repairs) > 0)
	for range maxRaces {
		receipt, err := decide(ctx)
		if !errors.Is(err, agent.ErrVersion) && !errors.Is(err, agent.ErrKeyTaken) && !errors.Is(err, agent.ErrBadMove) {
			return receipt, agent.ForTill(err)
		}
	}
	return agent.Receipt{}, agent.Errorf(agent.CodeInFlight, err, "Outra chamada sobre a mesma venda está em andamento. Repita em instantes.")
}

// decision gives a function that reads the present state and tries once to write what follows.
func (s *Service) decision(sub agent.Submission, body rawjson.Value, mended bool) func(context.Context) (agent.Receipt, error) {
	call := call{Service: s, sub: sub, body: body, fingerprint: fingerprint(body), mended: mended}
	switch sub.Kind {
	case agent.KindCoupon:
		return call.sale
	case agent.KindCouponCancellation:
		return call.cancelSale
	case agent.KindConfirm, agent.KindCancel:
		return call.close
	}
	return func(context.Context) (agent.Receipt, error) {
		return agent.Receipt{}, errors.New("unknown kind " + string(sub.Kind))
	}
}

// call is one submission being decided.
type call struct {
	*Service
	sub         agent.Submission
	body        rawjson.Value
	fingerprint agent.Fingerprint
	mended      bool // the till's text was almost JSON
}

// newJob is the job of this call.
func (c *call) newJob() agent.Job {
	return agent.Job{
		Kind: c.sub.Kind, Dialect: c.sub.Dialect, Body: c.sub.Body, Fingerprint: c.fingerprint, CreatedAt: c.cfg.Now(),
	}
}

func invalid(faults []agent.Fault) *agent.Error {
	e := agent.Errorf(agent.CodeInvalid, nil, "Os dados enviados têm erro em %d campo(s): %s.", len(faults), firstField(faults))
	e.Fields = faults
	return e
}

func firstField(faults []agent.Fault) string {
	if faults[0].Field == "" {
		return "o corpo"
	}
	return faults[0].Field
}

// commit writes a change whose first job is the call's. body is what goes up for it, as in Config.Enqueue.
func (c *call) commit(ctx context.Context, change agent.Change, body []byte) (agent.Receipt, error) {
	committed, err := c.cfg.Enqueue(ctx, change, body)
	if err != nil {
		return agent.Receipt{}, err
	}
	return agent.Receipt{Job: agent.Job{Seq: committed.Seqs[0]}.ID(), Notes: change.Jobs[0].Notes}, nil
}

// replay answers a submission whose natural key was used before: the same content gets the same receipt, other content is
// held and refused. done tells that it was.
func (c *call) replay(ctx context.Context, job agent.Job) (receipt agent.Receipt, done bool, err error) {
	first, err := c.cfg.Store.Unique(job.Kind, job.Unique)
	if errors.Is(err, agent.ErrNotFound) {
		return agent.Receipt{}, false, nil
	}
	if err != nil {
		return agent.Receipt{}, false, err
	}
	if first.Fingerprint == job.Fingerprint {
		return agent.Receipt{Job: first.ID(), Replayed: true, Notes: first.Notes}, true, nil
	}
	receipt, err = c.holdConflict(ctx, job, otherContent)
	return receipt, true, err
}

const otherContent = "Já existe um registro diferente com a mesma identificação. O primeiro vale; este ficou guardado para o suporte conferir."

// holdConflict holds the newest submission that contradicts an accepted one, and refuses it with a sentence.
func (c *call) holdConflict(ctx context.Context, job agent.Job, sentence string) (agent.Receipt, error) {
	refusal := agent.Errorf(agent.CodeConflict, nil, "%s", sentence)
	c.conflicts.Lock()
	defer c.conflicts.Unlock()
	group := job.Unique
	if closes(job) {
		group = agent.SessionGroup(job.Session) // the natural key is only of one round
	}
	relatives, err := c.cfg.Store.Group(group)
	if err != nil {
		return agent.Receipt{}, err
	}
	change := agent.Change{Jobs: []agent.Job{job}}
	for _, other := range relatives {
		if other.Kind != job.Kind || other.Status.State != agent.Held || other.Status.Reason != agent.ReasonConflict {
			continue
		}
		if other.Fingerprint == job.Fingerprint {
			return agent.Receipt{Job: other.ID(), Replayed: true}, refusal
		}
		change.Moves = append(change.Moves, settle(other, agent.Discarded, agent.ReasonSuperseded))
	}
	held := &change.Jobs[0]
	held.Unique, held.Status.State, held.Status.Reason = "", agent.Held, agent.ReasonConflict
	receipt, err := c.commit(ctx, change, nil)
	if err != nil {
		return receipt, err
	}
	return receipt, refusal
}

// settle gives the move of a job to another state.
func settle(job agent.Job, state agent.State, reason string) agent.Move {
	job.Status.State, job.Status.Reason = state, reason
	return agent.Move{Seq: job.Seq, Status: job.Status}
}
