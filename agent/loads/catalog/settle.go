package catalog

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Run settles batches as the cloud answers them, until ctx ends.
func (l *Loader) Run(ctx context.Context) error {
	for {
		committed := l.cfg.Store.Changed()
		l.settle(ctx)
		select {
		case <-committed:
		case <-ctx.Done():
			return nil
		}
	}
}

// settle looks at the pending batches, each kind's in their order. The entries of an accepted batch go to the ledger; a
// refused batch is sent again in halves until the refused records are alone in theirs.
func (l *Loader) settle(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.shelves {
		for len(s.pending) > 0 {
			ended, err := l.end(ctx, s)
			l.logTrouble(s, err)
			if err != nil || !ended {
				break
			}
		}
	}
}

// logTrouble logs a trouble with the oldest batch when it begins or becomes another.
func (l *Loader) logTrouble(s *shelf, err error) {
	if err != nil && (s.trouble == nil || s.trouble.Error() != err.Error()) {
		l.cfg.Log.Error("batch_not_settled", "kind", s.kind, "seq", s.pending[0].seq, "error", err)
	}
	s.trouble = err
}

// mostInRow is the batches that may be refused in a row. After that their form is refused and not a record of them: halves
// of halves of a million records would be two million requests.
const mostInRow = 32

// end settles the oldest batch of a shelf; false while it is pending.
func (l *Loader) end(ctx context.Context, s *shelf) (bool, error) {
	oldest := s.pending[0]
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
	default: // its form is refused and not its records, or it was discarded, held after a damage, or its route is not there: the next load sends everything again
		l.forget(s, entries)
	}
	if err != nil {
		return false, err
	}
	if err := l.batches.Write(context.WithoutCancel(ctx), l.batches.Delete(oldest.unique, agent.AnyVersion)); err != nil {
		return false, err
	}
	s.pending = s.pending[1:]
	return true, nil
}

func contentRefused(job agent.Job) bool {
	f := job.Status.Failure
	return f != nil && slices.Contains([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}, f.Status)
}

// note writes entries to the ledger. The caller holds mu.
func (l *Loader) note(s *shelf, entries []agent.LoadEntry) error {
	if err := l.use(false); err != nil {
		return err
	}
	return errors.Join(l.ledger.Append(s.kind, entries), l.release())
}

// forget makes records count as changed. The caller holds mu.
func (l *Loader) forget(s *shelf, entries []agent.LoadEntry) {
	for _, entry := range entries {
		if known, ok := s.known[entry.Key]; ok && known&^marked == entry.Content {
			delete(s.known, entry.Key)
		}
	}
}

// split puts a refused batch's records into two new batches, without those that a later batch has too. The caller holds mu.
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
	later, err := l.laterKeys(s)
	if err != nil {
		return err
	}
	job.Status.State, job.Status.Reason = agent.Discarded, agent.ReasonSplit
	change := agent.Change{
		Moves: []agent.Move{{Seq: job.Seq, Status: job.Status}},
		Puts:  []agent.Record{l.batches.Delete(job.Unique, agent.AnyVersion)},
	}
	half, after := (len(entries)+1)/2, s.last
	var added []*batch
	for from := 0; from < len(entries); from += half {
		to := min(from+half, len(entries))
		body, rest := without(later, records[from:to], entries[from:to])
		if len(rest) == 0 {
			continue
		}
		next, put, err := l.batch(s.kind, after, wrap(shape, body), rest)
		if err != nil {
			return err
		}
		change.Jobs, change.Puts = append(change.Jobs, next), append(change.Puts, put)
		added, after = append(added, &batch{unique: next.Unique}), next.Unique
	}
	newest, err := l.lasts.Put(lastKey(s.kind), last{after}, agent.AnyVersion)
	if err != nil {
		return err
	}
	change.Puts = append(change.Puts, newest)
	committed, err := l.cfg.Store.Commit(context.WithoutCancel(ctx), change)
	if err != nil {
		return err
	}
	for i, seq := range committed.Seqs {
		added[i].seq = seq
	}
	s.last, s.pending = after, append(s.pending[1:], added...)
	return nil
}

// laterKeys reads the keys of the records in the batches after the oldest.
func (l *Loader) laterKeys(s *shelf) (map[uint64]bool, error) {
	later := make(map[uint64]bool)
	for _, b := range s.pending[1:] {
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

// without leaves out the records that a later batch has too.
func without(later map[uint64]bool, records [][]byte, entries []agent.LoadEntry) (body []byte, rest []agent.LoadEntry) {
	for i, entry := range entries {
		if later[entry.Key] {
			continue
		}
		if len(rest) > 0 {
			body = append(body, ',')
		}
		body, rest = append(body, records[i]...), append(rest, entry)
	}
	return body, rest
}

// elements cuts a batch's body into its records, whatever wrapper was configured when it was made.
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
