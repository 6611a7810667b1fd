package api

import (
	"encoding/json"
	"net/http"

	"pdvagent/agent"
	"pdvagent/agent/ops/evidence"
	"pdvagent/agent/ops/homologation"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/till/web"
)

// Watch looks at what the shop's till does, for the vendor's homologation.
type Watch interface {
	State() (homologation.WatchState, error)
	Change(asked homologation.Asked) (homologation.WatchState, error)
	Report() (*evidence.Report, error)
}

const noWatch = "Para acompanhar a homologação falta a seção mercafacil."

// homologation tells how the watch stands; with report=1, its report.
func (a *API) homologation(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Support.Watch == nil {
		problem(w, r, errNotConfigured(noWatch), "")
		return
	}
	if r.URL.Query().Get("report") != "1" {
		state, err := a.cfg.Support.Watch.State()
		a.watched(w, r, state, err)
		return
	}
	report, err := a.cfg.Support.Watch.Report()
	if err != nil {
		problem(w, r, err, "")
		return
	}
	text, err := report.JSON()
	a.watched(w, r, json.RawMessage(text), err)
}

// changeHomologation starts or stops the watch, asks for an item, or keeps a person's word.
func (a *API) changeHomologation(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Support.Watch == nil {
		problem(w, r, errNotConfigured(noWatch), "")
		return
	}
	body, err := web.Body(w, r, maxForm)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	if _, err := rawjson.Parse(body); err != nil {
		problem(w, r, rawjson.Refusal(err), "")
		return
	}
	var asked homologation.Asked
	if err := json.Unmarshal(body, &asked); err != nil {
		problem(w, r, agent.Errorf(agent.CodeMalformed, err, "O corpo não é o pedido que se espera."), "")
		return
	}
	state, err := a.cfg.Support.Watch.Change(asked)
	a.watched(w, r, state, err)
}

func (a *API) watched(w http.ResponseWriter, r *http.Request, state any, err error) {
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusOK, state)
}
