package api

import (
	"net/http"

	"pdvagent/agent"
	"pdvagent/agent/till/web"
)

// saleView shows a session and its receipts.
type saleView struct {
	TransactionID string         `json:"transaction_id,omitempty"`
	Coupon        string         `json:"coupon,omitempty"`
	Session       string         `json:"session"`           // none, open, confirmed, cancelled or abandoned
	Loyalty       *agent.Session `json:"loyalty,omitempty"` // of a session that this agent began
	Notes         []noteView     `json:"notes,omitempty"`
	Jobs          []jobView      `json:"jobs"`
	Before        *neighbour     `json:"before,omitempty"` // of the same till; only for support
	After         *neighbour     `json:"after,omitempty"`
}

// sale shows a sale by its transaction_id or its coupon.
func (a *API) sale(w http.ResponseWriter, r *http.Request) {
	jobs, err := a.related(r.PathValue("id"))
	if err != nil {
		problem(w, r, err, "")
		return
	}
	begun, known, err := a.session(r.PathValue("id"), jobs)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	if len(jobs) == 0 && !known {
		problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Não há venda com este transaction_id ou cupom."), "")
		return
	}
	v := saleView{Session: "none", Jobs: views(jobs)}
	for _, job := range jobs {
		if v.TransactionID == "" {
			v.TransactionID = job.Session
		}
		if v.Coupon == "" {
			v.Coupon = job.Coupon
		}
		if job.Status.State != agent.Held && job.Status.State != agent.Discarded {
			v.Notes = append(v.Notes, noteViews(job.Notes)...)
		}
	}
	if v.TransactionID != "" {
		v.Session = "open"
	}
	for _, job := range jobs {
		if job.Status.State == agent.Annulled || job.Status.State == agent.Discarded || job.Status.State == agent.Held {
			continue
		}
		switch {
		case job.Kind == agent.KindConfirm:
			v.Session = "confirmed"
		case job.Kind == agent.KindCancel && !job.Void():
			v.Session = "cancelled"
		}
	}
	if known {
		v.TransactionID, v.Session, v.Loyalty = begun.ID, string(begun.Stage), &begun
	}
	if web.Granted(r) >= web.Support {
		if v.Before, v.After, err = a.neighbours(jobs); err != nil {
			problem(w, r, err, "")
			return
		}
	}
	web.JSON(w, http.StatusOK, v)
}

// session finds the session with an id, or that one of its jobs belongs to, among those that this agent began.
func (a *API) session(id string, jobs []agent.Job) (agent.Session, bool, error) {
	if !a.cfg.Sales.configured() {
		return agent.Session{}, false, nil
	}
	ids := []string{id}
	for _, job := range jobs {
		if job.Session != "" {
			ids = append(ids, job.Session)
		}
	}
	for _, id := range ids {
		if begun, known, err := a.cfg.Sales.Loyalty.Session(id); known || err != nil {
			return begun, known, err
		}
	}
	return agent.Session{}, false, nil
}

// related returns the jobs of a session and of its receipts, each once, in their order.
func (a *API) related(id string) ([]agent.Job, error) {
	groups := []string{agent.SessionGroup(id), agent.CouponGroup(id)}
	var jobs []agent.Job
	seen, asked := make(map[uint64]bool), make(map[string]bool)
	for len(groups) > 0 {
		group := groups[0]
		groups = groups[1:]
		if asked[group] {
			continue
		}
		asked[group] = true
		found, err := a.cfg.Agent.Store.Group(group)
		if err != nil {
			return nil, err
		}
		for _, job := range found {
			if seen[job.Seq] {
				continue
			}
			seen[job.Seq] = true
			jobs = append(jobs, job)
			if job.Session != "" {
				groups = append(groups, agent.SessionGroup(job.Session))
			}
			if job.Coupon != "" {
				groups = append(groups, agent.CouponGroup(job.Coupon))
			}
		}
	}
	sortBySeq(jobs)
	return jobs, nil
}
