package tillapi

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
	"pdvagent/agent/web"
)

// pageLimit bounds one page of a list.
const pageLimit = 500

var errNoJob = agent.Errorf(agent.CodeNotFound, nil, "Não há registro com este número na fila.")

// queue lists jobs: ?state=&kind=&limit=&after=
func (a *API) queue(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	state, kind := agent.State(query.Get("state")), agent.Kind(query.Get("kind"))
	limit, after := 100, uint64(0)
	var faults []agent.Fault
	if state != "" && !slices.Contains(agent.States(), state) {
		faults = append(faults, agent.Fault{Field: "state", Code: "unknown", Detail: "Use pending, sent, dead, held, annulled ou discarded."})
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
	jobs, err := a.cfg.Overview.List(state, kind, after, limit)
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

// find reads the job of the path.
func (a *API) find(r *http.Request) (agent.Job, error) {
	seq, ok := agent.ParseJobID(r.PathValue("id"))
	if !ok {
		return agent.Job{}, errNoJob
	}
	job, err := a.cfg.Queue.Job(seq)
	switch {
	case errors.Is(err, agent.ErrNotFound):
		return job, errNoJob
	case errors.Is(err, agent.ErrKeyMissing):
		return a.cfg.Queue.Head(seq)
	}
	return job, err
}

// current gives the bytes in force for a job: the newest revision, the frozen wire, or what the till sent.
func (a *API) current(job agent.Job) ([]byte, error) {
	body, err := a.cfg.Wires(job.Seq, job.Status.Revision)
	if errors.Is(err, agent.ErrNotFound) {
		return job.Body, nil
	}
	return body, err
}

func (a *API) job(w http.ResponseWriter, r *http.Request) {
	job, err := a.find(r)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	shown := struct {
		jobView
		Body json.RawMessage `json:"body,omitempty"`
	}{jobView: view(job)}
	body, err := a.current(job)
	if err != nil && !errors.Is(err, agent.ErrKeyMissing) {
		problem(w, r, err, "")
		return
	}
	if parsed, err := rawjson.Parse(body); err == nil {
		shown.Body = mask.Body(body, parsed)
	}
	web.JSON(w, http.StatusOK, shown)
}

// act runs one use case on the job of the path and answers with the job as it then is.
func (a *API) act(w http.ResponseWriter, r *http.Request, use func(ctx context.Context, seq uint64) error) {
	if a.cfg.Sales == nil {
		problem(w, r, agent.Errorf(agent.CodeNotConfigured, nil, "%s", notConfigured), "")
		return
	}
	job, err := a.find(r)
	if err == nil {
		err = use(r.Context(), job.Seq)
	}
	if err == nil {
		a.cfg.Engine.Resume()
		job, err = a.cfg.Queue.Head(job.Seq)
	}
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusOK, view(job))
}

func (a *API) retry(w http.ResponseWriter, r *http.Request) {
	a.act(w, r, func(ctx context.Context, seq uint64) error { return a.cfg.Sales.Retry(ctx, seq) })
}

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
		return a.cfg.Sales.Discard(ctx, seq, text)
	})
}

// repair gives a held or dead job a new body. Values that still read as their mask keep the original.
func (a *API) repair(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Sales == nil {
		problem(w, r, agent.Errorf(agent.CodeNotConfigured, nil, "%s", notConfigured), "")
		return
	}
	receipt, err := a.repairBody(w, r)
	if err != nil {
		problem(w, r, err, receipt.Job)
		return
	}
	a.cfg.Engine.Resume()
	web.JSON(w, http.StatusOK, map[string]any{"job": receipt.Job, "warnings": append([]string{}, receipt.Warnings...)})
}

func (a *API) repairBody(w http.ResponseWriter, r *http.Request) (agent.Receipt, error) {
	job, err := a.find(r)
	if err != nil {
		return agent.Receipt{}, err
	}
	body, err := web.Body(w, r, maxSale)
	if err != nil {
		return agent.Receipt{}, err
	}
	if now, err := rawjson.Parse(body); err == nil {
		if old, err := a.current(job); err == nil {
			if original, err := rawjson.Parse(old); err == nil {
				body = mask.Restore(body, now, original)
			}
		}
	}
	return a.cfg.Sales.Repair(r.Context(), job.Seq, body)
}
