package api

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/loads/inbox"
	"pdvagent/agent/loads/reconcile"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/ops/routine"
	"pdvagent/agent/ops/traffic"
	"pdvagent/agent/sales/unread"
	"pdvagent/agent/till/web"
)

// Config is what the routes need, in four groups.
type Config struct {
	Agent   Agent
	Sales   Sales
	Paying  Paying
	Support Support
}

// Agent is what several groups of routes use.
type Agent struct {
	Store    Store
	Alarms   *agent.Alarms    // where the alarm of a full store is raised and ended
	Version  string           // of the program
	Zone     *time.Location   // of the shop
	Stopping <-chan struct{}  // closed when the agent stops: a call that waits is answered at once
	Now      func() time.Time // default time.Now
}

func (a Agent) check() error {
	if a.Store == nil || a.Alarms == nil || a.Zone == nil {
		return errors.New("api.Agent wants Store, Alarms and Zone")
	}
	return nil
}

// Store is the queue as it can be read, and the stream of its events.
type Store interface {
	Job(seq uint64) (agent.Job, error)
	Head(seq uint64) (agent.Job, error)
	Wire(seq uint64, revision int) ([]byte, error)
	Group(name string) ([]agent.Job, error)
	List(state agent.State, kind agent.Kind, after uint64, limit int) ([]agent.Job, error)
	Counters() agent.Counters
	OldestPending() (time.Time, error)
	Size() (used, limit int64)
	LastSeq() uint64
	AgentID() string

	Events(after uint64, limit int) ([]agent.Event, error)
	LastEvent() uint64
	Changed() <-chan struct{} // closed by the next commit
}

// Sales is what the loyalty routes need. Without Loyalty they answer not_configured, and the other fields are not used.
type Sales struct {
	Loyalty      Loyalty
	Sender       Sender
	Circuit      Circuit
	Loads        Loads
	Unread       Unread
	Dialect      agent.Dialect // of the routes that both dialects share, default v2
	QueuedStatus int           // HTTP status of a queued answer, default 202 (till.queued_status)
	CloudURL     string        // base URL, for people
}

func (s Sales) check() error {
	if s.configured() && (s.Sender == nil || s.Circuit == nil || s.Loads == nil || s.Unread == nil) {
		return errors.New("api.Sales wants Loyalty with Sender, Circuit, Loads and Unread")
	}
	return nil
}

func (s Sales) configured() bool { return s.Loyalty != nil }

// Unread keeps the bodies of sales that could not be read.
type Unread interface {
	Keep(ctx context.Context, body unread.Body) (id string, err error)
	List() ([]unread.Body, error)
	Find(id string) (unread.Body, bool, error)
	Drop(ctx context.Context, id string) error
	Clear(ctx context.Context) (int, error)
}

// Loyalty is the use cases of sales and of loyalty sessions.
type Loyalty interface {
	Talk(talk agent.Talk) (agent.Reply, error) // ends within the live deadline, also when the till hangs up
	Accept(ctx context.Context, sub agent.Submission) (agent.Receipt, error)
	Repair(ctx context.Context, seq uint64, body []byte) (agent.Receipt, error)
	Faults(kind agent.Kind, body []byte) []agent.Fault // what is wrong with a receipt that is held as invalid
	Retry(ctx context.Context, seq uint64) error
	Discard(ctx context.Context, seq uint64, reason string) error
	Session(id string) (agent.Session, bool, error)
	Forget(ctx context.Context, document string) (bool, error)
	Downward(id string, answer []byte) []byte
}

// Sender delivers the queue.
type Sender interface {
	Hurry(seq uint64) (done func())
	Resume()
	Link() agent.Link
}

// Circuit says whether live calls reach the cloud.
type Circuit interface{ State() agent.Circuit }

// Paying is what the payment routes need. A route whose part is nil answers not_configured.
type Paying struct {
	Payments      Payments
	Titles        Titles   // sold through Payments
	Invoices      Invoices // paid through Payments
	Boletos       Boletos
	IssuesBoletos bool // false: boletos are only recorded
	Orders        Orders
}

func (p Paying) check() error {
	if p.Payments == nil && (p.Titles != nil || p.Invoices != nil) {
		return errors.New("api.Paying wants Titles and Invoices with Payments")
	}
	if p.Boletos == nil && p.IssuesBoletos {
		return errors.New("api.Paying wants IssuesBoletos with Boletos")
	}
	return nil
}

// Support is what the routes of support and of the configuration need.
type Support struct {
	Board    Board
	Journal  Journal
	Metrics  http.Handler
	Routines Routines
	Confirm  func(name string, asked routine.Asked) (routine.Report, error) // starts a routine's run that a person confirms; nil: none can be
	Settings Settings
	Access   *web.Access // the console's sessions
	Audit    Audit
	Day      func(day string) (reconcile.Report, error) // adds up the sales of a day, YYYY-MM-DD
	Doctor   Doctor
	Inbox    *inbox.Inbox                        // of files that a person drops on the console
	Reading  func(kind agent.Kind) source.Config // how such a file is read
	Watch    Watch                               // of the homologation; nil: its routes answer not_configured
}

func (s Support) check() error {
	if s.Board == nil || s.Journal == nil || s.Metrics == nil || s.Routines == nil || s.Settings == nil || s.Access == nil || s.Audit == nil || s.Day == nil || s.Doctor == nil {
		return errors.New("api.Support wants Board, Journal, Metrics, Routines, Settings, Access, Audit, Day and Doctor")
	}
	return nil
}

// Board lists the alarms of all parts.
type Board interface{ List() []agent.Alarm }

// Journal is the masked record of calls.
type Journal interface {
	Read(q traffic.Query) ([]traffic.Line, error)
}

// API holds the handlers.
type API struct {
	cfg       Config
	examining sync.Mutex // held while the installation is looked at
}

// New checks the groups and fills defaults.
func New(cfg Config) (*API, error) {
	if err := errors.Join(cfg.Agent.check(), cfg.Sales.check(), cfg.Paying.check(), cfg.Support.check()); err != nil {
		return nil, err
	}
	if cfg.Agent.Now == nil {
		cfg.Agent.Now = time.Now
	}
	if cfg.Sales.Dialect == "" {
		cfg.Sales.Dialect = agent.V2
	}
	if cfg.Sales.QueuedStatus == 0 {
		cfg.Sales.QueuedStatus = http.StatusAccepted
	}
	return &API{cfg: cfg}, nil
}
