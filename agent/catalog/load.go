package catalog

import (
	"context"
	"errors"

	"pdvagent/agent"
	"pdvagent/agent/source"
)

// Result is what became of a load from a source.
type Result struct {
	Summary
	Gone    *Gone    `json:"gone,omitempty"` // of a full load
	Sources []string `json:"sources"`
	Faults  []string `json:"faults"` // of whole sources, in words
}

// Load takes everything that a source has, and waits until the cloud has answered. A source that cannot be read to its end
// has given what came before; whatever is not finished is found again by the next load.
func (l *Loader) Load(ctx context.Context, kind agent.Kind, cfg source.Config, everything bool, progress func(Result)) (result Result, err error) {
	result = Result{Sources: []string{}, Faults: []string{}, Summary: Summary{Rejected: []Rejected{}}}
	sources, err := source.Open(ctx, cfg, l.cfg.Shape(kind))
	if err != nil || len(sources) == 0 {
		return result, err
	}
	inactive := cfg.Removed == "inactive"
	intake, err := l.Begin(kind, Options{Everything: everything, Names: inactive, Bytes: true, Wait: true})
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, intake.Close()) }()
	for _, opened := range sources {
		result.Sources = append(result.Sources, opened.Name())
		if err = intake.read(ctx, opened, func() { result.Summary = intake.Summary(); progress(result) }); err != nil {
			if agent.CodeOf(err) == agent.CodeCloudAway || ctx.Err() != nil {
				return result, err
			}
			result.Faults = append(result.Faults, agent.Sentence(err))
		}
	}
	if cfg.Mode == "full" && len(result.Faults) == 0 && intake.Summary().Accepted > 0 {
		gone, err := intake.Missing(ctx, inactive)
		result.Gone = &gone
		if err != nil {
			return result, err
		}
	}
	result.Summary = intake.Summary()
	return result, intake.Settled(ctx)
}

// progressEvery is how many records lie between two words of progress.
const progressEvery = 1000

// read takes one source to its end.
func (i *Intake) read(ctx context.Context, opened source.Opened, progress func()) (err error) {
	fate := source.Left
	defer func() { err = errors.Join(err, opened.Close(fate)) }()
	accepted := i.summary.Accepted
	for record := range opened.Records(ctx) {
		fault := record.Fault
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
	case ctx.Err() != nil:
	case err != nil, i.summary.Accepted == accepted && i.summary.Refused > 0:
		fate = source.Faulty
	default:
		fate = source.Taken
	}
	return err
}
