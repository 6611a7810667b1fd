package api

import (
	"net/http"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/till/web"
)

type statusView struct {
	Online   bool          `json:"online"`
	Circuit  string        `json:"circuit"` // open: live calls are answered without the cloud
	Since    time.Time     `json:"since"`
	Outage   *agent.Outage `json:"last_outage,omitempty"` // the last one that ended
	Version  string        `json:"version"`
	AgentID  string        `json:"agent_id"`
	Alarms   []agent.Alarm `json:"alarms"`
	Queue    queueView     `json:"queue"`
	Routines []routineView `json:"routines"`
	Clouds   []cloudView   `json:"clouds"`
	Store    storeView     `json:"store"`
}

type queueView struct {
	Pending   uint64                                `json:"pending"`
	Sent      uint64                                `json:"sent"`
	Dead      uint64                                `json:"dead"`
	Held      uint64                                `json:"held"`
	Annulled  uint64                                `json:"annulled"`
	Discarded uint64                                `json:"discarded"`
	Accepted  uint64                                `json:"accepted"` // the sum of the others, since the first start
	OldestAt  *time.Time                            `json:"oldest_at"`
	ByKind    map[agent.Kind]map[agent.State]uint64 `json:"by_kind"`
}

type cloudView struct {
	Name   string      `json:"name"`
	URL    string      `json:"url"`
	Online bool        `json:"online"`
	Reason agent.Class `json:"reason,omitempty"`
	Paused []string    `json:"paused"`
}

type storeView struct {
	Bytes    int64 `json:"bytes"`
	MaxBytes int64 `json:"max_bytes"`
}

// status shows the state of the agent.
func (a *API) status(w http.ResponseWriter, _ *http.Request) {
	oldest, err := a.cfg.Agent.Store.OldestPending()
	if err != nil { // a store that cannot be read has its own alarm: the status shows it
		oldest = time.Time{}
	}
	c := a.cfg.Agent.Store.Counters()
	v := statusView{
		Circuit: "closed", Version: a.cfg.Agent.Version, AgentID: a.cfg.Agent.Store.AgentID(), Alarms: a.cfg.Support.Board.List(), Routines: routineViews(a.cfg.Support.Routines.List()),
		Clouds: []cloudView{},
		Queue: queueView{
			Pending: c.Total(agent.Pending), Sent: c.Total(agent.Sent), Dead: c.Total(agent.Dead), Held: c.Total(agent.Held),
			Annulled: c.Total(agent.Annulled), Discarded: c.Total(agent.Discarded), Accepted: c.Accepted(), ByKind: c.ByKind,
		},
	}
	if !oldest.IsZero() {
		v.Queue.OldestAt = &oldest
	}
	v.Store.Bytes, v.Store.MaxBytes = a.cfg.Agent.Store.Size()
	if a.cfg.Sales.configured() {
		link, circuit := a.cfg.Sales.Sender.Link(), a.cfg.Sales.Circuit.State()
		contact := agent.ContactOf(link, circuit)
		v.Online, v.Since, v.Outage = contact.Online, contact.Since, contact.Outage
		if circuit.Open {
			v.Circuit = "open"
		}
		v.Clouds = append(v.Clouds, cloudView{"mercafacil", a.cfg.Sales.CloudURL, v.Online, contact.Reason, link.Paused})
	}
	web.JSON(w, http.StatusOK, v)
}

// metrics answers a scrape. The journal does not get it: it is long, comes every few seconds and says what the journal knows.
func (a *API) metrics(w http.ResponseWriter, r *http.Request) {
	web.Private(r)
	a.cfg.Support.Metrics.ServeHTTP(w, r)
}

// health answers without a token that the agent runs.
func (a *API) health(w http.ResponseWriter, _ *http.Request) {
	web.JSON(w, http.StatusOK, map[string]string{"status": "ok", "version": a.cfg.Agent.Version})
}
