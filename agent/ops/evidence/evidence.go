// Package evidence is the report of a homologation: what was asked, what was seen, and the verdict of every item. It writes one
// report as JSON, as a page and as a PDF, and reads the JSON back. It judges nothing and masks nothing: the kit that runs the
// plan hands in verdicts and exchanges that are masked already. The same report gives the same bytes.
package evidence

import (
	"errors"
	"fmt"
	"time"

	"pdvagent/agent"
)

// Version is the form of the JSON. A reader refuses every other one.
const Version = 1

// Report is one run of a plan, however often it was interrupted.
type Report struct {
	Cover  Cover   `json:"cover"`
	Stages []Stage `json:"stages"` // in the order of the vendor's checklist
	Items  []Item  `json:"items"`  // in the order of the plan
}

// Cover says whose report it is.
type Cover struct {
	Shop         string    `json:"shop"` // code
	ShopName     string    `json:"shop_name,omitempty"`
	Till         string    `json:"till"`
	AgentVersion string    `json:"agent_version"`
	PDVVersion   string    `json:"pdv_version"` // of the till's program, as every call says it
	Plan         string    `json:"plan"`        // title of the vendor's script
	PlanVersion  string    `json:"plan_version"`
	Mode         Mode      `json:"mode"`
	BaseURL      string    `json:"base_url"` // of the vendor's API
	Dialect      string    `json:"dialect"`
	Seed         string    `json:"seed,omitempty"`  // of the run's ids; empty: a till of the shop drew them
	Began        time.Time `json:"began"`           // shown in its own zone
	Ended        time.Time `json:"ended"`           // of this report: the run may go on
	Notes        []string  `json:"notes,omitempty"` // whole sentences about the run: that it was interrupted, what it cannot show
	Signature    Signature `json:"signature"`
}

// Signature says on the cover by whose key the report is signed. Empty: it is not signed.
type Signature struct {
	Subject     string `json:"subject,omitempty"`     // of the shop's certificate
	Made        bool   `json:"made,omitempty"`        // the key was made for this report: it proves that nothing changed, not who made it
	Fingerprint string `json:"fingerprint,omitempty"` // SHA-256 of the certificate, hexadecimal
}

// Mode says who did the items.
type Mode string

// The modes.
const (
	AgainstSandbox Mode = "sandbox" // the kit, alone, against the simulated cloud
	AgainstCloud   Mode = "cloud"   // the kit, against the shop's homologation base
	Watched        Mode = "watch"   // the shop's till
)

// Stage is a stage of the vendor's checklist.
type Stage struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Verdict is what became of an item.
type Verdict string

// The verdicts.
const (
	Passed   Verdict = "passed"
	Failed   Verdict = "failed"
	Open     Verdict = "open"     // not done yet, or for a person to confirm
	Answered Verdict = "answered" // an assumption: Seen says what the cloud does
	Unneeded Verdict = "unneeded" // does not apply to this shop: Seen says why
)

// Verdicts are all verdicts, in the order of the summary's columns.
func Verdicts() []Verdict { return []Verdict{Passed, Failed, Open, Answered, Unneeded} }

// Item is a line of the vendor's checklist, or an assumption, with its evidence. Its texts are Portuguese and hold no personal
// data but the plan's own test documents.
type Item struct {
	ID        string        `json:"id"` // H1 to H44 and what the plan adds
	Stage     string        `json:"stage"`
	Group     string        `json:"group,omitempty"` // heading inside the stage: percentage, takepay, combo
	Title     string        `json:"title"`
	Reference string        `json:"reference,omitempty"` // where the vendor asks for it
	Verdict   Verdict       `json:"verdict"`
	At        time.Time     `json:"at,omitzero"`        // of the verdict; zero while it is open
	Asked     []string      `json:"asked"`              // what was to be done, a step each
	Expected  []string      `json:"expected,omitempty"` // what must be seen
	Seen      []string      `json:"seen,omitempty"`     // what was seen
	Fault     string        `json:"fault,omitempty"`    // of a failed item: what was wrong, and what would be right
	Missing   string        `json:"missing,omitempty"`  // of an open item: what it waits for
	Confirmed *Confirmation `json:"confirmed,omitempty"`
	Exchanges []Exchange    `json:"exchanges,omitempty"`
}

// Confirmation is a person's word for what a machine cannot see.
type Confirmation struct {
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Says string    `json:"says,omitempty"`
}

// Exchange is a request and its answer, masked.
type Exchange struct {
	At       time.Time  `json:"at"`
	Side     agent.Side `json:"side"`
	Method   string     `json:"method"`
	Route    string     `json:"route"`
	Status   int        `json:"status"` // 0: no answer
	MS       float64    `json:"ms"`
	Detail   string     `json:"detail,omitempty"`   // why there was no answer, or why this exchange counts
	Request  string     `json:"request,omitempty"`  // masked body, or the shape of one that is no JSON
	Response string     `json:"response,omitempty"` // the same
}

// Count is the summary of a stage.
type Count struct {
	Stage
	Of map[Verdict]int `json:"of"` // every verdict, also with 0
}

// Total is the number of the stage's items.
func (c Count) Total() int {
	total := 0
	for _, n := range c.Of {
		total += n
	}
	return total
}

// Summary counts the items stage by stage, as the vendor's checklist has them.
func (r *Report) Summary() []Count {
	counts := make([]Count, 0, len(r.Stages))
	for _, stage := range r.Stages {
		of := make(map[Verdict]int)
		for _, verdict := range Verdicts() {
			of[verdict] = 0
		}
		for _, item := range r.Items {
			if item.Stage == stage.ID {
				of[item.Verdict]++
			}
		}
		counts = append(counts, Count{Stage: stage, Of: of})
	}
	return counts
}

// Check tells every way in which a report is none: items without an id or of no stage, twice the same id, a failed item
// without its fault.
func (r *Report) Check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if r.Cover.Shop == "" || r.Cover.Till == "" || r.Cover.Began.IsZero() || r.Cover.Ended.IsZero() {
		fault("the cover lacks shop, till, beginning or end")
	}
	stages, ids := make(map[string]bool), make(map[string]bool)
	for _, stage := range r.Stages {
		if stage.ID == "" || stages[stage.ID] {
			fault("stage %q has no id of its own", stage.ID)
		}
		stages[stage.ID] = true
	}
	for _, item := range r.Items {
		if item.ID == "" || ids[item.ID] {
			fault("item %q has no id of its own", item.ID)
		}
		ids[item.ID] = true
		if err := item.check(stages); err != nil {
			fault("item %s: %w", item.ID, err)
		}
	}
	return errors.Join(faults...)
}

func (i *Item) check(stages map[string]bool) error {
	switch {
	case !stages[i.Stage]:
		return fmt.Errorf("no stage %q", i.Stage)
	case i.Title == "":
		return errors.New("no title")
	case (i.Verdict == Failed) != (i.Fault != ""):
		return errors.New("what failed has a fault, and nothing else has")
	case (i.Verdict == Open) != i.At.IsZero():
		return errors.New("what is not open has a time, and nothing else has")
	case (i.Verdict == Answered || i.Verdict == Unneeded) && len(i.Seen) == 0:
		return errors.New("nothing is seen that says so")
	case i.Confirmed != nil && (i.Confirmed.By == "" || i.Confirmed.At.IsZero()):
		return errors.New("confirmed by nobody, or at no time")
	}
	for _, verdict := range Verdicts() {
		if i.Verdict == verdict {
			return nil
		}
	}
	return fmt.Errorf("no verdict %q", i.Verdict)
}
