package tillapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/web"
)

// maxSale bounds a sale's body, in bytes (SEC-08).
const maxSale = 1 << 20

// maxWait is the longest time a till may ask to wait for delivery.
const maxWait = 30 * time.Second

// queued is the answer to what is on disk and will be delivered.
type queued struct {
	Status string `json:"status"`
	Job    string `json:"job"`
	Coupon string `json:"coupon,omitempty"` // made by the agent
}

const notConfigured = "A integração com a Mercafácil não está configurada neste caixa (seção mercafacil do arquivo de configuração)."

// loyaltyBody reads the body of a call that needs the loyalty part; false when the till was answered already.
func (a *API) loyaltyBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if a.cfg.Sales == nil {
		problem(w, r, agent.Errorf(agent.CodeNotConfigured, nil, "%s", notConfigured), "")
		return nil, false
	}
	body, err := web.Body(w, r, maxSale)
	if err != nil {
		problem(w, r, err, "")
	}
	return body, err == nil
}

// submit takes a confirm, a cancel, a coupon or its cancellation: 202 as soon as it is on disk.
func (a *API) submit(kind agent.Kind, dialect agent.Dialect) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := a.loyaltyBody(w, r)
		if !ok {
			return
		}
		receipt, err := a.cfg.Sales.Accept(r.Context(), agent.Submission{Kind: kind, Dialect: dialect, Body: body})
		if receipt.Replayed {
			w.Header().Set(web.HeaderDelivery, "replayed")
		}
		a.fullness(err)
		if err != nil {
			problem(w, r, err, receipt.Job)
			return
		}
		if !receipt.Replayed {
			w.Header().Set(web.HeaderDelivery, "queued")
		}
		if job, ok := a.await(r, receipt.Job); ok {
			a.delivered(w, job, receipt)
			return
		}
		web.JSON(w, a.cfg.Accepted, queued{"queued", receipt.Job, receipt.Coupon})
	}
}

// fullness raises the alarm of a full disk with the first sale that finds no room, and ends it with the first that does.
func (a *API) fullness(err error) {
	switch {
	case err == nil:
		a.cfg.Alarms.Clear(agent.AlarmStoreFull, "")
	case agent.CodeOf(err) == agent.CodeStoreFull:
		a.cfg.Alarms.Raise(agent.Alarm{
			Code: agent.AlarmStoreFull, Since: a.cfg.Now(),
			Detail: "Não há mais espaço para guardar vendas. Libere espaço em disco ou aumente store.max_mb.",
		})
	}
}

// await waits for the delivery of a job as long as the till asked for (Prefer: wait=N).
func (a *API) await(r *http.Request, id string) (agent.Job, bool) {
	patience := preferWait(r.Header.Values("Prefer"))
	seq, ok := agent.ParseJobID(id)
	if patience == 0 || !ok {
		return agent.Job{}, false
	}
	done := a.cfg.Engine.Hurry(seq)
	defer done()
	start := a.cfg.Now()
	defer func() { web.SpentInCloud(r, a.cfg.Now().Sub(start)) }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		changed := a.cfg.Queue.Changed()
		job, err := a.cfg.Queue.Head(seq)
		if err != nil || job.Status.State != agent.Pending {
			return job, err == nil && job.Status.State == agent.Sent
		}
		select {
		case <-changed:
		case <-timer.C:
			return job, false
		case <-a.cfg.Stopping:
			return job, false
		case <-r.Context().Done():
			return job, false
		}
	}
}

// preferWait reads RFC 7240's wait in seconds; what it cannot read it ignores, as that standard says.
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

// delivered answers with the cloud's own body where it is JSON.
func (a *API) delivered(w http.ResponseWriter, job agent.Job, receipt agent.Receipt) {
	if !receipt.Replayed {
		w.Header().Set(web.HeaderDelivery, "delivered")
	}
	if answer := job.Status.Answer; answer != nil {
		if _, err := rawjson.Parse(answer.Body); err == nil {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(a.cfg.Sessions.Downward(job.Session, answer.Body)) // the till is gone: nobody to tell
			return
		}
	}
	web.JSON(w, http.StatusOK, queued{"sent", receipt.Job, receipt.Coupon})
}
