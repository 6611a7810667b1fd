package routine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"pdvagent/agent"
)

// keptRuns is how many runs of a routine are remembered.
const keptRuns = 30

// stored is what the store keeps of a routine.
type stored struct {
	LastTick time.Time `json:"last_tick"`
	Runs     []Report  `json:"runs"`
}

func (b *Book) remember(p *page) error {
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

// keep writes the routine's page with that run on top. A run by the clock that found nothing to do is not worth a write.
func (b *Book) keep(ctx context.Context, p *page, report Report) {
	b.mu.Lock()
	if len(p.runs) > 0 && p.runs[0].ID == report.ID {
		p.runs[0] = report
	} else {
		p.runs = slices.Insert(p.runs, 0, report)
	}
	p.runs = p.runs[:min(len(p.runs), keptRuns)]
	page := stored{p.lastTick, slices.Clone(p.runs)}
	b.mu.Unlock()
	if quiet(report) && p.Table.Every > 0 && p.Table.Every < time.Hour {
		return
	}
	value, err := json.Marshal(page)
	if err == nil {
		_, err = b.cfg.Records.Commit(context.WithoutCancel(ctx), agent.Change{Puts: []agent.Record{
			{Bucket: b.cfg.Bucket, Key: p.Name, Value: value, IfVersion: agent.AnyVersion},
		}})
	}
	if err != nil {
		b.cfg.Log.Error("routine_not_kept", "routine", p.Name, "error", err)
	}
}

func quiet(r Report) bool {
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
	Shop    bool       `json:"shop"` // the whole shop's: only on the primary till
	Here    bool       `json:"here"` // runs on this till
	NextAt  *time.Time `json:"next_at"`
	Running *Report    `json:"running"`
	Last    *Report    `json:"last"`
}

// List gives the timetable.
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
			now := p.current.now()
			e.Running = &now
		}
		if i := slices.IndexFunc(p.runs, func(r Report) bool { return r.State != Running && (e.Running == nil || r.ID != e.Running.ID) }); i >= 0 {
			last := p.runs[i]
			e.Last = &last
		}
		entries = append(entries, e)
	}
	return entries
}

// Runs gives a routine's runs, newest first.
func (b *Book) Runs(name string) ([]Report, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.find(name)
	if err != nil {
		return nil, err
	}
	runs := slices.Clone(p.runs)
	if p.current != nil {
		now := p.current.now()
		if len(runs) > 0 && runs[0].ID == now.ID {
			runs = runs[1:]
		}
		runs = slices.Insert(runs, 0, now)
	}
	return runs, nil
}

func (b *Book) find(name string) (*page, error) {
	p := b.pages[name]
	if p == nil {
		return nil, agent.Errorf(agent.CodeNotFound, nil, "Não há rotina com este nome; veja as que existem em GET /v1/routines.")
	}
	return p, nil
}

// Start runs a routine now. While one runs, it gives that one.
func (b *Book) Start(name string, everything bool) (Report, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.find(name)
	switch {
	case err != nil:
		return Report{}, err
	case !b.allowed(p):
		return Report{}, agent.Errorf(agent.CodeNotPrimary, nil, "Esta rotina é da loja inteira e roda só no caixa principal (shop.primary: true); este não é ele.")
	case p.current != nil:
		return p.current.now(), nil
	case b.ctx == nil:
		return Report{}, agent.Errorf(agent.CodeInFlight, nil, "O pdvagent está parando; tente de novo em seguida.")
	}
	return b.start(b.ctx, p, "person", everything), nil
}

// Last is when a routine ended the last time, and whether well; the zero time before the first.
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
