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
)

// Store is where decisions are written and looked up.
type Store interface {
	Commit(ctx context.Context, change agent.Change) (agent.Committed, error)
	Unique(kind agent.Kind, group string) (agent.Job, error)
	Group(name string) ([]agent.Job, error)
	Job(seq uint64) (agent.Job, error)
}

// Counter is where running numbers and counts stand.
type Counter interface {
	Record(bucket, key string) ([]byte, uint64, error)
	Counters() agent.Counters
	Head(seq uint64) (agent.Job, error) // without body, also when that cannot be decrypted
	List(state agent.State, kind agent.Kind, after uint64, limit int) ([]agent.Job, error)
}

// Records is where the sessions and the members are remembered: the same store again.
type Records interface {
	Record(bucket, key string) ([]byte, uint64, error)
	Records(bucket string, after []byte, limit int) (values []agent.Value, next []byte, err error)
}

// Config is what the service needs.
type Config struct {
	Store   Store
	Counter Counter                // the same store, for what is read beside
	Records Records                // the same store
	Changed func() <-chan struct{} // of the store: closed after its next commit
	Cloud   Cloud
	Circuit Circuit
	Alarms  *agent.Alarms
	Log     *slog.Logger

	CounterBucket string // record bucket of the store for running numbers
	SessionBucket string // for sessions
	MemberBucket  string // for members

	LiveDeadline  time.Duration    // of a live call, default 2.5 s
	AbandonAfter  time.Duration    // without a word, default 2 h
	MemberCache   time.Duration    // how long a member is remembered, default 30 days
	UnknownMember Unknown          // default resolve
	KeepOfflineID bool             // a contingency's transaction_id stays in its coupon
	Shop, Till    string           // for composed coupon ids
	Zone          *time.Location   // of the shop, default the machine's
	Dialect       agent.Dialect    // of the agent's own calls, default v2
	UUIDCoupons   bool             // ids by UUID instead
	NewUUID       func() string    // required
	Now           func() time.Time // default time.Now
}

func (c *Config) fill() error {
	if c.Store == nil || c.Counter == nil || c.Records == nil || c.Changed == nil || c.Cloud == nil || c.Circuit == nil ||
		c.Alarms == nil || c.Log == nil || c.NewUUID == nil || c.CounterBucket == "" || c.SessionBucket == "" || c.MemberBucket == "" {
		return errors.New("loyalty.Config wants everything that has no default")
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

// Service decides. It is safe for concurrent use.
type Service struct {
	cfg       Config
	numbers   agent.Gate // one running number at a time
	conflicts agent.Gate // one contradiction at a time: which one is the newest must be clear

	table       table
	busy        busy
	unconfirmed atomic.Int64

	identity   agent.Gate // one document at a time
	identified map[string]resolved

	life  context.Context // of what goes on when its till was answered
	end   context.CancelFunc
	tasks sync.WaitGroup
}

// New checks and fills defaults. Close it.
func New(cfg Config) (*Service, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, table: table{used: make(map[string]*session)}, identified: make(map[string]resolved),
		numbers: agent.NewGate(), conflicts: agent.NewGate(), identity: agent.NewGate(),
	}
	s.life, s.end = context.WithCancel(context.Background())
	return s, nil
}

// lastAnswers is how long answers that are still on their way are waited for when the agent stops.
const lastAnswers = 2 * time.Second

// Close ends what goes on without a till. No call may come after it.
func (s *Service) Close() {
	timer := time.AfterFunc(lastAnswers, s.end)
	defer timer.Stop()
	s.tasks.Wait()
	s.end()
}

// local is the shop's time.
func (s *Service) local() time.Time { return s.cfg.Now().In(s.cfg.Zone) }

// maxRaces bounds how often a decision is taken anew because somebody else was faster.
const maxRaces = 16

// Accept writes down what the till says and returns when it is on disk. An [agent.Error] is the till's to read; a
// receipt comes with an invalid or conflicting sale too, because it is kept.
func (s *Service) Accept(ctx context.Context, sub agent.Submission) (agent.Receipt, error) {
	body, err := rawjson.Parse(sub.Body)
	if err != nil {
		return agent.Receipt{}, rawjson.Refusal(err)
	}
	decide := s.decision(sub, body)
	for range maxRaces {
		receipt, err := decide(ctx)
		if !errors.Is(err, agent.ErrVersion) && !errors.Is(err, agent.ErrKeyTaken) && !errors.Is(err, agent.ErrBadMove) {
			return receipt, agent.ForTill(err)
		}
	}
	return agent.Receipt{}, agent.Errorf(agent.CodeInFlight, err, "Outra chamada sobre a mesma venda está em andamento. Repita em instantes.")
}

// decision is one look at what is there and one attempt to write what follows; it is repeated when it lost a race.
func (s *Service) decision(sub agent.Submission, body rawjson.Value) func(context.Context) (agent.Receipt, error) {
	call := call{Service: s, sub: sub, body: body, fingerprint: fingerprint(body)}
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

// commit writes a change whose first job is the call's.
func (c *call) commit(ctx context.Context, change agent.Change) (agent.Receipt, error) {
	committed, err := c.cfg.Store.Commit(ctx, change)
	if err != nil {
		return agent.Receipt{}, err
	}
	return agent.Receipt{Job: agent.Job{Seq: committed.Seqs[0]}.ID()}, nil
}

// replay looks whether the natural key was used before: the same content is answered again, other content is kept held
// and refused.
func (c *call) replay(ctx context.Context, job agent.Job) (agent.Receipt, bool, error) {
	first, err := c.cfg.Store.Unique(job.Kind, job.Unique)
	if errors.Is(err, agent.ErrNotFound) {
		return agent.Receipt{}, false, nil
	}
	if err != nil {
		return agent.Receipt{}, false, err
	}
	if first.Fingerprint == job.Fingerprint {
		return agent.Receipt{Job: first.ID(), Replayed: true}, true, nil
	}
	receipt, err := c.holdConflict(ctx, job, otherContent)
	return receipt, true, err
}

const otherContent = "Já existe um registro diferente com a mesma identificação. O primeiro vale; este ficou guardado para o suporte conferir."

// holdConflict keeps the newest version that contradicts an accepted one, and refuses it in the words of sentence.
func (c *call) holdConflict(ctx context.Context, job agent.Job, sentence string) (agent.Receipt, error) {
	refusal := agent.Errorf(agent.CodeConflict, nil, "%s", sentence)
	c.conflicts.Lock()
	defer c.conflicts.Unlock()
	relatives, err := c.cfg.Store.Group(job.Unique)
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
	receipt, err := c.commit(ctx, change)
	if err != nil {
		return receipt, err
	}
	return receipt, refusal
}

// settle is the move of a job to its end.
func settle(job agent.Job, state agent.State, reason string) agent.Move {
	job.Status.State, job.Status.Reason = state, reason
	return agent.Move{Seq: job.Seq, Status: job.Status}
}
