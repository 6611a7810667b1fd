package api

import (
	"net/http"
	"strings"

	"pdvagent/agent/paying/settlement"
	"pdvagent/agent/sales/unread"
	"pdvagent/agent/till/web"
)

// deed is a route that changes something, as the trail tells it.
type deed struct {
	what  string                            // Portuguese
	state func(a *API, r *http.Request) any // of what it changes, without personal data; nil: it has none that can be shown
}

// look is the state now; nil where there is none.
func (d deed) look(a *API, r *http.Request) any {
	if d.state == nil {
		return nil
	}
	return d.state(a, r)
}

// deeds are the routes of which the trail tells: all that change something and are not the till's alone.
func deeds() map[string]deed {
	return map[string]deed{
		"POST /v1/queue/{id}/retry":                 {"Mandou enviar de novo um registro da fila", jobState},
		"POST /v1/queue/{id}/discard":               {"Descartou um registro da fila", jobState},
		"PUT /v1/queue/{id}/body":                   {"Corrigiu o corpo de um registro da fila", jobState},
		"POST /v1/routines/{name}/run":              {"Iniciou uma rotina", nil},
		"PUT /v1/config":                            {"Alterou a configuração", configState},
		"POST /v1/config/trial":                     {"Pôs uma mudança da configuração em experiência", configState},
		"POST /v1/config/trial/confirm":             {"Ficou com a mudança em experiência", nil},
		"DELETE /v1/config/trial":                   {"Voltou da mudança em experiência", configState},
		"POST /v1/config/undo":                      {"Voltou à configuração anterior", configState},
		"POST /v1/members/forget":                   {"Apagou o que o caixa lembra de um cliente", nil},
		"POST /v1/payments/{id}/resolve":            {"Encerrou um pagamento que pedia atenção", paymentState},
		"POST /v1/payments/{id}/cancel":             {"Cancelou um pagamento", paymentState},
		"POST /v1/boletos/{nosso_numero}/resolve":   {"Encerrou um boleto que pedia atenção", boletoState},
		"POST /v1/boletos/{nosso_numero}/write-off": {"Deu baixa em um boleto", boletoState},
		"POST /v1/orders/{id}/resolve":              {"Anotou o que o fornecedor diz de um pedido", orderState},
		"POST /v1/homologation":                     {"Mudou o acompanhamento da homologação", nil},
		"POST /v1/simulator/{cloud}/{what}":         {"Mandou algo à nuvem simulada", nil},
		"PUT /v1/simulator/{cloud}/{what}":          {"Mudou a nuvem simulada", nil},
		"DELETE /v1/simulator/{cloud}/{what}":       {"Desligou algo na nuvem simulada", nil},
		"POST /v1/support-bundle":                   {"Levou um pacote de suporte", nil},
		"POST /v1/files/{use}":                      {"Trouxe um arquivo para conferir", nil},
		"POST /v1/files/{use}/{id}/load":            {"Mandou carregar um arquivo que trouxe", nil},
		"POST /v1/console/codes":                    {"Pediu um endereço do console", nil},
		"POST /v1/console/session":                  {"Abriu o console", nil},
		"DELETE /v1/console/session":                {"Saiu do console", nil},
		"DELETE /v1/console/sessions/{id}":          {"Encerrou uma sessão do console", sessionState},
	}
}

// withTrail has the trail tell of every route that changes something for support or the administrator, and of those that
// deeds names.
func (a *API) withTrail(routes []web.Route) []web.Route {
	known := deeds()
	for i, route := range routes {
		d, named := known[route.Method+" "+route.Path]
		if named || (route.Scope >= web.Support && route.Method != http.MethodGet) {
			routes[i].Handler = a.audited(route, d)
		}
	}
	return routes
}

// standing is the state of a job, a payment, a boleto or an order.
type standing struct {
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"` // its code, without a person's words
	Revision int    `json:"revision,omitempty"`
	Resolved bool   `json:"resolved,omitempty"`
}

func jobState(a *API, r *http.Request) any {
	id := r.PathValue("id")
	if unread.Is(id) && a.cfg.Sales.configured() {
		if _, known, err := a.cfg.Sales.Unread.Find(id); err == nil && known {
			return standing{State: stateUnread}
		}
		return nil
	}
	job, err := a.find(r)
	if err != nil {
		return nil
	}
	code, _, _ := strings.Cut(job.Status.Reason, ":")
	return standing{State: string(job.Status.State), Reason: code, Revision: job.Status.Revision}
}

// configState is the configuration without its secrets; the trail has the fields that differ.
func configState(a *API, _ *http.Request) any {
	tree, _, err := a.cfg.Support.Settings.Show()
	if err != nil {
		return nil
	}
	return tree
}

func paymentState(a *API, r *http.Request) any {
	if a.cfg.Paying.Payments == nil {
		return nil
	}
	p, err := a.cfg.Paying.Payments.Payment(r.PathValue("id"))
	if err != nil {
		return nil
	}
	return standing{State: string(p.State), Resolved: p.Resolution != nil}
}

func boletoState(a *API, r *http.Request) any {
	nosso, ok := settlement.ParseNosso(r.PathValue("nosso_numero"))
	if a.cfg.Paying.Boletos == nil || !ok {
		return nil
	}
	b, err := a.cfg.Paying.Boletos.Boleto(nosso)
	if err != nil {
		return nil
	}
	return standing{State: string(b.Status), Resolved: b.Resolution != nil}
}

func orderState(a *API, r *http.Request) any {
	if a.cfg.Paying.Orders == nil {
		return nil
	}
	o, err := a.cfg.Paying.Orders.Order(r.PathValue("id"))
	if err != nil {
		return nil
	}
	return standing{State: string(o.State), Resolved: o.Closed != nil}
}

// sessionState tells whose session it is.
func sessionState(a *API, r *http.Request) any {
	for _, session := range a.cfg.Support.Access.Sessions(a.cfg.Agent.Now()) {
		if session.ID == r.PathValue("id") {
			return map[string]string{"name": session.Name, "scope": session.Scope.String()}
		}
	}
	return nil
}
