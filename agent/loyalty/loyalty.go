package loyalty

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
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

// Config is what the service needs.
type Config struct {
	Store   Store
	Counter Counter                // the same store, for what is read beside
	Changed func() <-chan struct{} // of the store: closed after its next commit
	Log     *slog.Logger

	CounterBucket string           // record bucket of the store for running numbers
	Shop, Till    string           // for composed coupon ids
	Dialect       agent.Dialect    // of the agent's own calls, default v2
	UUIDCoupons   bool             // ids by UUID instead
	NewUUID       func() string    // required
	Now           func() time.Time // default time.Now
}

// Service decides. It is safe for concurrent use.
type Service struct {
	cfg       Config
	numbers   sync.Mutex // one running number at a time
	conflicts sync.Mutex // one contradiction at a time: which one is the newest must be clear
}

// New checks and fills defaults.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Counter == nil || cfg.Changed == nil || cfg.Log == nil || cfg.NewUUID == nil || cfg.CounterBucket == "" {
		return nil, errors.New("loyalty.Config wants Store, Counter, Changed, Log, NewUUID and CounterBucket")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Dialect == "" {
		cfg.Dialect = agent.V2
	}
	return &Service{cfg: cfg}, nil
}

// maxRaces bounds how often a decision is taken anew because somebody else was faster.
const maxRaces = 16

// Accept writes down what the till says and returns when it is on disk. An [agent.Error] is the till's to read; a
// receipt comes with an invalid or conflicting sale too, because it is kept.
func (s *Service) Accept(ctx context.Context, sub agent.Submission) (agent.Receipt, error) {
	body, err := rawjson.Parse(sub.Body)
	if err != nil {
		return agent.Receipt{}, Malformed(err)
	}
	decide := s.decision(sub, body)
	for range maxRaces {
		receipt, err := decide(ctx)
		if !errors.Is(err, agent.ErrVersion) && !errors.Is(err, agent.ErrKeyTaken) && !errors.Is(err, agent.ErrBadMove) {
			return receipt, forTill(err)
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
		return call.session
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

// Malformed translates what is wrong with a body that cannot be read at all.
func Malformed(err error) *agent.Error {
	switch {
	case errors.Is(err, rawjson.ErrDuplicateKey):
		return agent.Errorf(agent.CodeDuplicateKey, err, "O JSON tem o mesmo campo duas vezes no mesmo objeto.")
	case errors.Is(err, rawjson.ErrTooDeep):
		return agent.Errorf(agent.CodeTooDeep, err, "O JSON tem níveis demais.")
	case errors.Is(err, rawjson.ErrEncoding):
		return agent.Errorf(agent.CodeEncoding, err, "O texto não está em UTF-8. Envie UTF-8 ou informe charset=windows-1252.")
	}
	return agent.Errorf(agent.CodeMalformed, err, "O corpo não é um JSON válido.")
}

// forTill translates the store's troubles.
func forTill(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, agent.ErrStoreFull):
		return agent.Errorf(agent.CodeStoreFull, err, "O disco de dados do pdvagent está cheio. Chame o suporte e tente de novo.")
	case errors.Is(err, agent.ErrStoreUnknown), errors.Is(err, agent.ErrStoreClosed):
		return agent.Errorf(agent.CodeStoreFailed, err, "O pdvagent não conseguiu gravar. Repita a mesma chamada em instantes.")
	}
	return err
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

// session accepts a confirm or a cancel: natural key, replay, conflict (till-api.md, "Repeating is safe").
func (c *call) session(ctx context.Context) (agent.Receipt, error) {
	id, faults := mercafacil.ReadID(c.body, mercafacil.FieldTransactionID)
	if len(faults) > 0 {
		return agent.Receipt{}, invalid(faults)
	}
	job := c.newJob()
	job.Session, job.Unique = id, agent.SessionGroup(id)
	if receipt, done, err := c.replay(ctx, job); done || err != nil {
		return receipt, err
	}
	if err := c.sameDialect(id); err != nil {
		return agent.Receipt{}, err
	}
	return c.commit(ctx, agent.Change{Jobs: []agent.Job{job}})
}

// sameDialect refuses a session that mixes the routes of both dialects.
func (c *call) sameDialect(id string) error {
	relatives, err := c.cfg.Store.Group(agent.SessionGroup(id))
	if err != nil {
		return err
	}
	for _, other := range relatives {
		bySession := other.Kind == agent.KindConfirm || other.Kind == agent.KindCancel
		if bySession && other.Dialect != "" && other.Dialect != c.sub.Dialect {
			return agent.Errorf(agent.CodeDialectMixed, nil, "Esta transação já usou as rotas %s; não misture com %s.",
				other.Dialect, c.sub.Dialect)
		}
	}
	return nil
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
	receipt, err := c.holdConflict(ctx, job)
	return receipt, true, err
}

// holdConflict keeps the newest version that contradicts an accepted one, and refuses it.
func (c *call) holdConflict(ctx context.Context, job agent.Job) (agent.Receipt, error) {
	refusal := agent.Errorf(agent.CodeConflict, nil, "Já existe um registro diferente com a mesma identificação. O primeiro vale; "+
		"este ficou guardado para o suporte conferir.")
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
