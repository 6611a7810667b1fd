package tillapi

import (
	"fmt"
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
	Routines []string      `json:"routines"`
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
		Circuit: "closed", Version: a.cfg.Version, AgentID: a.cfg.AgentID, Alarms: a.Alarms(), Routines: []string{},
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

// Alarms gives what needs a person: the lasting troubles, and jobs that wait for a decision.
func (a *API) Alarms() []agent.Alarm {
	alarms := a.cfg.Alarms.List()
	c := a.cfg.Overview.Counters()
	for _, waiting := range []struct {
		state agent.State
		code  string
		text  string
	}{
		{agent.Dead, agent.AlarmDeadJobs, "%d registro(s) recusado(s) pela Mercafácil. Veja com: pdvagent queue ls --state dead"},
		{agent.Held, agent.AlarmHeldJobs, "%d registro(s) retido(s) até alguém decidir. Veja com: pdvagent queue ls --state held"},
	} {
		if n := c.Total(waiting.state); n > 0 {
			alarms = append(alarms, agent.Alarm{Code: waiting.code, Detail: fmt.Sprintf(waiting.text, n), Since: a.firstOf(waiting.state)})
		}
	}
	return alarms
}

func (a *API) firstOf(state agent.State) time.Time {
	jobs, err := a.cfg.Overview.List(state, "", 0, 1)
	if err != nil || len(jobs) == 0 {
		return a.cfg.Now()
	}
	return jobs[0].Status.UpdatedAt
}

// AlarmCode is the most pressing alarm for the X-Agent-Alarm header; empty when nobody is needed. It is asked for every
// answer and reads no disk.
func (a *API) AlarmCode() string {
	if alarms := a.cfg.Alarms.List(); len(alarms) > 0 {
		return alarms[0].Code
	}
	c := a.cfg.Overview.Counters()
	switch {
	case c.Total(agent.Dead) > 0:
		return agent.AlarmDeadJobs
	case c.Total(agent.Held) > 0:
		return agent.AlarmHeldJobs
	}
	return ""
}
