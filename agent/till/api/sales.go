package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/loads/reconcile"
	"pdvagent/agent/till/web"
)

// sales finds the sales of a day, a page at a time: ?day=&operator=&value=&after=&late=1
func (a *API) sales(w http.ResponseWriter, r *http.Request) {
	query, f := r.URL.Query(), &form{}
	q := reconcile.Query{Day: query.Get("day"), Operator: query.Get("operator"), Late: query.Get("late") == "1"}
	if q.Day == "" {
		q.Day = a.cfg.Agent.Now().In(a.cfg.Agent.Zone).Format(time.DateOnly)
	}
	if text := query.Get("value"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			f.fault("value", "invalid", "Use centavos inteiros: 6693 é R$ 66,93.")
		}
		value := agent.Cents(n)
		q.Value = &value
	}
	if text := query.Get("after"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n == 0 {
			f.fault("after", "invalid", "Use o next da página anterior.")
		}
		q.After = n
	}
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	page, err := reconcile.Find(a.cfg.Agent.Store, a.cfg.Agent.Zone, q)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.Private(r) // the journal has no use for a list
	web.JSON(w, http.StatusOK, page)
}

// neighbours are the sales of the same till before and after one: among so many jobs on either side.
const neighbourhood = 200

// neighbour is a sale beside another one.
type neighbour struct {
	Coupon string `json:"coupon"`
	Date   string `json:"date"`
	Time   string `json:"time"`
}

// neighbours finds what the same till sold just before and just after a sale; nil where there is nothing near.
func (a *API) neighbours(jobs []agent.Job) (before, after *neighbour, err error) {
	for _, job := range jobs {
		till, _, told := strings.Cut(job.Moment, "|")
		if job.Kind != agent.KindCoupon || !told {
			continue
		}
		near, err := a.cfg.Agent.Store.List("", "", job.Seq-min(job.Seq, neighbourhood), 2*neighbourhood)
		if err != nil {
			return nil, nil, err
		}
		for _, other := range near {
			parts := strings.Split(other.Moment, "|")
			if other.Kind != agent.KindCoupon || other.Coupon == job.Coupon || other.Coupon == "" || len(parts) != 4 || parts[0] != till || other.Status.State == agent.Discarded {
				continue
			}
			beside := &neighbour{other.Coupon, parts[1], parts[2]}
			if other.Seq > job.Seq {
				return before, beside, nil
			}
			before = beside
		}
		return before, nil, nil
	}
	return nil, nil, nil
}
