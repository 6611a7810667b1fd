package api

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/ops/traffic"
	"pdvagent/agent/till/web"
)

// traffic shows the newest lines of the journal, oldest first: ?since=&route=&key=&side=&limit=
func (a *API) traffic(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	q := traffic.Query{Route: query.Get("route"), Key: query.Get("key"), Side: query.Get("side"), Limit: 100}
	var faults []agent.Fault
	if text := query.Get("since"); text != "" {
		since, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			faults = append(faults, agent.Fault{Field: "since", Code: "invalid", Detail: "Use uma hora como 2026-05-14T19:12:46Z."})
		}
		q.Since = since
	}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > pageLimit {
			faults = append(faults, agent.Fault{Field: "limit", Code: "range", Detail: "Use um número de 1 a 500."})
		}
		q.Limit = n
	}
	if q.Side != "" && !slices.Contains(agent.Sides(), agent.Side(q.Side)) {
		faults = append(faults, agent.Fault{Field: "side", Code: "unknown", Detail: "Use till, support ou cloud."})
	}
	if len(faults) > 0 {
		e := agent.Errorf(agent.CodeInvalid, nil, "A consulta tem parâmetros inválidos.")
		e.Fields = faults
		problem(w, r, e, "")
		return
	}
	lines, err := a.cfg.Support.Journal.Read(q)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	if lines == nil {
		lines = []traffic.Line{}
	}
	web.JSON(w, http.StatusOK, map[string]any{"lines": lines})
}
