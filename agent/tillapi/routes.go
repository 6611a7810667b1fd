package tillapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/traffic"
	"pdvagent/agent/web"
)

// Sales is what a till's calls mean.
type Sales interface {
	Accept(ctx context.Context, sub agent.Submission) (agent.Receipt, error)
	Repair(ctx context.Context, seq uint64, body []byte) (agent.Receipt, error)
	Retry(ctx context.Context, seq uint64) error
	Discard(ctx context.Context, seq uint64, reason string) error
}

// Sessions is what a till's live calls mean.
type Sessions interface {
	Talk(talk agent.Talk) (agent.Reply, error) // inside the live deadline, also when the till hangs up
	Session(id string) (agent.Session, bool, error)
	Forget(ctx context.Context, document string) (bool, error)
	Downward(id string, answer []byte) []byte
}

// Queue is what can be looked at.
type Queue interface {
	Job(seq uint64) (agent.Job, error)
	Head(seq uint64) (agent.Job, error)
	Group(name string) ([]agent.Job, error)
	Changed() <-chan struct{}
}

// Overview is what the lists and the status show.
type Overview interface {
	List(state agent.State, kind agent.Kind, after uint64, limit int) ([]agent.Job, error)
	Counters() agent.Counters
	OldestPending() (time.Time, error)
	Size() (used, limit int64)
}

// Journal is what was said, masked.
type Journal interface {
	Read(q traffic.Query) ([]traffic.Line, error)
}

// Board is every alarm.
type Board interface{ List() []agent.Alarm }

// Engine is the sender.
type Engine interface {
	Hurry(seq uint64) (done func())
	Resume()
	Link() agent.Link
}

// Config is what the routes need.
type Config struct {
	Sales         Sales                // nil when mercafacil is not configured: its routes say so
	Sessions      Sessions             // nil with Sales
	Circuit       func() agent.Circuit // nil with Sales
	Queue         Queue
	Overview      Overview
	Engine        Engine // nil with Sales
	Wires         func(seq uint64, revision int) ([]byte, error)
	Loads         Loads // nil with Sales
	Routines      Routines
	Day           Day            // adds up a day
	Zone          *time.Location // of the shop
	Payments      Payments       // nil when nobody is paid through
	Titles        Titles         // nil without
	Invoices      Invoices       // nil without
	Boletos       Boletos        // nil without
	Orders        Orders         // nil without
	IssuesBoletos bool           // not only records them
	Events        Events
	Journal       Journal
	Alarms        *agent.Alarms
	Board         Board
	Metrics       http.Handler
	Settings      Settings
	Dialect       agent.Dialect // of the routes that both dialects share
	Accepted      int           // HTTP status of a queued answer, default 202 (till.queued_status)
	Version       string
	AgentID       string
	Cloud         string           // base URL, for people
	Stopping      <-chan struct{}  // closed when the agent stops: whoever waits for a delivery is answered at once
	Now           func() time.Time // default time.Now
}

// API holds the handlers.
type API struct{ cfg Config }

// New checks and fills defaults.
func New(cfg Config) (*API, error) {
	if cfg.Queue == nil || cfg.Overview == nil || cfg.Wires == nil || cfg.Alarms == nil || cfg.Board == nil || cfg.Metrics == nil || cfg.Settings == nil || cfg.Journal == nil || cfg.Routines == nil || cfg.Day == nil || cfg.Zone == nil || cfg.Events == nil || (cfg.Sales == nil) != (cfg.Loads == nil) || (cfg.Sales == nil) != (cfg.Engine == nil) ||
		(cfg.Sales == nil) != (cfg.Sessions == nil) || (cfg.Sales == nil) != (cfg.Circuit == nil) {
		return nil, errors.New("tillapi.Config wants Queue, Overview, Wires, Journal, Alarms, Board, Metrics, Routines, Day, Zone, Events and Settings, and Sales with Sessions, Circuit, Loads and Engine")
	}
	if cfg.Accepted == 0 {
		cfg.Accepted = http.StatusAccepted
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &API{cfg}, nil
}

// Routes is the whole local API, route by route.
func (a *API) Routes() []web.Route {
	submit := func(path string, kind agent.Kind, dialect agent.Dialect) web.Route {
		return web.Route{Method: http.MethodPost, Path: path, Scope: web.Till, Handler: a.submit(kind, dialect)}
	}
	talk := func(path string, call agent.Call, dialect agent.Dialect) web.Route {
		return web.Route{Method: http.MethodPost, Path: path, Scope: web.Till, Handler: a.talk(call, dialect)}
	}
	load := func(path string, kind agent.Kind) web.Route {
		return web.Route{Method: http.MethodPost, Path: path, Scope: web.Till, Handler: a.load(kind), Stream: true}
	}
	return append(a.paymentRoutes(), []web.Route{
		{Method: http.MethodGet, Path: "/health", Scope: web.Public, Handler: a.health},
		{Method: http.MethodGet, Path: "/openapi.yaml", Scope: web.Public, Handler: document("openapi.yaml", "application/yaml")},
		{Method: http.MethodGet, Path: "/docs", Scope: web.Public, Handler: document("index.html", "text/html; charset=utf-8")},
		{Method: http.MethodGet, Path: "/docs/{file}", Scope: web.Public, Handler: swagger()},

		talk("/v2/transaction/start", agent.CallStart, agent.V2),
		talk("/v2/transaction/message", agent.CallMessage, agent.V2),
		talk("/v2/transaction/apply", agent.CallApply, agent.V2),
		talk("/v2.2/transaction/start", agent.CallStart, agent.V22),
		talk("/v2.2/transaction/message", agent.CallMessage, agent.V22),
		talk("/v2.2/transaction/pre-apply", agent.CallPreApply, agent.V22),
		talk("/v2.2/transaction/apply", agent.CallApply, agent.V22),
		submit("/v2/transaction/confirm", agent.KindConfirm, agent.V2),
		submit("/v2/transaction/cancel", agent.KindCancel, agent.V2),
		submit("/v2.2/transaction/confirm", agent.KindConfirm, agent.V22),
		submit("/v2.2/transaction/cancel", agent.KindCancel, agent.V22),
		submit("/v2/coupons", agent.KindCoupon, a.cfg.Dialect),
		submit("/v2/coupons-cancellation", agent.KindCouponCancellation, a.cfg.Dialect),
		load("/v2/products", agent.KindProducts),
		load("/v2/operators", agent.KindOperators),
		load("/v2/coupons-list", agent.KindCouponsList),
		{Method: http.MethodGet, Path: "/v1/sales/{id}", Scope: web.Till, Handler: a.sale},

		{Method: http.MethodGet, Path: "/v1/status", Scope: web.Support, Handler: a.status},
		{Method: http.MethodGet, Path: "/v1/queue", Scope: web.Support, Handler: a.queue},
		{Method: http.MethodGet, Path: "/v1/queue/{id}", Scope: web.Support, Handler: a.job},
		{Method: http.MethodPost, Path: "/v1/queue/{id}/retry", Scope: web.Support, Handler: a.retry},
		{Method: http.MethodPost, Path: "/v1/queue/{id}/discard", Scope: web.Support, Handler: a.discard},
		{Method: http.MethodPut, Path: "/v1/queue/{id}/body", Scope: web.Support, Handler: a.repair},
		{Method: http.MethodGet, Path: "/v1/routines", Scope: web.Support, Handler: a.routines},
		{Method: http.MethodGet, Path: "/v1/routines/{name}/runs", Scope: web.Support, Handler: a.runs},
		{Method: http.MethodPost, Path: "/v1/routines/{name}/run", Scope: web.Support, Handler: a.runNow},
		{Method: http.MethodGet, Path: "/v1/reconcile", Scope: web.Support, Handler: a.reconcile},
		{Method: http.MethodGet, Path: traffic.Route, Scope: web.Support, Handler: a.traffic},
		{Method: http.MethodGet, Path: "/metrics", Scope: web.Support, Handler: a.cfg.Metrics.ServeHTTP},
		{Method: http.MethodGet, Path: "/v1/config", Scope: web.Admin, Handler: a.configuration},
		{Method: http.MethodPut, Path: "/v1/config", Scope: web.Admin, Handler: a.configure},
		{Method: http.MethodGet, Path: "/v1/config/versions", Scope: web.Admin, Handler: a.configVersions},
		{Method: http.MethodPost, Path: "/v1/config/undo", Scope: web.Admin, Handler: a.configUndo},
		{Method: http.MethodPost, Path: "/v1/members/forget", Scope: web.Support, Handler: a.forget},
	}...)
}

// paymentRoutes are those of till-api.md section 3.
func (a *API) paymentRoutes() []web.Route {
	return []web.Route{
		{Method: http.MethodPost, Path: "/v1/payments", Scope: web.Till, Handler: a.pay},
		{Method: http.MethodGet, Path: "/v1/payments", Scope: web.Till, Handler: a.payments},
		{Method: http.MethodGet, Path: "/v1/payments/{id}", Scope: web.Till, Handler: a.payment},
		{Method: http.MethodGet, Path: "/v1/payments/{id}/qr.png", Scope: web.Till, Handler: a.paymentQR},
		{Method: http.MethodPost, Path: "/v1/payments/{id}/cancel", Scope: web.Till, Handler: a.cancelPayment},
		{Method: http.MethodPost, Path: "/v1/payments/{id}/resolve", Scope: web.Till, Handler: a.resolvePayment},
		{Method: http.MethodGet, Path: "/v1/events", Scope: web.Till, Handler: a.events},
		{Method: http.MethodGet, Path: "/v1/titles/customers/{cpf}", Scope: web.Till, Handler: a.titleCustomer},
		{Method: http.MethodGet, Path: "/v1/titles/products", Scope: web.Till, Handler: a.titleProducts},
		{Method: http.MethodGet, Path: "/v1/titles/promotions/{product}", Scope: web.Till, Handler: a.titlePromotion},
		{Method: http.MethodGet, Path: "/v1/titles/promotions/{product}/regulation", Scope: web.Till, Handler: a.titleRegulation},
		{Method: http.MethodPost, Path: "/v1/titles/sales", Scope: web.Till, Handler: a.sellTitle},
		{Method: http.MethodGet, Path: "/v1/titles/sales/{id}", Scope: web.Till, Handler: a.titleSale},
		{Method: http.MethodGet, Path: "/v1/invoices", Scope: web.Till, Handler: a.invoices},
		{Method: http.MethodGet, Path: "/v1/invoices/{id}/payment-data", Scope: web.Till, Handler: a.invoiceData},
		{Method: http.MethodGet, Path: "/v1/invoices/{id}/pdf", Scope: web.Till, Handler: a.invoicePDF},
		{Method: http.MethodGet, Path: "/v1/invoices/{id}/pix-status", Scope: web.Till, Handler: a.invoicePixStatus},
		{Method: http.MethodPost, Path: "/v1/invoices/{id}/payments", Scope: web.Till, Handler: a.payInvoice},
		{Method: http.MethodPost, Path: "/v1/invoices/email", Scope: web.Till, Handler: a.mailInvoices},
		{Method: http.MethodPost, Path: "/v1/boletos", Scope: web.Till, Handler: a.makeBoleto},
		{Method: http.MethodGet, Path: "/v1/boletos", Scope: web.Till, Handler: a.boletos},
		{Method: http.MethodPost, Path: "/v1/boletos/decode", Scope: web.Till, Handler: a.decodeBoleto},
		{Method: http.MethodGet, Path: "/v1/boletos/unmatched", Scope: web.Till, Handler: a.strangers},
		{Method: http.MethodGet, Path: "/v1/boletos/{nosso_numero}", Scope: web.Till, Handler: a.boleto},
		{Method: http.MethodGet, Path: "/v1/boletos/{nosso_numero}/pdf", Scope: web.Till, Handler: a.boletoPDF},
		{Method: http.MethodPost, Path: "/v1/boletos/{nosso_numero}/write-off", Scope: web.Till, Handler: a.writeOffBoleto},
		{Method: http.MethodPost, Path: "/v1/boletos/{nosso_numero}/resolve", Scope: web.Till, Handler: a.resolveBoleto},
		{Method: http.MethodGet, Path: "/v1/orders/payment-options", Scope: web.Till, Handler: a.paymentOptions},
		{Method: http.MethodPost, Path: "/v1/orders", Scope: web.Till, Handler: a.closeOrder},
		{Method: http.MethodGet, Path: "/v1/orders", Scope: web.Till, Handler: a.orders},
		{Method: http.MethodGet, Path: "/v1/orders/{id}", Scope: web.Till, Handler: a.order},
		{Method: http.MethodPost, Path: "/v1/orders/{id}/resolve", Scope: web.Till, Handler: a.resolveOrder},
	}
}

// refusal is the table from a use case's code to HTTP (till-api.md section 1); the chain's own codes are package web's.
func refusal(code agent.Code) (web.Refusal, bool) {
	switch code {
	case agent.CodeInvalid:
		return web.Refusal{Status: http.StatusUnprocessableEntity, Origin: "till", Retry: "never"}, true
	case agent.CodeConflict, agent.CodeDialectMixed, agent.CodeNotPrimary:
		return web.Refusal{Status: http.StatusConflict, Origin: "till", Retry: "never"}, true
	case agent.CodeNoKey:
		return web.Refusal{Status: http.StatusBadRequest, Origin: "till", Retry: "never"}, true
	case agent.CodeCloudAway:
		return web.Refusal{Status: http.StatusServiceUnavailable, Origin: "network", Retry: "later"}, true
	case agent.CodeInFlight:
		return web.Refusal{Status: http.StatusConflict, Origin: "agent", Retry: "same-key"}, true
	case agent.CodeUnknownSession:
		return web.Refusal{Status: http.StatusNotFound, Origin: "till", Retry: "never"}, true
	case agent.CodeNotConfigured:
		return web.Refusal{Status: http.StatusNotFound, Origin: "agent", Retry: "never"}, true
	case agent.CodeStoreFull:
		return web.Refusal{Status: http.StatusInsufficientStorage, Origin: "agent", Retry: "later"}, true
	case agent.CodeStoreFailed:
		return web.Refusal{Status: http.StatusServiceUnavailable, Origin: "agent", Retry: "same-key"}, true
	}
	return web.Refusal{}, false
}

func problem(w http.ResponseWriter, r *http.Request, err error, job string) {
	refuse := refusal
	if e, ok := errors.AsType[*agent.Error](err); ok && e.Code == agent.CodeCloudRefused {
		refuse = func(agent.Code) (web.Refusal, bool) {
			return web.Refusal{Status: e.Status, Origin: "cloud", Retry: "never"}, true
		}
	}
	web.Problem(w, r, err, refuse, job)
}

func (a *API) health(w http.ResponseWriter, _ *http.Request) {
	web.JSON(w, http.StatusOK, map[string]string{"status": "ok", "version": a.cfg.Version})
}
