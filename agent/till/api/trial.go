package api

import (
	"net/http"
	"time"

	"pdvagent/agent/config"
	"pdvagent/agent/till/web"
)

// trialView is the latest try of a change of the configuration: names of fields, no values.
type trialView struct {
	State    string     `json:"state"` // none: there was no try
	By       string     `json:"by,omitempty"`
	BeganAt  *time.Time `json:"began_at,omitempty"`
	Deadline *time.Time `json:"deadline,omitempty"`
	LeftSecs int        `json:"left_seconds"` // while it runs
	Changed  []string   `json:"changed"`
	EndedAt  *time.Time `json:"ended_at,omitempty"`
	EndedBy  string     `json:"ended_by,omitempty"`
	End      string     `json:"end,omitempty"`
	Applied  []string   `json:"applied,omitempty"` // of the answer that begins it: fields that hold now
}

func viewTrial(t config.Trial, now time.Time) trialView {
	v := trialView{State: "none", Changed: []string{}}
	if t.State == "" {
		return v
	}
	v = trialView{State: string(t.State), By: t.By, BeganAt: &t.Began, Deadline: &t.Deadline, Changed: append(v.Changed, t.Changed...), EndedBy: t.EndedBy, End: string(t.End)}
	if !t.Ended.IsZero() {
		v.EndedAt = &t.Ended
	}
	if t.State == config.TrialRuns {
		v.LeftSecs = max(0, int(t.Deadline.Sub(now).Seconds()))
	}
	return v
}

// tryConfig changes fields for some minutes: the body is that of configure.
func (a *API) tryConfig(w http.ResponseWriter, r *http.Request) {
	patch, ok := openPatch(w, r)
	if !ok {
		return
	}
	outcome, trial, err := a.cfg.Support.Settings.Try(r.Context(), patch, author(r))
	if err != nil {
		problem(w, r, configRefusal(err), "")
		return
	}
	remarksOn(r).fields = trial.Changed
	tagged(w, outcome.Version)
	v := viewTrial(trial, a.cfg.Agent.Now())
	v.Applied = outcome.Applied
	web.JSON(w, http.StatusAccepted, v)
}

// trial tells how the latest try stands.
func (a *API) trial(w http.ResponseWriter, r *http.Request) {
	web.JSON(w, http.StatusOK, viewTrial(a.cfg.Support.Settings.Trial(), a.cfg.Agent.Now()))
}

// keepConfig makes what is being tried a lasting change.
func (a *API) keepConfig(w http.ResponseWriter, r *http.Request) {
	if _, ok := openForm(w, r); !ok {
		return
	}
	a.endTrial(w, r, a.cfg.Support.Settings.Keep)
}

// takeConfigBack ends what is being tried; of a try that ended by itself it takes the notice away.
func (a *API) takeConfigBack(w http.ResponseWriter, r *http.Request) {
	a.endTrial(w, r, a.cfg.Support.Settings.TakeBack)
}

func (a *API) endTrial(w http.ResponseWriter, r *http.Request, end func(who string) (config.Trial, error)) {
	trial, err := end(web.Caller(r))
	if err != nil {
		problem(w, r, configRefusal(err), "")
		return
	}
	remarksOn(r).fields = trial.Changed
	web.JSON(w, http.StatusOK, viewTrial(trial, a.cfg.Agent.Now()))
}
