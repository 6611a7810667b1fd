package api

import (
	"net/http"
	"slices"

	"pdvagent/agent"
	"pdvagent/agent/ops/traffic"
	"pdvagent/agent/till/web"
)

// Routes is the table of all routes of the local API.
func (a *API) Routes() []web.Route {
	submit := func(path string, kind agent.Kind, dialect agent.Dialect) web.Route {
		return web.Route{Method: http.MethodPost, Path: path, Scope: web.Till, Handler: a.submit(kind, dialect), Place: web.Sale}
	}
	talk := func(path string, call agent.Call, dialect agent.Dialect) web.Route {
		return web.Route{Method: http.MethodPost, Path: path, Scope: web.Till, Handler: a.talk(call, dialect)}
	}
	load := func(path string, kind agent.Kind) web.Route {
		return web.Route{Method: http.MethodPost, Path: path, Scope: web.Till, Handler: a.load(kind), Stream: true}
	}
	return a.withTrail(slices.Concat(a.paymentRoutes(), a.consoleRoutes(), a.configRoutes(), a.simulatorRoutes(), a.fileRoutes(), []web.Route{
		{Method: http.MethodGet, Path: "/health", Scope: web.Public, Handler: a.health},
		{Method: http.MethodGet, Path: "/openapi.yaml", Scope: web.Public, Handler: document},
		{Method: http.MethodGet, Path: "/openapi.json", Scope: web.Public, Handler: documentJSON()},
		{Method: http.MethodGet, Path: "/docs", Scope: web.Public, Handler: reference},

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
		submit("/v2/coupons", agent.KindCoupon, a.cfg.Sales.Dialect),
		submit("/v2/coupons-cancellation", agent.KindCouponCancellation, a.cfg.Sales.Dialect),
		load("/v2/products", agent.KindProducts),
		load("/v2/operators", agent.KindOperators),
		load("/v2/coupons-list", agent.KindCouponsList),
		{Method: http.MethodGet, Path: "/v1/sales/{id}", Scope: web.Till, Handler: a.sale},

		{Method: http.MethodGet, Path: "/v1/status", Scope: web.Support, Handler: a.status, Place: web.Free},
		{Method: http.MethodGet, Path: "/v1/queue", Scope: web.Support, Handler: a.queue},
		{Method: http.MethodGet, Path: "/v1/queue/{id}", Scope: web.Support, Handler: a.ifUnread(a.showUnread, a.job)},
		{Method: http.MethodPost, Path: "/v1/queue/{id}/retry", Scope: web.Support, Handler: a.ifUnread(a.retryUnread, a.retry)},
		{Method: http.MethodPost, Path: "/v1/queue/{id}/discard", Scope: web.Support, Handler: a.ifUnread(a.discardUnread, a.discard)},
		{Method: http.MethodPut, Path: "/v1/queue/{id}/body", Scope: web.Support, Handler: a.ifUnread(a.repairUnread, a.repair)},
		{Method: http.MethodGet, Path: "/v1/queue/{id}/text", Scope: web.Admin, Handler: a.ifUnread(a.unreadText, a.noBody)},
		{Method: http.MethodGet, Path: "/v1/routines", Scope: web.Support, Handler: a.routines},
		{Method: http.MethodGet, Path: "/v1/routines/{name}/runs", Scope: web.Support, Handler: a.runs},
		{Method: http.MethodPost, Path: "/v1/routines/{name}/run", Scope: web.Support, Handler: a.startRoutine},
		{Method: http.MethodGet, Path: "/v1/audit", Scope: web.Support, Handler: a.trail},
		{Method: http.MethodGet, Path: "/v1/sales", Scope: web.Support, Handler: a.sales},
		{Method: http.MethodGet, Path: "/v1/reconcile", Scope: web.Support, Handler: a.reconcile},
		{Method: http.MethodGet, Path: traffic.Route, Scope: web.Support, Handler: a.traffic},
		{Method: http.MethodGet, Path: "/v1/homologation", Scope: web.Support, Handler: a.homologation},
		{Method: http.MethodPost, Path: "/v1/homologation", Scope: web.Support, Handler: a.changeHomologation},
		{Method: http.MethodGet, Path: "/metrics", Scope: web.Support, Handler: a.metrics},
		{Method: http.MethodGet, Path: "/v1/doctor", Scope: web.Support, Handler: a.doctor},
		{Method: http.MethodPost, Path: "/v1/support-bundle", Scope: web.Support, Handler: a.supportBundle},
		{Method: http.MethodPost, Path: "/v1/members/forget", Scope: web.Support, Handler: a.forget},
	}))
}

// configRoutes are those of the configuration.
func (a *API) configRoutes() []web.Route {
	return []web.Route{
		{Method: http.MethodGet, Path: "/v1/config", Scope: web.Admin, Handler: a.configuration},
		{Method: http.MethodPut, Path: "/v1/config", Scope: web.Admin, Handler: a.configure},
		{Method: http.MethodGet, Path: "/v1/config/schema", Scope: web.Admin, Handler: a.configSchema},
		{Method: http.MethodGet, Path: "/v1/config/versions", Scope: web.Admin, Handler: a.configVersions},
		{Method: http.MethodPost, Path: "/v1/config/trial", Scope: web.Admin, Handler: a.tryConfig},
		{Method: http.MethodGet, Path: "/v1/config/trial", Scope: web.Support, Handler: a.trial},
		{Method: http.MethodPost, Path: "/v1/config/trial/confirm", Scope: web.Admin, Handler: a.keepConfig},
		{Method: http.MethodDelete, Path: "/v1/config/trial", Scope: web.Admin, Handler: a.takeConfigBack},
		{Method: http.MethodPost, Path: "/v1/config/undo", Scope: web.Admin, Handler: a.configUndo},
	}
}

// consoleRoutes are those of till-api.md section 4, "The console".
func (a *API) consoleRoutes() []web.Route {
	return []web.Route{
		{Method: http.MethodPost, Path: "/v1/console/codes", Scope: web.Support, Handler: ownPage(a.consoleCode)},
		{Method: http.MethodPost, Path: "/v1/console/session", Scope: web.Public, Handler: ownPage(a.openConsole)},
		{Method: http.MethodGet, Path: "/v1/console/session", Scope: web.Support, Handler: ownPage(a.consoleSession)},
		{Method: http.MethodDelete, Path: "/v1/console/session", Scope: web.Support, Handler: ownPage(a.leaveConsole)},
		{Method: http.MethodGet, Path: "/v1/console/sessions", Scope: web.Support, Handler: ownPage(a.consoleSessions)},
		{Method: http.MethodDelete, Path: "/v1/console/sessions/{id}", Scope: web.Support, Handler: ownPage(a.endConsole)},
	}
}

// simulatorRoutes lead to the simulated cloud, where that is the agent's.
func (a *API) simulatorRoutes() []web.Route {
	return []web.Route{
		{Method: http.MethodGet, Path: "/v1/simulator", Scope: web.Support, Handler: a.simulator},
		{Method: http.MethodGet, Path: "/v1/simulator/{cloud}/{what}", Scope: web.Support, Handler: a.steer},
		{Method: http.MethodPost, Path: "/v1/simulator/{cloud}/{what}", Scope: web.Support, Handler: a.steer},
		{Method: http.MethodPut, Path: "/v1/simulator/{cloud}/{what}", Scope: web.Support, Handler: a.steer},
		{Method: http.MethodDelete, Path: "/v1/simulator/{cloud}/{what}", Scope: web.Support, Handler: a.steer},
	}
}

// fileRoutes take the files that a person drops on the console.
func (a *API) fileRoutes() []web.Route {
	return []web.Route{
		{Method: http.MethodPost, Path: "/v1/files/{use}", Scope: web.Support, Handler: a.takeFile, File: true},
		{Method: http.MethodPost, Path: "/v1/files/{use}/{id}/load", Scope: web.Support, Handler: a.loadFile},
	}
}

// paymentRoutes are the routes of till-api.md section 3.
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
