package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"pdvagent/agent"
	"pdvagent/agent/mask"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/till/web"
)

// pageLimit bounds a page of a list, in entries.
const pageLimit = 500

var errNoJob = agent.Errorf(agent.CodeNotFound, nil, "Não há registro com este número na fila.")

// queue lists jobs: ?state=&kind=&limit=&after=
func (a *API) queue(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("state") == stateUnread {
		a.unreadList(w, r)
		return
	}
	state, kind := agent.State(query.Get("state")), agent.Kind(query.Get("kind"))
	limit, after := 100, uint64(0)
	var faults []agent.Fault
	if state != "" && !slices.Contains(agent.States(), state) {
		faults = append(faults, agent.Fault{Field: "state", Code: "unknown", Detail: "Use pending, sent, dead, held, annulled, discarded ou unread."})
	}
	if kind != "" && !slices.Contains(agent.Kinds(), kind) {
		faults = append(faults, agent.Fault{Field: "kind", Code: "unknown", Detail: "Use confirm, cancel, coupon, coupon-cancellation, message, products, operators ou coupons-list."})
	}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > pageLimit {
			faults = append(faults, agent.Fault{Field: "limit", Code: "range", Detail: "Use um número de 1 a 500."})
		}
		limit = n
	}
	if text := query.Get("after"); text != "" {
		n, ok := agent.ParseJobID(text)
		if !ok {
			faults = append(faults, agent.Fault{Field: "after", Code: "invalid", Detail: "Use o número de um registro."})
		}
		after = n
	}
	if len(faults) > 0 {
		e := agent.Errorf(agent.CodeInvalid, nil, "A consulta tem parâmetros inválidos.")
		e.Fields = faults
		problem(w, r, e, "")
		return
	}
	jobs, err := a.cfg.Agent.Store.List(state, kind, after, limit)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	page := map[string]any{"jobs": views(jobs)}
	if len(jobs) == limit {
		page["next"] = jobs[len(jobs)-1].ID()
	}
	web.JSON(w, http.StatusOK, page)
}

var errDamagedJob = agent.Errorf(agent.CodeInFlight, nil, "Este registro está danificado no disco, e o agente está refazendo o banco de dados. "+
	"Repita em instantes; se continuar, veja o alarme store_damaged em pdvagent status.")

// find reads the job of the path; without its body where the key of that is missing. A damaged one is [agent.Damaged].
func (a *API) find(r *http.Request) (agent.Job, error) {
	seq, ok := agent.ParseJobID(r.PathValue("id"))
	if !ok {
		return agent.Job{}, errNoJob
	}
	job, err := a.cfg.Agent.Store.Job(seq)
	switch {
	case errors.Is(err, agent.ErrNotFound):
		return job, errNoJob
	case errors.Is(err, agent.ErrKeyMissing):
		return a.cfg.Agent.Store.Head(seq)
	case errors.Is(err, agent.ErrDamaged):
		return a.damaged(seq)
	}
	return job, err
}

// damaged gives the row of a job that cannot be read: perhaps its head still can.
func (a *API) damaged(seq uint64) (agent.Job, error) {
	job, err := a.cfg.Agent.Store.Head(seq)
	if errors.Is(err, agent.ErrDamaged) {
		var rows []agent.Job
		if rows, err = a.cfg.Agent.Store.List("", "", seq-1, 1); err == nil && (len(rows) == 0 || rows[0].Seq != seq) {
			return job, errDamagedJob
		}
		if err == nil {
			job = rows[0]
		}
	}
	job.Status.State = agent.Damaged
	return job, err
}

// findSound is find for those that change the job.
func (a *API) findSound(r *http.Request) (agent.Job, error) {
	job, err := a.find(r)
	if err == nil && job.Status.State == agent.Damaged {
		err = errDamagedJob
	}
	return job, err
}

// currentBody returns the body that is sent for a job: its newest revision, or what the till sent.
func (a *API) currentBody(job agent.Job) ([]byte, error) {
	body, err := a.cfg.Agent.Store.Wire(job.Seq, job.Status.Revision)
	if errors.Is(err, agent.ErrNotFound) {
		return job.Body, nil
	}
	return body, err
}

// job shows one with its masked body.
func (a *API) job(w http.ResponseWriter, r *http.Request) {
	job, err := a.find(r)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	body, err := a.currentBody(job)
	if errors.Is(err, agent.ErrDamaged) {
		job.Status.State = agent.Damaged
	} else if err != nil && !errors.Is(err, agent.ErrKeyMissing) {
		problem(w, r, err, "")
		return
	}
	shown := struct {
		jobView
		Faults []agent.Fault   `json:"faults,omitempty"` // of a receipt that is held as invalid
		Body   json.RawMessage `json:"body,omitempty"`
	}{jobView: view(job)}
	if parsed, err := rawjson.Parse(body); err == nil {
		shown.Body = mask.Body(body, parsed)
		if job.Status.State == agent.Held && job.Status.Reason == agent.ReasonInvalid && a.cfg.Sales.configured() {
			shown.Faults = a.cfg.Sales.Loyalty.Faults(job.Kind, body)
		}
	}
	web.JSON(w, http.StatusOK, shown)
}

// noBody refuses the body of a job: it is shown masked, with the job.
func (a *API) noBody(w http.ResponseWriter, r *http.Request) { problem(w, r, errNoJob, "") }

// act calls a use case for the job of the path, wakes the sender, and answers with the job.
func (a *API) act(w http.ResponseWriter, r *http.Request, use func(ctx context.Context, seq uint64) error) {
	if !a.cfg.Sales.configured() {
		problem(w, r, errNotConfigured(noLoyalty), "")
		return
	}
	job, err := a.findSound(r)
	if err == nil {
		err = use(r.Context(), job.Seq)
	}
	if err == nil {
		a.cfg.Sales.Sender.Resume()
		job, err = a.cfg.Agent.Store.Head(job.Seq)
	}
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusOK, view(job))
}

// retry sends a dead or held job again.
func (a *API) retry(w http.ResponseWriter, r *http.Request) {
	a.act(w, r, func(ctx context.Context, seq uint64) error { return a.cfg.Sales.Loyalty.Retry(ctx, seq) })
}

// discard ends a job for a reason.
func (a *API) discard(w http.ResponseWriter, r *http.Request) {
	a.act(w, r, func(ctx context.Context, seq uint64) error {
		body, err := web.Body(w, r, maxSale)
		if err != nil {
			return err
		}
		parsed, err := rawjson.Parse(body)
		if err != nil {
			return rawjson.Refusal(err)
		}
		reason, _ := parsed.Get("reason")
		text, _ := reason.Text()
		return a.cfg.Sales.Loyalty.Discard(ctx, seq, text)
	})
}

// repair replaces the body of a held or dead job. A value that is still masked keeps the original.
func (a *API) repair(w http.ResponseWriter, r *http.Request) {
	if !a.cfg.Sales.configured() {
		problem(w, r, errNotConfigured(noLoyalty), "")
		return
	}
	receipt, err := a.repairBody(w, r)
	if err != nil {
		problem(w, r, err, receipt.Job)
		return
	}
	a.cfg.Sales.Sender.Resume()
	web.JSON(w, http.StatusOK, map[string]any{"job": receipt.Job, "warnings": append([]string{}, receipt.Warnings...)})
}

// repairBody unmasks the new body and hands it to the use case.
func (a *API) repairBody(w http.ResponseWriter, r *http.Request) (agent.Receipt, error) {
	job, err := a.findSound(r)
	if err != nil {
		return agent.Receipt{}, err
	}
	body, err := web.Body(w, r, maxSale)
	if err != nil {
		return agent.Receipt{}, err
	}
	if edited, err := rawjson.Parse(body); err == nil {
		if old, err := a.currentBody(job); err == nil {
			if original, err := rawjson.Parse(old); err == nil {
				body = mask.Restore(body, edited, original)
			}
		}
	}
	return a.cfg.Sales.Loyalty.Repair(r.Context(), job.Seq, body)
}
