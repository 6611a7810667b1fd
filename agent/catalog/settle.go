package catalog

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Run notes what the cloud accepted, until ctx ends.
func (l *Loader) Run(ctx context.Context) error {
	for {
		changed := l.cfg.Changed()
		l.settle(ctx)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// settle looks at the batches under way, each kind's in their order: what the cloud accepted goes to the ledger, what it
// refused goes up again in halves until the records that it refuses stand alone.
func (l *Loader) settle(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.shelves {
		for len(s.under) > 0 {
			ended, err := l.end(ctx, s)
			l.say(s, err)
			if err != nil || !ended {
				break
			}
		}
	}
}

// say tells of a trouble once, until another comes or it is over.
func (l *Loader) say(s *shelf, err error) {
	if err != nil && (s.trouble == nil || s.trouble.Error() != err.Error()) {
		l.cfg.Log.Error("batch_not_settled", "kind", s.kind, "seq", s.under[0].seq, "error", err)
	}
	s.trouble = err
}

// mostInRow is how many batches may be refused in a row before it is their form, and not a record of theirs: halves of
// halves of a million records would be two million requests.
const mostInRow = 32

// end settles the oldest batch of a shelf; false while it is pending.
func (l *Loader) end(ctx context.Context, s *shelf) (bool, error) {
	oldest := s.under[0]
	job, err := l.cfg.Store.Head(oldest.seq)
	if err != nil {
		return false, err
	}
	if job.Status.State == agent.Pending {
		return false, nil
	}
	entries, err := l.entries(oldest)
	if err != nil {
		return false, err
	}
	switch {
	case job.Status.State == agent.Sent:
		s.passed, s.inRow = true, 0
		err = l.note(s, entries)
	case job.Status.State == agent.Dead && contentRefused(job) && s.inRow < mostInRow && len(entries) > 1:
		s.inRow++
		return true, l.split(ctx, s, job, entries)
	case job.Status.State == agent.Dead && contentRefused(job) && s.passed && len(entries) == 1: // it alone: not again before it changes
		err = l.note(s, entries)
	default: // its form is refused and not its records, or it was discarded, held after a damage, or its route is not there: everything goes once more with the next load
		l.forget(s, entries)
	}
	if err != nil {
		return false, err
	}
	over := agent.Record{Bucket: l.cfg.Bucket, Key: oldest.unique, IfVersion: agent.AnyVersion}
	if _, err := l.cfg.Store.Commit(context.WithoutCancel(ctx), agent.Change{Puts: []agent.Record{over}}); err != nil {
		return false, err
	}
	s.under = s.under[1:]
	return true, nil
}

func contentRefused(job agent.Job) bool {
	f := job.Status.Failure
	return f != nil && slices.Contains([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}, f.Status)
}

// note writes entries to the ledger.
func (l *Loader) note(s *shelf, entries []agent.LoadEntry) error {
	if err := l.use(false); err != nil {
		return err
	}
	return errors.Join(l.ledger.Append(s.kind, entries), l.release())
}

// forget lets entries count as changed.
func (l *Loader) forget(s *shelf, entries []agent.LoadEntry) {
	for _, entry := range entries {
		if known, ok := s.known[entry.Key]; ok && known&^marked == entry.Content {
			delete(s.known, entry.Key)
		}
	}
}

// split puts a refused batch's records into two new ones. Those that a later batch says anew are left out.
func (l *Loader) split(ctx context.Context, s *shelf, head agent.Job, entries []agent.LoadEntry) error {
	job, err := l.cfg.Store.Job(head.Seq)
	if err != nil {
		return err
	}
	shape := l.cfg.Shape(s.kind)
	records, err := elements(job.Body)
	if err != nil || len(records) != len(entries) {
		return errors.Join(errors.New("a refused batch is not what it was"), err)
	}
	later, err := l.saidLater(s)
	if err != nil {
		return err
	}
	job.Status.State, job.Status.Reason = agent.Discarded, agent.ReasonSplit
	change := agent.Change{
		Moves: []agent.Move{{Seq: job.Seq, Status: job.Status}},
		Puts:  []agent.Record{{Bucket: l.cfg.Bucket, Key: job.Unique, IfVersion: agent.AnyVersion}},
	}
	half, last := (len(entries)+1)/2, s.last
	var added []*batch
	for from := 0; from < len(entries); from += half {
		to := min(from+half, len(entries))
		part, says := l.without(later, records[from:to], entries[from:to])
		if len(says) == 0 {
			continue
		}
		next, record, err := l.batch(s.kind, last, wrap(shape, part), says)
		if err != nil {
			return err
		}
		change.Jobs, change.Puts = append(change.Jobs, next), append(change.Puts, record)
		added, last = append(added, &batch{unique: next.Unique}), next.Unique
	}
	change.Puts = append(change.Puts, l.lastRecord(s.kind, last))
	committed, err := l.cfg.Store.Commit(context.WithoutCancel(ctx), change)
	if err != nil {
		return err
	}
	for i, seq := range committed.Seqs {
		added[i].seq = seq
	}
	s.last, s.under = last, append(s.under[1:], added...)
	return nil
}

// saidLater gives the keys that batches after the oldest speak of.
func (l *Loader) saidLater(s *shelf) (map[uint64]bool, error) {
	later := make(map[uint64]bool)
	for _, b := range s.under[1:] {
		entries, err := l.entries(b)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			later[entry.Key] = true
		}
	}
	return later, nil
}

func (l *Loader) without(later map[uint64]bool, records [][]byte, entries []agent.LoadEntry) (body []byte, says []agent.LoadEntry) {
	for i, entry := range entries {
		if later[entry.Key] {
			continue
		}
		if len(says) > 0 {
			body = append(body, ',')
		}
		body, says = append(body, records[i]...), append(says, entry)
	}
	return body, says
}

// elements gives the records of a batch's body, whichever wrapper was configured when it was made.
func elements(body []byte) ([][]byte, error) {
	parsed, err := rawjson.Parse(body)
	if err != nil {
		return nil, err
	}
	if parsed.Kind == rawjson.Object && len(parsed.Members) == 1 {
		parsed = parsed.Members[0].Value
	}
	records := make([][]byte, len(parsed.Elements))
	for i, element := range parsed.Elements {
		records[i] = element.Raw()
	}
	return records, nil
}
