package api

import (
	"net/http"
	"time"

	"pdvagent/agent/ops/routine"
	"pdvagent/agent/till/web"
)

// Routines is the scheduler.
type Routines interface {
	List() []routine.Entry
	Runs(name string) ([]routine.Report, error)
	Start(name string, everything bool) (routine.Report, error)
}

// routineView is a routine in the status: when it runs next and how it ended last.
type routineView struct {
	Name    string         `json:"name"`
	NextAt  *time.Time     `json:"next_at"` // null: it runs only when a person starts it, or on the primary till
	Running bool           `json:"running"`
	LastAt  *time.Time     `json:"last_at"`
	Last    *routine.State `json:"last"` // done, failed or interrupted
}

func routineViews(entries []routine.Entry) []routineView {
	list := make([]routineView, 0, len(entries))
	for _, entry := range entries {
		v := routineView{Name: entry.Name, NextAt: entry.NextAt, Running: entry.Running != nil}
		if entry.Last != nil {
			v.LastAt, v.Last = entry.Last.EndedAt, &entry.Last.State
		}
		list = append(list, v)
	}
	return list
}

// routines lists the routines with their schedules.
func (a *API) routines(w http.ResponseWriter, _ *http.Request) {
	web.JSON(w, http.StatusOK, map[string]any{"routines": a.cfg.Support.Routines.List()})
}

// runs lists a routine's runs, newest first.
func (a *API) runs(w http.ResponseWriter, r *http.Request) {
	runs, err := a.cfg.Support.Routines.Runs(r.PathValue("name"))
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]any{"runs": append([]routine.Report{}, runs...)}) // none yet: an empty list
}

// startRoutine starts a routine: 202 with the run, or with the one in progress. ?full=1 processes everything, ?confirm=1
// takes a full load that is much smaller than the one before.
func (a *API) startRoutine(w http.ResponseWriter, r *http.Request) {
	name, everything := r.PathValue("name"), r.URL.Query().Get("full") == "1"
	start := func() (routine.Report, error) { return a.cfg.Support.Routines.Start(name, everything) }
	if r.URL.Query().Get("confirm") == "1" && a.cfg.Support.Confirm != nil {
		start = func() (routine.Report, error) {
			return a.cfg.Support.Confirm(name, routine.Asked{Everything: everything, Confirmed: true})
		}
	}
	run, err := start()
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusAccepted, run)
}
