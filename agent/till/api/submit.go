package api

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/sales/unread"
	"pdvagent/agent/till/web"
)

// maxSale bounds a sale's body, in bytes (SEC-08).
const maxSale = 1 << 20

// maxWait is the longest time that a till may wait.
const maxWait = 30 * time.Second

// queued is the answer to a submission that is on disk.
type queued struct {
	Status string `json:"status"`
	Job    string `json:"job"`
	Coupon string `json:"coupon,omitempty"` // made by the agent

	Notes []noteView `json:"notes,omitempty"`
}

const noLoyalty = "A integração com a Mercafácil não está configurada neste caixa (seção mercafacil do arquivo de configuração)."

// loyaltyBody reads the body of a loyalty call of that kind; empty for a live call that is not repeated later. False: the till
// has its answer.
func (a *API) loyaltyBody(w http.ResponseWriter, r *http.Request, kind agent.Kind, dialect agent.Dialect) ([]byte, bool) {
	if !a.cfg.Sales.configured() {
		problem(w, r, errNotConfigured(noLoyalty), "")
		return nil, false
	}
	body, err := web.Body(w, r, maxSale)
	if err != nil {
		kept, err := a.keepUnread(r, unread.Body{Kind: kind, Dialect: dialect, Text: body}, err)
		problem(w, r, err, kept)
	}
	return body, err == nil
}

// submit takes a confirm, a cancel, a coupon or its cancellation: 202 as soon as it is on disk, or the cloud's answer where
// the till waits for that.
func (a *API) submit(kind agent.Kind, dialect agent.Dialect) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := a.loyaltyBody(w, r, kind, dialect)
		if !ok {
			return
		}
		receipt, err := a.cfg.Sales.Loyalty.Accept(r.Context(), agent.Submission{Kind: kind, Dialect: dialect, Body: body})
		if receipt.Replayed {
			w.Header().Set(web.HeaderDelivery, "replayed")
		}
		a.noteStoreFull(err)
		if err != nil {
			kept, err := a.keepUnread(r, unread.Body{Kind: kind, Dialect: dialect, Text: body}, err)
			problem(w, r, err, cmp.Or(receipt.Job, kept))
			return
		}
		remark(r, receipt.Notes)
		if !receipt.Replayed {
			w.Header().Set(web.HeaderDelivery, "queued")
		}
		if job, ok := a.await(r, receipt.Job); ok {
			a.delivered(w, job, receipt)
			return
		}
		web.JSON(w, a.cfg.Sales.QueuedStatus, queued{"queued", receipt.Job, receipt.Coupon, noteViews(receipt.Notes)})
	}
}

// noteStoreFull raises the alarm of a full store after a CodeStoreFull, and ends it after a success.
func (a *API) noteStoreFull(err error) {
	switch {
	case err == nil:
		a.cfg.Agent.Alarms.Clear(agent.AlarmStoreFull, "")
	case agent.CodeOf(agent.ForTill(err)) == agent.CodeStoreFull:
		a.cfg.Agent.Alarms.Raise(agent.Alarm{
			Code: agent.AlarmStoreFull, Since: a.cfg.Agent.Now(),
			Detail: "Não há mais espaço para guardar vendas. Libere espaço em disco ou aumente store.max_mb.",
		})
	}
}

// await waits for a job's delivery for as long as the till asks (Prefer: wait=N); false: it was not delivered.
func (a *API) await(r *http.Request, id string) (agent.Job, bool) {
	patience := preferWait(r.Header.Values("Prefer"))
	seq, ok := agent.ParseJobID(id)
	if patience == 0 || !ok || !web.MayWait(r) {
		return agent.Job{}, false
	}
	done := a.cfg.Sales.Sender.Hurry(seq)
	defer done()
	start := a.cfg.Agent.Now()
	defer func() { web.SpentInCloud(r, a.cfg.Agent.Now().Sub(start)) }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		changed := a.cfg.Agent.Store.Changed()
		job, err := a.cfg.Agent.Store.Head(seq)
		if err != nil || job.Status.State != agent.Pending {
			return job, err == nil && job.Status.State == agent.Sent
		}
		select {
		case <-changed:
		case <-timer.C:
			return job, false
		case <-a.cfg.Agent.Stopping:
			return job, false
		case <-r.Context().Done():
			return job, false
		}
	}
}

// preferWait reads the wait preference of RFC 7240, in seconds. It ignores an invalid one, as the RFC says.
func preferWait(values []string) time.Duration {
	for _, preference := range strings.Split(strings.Join(values, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		if seconds, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`)); err == nil && seconds > 0 {
			return time.Duration(min(seconds, int(maxWait/time.Second))) * time.Second
		}
	}
	return 0
}

// delivered answers with the cloud's body if that is JSON.
func (a *API) delivered(w http.ResponseWriter, job agent.Job, receipt agent.Receipt) {
	if !receipt.Replayed {
		w.Header().Set(web.HeaderDelivery, "delivered")
	}
	if answer := job.Status.Answer; answer != nil {
		if _, err := rawjson.Parse(answer.Body); err == nil {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(a.cfg.Sales.Loyalty.Downward(job.Session, answer.Body)) // an error means that the till hung up
			return
		}
	}
	web.JSON(w, http.StatusOK, queued{"sent", receipt.Job, receipt.Coupon, noteViews(receipt.Notes)})
}
