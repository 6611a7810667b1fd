package api

import (
	"net/http"
	"time"

	"pdvagent/agent/till/web"
)

// reconcile adds up a day: ?day=YYYY-MM-DD, default today; &sales=1 lists the sales, &format=csv returns the totals as CSV.
func (a *API) reconcile(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	day := query.Get("day")
	if day == "" {
		day = a.cfg.Agent.Now().In(a.cfg.Agent.Zone).Format(time.DateOnly)
	}
	report, err := a.cfg.Support.Day(day)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	if query.Get("format") == "csv" {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		_, _ = w.Write([]byte(report.CSV())) // an error means that the caller hung up
		return
	}
	if query.Get("sales") != "1" {
		report.Sales = nil
	}
	web.JSON(w, http.StatusOK, report)
}
