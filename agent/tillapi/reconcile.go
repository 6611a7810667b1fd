package tillapi

import (
	"net/http"
	"time"

	"pdvagent/agent/reconcile"
	"pdvagent/agent/web"
)

// reconcile adds up a day: ?day=YYYY-MM-DD, today without it; &sales=1 names every sale, &format=csv gives the totals as CSV.
func (a *API) reconcile(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	day := query.Get("day")
	if day == "" {
		day = a.cfg.Now().In(a.cfg.Zone).Format(time.DateOnly)
	}
	report, err := a.cfg.Day(day)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	if query.Get("format") == "csv" {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		_, _ = w.Write([]byte(report.CSV())) // the reader is gone: nobody to tell
		return
	}
	if query.Get("sales") != "1" {
		report.Sales = nil
	}
	web.JSON(w, http.StatusOK, report)
}

// Day adds up the sales of a day.
type Day func(day string) (reconcile.Report, error)
