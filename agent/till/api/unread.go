package api

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
	"pdvagent/agent/sales/unread"
	"pdvagent/agent/till/web"
)

// stateUnread is the filter for bodies that could not be read. It is no state of a job.
const stateUnread = "unread"

// keepUnread keeps the body of a sale's call that was refused because it cannot be read. It gives the id under which the body is
// kept, and the refusal, which then says so; no id and the same refusal for any other.
func (a *API) keepUnread(r *http.Request, body unread.Body, refused error) (id string, err error) {
	e, ok := errors.AsType[*agent.Error](refused)
	if !ok || !unreadableCode(string(e.Code)) || e.Code == agent.CodeTooLarge || body.Kind == "" || len(body.Text) == 0 {
		return "", refused
	}
	body.Code = e.Code
	if place, ok := errors.AsType[*reading.SyntaxError](refused); ok {
		body.Line, body.Column, body.Shape = place.Line, place.Column, place.Shape
	}
	id, err = a.cfg.Sales.Unread.Keep(r.Context(), body)
	if err != nil {
		a.noteStoreFull(agent.ForTill(err))
		return "", refused
	}
	if id == "" {
		return "", refused
	}
	kept := *e
	kept.Message = strings.TrimSuffix(e.Message, ".") + ". O que o caixa enviou ficou guardado para o suporte."
	return id, &kept
}

// unreadView shows a body that could not be read as a row of the queue.
type unreadView struct {
	ID        string        `json:"id"`
	Kind      agent.Kind    `json:"kind"`
	Dialect   agent.Dialect `json:"dialect"`
	State     string        `json:"state"`
	Reason    agent.Code    `json:"reason"`
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
	Attempts  int           `json:"attempts"`
	Shape     shapeView     `json:"shape"`
}

// shapeView is all of such a body that may be shown.
type shapeView struct {
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Near   string `json:"near,omitempty"` // x for a letter, 9 for a digit
	Bytes  int    `json:"bytes"`
	Times  int    `json:"times"`
}

func viewUnread(body unread.Body) unreadView {
	return unreadView{
		ID: body.ID, Kind: body.Kind, Dialect: body.Dialect, State: stateUnread, Reason: body.Code, CreatedAt: body.First, UpdatedAt: body.Last,
		Shape: shapeView{Line: body.Line, Column: body.Column, Near: body.Shape, Bytes: body.Size, Times: body.Times},
	}
}

// unreadList lists the bodies that could not be read, all of them: they are few.
func (a *API) unreadList(w http.ResponseWriter, r *http.Request) {
	list := []unreadView{}
	if a.cfg.Sales.configured() {
		bodies, err := a.cfg.Sales.Unread.List()
		if err != nil {
			problem(w, r, err, "")
			return
		}
		for _, body := range bodies {
			list = append(list, viewUnread(body))
		}
	}
	web.JSON(w, http.StatusOK, map[string]any{"jobs": list})
}

var errNoUnread = agent.Errorf(agent.CodeNotFound, nil, "Não há nada guardado com este número: já foi corrigido, descartado, ou passou dos 7 dias.")

// ifUnread serves the routes of one row of the queue: unreadable bodies by serve, jobs by next.
func (a *API) ifUnread(serve func(http.ResponseWriter, *http.Request, unread.Body), next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if !unread.Is(id) || !a.cfg.Sales.configured() {
			next(w, r)
			return
		}
		body, known, err := a.cfg.Sales.Unread.Find(id)
		if err == nil && !known {
			err = errNoUnread
		}
		if err != nil {
			problem(w, r, err, "")
			return
		}
		serve(w, r, body)
	}
}

func (a *API) showUnread(w http.ResponseWriter, _ *http.Request, body unread.Body) {
	web.JSON(w, http.StatusOK, viewUnread(body))
}

// unreadText gives the bytes as they came, to an administrator who repairs them.
func (a *API) unreadText(w http.ResponseWriter, r *http.Request, body unread.Body) {
	web.Private(r)
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(body.Text) // an error means that the caller hung up
}

func (a *API) retryUnread(w http.ResponseWriter, r *http.Request, _ unread.Body) {
	problem(w, r, agent.Errorf(agent.CodeConflict, nil, "Isto não pôde ser lido, e assim não pode ser enviado. Corrija com: pdvagent queue repair."), "")
}

// repairUnread takes the repaired body as if the till had sent it, and drops the one that could not be read.
func (a *API) repairUnread(w http.ResponseWriter, r *http.Request, old unread.Body) {
	receipt, err := a.acceptRepaired(w, r, old)
	if receipt.Job != "" { // also of a sale that is held as invalid: it is a job now
		err = errors.Join(err, a.cfg.Sales.Unread.Drop(r.Context(), old.ID))
	}
	if err != nil {
		problem(w, r, err, receipt.Job)
		return
	}
	a.cfg.Sales.Sender.Resume()
	web.JSON(w, http.StatusOK, map[string]any{"job": receipt.Job, "warnings": append([]string{}, receipt.Warnings...)})
}

func (a *API) acceptRepaired(w http.ResponseWriter, r *http.Request, old unread.Body) (agent.Receipt, error) {
	if old.Kind == agent.KindMessage {
		return agent.Receipt{}, agent.Errorf(agent.CodeConflict, nil, "A resposta de um cliente não pode ser enviada depois: descarte-a.")
	}
	text, err := web.Body(w, r, maxSale)
	if err != nil {
		return agent.Receipt{}, err
	}
	if _, err := rawjson.Parse(text); err != nil { // what a person writes is strict
		return agent.Receipt{}, reading.Malformed(err)
	}
	return a.cfg.Sales.Loyalty.Accept(r.Context(), agent.Submission{Kind: old.Kind, Dialect: old.Dialect, Body: text})
}

func (a *API) discardUnread(w http.ResponseWriter, r *http.Request, old unread.Body) {
	if err := a.cfg.Sales.Unread.Drop(r.Context(), old.ID); err != nil {
		problem(w, r, agent.ForTill(err), "")
		return
	}
	view := viewUnread(old)
	view.State = string(agent.Discarded)
	web.JSON(w, http.StatusOK, view)
}
