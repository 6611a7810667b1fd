package catalog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/records"
)

// batch is a job that is not yet settled.
type batch struct {
	unique string
	seq    uint64
}

// stored is what the store keeps of a batch until it settles: a line of JSON, then the packed entries.
type stored struct {
	Kind   agent.Kind `json:"kind"`
	Unique string     `json:"unique"` // empty in the record of the last batch
	packed []byte
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (s stored) MarshalBinary() ([]byte, error) {
	line, err := json.Marshal(s)
	return append(append(line, '\n'), s.packed...), err
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. The entries share value.
func (s *stored) UnmarshalBinary(value []byte) error {
	line, packed, _ := bytes.Cut(value, []byte{'\n'})
	s.packed = packed
	return json.Unmarshal(line, s)
}

// last is the newest batch that there ever was of a kind.
type last struct {
	Unique string `json:"last"`
}

func lastKey(kind agent.Kind) string { return "last:" + string(kind) }

// queue commits a batch together with its entries.
func (l *Loader) queue(ctx context.Context, s *shelf, body []byte, entries []agent.LoadEntry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	job, put, err := l.batch(s.kind, s.last, body, entries)
	if err != nil {
		return err
	}
	newest, err := l.lasts.Put(lastKey(s.kind), last{job.Unique}, agent.AnyVersion)
	if err != nil {
		return err
	}
	committed, err := l.cfg.Store.Commit(context.WithoutCancel(ctx), agent.Change{Jobs: []agent.Job{job}, Puts: []agent.Record{put, newest}})
	if err != nil {
		return err
	}
	s.last = job.Unique
	s.pending = append(s.pending, &batch{unique: job.Unique, seq: committed.Seqs[0]})
	if s.known != nil {
		for _, entry := range entries {
			s.put(entry)
		}
	}
	return nil
}

// batch makes a batch's job, which is sent after another, and the put of its entries.
func (l *Loader) batch(kind agent.Kind, after string, body []byte, entries []agent.LoadEntry) (agent.Job, agent.Record, error) {
	unique := agent.BatchGroup(l.cfg.NewID())
	job := agent.Job{
		Kind: kind, Dialect: l.cfg.Dialect, Unique: unique, After: after, Fingerprint: sha256.Sum256(body), Body: body, CreatedAt: l.cfg.Now(),
	}
	put, err := l.batches.Put(unique, stored{kind, unique, agent.PackEntries(entries)}, agent.AnyVersion)
	return job, put, err
}

// wrap makes a batch's body of its records, which stand between commas.
func wrap(shape agent.LoadShape, records []byte) []byte {
	if shape.Wrapper == "" {
		return append(append([]byte{'['}, records...), ']')
	}
	return append(append(append(append([]byte{'{'}, rawjson.Quote(shape.Wrapper)...), `:[`...), records...), `]}`...)
}

// wait waits until at most so many batches of the kind are pending. It gives up when none settles for as long as Patience.
func (l *Loader) wait(ctx context.Context, s *shelf, most int) error {
	patience := time.NewTimer(l.cfg.Patience)
	defer patience.Stop()
	before := -1
	for {
		committed := l.cfg.Store.Changed()
		l.settle(ctx)
		l.mu.Lock()
		n := len(s.pending)
		l.mu.Unlock()
		if n <= most {
			return nil
		}
		if n != before {
			patience.Reset(l.cfg.Patience)
		}
		before = n
		select {
		case <-committed:
		case <-patience.C:
			return agent.Errorf(agent.CodeCloudAway, nil, "A nuvem não respondeu a %d lotes; eles continuam na fila, e o resto vai na próxima execução.", n)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// entries reads what a pending batch's records are.
func (l *Loader) entries(b *batch) ([]agent.LoadEntry, error) {
	kept, row, err := l.batches.Get(b.unique)
	if err != nil {
		return nil, fmt.Errorf("pending batch: %w", err)
	}
	if !row.Known() {
		return nil, agent.ErrNotFound
	}
	return agent.UnpackEntries(kept.packed)
}

// remember finds the batches that were pending when the agent ended.
func (l *Loader) remember() error {
	err := l.batches.Each(func(row records.Row[stored]) error {
		kept, err := row.Value()
		if err != nil || kept.Unique == "" {
			return nil // the last of a kind
		}
		job, err := l.cfg.Store.Unique(kept.Kind, kept.Unique)
		if err != nil {
			l.cfg.Log.Error("batch_without_job", "error", err)
			return nil
		}
		s := l.shelves[kept.Kind]
		s.pending = append(s.pending, &batch{unique: kept.Unique, seq: job.Seq})
		return nil
	})
	if err != nil {
		return err
	}
	for kind, s := range l.shelves {
		slices.SortFunc(s.pending, func(a, b *batch) int { return int(a.seq) - int(b.seq) })
		row, err := l.lasts.Row(lastKey(kind))
		if err != nil {
			continue // it cannot be read: the next batch waits for none
		}
		newest, err := row.Value()
		if err != nil {
			return fmt.Errorf("last batch of %s: %w", kind, err)
		}
		s.last = newest.Unique
	}
	return nil
}
