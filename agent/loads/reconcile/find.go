package reconcile

import (
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Stored is what a search reads: Jobs, with the bodies and groups of the sales that it finds.
type Stored interface {
	Jobs
	Job(seq uint64) (agent.Job, error)
	Group(name string) ([]agent.Job, error)
}

// Query is a search among the sales of a day.
type Query struct {
	Day      string // YYYY-MM-DD, of the receipts
	Operator string // operator_id; empty: any
	Value    *agent.Cents
	After    uint64 // Page.Next of the page before
	Late     bool   // also what was accepted more than a day after the day
}

// Page is a part of a search: it reads a bounded number of jobs, so that it ends soon and no writer waits for it.
type Page struct {
	Sales     []Sale    `json:"sales"`          // in the order of their acceptance
	Next      uint64    `json:"next,omitempty"` // asks for the next page; 0: there is none
	Reached   time.Time `json:"reached"`        // when the last job of the page was accepted
	Forgotten int       `json:"forgotten"`      // sales whose operator is not known any more: their bodies are gone
}

const (
	pageJobs  = 500 // that a page reads
	readJobs  = 250 // that one transaction reads
	lookJobs  = 20  // among which bisection looks for one that can be read
	aroundDay = 24 * time.Hour
)

// Find gives a page of the sales that a query describes.
func Find(stored Stored, zone *time.Location, q Query) (Page, error) {
	begun, err := time.ParseInLocation(time.DateOnly, q.Day, zone)
	if err != nil {
		e := agent.Errorf(agent.CodeInvalid, nil, "Informe o dia como AAAA-MM-DD.")
		e.Fields = []agent.Fault{{Field: "day", Code: "invalid", Detail: "Use AAAA-MM-DD."}}
		return Page{}, e
	}
	end := begun.AddDate(0, 0, 1).Add(aroundDay)
	page := Page{Sales: []Sale{}}
	if q.After == 0 {
		if q.After, err = lastBefore(stored, begun.Add(-aroundDay)); err != nil {
			return page, err
		}
	}
	for read := 0; read < pageJobs; read += readJobs {
		jobs, err := stored.List("", "", q.After, readJobs)
		if err != nil {
			return page, err
		}
		for _, job := range jobs {
			if !job.CreatedAt.IsZero() {
				page.Reached = job.CreatedAt
			}
			if q.After = job.Seq; !q.Late && job.CreatedAt.After(end) {
				return page, nil
			}
			if err := page.look(stored, job, q); err != nil {
				return page, err
			}
		}
		if len(jobs) < readJobs {
			return page, nil
		}
	}
	page.Next = q.After
	return page, nil
}

// look adds a job that is a sale of the query.
func (p *Page) look(stored Stored, job agent.Job, q Query) error {
	till, date, at, value := moment(job)
	if job.Kind != agent.KindCoupon || date != q.Day || job.Status.State == agent.Discarded || (q.Value != nil && *q.Value != value) {
		return nil
	}
	if q.Operator != "" {
		operator, known, err := operatorOf(stored, job.Seq)
		if err != nil {
			return err
		}
		if !known {
			p.Forgotten++
		}
		if operator != q.Operator {
			return nil
		}
	}
	r := reader{cancelled: make(map[string]bool)}
	related, err := stored.Group(agent.CouponGroup(job.Coupon))
	if err != nil {
		return err
	}
	for _, other := range related {
		if other.Kind == agent.KindCouponCancellation && other.Status.State != agent.Discarded && other.Status.State != agent.Held {
			r.cancelled[job.Coupon] = true
		}
	}
	sale := Sale{Coupon: job.Coupon, Till: till, Time: at, Value: value, Fate: r.fate(job), Job: job.ID()}
	for _, note := range job.Notes {
		sale.Notes = append(sale.Notes, note.Code)
	}
	p.Sales = append(p.Sales, sale)
	return nil
}

// operatorOf reads a sale's operator_id from its body, which is kept for some days.
func operatorOf(stored Stored, seq uint64) (operator string, known bool, err error) {
	job, err := stored.Job(seq)
	if err != nil || len(job.Body) == 0 {
		return "", false, err
	}
	body, err := rawjson.Parse(job.Body)
	if err != nil { // it was accepted, so it was JSON: the disk has changed it
		return "", false, nil
	}
	value, known := body.Get("operator_id")
	text, isText := value.Text()
	if !isText {
		text = string(value.Raw())
	}
	return text, known, nil
}

// lastBefore finds the last job that was accepted before a time, by bisection. Numbers without a job, and jobs that cannot be
// read, are passed over.
func lastBefore(stored Stored, at time.Time) (uint64, error) {
	low, high := uint64(0), stored.LastSeq()
	for low < high {
		middle := low + (high-low+1)/2
		jobs, err := stored.List("", "", middle-1, lookJobs)
		if err != nil {
			return 0, err
		}
		found := uint64(0)
		for _, job := range jobs {
			if !job.CreatedAt.IsZero() && job.Seq <= high {
				if job.CreatedAt.Before(at) {
					found = job.Seq
				}
				break
			}
		}
		if found > 0 {
			low = found
		} else {
			high = middle - 1
		}
	}
	return low, nil
}
