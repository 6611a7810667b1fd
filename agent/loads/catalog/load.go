package catalog

import (
	"context"
	"errors"
	"fmt"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/rawjson"
)

// Result is the outcome of a load from a source.
type Result struct {
	Summary
	Gone       *Gone    `json:"gone,omitempty"` // of a full load
	Sources    []string `json:"sources"`
	Superseded []string `json:"superseded,omitempty"` // older files of a full load, which were not read
	Faults     []string `json:"faults"`               // of whole sources; Portuguese
	Rounded    int      `json:"rounded,omitempty"`    // records with a number of more than three decimals
}

// RoutineRun is a run of a load's routine. One that also has a method Confirmed tells by it that a person wants a load taken
// that is much smaller than the one before.
type RoutineRun interface {
	Everything() bool         // a person wants unchanged records sent, too
	Count(name string, n int) // a figure of the run, seen while it goes on
	Fault(detail string)      // Portuguese; it makes the run a failed one
	SetData(data any)         // the run's result
}

// Load takes every record of a source, and waits until the cloud has answered. The records before a fault of the source are
// taken; the next load finds what is not finished. Of a full load nothing is taken when it is faulty or much smaller than
// the one before. A run also fails when most records were refused, or when too many were gone to be true.
func (l *Loader) Load(ctx context.Context, kind agent.Kind, cfg source.Config, run RoutineRun) error {
	opt := Options{Everything: run.Everything(), Names: cfg.Removed == "inactive", Bytes: true, Wait: true}
	if asked, ok := run.(interface{ Confirmed() bool }); ok {
		opt.Confirmed = asked.Confirmed()
	}
	result, err := l.load(ctx, kind, cfg, opt, func(now Result) { now.count(run) })
	result.count(run)
	run.SetData(result)
	l.alarm(kind, result.Faults, err)
	for _, fault := range result.Faults {
		run.Fault(fault)
	}
	if result.Refused > result.Accepted {
		run.Fault(fmt.Sprintf("A maior parte dos registros foi recusada: %d de %d. Confira a origem; o relatório diz o que há com cada um.", result.Refused, result.Refused+result.Accepted))
	}
	if result.Gone != nil && result.Gone.Withheld && len(result.Faults) == 0 {
		run.Fault("Registros demais sumiram da carga completa para ser verdade, ou alguns não puderam ser lidos; nada foi dado por inativo. Confira a origem.")
	}
	return err
}

// Shape is how the records of a kind look.
func (l *Loader) Shape(kind agent.Kind) agent.LoadShape { return l.cfg.Shape(kind) }

// Fault is the first thing wrong with a record; nil for one that a load would take.
func (l *Loader) Fault(kind agent.Kind, body []byte) *agent.Fault {
	record, err := rawjson.Parse(body)
	if err != nil {
		return &agent.Fault{Code: string(agent.CodeMalformed), Detail: agent.Sentence(rawjson.Refusal(err))}
	}
	if _, _, faults := l.cfg.Read(l.cfg.Shape(kind), record); len(faults) > 0 {
		return &faults[0]
	}
	return nil
}

// alarm tells of a source that was refused as a whole, until a load goes well.
func (l *Loader) alarm(kind agent.Kind, faults []string, err error) {
	switch {
	case l.cfg.Alarms == nil:
	case len(faults) > 0:
		l.cfg.Alarms.Clear(agent.AlarmLoad, string(kind)) // it may be another one
		l.cfg.Alarms.Raise(agent.Alarm{Code: agent.AlarmLoad, Subject: string(kind), Detail: faults[0], Since: l.cfg.Now()})
	case err == nil:
		l.cfg.Alarms.Clear(agent.AlarmLoad, string(kind))
	}
}

func (r Result) count(run RoutineRun) {
	run.Count("accepted", r.Accepted)
	run.Count("changed", r.Changed)
	run.Count("unchanged", r.Unchanged)
	run.Count("rejected", r.Refused)
	run.Count("batches", r.Batches)
	if r.Gone != nil {
		run.Count("removed", r.Gone.Count)
	}
	if len(r.Superseded) > 0 {
		run.Count("superseded", len(r.Superseded))
	}
	if r.Rounded > 0 {
		run.Count("rounded", r.Rounded)
	}
}

// load is Load without the run.
func (l *Loader) load(ctx context.Context, kind agent.Kind, cfg source.Config, opt Options, progress func(Result)) (result Result, err error) {
	result = Result{Sources: []string{}, Faults: []string{}, Summary: Summary{Rejected: []Rejected{}}}
	sources, err := source.Open(ctx, cfg, l.cfg.Shape(kind))
	if err != nil || len(sources) == 0 {
		return result, err
	}
	intake, err := l.Begin(kind, opt)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, intake.Close()) }()
	if cfg.Mode == "full" {
		if result.Faults, result.Gone, err = intake.survey(ctx, sources); err != nil || len(result.Faults) > 0 {
			return result, err
		}
	}
	for _, opened := range sources {
		result.Sources = append(result.Sources, opened.Name())
		err = intake.read(ctx, opened, func() { result.Summary, result.Rounded = intake.Summary(), intake.rounded; progress(result) })
		switch {
		case err == nil:
			result.Superseded = append(result.Superseded, source.Superseded(opened)...)
		case agent.CodeOf(err) == agent.CodeCloudAway || ctx.Err() != nil:
			return result, err
		default:
			result.Faults = append(result.Faults, agent.Sentence(err))
		}
		if cfg.Mode != "full" { // the same record in a later file is a newer one
			intake.anew()
		}
	}
	if cfg.Mode == "full" && len(result.Faults) == 0 {
		gone, err := intake.Missing(ctx, opt.Names)
		result.Gone = &gone
		if err != nil {
			return result, err
		}
	}
	result.Summary, result.Rounded = intake.Summary(), intake.rounded
	return result, intake.Settled(ctx)
}

// progressEvery is the records between two calls of progress.
const progressEvery = 1000

// read takes the records of one source.
func (i *Intake) read(ctx context.Context, opened source.Opened, progress func()) (err error) {
	fate := source.Left
	defer func() { err = errors.Join(err, opened.Close(fate)) }()
	accepted := i.summary.Accepted
	for record := range opened.Records(ctx) {
		fault := record.Fault
		if record.Rounded {
			i.rounded++
		}
		if fault != nil {
			i.Refuse(record.Key, *fault)
		} else if fault, err = i.Add(ctx, record.Body); err != nil {
			return err
		}
		if fault != nil {
			opened.Refuse(record.Place, *fault)
		}
		if i.index%progressEvery == 0 {
			progress()
		}
	}
	if err := i.Flush(ctx); err != nil {
		return err
	}
	err = opened.Err()
	switch {
	case ctx.Err() != nil, errors.Is(err, source.ErrUnfinished):
	case err != nil, i.summary.Accepted == accepted && i.summary.Refused > 0:
		fate = source.Faulty
	default:
		fate = source.Taken
	}
	return err
}
