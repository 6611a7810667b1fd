package homologation

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/ops/evidence"
	"pdvagent/agent/osfile"
	"pdvagent/mercafacil/homologation"
)

// Entry is what became of an item.
type Entry struct {
	Verdict   homologation.Verdict   `json:"verdict"`
	Words     string                 `json:"words"`
	At        time.Time              `json:"at"`
	Exchanges []evidence.Exchange    `json:"exchanges,omitempty"`
	Confirmed *evidence.Confirmation `json:"confirmed,omitempty"`
}

// Book is the verdicts of one run. Every change is on disk before it counts.
type Book struct {
	path string // empty: in memory only
	kept
}

type kept struct {
	Script  string           `json:"script"`
	Mode    evidence.Mode    `json:"mode"`
	Run     string           `json:"run"`  // begins the coupons' ids
	Seed    string           `json:"seed"` // of the other ids
	Began   time.Time        `json:"began"`
	Number  int              `json:"number"` // of the last coupon or load
	Entries map[string]Entry `json:"entries"`
	Pauses  int              `json:"pauses"` // how often it went on after an interruption
	Void    []string         `json:"void"`   // coupons that are in the cloud, and are still to be cancelled

	Watching bool              `json:"watching,omitempty"` // a watch is on
	Products map[string]string `json:"products,omitempty"` // of the shop, in the place of the plan's
}

// OpenBook reads the run's file, or begins a run. A file of another script or mode is refused: it is another run. An empty path
// keeps nothing on disk.
func OpenBook(path string, mode evidence.Mode, now time.Time) (*Book, error) {
	b := &Book{path: path, kept: kept{
		Script: homologation.Script, Mode: mode, Began: now, Run: now.UTC().Format("20060102-150405"), Seed: strings.ToLower(rand.Text()[:12]),
		Entries: make(map[string]Entry),
	}}
	if path == "" {
		return b, nil
	}
	text, err := osfile.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return b, b.save()
	}
	if err != nil {
		return nil, err
	}
	var read kept
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, agent.Errorf(agent.CodeMalformed, err, "O arquivo %q não é de uma homologação.", path)
	}
	if read.Script != b.Script || read.Mode != mode {
		return nil, agent.Errorf(agent.CodeConflict, nil, "O arquivo %q é de outro roteiro (%s) ou de outro modo (%s); use outra pasta.", path, read.Script, read.Mode)
	}
	if read.Entries == nil {
		read.Entries = make(map[string]Entry)
	}
	if read.Seed == "" { // of an older version
		read.Seed = b.Seed
	}
	read.Pauses++
	b.kept = read
	return b, b.save()
}

// Bind puts the shop's products in the place of the plan's: those given now, else those of the run so far.
func (b *Book) Bind(plan *homologation.Plan, products map[string]string) error {
	if len(products) > 0 {
		b.Products = products
	}
	if err := plan.Bind(b.Products); err != nil {
		return err
	}
	return b.save()
}

func (b *Book) save() error {
	if b.path == "" {
		return nil
	}
	text, err := json.MarshalIndent(b.kept, "", "  ")
	if err != nil {
		return err
	}
	if _, err := os.Lstat(b.path); errors.Is(err, os.ErrNotExist) {
		return osfile.WriteNew(b.path, text)
	}
	return osfile.Replace(b.path, text)
}

// Done tells whether an item needs nothing more.
func (b *Book) Done(id string) bool {
	verdict := b.Entries[id].Verdict
	return verdict == homologation.Passed || verdict == homologation.Answered
}

// note has a finding with the exchanges that show it. It is kept by the next save.
func (b *Book) note(plan *homologation.Plan, id string, found homologation.Finding, exchanges []agent.Exchange, now time.Time) {
	entry := Entry{Verdict: found.Verdict, Words: found.Words, Confirmed: b.Entries[id].Confirmed}
	if found.Verdict != homologation.Open {
		entry.At = now
	}
	for _, x := range inOrder(exchanges, found.Proof) {
		entry.Exchanges = append(entry.Exchanges, Shown(plan, x))
	}
	b.Entries[id] = entry
}

// inOrder gives some exchanges in the order of their times; of those of one moment the till's first, and what the queue sent by its
// numbers.
func inOrder(exchanges []agent.Exchange, indexes []int) []agent.Exchange {
	list := make([]agent.Exchange, 0, len(indexes))
	for _, i := range indexes {
		list = append(list, exchanges[i])
	}
	job := func(x agent.Exchange) int {
		number, _ := strconv.Atoi(x.Ref) // a live call's is none: first
		return number
	}
	slices.SortStableFunc(list, func(a, b agent.Exchange) int {
		if order := a.At.Compare(b.At); order != 0 {
			return order
		}
		if a.Side != b.Side {
			return cmp.Compare(b.Side, a.Side) // till, support; then cloud
		}
		return cmp.Compare(job(a), job(b))
	})
	return list
}

// IDs draws the run's ids: other ones each time it goes on.
func (b *Book) IDs() *IDs { return NewIDs(fmt.Sprintf("%s/%d", b.Seed, b.Pauses)) }

// Confirm keeps a person's word on an item that no machine can see.
func (b *Book) Confirm(id, by, says string, now time.Time) error {
	b.Entries[id] = Entry{Verdict: homologation.Passed, Words: says, At: now, Confirmed: &evidence.Confirmation{By: by, At: now, Says: says}}
	return b.save()
}

// Report is the run as the vendor gets it. The cover comes without times and plan, which the book knows.
func (b *Book) Report(plan *homologation.Plan, cover evidence.Cover, now time.Time) *evidence.Report {
	cover.Plan, cover.PlanVersion, cover.Mode, cover.Began, cover.Ended = plan.Vendor+": "+plan.Script, b.Script, b.Mode, b.Began, now
	if b.Pauses > 0 {
		cover.Notes = append(cover.Notes, fmt.Sprintf("A homologação foi interrompida e continuada %d vez(es).", b.Pauses))
	}
	if b.Mode != evidence.Watched { // there the till draws
		cover.Seed = b.Seed
	}
	report := &evidence.Report{Cover: cover}
	for _, stage := range plan.Stages {
		report.Stages = append(report.Stages, evidence.Stage{ID: stage.ID, Title: stage.Title})
	}
	for _, item := range plan.Items {
		report.Items = append(report.Items, b.line(plan, item))
	}
	return report
}

func (b *Book) line(plan *homologation.Plan, item homologation.Item) evidence.Item {
	entry := b.Entries[item.ID]
	line := evidence.Item{
		ID: item.ID, Stage: item.Stage, Group: item.Group, Title: item.Title, Reference: strings.Join(item.Manual, ", "), Verdict: evidence.Open,
		Asked: []string{plan.Fill(item.Instruction)}, Expected: []string{item.Seen}, Exchanges: entry.Exchanges, Confirmed: entry.Confirmed,
	}
	switch entry.Verdict {
	case homologation.Passed, homologation.Answered:
		line.Verdict, line.At, line.Seen = evidence.Verdict(entry.Verdict), entry.At, []string{entry.Words}
	case homologation.Failed:
		line.Verdict, line.At, line.Fault = evidence.Failed, entry.At, entry.Words
	default:
		line.Missing = entry.Words
		if line.Missing == "" {
			line.Missing = waitsFor(item)
		}
	}
	return line
}

// waitsFor says whom an open item waits for.
func waitsFor(item homologation.Item) string {
	switch item.By {
	case homologation.Human:
		return "A confirmação de uma pessoa."
	case homologation.Pilot:
		return "O cliente piloto, em produção."
	}
	return "Falta fazer."
}
