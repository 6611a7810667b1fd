package tillapi

import (
	"net/http"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/web"
)

type statusView struct {
	Online   bool          `json:"online"`
	Circuit  string        `json:"circuit"` // open while live calls are answered without the cloud
	Since    time.Time     `json:"since"`
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

func (a *API) status(w http.ResponseWriter, r *http.Request) {
	oldest, err := a.cfg.Overview.OldestPending()
	if err != nil {
		problem(w, r, err, "")
		return
	}
	c := a.cfg.Overview.Counters()
	v := statusView{
		Circuit: "closed", Version: a.cfg.Version, AgentID: a.cfg.AgentID, Alarms: a.cfg.Board.List(), Routines: routineViews(a.cfg.Routines.List()),
		Clouds: []cloudView{},
		Queue: queueView{
			Pending: c.Total(agent.Pending), Sent: c.Total(agent.Sent), Dead: c.Total(agent.Dead), Held: c.Total(agent.Held),
			Annulled: c.Total(agent.Annulled), Discarded: c.Total(agent.Discarded), Accepted: c.Accepted(), ByKind: c.ByKind,
		},
	}
	if !oldest.IsZero() {
		v.Queue.OldestAt = &oldest
	}
	v.Store.Bytes, v.Store.MaxBytes = a.cfg.Overview.Size()
	if a.cfg.Engine != nil {
		link, circuit := a.cfg.Engine.Link(), a.cfg.Circuit()
		v.Online, v.Since = link.Online, link.Since
		if circuit.Open {
			v.Circuit, v.Online, link.Reason = "open", false, circuit.Reason
			if link.Online {
				v.Since = circuit.Since
			}
		}
		v.Clouds = append(v.Clouds, cloudView{"mercafacil", a.cfg.Cloud, v.Online, link.Reason, link.Paused})
	}
	web.JSON(w, http.StatusOK, v)
}
