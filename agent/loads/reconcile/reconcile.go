// Package reconcile adds up the sales of a shop's day by their fate in the cloud (H42), and compares them with an ERP's list,
// by till or sale by sale. It reads heads of jobs only, so that a day can be asked for long after its bodies are dropped.
//
// It changes nothing, and keeps nothing. Its callers are the reconcile routine, till/api and the reconcile command. It calls
// the store, package loyalty's sessions through a function, and package source for the ERP's list.
package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

// Jobs holds the day's sales.
type Jobs interface {
	List(state agent.State, kind agent.Kind, after uint64, limit int) ([]agent.Job, error)
	Head(seq uint64) (agent.Job, error)
	LastSeq() uint64
}

// Config is what a day is read from.
type Config struct {
	Jobs    Jobs
	Session func(id string) (agent.Session, bool, error) // nil: the agent has no sessions
	Zone    *time.Location
}

// Fate is what a sale has become.
type Fate string

// The fates. Accepted is the sum of all but held ones.
const (
	Delivered Fate = "delivered"
	Cancelled Fate = "cancelled" // before or after the cloud had it
	Pending   Fate = "pending"
	Dead      Fate = "dead"
	Held      Fate = "held" // refused to the till, or waiting for a person
)

// Amount is a number of sales and their value with discount, in cents.
type Amount struct {
	Count int         `json:"count"`
	Value agent.Cents `json:"value"`
}

func (a *Amount) add(value agent.Cents) { a.Count, a.Value = a.Count+1, a.Value+value }

// Totals are the sums of one till, or of all.
type Totals struct {
	Till        string `json:"till,omitempty"`
	Accepted    Amount `json:"accepted"`
	Delivered   Amount `json:"delivered"`
	Cancelled   Amount `json:"cancelled"`
	Pending     Amount `json:"pending"`
	Dead        Amount `json:"dead"`
	Held        Amount `json:"held"`
	Unconfirmed Amount `json:"discount_unconfirmed"` // among the accepted ones
	Noted       Amount `json:"noted"`                // among the accepted ones: with a note
}

// Sale is one of the day.
type Sale struct {
	Coupon      string      `json:"coupon"`
	Till        string      `json:"till"`
	Time        string      `json:"time"`
	Value       agent.Cents `json:"value"` // with discount
	Fate        Fate        `json:"fate"`
	Unconfirmed bool        `json:"discount_unconfirmed,omitempty"`
	Job         string      `json:"job"`

	Notes []agent.NoteCode `json:"notes,omitempty"`
}

// Noted is how many accepted sales have a note.
type Noted struct {
	Code   agent.NoteCode `json:"code"`
	Count  int            `json:"count"`
	Detail string         `json:"detail"`
}

// Report is the sales of a day.
type Report struct {
	Day   string   `json:"day"` // YYYY-MM-DD, of the receipts
	Total Totals   `json:"total"`
	Tills []Totals `json:"tills"`
	Notes []Noted  `json:"notes,omitempty"`
	Sales []Sale   `json:"sales,omitempty"`

	// Damaged are the jobs of sales that the disk has damaged, so that till, time and value are unknown: in no sum. They were
	// accepted beside a sale of the day.
	Damaged []string `json:"damaged,omitempty"`
}

// Day adds up the sales whose receipts have that date.
func Day(cfg Config, day string) (Report, error) {
	begun, err := time.ParseInLocation(time.DateOnly, day, cfg.Zone)
	if err != nil {
		e := agent.Errorf(agent.CodeInvalid, nil, "Informe o dia como AAAA-MM-DD.")
		e.Fields = []agent.Fault{{Field: "day", Code: "invalid", Detail: "Use AAAA-MM-DD."}}
		return Report{}, e
	}
	r := reader{cfg: cfg, day: day, cancelled: make(map[string]bool)}
	from, err := r.before(begun.Add(-24 * time.Hour)) // a till's clock may be ahead of ours
	if err != nil {
		return Report{}, err
	}
	for _, kind := range []agent.Kind{agent.KindCouponCancellation, agent.KindCoupon} {
		if err := r.read(kind, from); err != nil {
			return Report{}, err
		}
	}
	return r.report(), nil
}

type reader struct {
	cfg       Config
	day       string
	cancelled map[string]bool
	sales     []Sale

	unreadable []string // since the last sale with a date
	lastDate   string   // of that sale
	damaged    []string
}

// before finds the last job that was accepted before a time, by bisection: jobs are in the order of their acceptance.
func (r *reader) before(at time.Time) (uint64, error) {
	low, high := uint64(0), r.cfg.Jobs.LastSeq()
	for low < high {
		middle := low + (high-low+1)/2
		job, err := r.cfg.Jobs.Head(middle)
		switch {
		case errors.Is(err, agent.ErrNotFound), errors.Is(err, agent.ErrDamaged): // a gap of a damaged file, or damage: everything is read
			return 0, nil
		case err != nil:
			return 0, err
		case job.CreatedAt.Before(at):
			low = middle
		default:
			high = middle - 1
		}
	}
	return low, nil
}

func (r *reader) read(kind agent.Kind, after uint64) error {
	const page = 500
	for {
		jobs, err := r.cfg.Jobs.List("", kind, after, page)
		if err != nil {
			return err
		}
		for _, job := range jobs {
			if after = job.Seq; kind == agent.KindCouponCancellation {
				if job.Status.State != agent.Discarded && job.Status.State != agent.Held {
					r.cancelled[job.Coupon] = true
				}
				continue
			}
			if err := r.sale(job); err != nil {
				return err
			}
		}
		if len(jobs) < page {
			r.dated("")
			return nil
		}
	}
}

// dated notes the date of a sale in the order of acceptance, "" at their end. What could not be read between two of other days
// is not of the day.
func (r *reader) dated(date string) {
	if r.day == date || r.day == r.lastDate || (date == "" && r.lastDate == "") {
		r.damaged = append(r.damaged, r.unreadable...)
	}
	r.unreadable, r.lastDate = nil, date
}

// sale adds a receipt of the day. A receipt that was replaced by a corrected one is no sale.
func (r *reader) sale(job agent.Job) error {
	till, date, at, value := moment(job)
	if date == "" && (job.Status.State == agent.Damaged || job.Status.Reason == agent.ReasonLost) {
		r.unreadable = append(r.unreadable, job.ID())
		return nil
	}
	r.dated(date)
	if date != r.day || job.Status.State == agent.Discarded {
		return nil
	}
	sale := Sale{Coupon: job.Coupon, Till: till, Time: at, Value: value, Fate: r.fate(job), Job: job.ID()}
	if job.Session != "" && r.cfg.Session != nil && sale.Fate != Held && sale.Fate != Cancelled {
		session, known, err := r.cfg.Session(job.Session)
		if err != nil {
			return err
		}
		sale.Unconfirmed = known && session.Live && session.Stage == agent.StageOpen
	}
	for _, note := range job.Notes {
		sale.Notes = append(sale.Notes, note.Code)
	}
	r.sales = append(r.sales, sale)
	return nil
}

func (r *reader) fate(job agent.Job) Fate {
	switch state := job.Status.State; {
	case state == agent.Held:
		return Held
	case state == agent.Annulled, r.cancelled[job.Coupon]:
		return Cancelled
	case state == agent.Pending:
		return Pending
	case state == agent.Dead:
		return Dead
	}
	return Delivered
}

// moment reads a receipt's till, date, time and value, which is after discounts when the job has that.
func moment(job agent.Job) (till, date, at string, value agent.Cents) {
	parts := strings.Split(job.Moment, "|")
	if len(parts) != 4 {
		return "", "", "", 0
	}
	net := job.Net
	if net == 0 {
		net, _, _ = reading.Milli(parts[3]) // it was formatted by the agent; an empty one is 0
	}
	return parts[0], parts[1], parts[2], agent.Cents((net + 5) / 10)
}

func (r *reader) report() Report {
	slices.SortStableFunc(r.sales, func(a, b Sale) int {
		return cmp.Or(strings.Compare(a.Till, b.Till), strings.Compare(a.Time, b.Time))
	})
	report := Report{Day: r.day, Tills: []Totals{}, Sales: r.sales, Damaged: r.damaged}
	for _, sale := range r.sales {
		if n := len(report.Tills); n == 0 || report.Tills[n-1].Till != sale.Till {
			report.Tills = append(report.Tills, Totals{Till: sale.Till})
		}
		report.Tills[len(report.Tills)-1].add(sale)
		report.Total.add(sale)
	}
	for _, code := range agent.NoteCodes() {
		noted := Noted{Code: code, Detail: code.Detail()}
		for _, sale := range r.sales {
			if sale.Fate != Held && slices.Contains(sale.Notes, code) {
				noted.Count++
			}
		}
		if noted.Count > 0 {
			report.Notes = append(report.Notes, noted)
		}
	}
	return report
}

func (t *Totals) add(sale Sale) {
	of := map[Fate]*Amount{Delivered: &t.Delivered, Cancelled: &t.Cancelled, Pending: &t.Pending, Dead: &t.Dead, Held: &t.Held}
	of[sale.Fate].add(sale.Value)
	if sale.Fate != Held {
		t.Accepted.add(sale.Value)
		if len(sale.Notes) > 0 {
			t.Noted.add(sale.Value)
		}
	}
	if sale.Unconfirmed {
		t.Unconfirmed.add(sale.Value)
	}
}

// CSV writes a line per till and one of totals, values in reais with a point.
func (r Report) CSV() string {
	var out strings.Builder
	out.WriteString("day;till")
	for _, column := range []string{"accepted", "delivered", "cancelled", "pending", "dead", "held", "discount_unconfirmed", "noted"} {
		fmt.Fprintf(&out, ";%s_count;%s_value", column, column)
	}
	out.WriteByte('\n')
	for _, t := range append(slices.Clone(r.Tills), r.Total) {
		till := t.Till
		if till == "" {
			till = "total"
		}
		fmt.Fprintf(&out, "%s;%s", r.Day, strings.NewReplacer(";", ",", "\n", " ", `"`, "'").Replace(till))
		for _, a := range []Amount{t.Accepted, t.Delivered, t.Cancelled, t.Pending, t.Dead, t.Held, t.Unconfirmed, t.Noted} {
			fmt.Fprintf(&out, ";%d;%s", a.Count, a.Value)
		}
		out.WriteByte('\n')
	}
	return out.String()
}
