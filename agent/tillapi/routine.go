package tillapi

import (
	"net/http"
	"time"

	"pdvagent/agent/routine"
	"pdvagent/agent/web"
)

// Routines is the timetable.
type Routines interface {
	List() []routine.Entry
	Runs(name string) ([]routine.Report, error)
	Start(name string, everything bool) (routine.Report, error)
}

// routineView is a routine in the status: when it runs next and how it ended last.
type routineView struct {
	Name    string         `json:"name"`
	NextAt  *time.Time     `json:"next_at"` // null: only when a person asks, or on the primary till
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

// routines lists the timetable.
func (a *API) routines(w http.ResponseWriter, _ *http.Request) {
	web.JSON(w, http.StatusOK, map[string]any{"routines": a.cfg.Routines.List()})
}

// runs lists a routine's runs, newest first.
func (a *API) runs(w http.ResponseWriter, r *http.Request) {
	runs, err := a.cfg.Routines.Runs(r.PathValue("name"))
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]any{"runs": runs})
}

// runNow starts a routine: 202 with the run's id, or with that of the one at work. ?full=1 loads everything.
func (a *API) runNow(w http.ResponseWriter, r *http.Request) {
	run, err := a.cfg.Routines.Start(r.PathValue("name"), r.URL.Query().Get("full") == "1")
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusAccepted, run)
}
