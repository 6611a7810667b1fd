package routine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"pdvagent/agent"
)

// keptRuns is how many runs of a routine the store keeps.
const keptRuns = 30

// stored is the record of a routine in the store.
type stored struct {
	LastTick time.Time `json:"last_tick"`
	Runs     []Report  `json:"runs"`
}

// restore reads a routine's record.
func (b *Book) restore(p *page) error {
	value, _, err := b.cfg.Records.Record(b.cfg.Bucket, p.Name)
	if errors.Is(err, agent.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var s stored
	if err := json.Unmarshal(value, &s); err != nil {
		return err
	}
	p.lastTick, p.runs = s.LastTick, s.Runs
	for i := range p.runs {
		if p.runs[i].State == Running {
			p.runs[i].State = Interrupted
		}
	}
	return nil
}

// save puts a report first among the routine's runs, in place of an earlier one of the same run, and writes the record. It
// does not write for a run of a frequent routine that found nothing to do.
func (b *Book) save(ctx context.Context, p *page, report Report) {
	b.mu.Lock()
	if len(p.runs) > 0 && p.runs[0].ID == report.ID {
		p.runs[0] = report
	} else {
		p.runs = slices.Insert(p.runs, 0, report)
	}
	p.runs = p.runs[:min(len(p.runs), keptRuns)]
	record := stored{p.lastTick, slices.Clone(p.runs)}
	b.mu.Unlock()
	if p.frequent() && foundNothing(report) {
		return
	}
	value, err := json.Marshal(record)
	if err == nil {
		_, err = b.cfg.Records.Commit(context.WithoutCancel(ctx), agent.Change{Puts: []agent.Record{
			{Bucket: b.cfg.Bucket, Key: p.Name, Value: value, IfVersion: agent.AnyVersion},
		}})
	}
	if err != nil {
		b.cfg.Log.Error("routine_not_kept", "routine", p.Name, "error", err)
	}
}

// foundNothing reports whether a run by the clock went well and had nothing to do.
func foundNothing(r Report) bool {
	for _, n := range r.Counts {
		if n != 0 {
			return false
		}
	}
	return r.State == Done && r.Cause == "clock"
}

// Entry is a routine as people see it.
type Entry struct {
	Name    string     `json:"name"`
	When    string     `json:"when"` // in Portuguese
	Every   string     `json:"every,omitempty"`
	At      []string   `json:"at,omitempty"`
	Shop    bool       `json:"shop"` // only the primary till of the shop runs it
	Here    bool       `json:"here"` // this till runs it
	NextAt  *time.Time `json:"next_at"`
	Running *Report    `json:"running"`
	Last    *Report    `json:"last"`
}

// List returns every routine, as configured.
func (b *Book) List() []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	entries := make([]Entry, 0, len(b.order))
	for _, name := range b.order {
		p := b.pages[name]
		e := Entry{Name: name, When: p.Table.Words(), Shop: p.Shop, Here: b.allowed(p)}
		if p.Table.Every > 0 {
			e.Every = p.Table.Every.String()
		}
		for _, at := range p.Table.At {
			e.At = append(e.At, at.String())
		}
		if e.Here {
			if next := b.due(p, b.cfg.Now()); !next.IsZero() {
				next = next.UTC()
				e.NextAt = &next
			}
		}
		if p.current != nil {
			running := p.current.snapshot()
			e.Running = &running
		}
		if i := slices.IndexFunc(p.runs, func(r Report) bool { return r.State != Running && (e.Running == nil || r.ID != e.Running.ID) }); i >= 0 {
			last := p.runs[i]
			e.Last = &last
		}
		entries = append(entries, e)
	}
	return entries
}

// Runs returns a routine's runs, newest first.
func (b *Book) Runs(name string) ([]Report, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.find(name)
	if err != nil {
		return nil, err
	}
	runs := append([]Report{}, p.runs...) // none is a list too
	if p.current != nil {
		running := p.current.snapshot()
		if len(runs) > 0 && runs[0].ID == running.ID {
			runs = runs[1:]
		}
		runs = slices.Insert(runs, 0, running)
	}
	return runs, nil
}

func (b *Book) find(name string) (*page, error) {
	p := b.pages[name]
	if p == nil {
		return nil, agent.Errorf(agent.CodeNotFound, nil, "Não há rotina com este nome; veja as que existem com: pdvagent routines ls, ou GET /v1/routines.")
	}
	return p, nil
}

// Start runs a routine now and returns the report of the run; while the routine has a run, it returns that one's. A run that
// is started before [Book.Run] begins with it. A stopping agent refuses with CodeInFlight.
func (b *Book) Start(name string, everything bool) (Report, error) {
	return b.StartAs(name, Asked{Everything: everything})
}

// StartAs is [Book.Start] for all that a person may want of a run.
func (b *Book) StartAs(name string, asked Asked) (Report, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.find(name)
	switch {
	case err != nil:
		return Report{}, err
	case !b.allowed(p):
		return Report{}, agent.Errorf(agent.CodeNotPrimary, nil, "Esta rotina é da loja inteira e roda só no caixa principal (shop.primary: true); este não é ele.")
	case p.current != nil && asked.Folder != "":
		return Report{}, agent.Errorf(agent.CodeConflict, nil, "Esta rotina está rodando: espere ela terminar e mande o arquivo de novo.")
	case p.current != nil:
		return p.current.snapshot(), nil
	case b.stopped:
		return Report{}, agent.Errorf(agent.CodeInFlight, nil, "O pdvagent está parando; tente de novo em seguida.")
	}
	return b.start(p, "person", asked), nil
}

// Last returns when the latest run of a routine ended and whether it went well; the zero time before its first.
func (b *Book) Last(name string) (at time.Time, well bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, run := range b.pages[name].runs {
		if run.EndedAt != nil {
			return *run.EndedAt, run.State == Done
		}
	}
	return time.Time{}, false
}
