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
)

// Summary is what became of the records of a load.
type Summary struct {
	Accepted  int        `json:"accepted"` // right ones: changed and unchanged together
	Changed   int        `json:"changed"`  // new or different: they are queued
	Unchanged int        `json:"unchanged"`
	Rejected  []Rejected `json:"rejected"` // the first thousand
	Refused   int        `json:"rejected_total"`
	Batches   int        `json:"-"`
}

// someRejected bounds the list of a summary.
const someRejected = 1000

// Rejected is a record that was not taken.
type Rejected struct {
	Index  int    `json:"index"` // from 0
	Key    string `json:"key,omitempty"`
	Field  string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Options of an intake.
type Options struct {
	Everything bool // queue what has not changed, too
	Names      bool // remember what is needed to take a record out of use
	Bytes      bool // know a record by its bytes, not by what it says: for sources, which spell theirs alike each time
	Wait       bool // do not run ahead of the cloud: for loads that are read again when they are not finished
}

// Intake is one load being taken, record by record. Use it from one goroutine, and close it.
type Intake struct {
	l     *Loader
	shelf *shelf
	shape agent.LoadShape
	opt   Options
	pace  pace

	index   int
	seen    map[uint64]uint64 // keys of this load and their contents; nil where they are marked on the shelf
	met     int               // keys of this load
	lost    int               // records whose key could not be read
	body    []byte
	entries []agent.LoadEntry
	summary Summary
}

// Begin starts a load.
func (l *Loader) Begin(kind agent.Kind, opt Options) (*Intake, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.shelves[kind]
	if err := l.open(s); err != nil {
		return nil, err
	}
	shape := l.cfg.Shape(kind)
	i := &Intake{l: l, shelf: s, shape: shape, opt: opt, pace: pace{sales: func() uint64 { return salesOf(l.cfg.Store.Counters()) }}, summary: Summary{Rejected: []Rejected{}}}
	if !opt.Wait || s.marking { // a million keys once more would be 40 MB
		i.seen = make(map[uint64]uint64)
	}
	s.marking = s.marking || i.seen == nil
	return i, nil
}

// Close ends a load, whether it was finished or not.
func (i *Intake) Close() error {
	i.l.mu.Lock()
	defer i.l.mu.Unlock()
	if i.seen == nil {
		i.l.forget(i.shelf, i.entries) // they were noted and not queued
		i.shelf.unmark()
	}
	return i.l.release()
}

// Summary is what became of the records so far.
func (i *Intake) Summary() Summary { return i.summary }

// Refuse notes a record that could not be read; its key, where that could.
func (i *Intake) Refuse(key string, fault agent.Fault) {
	i.there(key)
	i.reject(key, fault)
	i.index++
}

// there notes that the load has a record, faulty as it is: it is not gone.
func (i *Intake) there(key string) {
	if key == "" {
		i.lost++
		return
	}
	i.meet(agent.LoadEntry{Key: i.keyOf(key)}, false)
}

func (i *Intake) keyOf(key string) uint64 {
	return i.l.cfg.Digest("load-key", string(i.shelf.kind)+"\x00"+key)
}

func (i *Intake) reject(key string, fault agent.Fault) {
	i.summary.Refused++
	if len(i.summary.Rejected) == someRejected {
		return
	}
	i.summary.Rejected = append(i.summary.Rejected, Rejected{Index: i.index, Key: key, Field: fault.Field, Code: fault.Code, Detail: fault.Detail})
}

// Add takes one record: a JSON object that is right as such. It gives the fault for which it was not taken.
func (i *Intake) Add(ctx context.Context, record []byte) (*agent.Fault, error) {
	defer func() { i.index++ }()
	i.pace.rest(ctx, i.index)
	if i.already(record) {
		i.summary.Accepted++
		i.summary.Unchanged++
		return nil, nil
	}
	entry, key, fault := i.look(record)
	if fault != nil {
		i.there(key)
		i.reject(key, *fault)
		return fault, nil
	}
	switch i.meet(entry, true) {
	case same:
		i.summary.Accepted++
		i.summary.Unchanged++
		return nil, nil
	case repeated:
		fault = &agent.Fault{Field: i.shape.Key, Code: "repeated", Detail: "O mesmo registro já veio nesta carga com outro conteúdo; o primeiro vale."}
	case conflict:
		fault = &agent.Fault{Field: i.shape.Key, Code: "conflict", Detail: "Este registro já foi enviado com outro conteúdo."}
	case changed:
		i.summary.Accepted++
		i.summary.Changed++
		return nil, i.put(ctx, entry, record)
	}
	i.reject(key, *fault)
	return fault, nil
}

// meeting is what a record is to this load.
type meeting int

const (
	same     meeting = iota // the cloud has it so, or will with what is under way; or this load had it so already
	changed                 // new or different: it goes
	repeated                // this load had it with another content
	conflict                // it was sent with another content, and never changes
)

// meet looks a record up, and notes that this load has it. One that is not right is only noted.
func (i *Intake) meet(entry agent.LoadEntry, right bool) meeting {
	i.l.mu.Lock()
	defer i.l.mu.Unlock()
	return i.meetLocked(entry, right)
}

func (i *Intake) meetLocked(entry agent.LoadEntry, right bool) meeting {
	known, there := i.shelf.known[entry.Key]
	is := there && known&^marked == entry.Content
	first, twice := i.seen[entry.Key]
	if i.seen == nil {
		first, twice = known&^marked, known&marked != 0
	}
	switch {
	case twice && (first == entry.Content || !right):
		return same
	case twice:
		return repeated
	case right && there && !is && i.shape.Fixed:
		return conflict
	}
	i.met++
	switch {
	case i.seen != nil:
		i.seen[entry.Key] = entry.Content
	case right && !is:
		i.shelf.known[entry.Key] = entry.Content | marked
	case there:
		i.shelf.known[entry.Key] = known | marked
	}
	if is && !i.opt.Everything {
		return same
	}
	return changed
}

// already tells that the cloud has the very bytes of a record, without reading what they say: most of a load is that. It
// may be wrong only in one way, which costs time: the key that it sees need not be the record's, but then nothing is known
// under it with these bytes.
func (i *Intake) already(record []byte) bool {
	if i.opt.Everything || !i.byBytes() {
		return false
	}
	key, ok := rawjson.Peek(record, i.shape.Key)
	if !ok {
		return false
	}
	entry := agent.LoadEntry{Key: i.keyOf(string(key)), Content: i.contentOf(record)}
	i.l.mu.Lock()
	defer i.l.mu.Unlock()
	known, there := i.shelf.known[entry.Key]
	if !there || known&^marked != entry.Content {
		return false
	}
	return i.meetLocked(entry, true) == same
}

// byBytes: what never changes may be written in another way, and a till may write its fields in any order.
func (i *Intake) byBytes() bool { return i.opt.Bytes && !i.shape.Fixed }

// look gives what a record says, or its first fault.
func (i *Intake) look(record []byte) (agent.LoadEntry, string, *agent.Fault) {
	parsed, err := rawjson.Parse(record)
	if err != nil {
		refusal := rawjson.Refusal(err)
		return agent.LoadEntry{}, "", &agent.Fault{Code: string(refusal.Code), Detail: refusal.Message}
	}
	key, faults := i.l.cfg.Read(i.shape, parsed)
	if len(faults) > 0 {
		return agent.LoadEntry{}, key, &faults[0]
	}
	if len(record)+len(i.shape.Wrapper)+len(`{"":[]}`) > i.l.cfg.MaxBytes {
		return agent.LoadEntry{}, key, &agent.Fault{Field: i.shape.Key, Code: "too_large", Detail: fmt.Sprintf("O registro tem %d bytes e não cabe em um lote.", len(record))}
	}
	text := record
	if !i.byBytes() {
		text = parsed.Canonical()
	}
	entry := agent.LoadEntry{Key: i.keyOf(key), Content: i.contentOf(text)}
	entry.Name = rawjson.Quote(key)
	if i.opt.Names {
		if name := nameOf(i.shape, parsed); len(name) <= maxName {
			entry.Name = name
		}
	}
	return entry, key, nil
}

// marked is the bit of a content on the shelf that says that the load at work has it. It is never stored.
const marked uint64 = 1

// contentOf keeps clear of the mark, and of "nothing".
func (i *Intake) contentOf(text []byte) uint64 {
	return max(i.l.cfg.Digest("load", string(i.shelf.kind)+"\x00"+string(text))&^marked, marked<<1)
}

// nameOf is what a record of its kind must at least say: its required fields, as the beginning of an object.
func nameOf(shape agent.LoadShape, record rawjson.Value) []byte {
	if shape.Active == "" {
		return nil
	}
	name := []byte{'{'}
	for _, field := range shape.Fields {
		if value, ok := record.Get(field.Name); ok && field.Required {
			name = append(append(append(name, rawjson.Quote(field.Name)...), ':'), value.Raw()...)
			name = append(name, ',')
		}
	}
	return name
}

// put adds a record to the batch, which is queued when it is full.
func (i *Intake) put(ctx context.Context, entry agent.LoadEntry, record []byte) error {
	overhead := len(i.shape.Wrapper) + len(`{"":[]}`)
	if len(i.entries) == i.l.cfg.MaxCount || (len(i.entries) > 0 && len(i.body)+1+len(record)+overhead > i.l.cfg.MaxBytes) {
		if err := i.Flush(ctx); err != nil {
			return err
		}
	}
	if len(i.entries) > 0 {
		i.body = append(i.body, ',')
	}
	i.body = append(i.body, record...)
	i.entries = append(i.entries, entry)
	return nil
}

// Flush queues what has gathered: it is on disk when it returns.
func (i *Intake) Flush(ctx context.Context) error {
	if len(i.entries) == 0 {
		return nil
	}
	if i.opt.Wait {
		if err := i.l.wait(ctx, i.shelf, i.l.cfg.Ahead-1); err != nil {
			return err
		}
	}
	if err := i.l.queue(ctx, i.shelf, wrap(i.shape, i.body), i.entries); err != nil {
		return err
	}
	i.summary.Batches++
	i.body, i.entries = i.body[:0], nil
	return nil
}

func wrap(shape agent.LoadShape, records []byte) []byte {
	if shape.Wrapper == "" {
		return append(append([]byte{'['}, records...), ']')
	}
	return append(append(append(append([]byte{'{'}, rawjson.Quote(shape.Wrapper)...), `:[`...), records...), `]}`...)
}

// Settled waits until the cloud has answered to everything of the kind, and tells how many records it refused meanwhile.
func (i *Intake) Settled(ctx context.Context) error { return i.l.wait(ctx, i.shelf, 0) }

// underWay is what the store keeps of a batch until its end: this line, then the packed entries.
type underWay struct {
	Kind   agent.Kind `json:"kind"`
	Unique string     `json:"unique"` // empty in the record of the last batch
}

func (u underWay) with(entries []agent.LoadEntry) ([]byte, error) {
	line, err := json.Marshal(u)
	return append(append(line, '\n'), agent.PackEntries(entries)...), err
}

func readUnderWay(value []byte) (u underWay, packed []byte, err error) {
	line, packed, _ := bytes.Cut(value, []byte{'\n'})
	return u, packed, json.Unmarshal(line, &u)
}

// queue commits a batch together with what it says.
func (l *Loader) queue(ctx context.Context, s *shelf, body []byte, entries []agent.LoadEntry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	job, record, err := l.batch(s.kind, s.last, body, entries)
	if err != nil {
		return err
	}
	committed, err := l.cfg.Store.Commit(context.WithoutCancel(ctx), agent.Change{Jobs: []agent.Job{job}, Puts: []agent.Record{record, l.lastRecord(s.kind, job.Unique)}})
	if err != nil {
		return err
	}
	s.last = job.Unique
	s.under = append(s.under, &batch{unique: job.Unique, seq: committed.Seqs[0]})
	if s.known != nil {
		for _, entry := range entries {
			s.put(entry)
		}
	}
	return nil
}

func (l *Loader) batch(kind agent.Kind, after string, body []byte, entries []agent.LoadEntry) (agent.Job, agent.Record, error) {
	unique := agent.BatchGroup(l.cfg.NewID())
	value, err := underWay{kind, unique}.with(entries)
	job := agent.Job{
		Kind: kind, Dialect: l.cfg.Dialect, Unique: unique, After: after, Fingerprint: sha256.Sum256(body), Body: body, CreatedAt: l.cfg.Now(),
	}
	return job, agent.Record{Bucket: l.cfg.Bucket, Key: unique, Value: value, IfVersion: agent.AnyVersion}, err
}

func (l *Loader) lastRecord(kind agent.Kind, unique string) agent.Record {
	return agent.Record{Bucket: l.cfg.Bucket, Key: lastKey(kind), Value: []byte(`{"last":"` + unique + `"}`), IfVersion: agent.AnyVersion}
}

func lastKey(kind agent.Kind) string { return "last:" + string(kind) }

// wait lets no more than most batches of the kind be under way.
func (l *Loader) wait(ctx context.Context, s *shelf, most int) error {
	patience := time.NewTimer(l.cfg.Patience)
	defer patience.Stop()
	before := -1
	for {
		changed := l.cfg.Changed()
		l.settle(ctx)
		l.mu.Lock()
		n := len(s.under)
		l.mu.Unlock()
		if n <= most {
			return nil
		}
		if n != before {
			patience.Reset(l.cfg.Patience)
		}
		before = n
		select {
		case <-changed:
		case <-patience.C:
			return agent.Errorf(agent.CodeCloudAway, nil, "A nuvem não respondeu a %d lotes; eles continuam na fila, e o resto vai na próxima execução.", n)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// entries gives what a batch says.
func (l *Loader) entries(b *batch) ([]agent.LoadEntry, error) {
	value, _, err := l.cfg.Records.Record(l.cfg.Bucket, b.unique)
	if err != nil {
		return nil, err
	}
	_, packed, err := readUnderWay(value)
	if err != nil {
		return nil, fmt.Errorf("batch under way: %w", err)
	}
	return agent.UnpackEntries(packed)
}

// remember finds the batches that were under way when the agent ended.
func (l *Loader) remember() error {
	const page = 16
	for after := []byte(nil); ; {
		values, next, err := l.cfg.Records.Records(l.cfg.Bucket, after, page)
		if err != nil {
			return err
		}
		for _, value := range values {
			stored, _, err := readUnderWay(value.Data)
			if err != nil || stored.Unique == "" {
				continue // the last of a kind
			}
			job, err := l.cfg.Store.Unique(stored.Kind, stored.Unique)
			if err != nil {
				l.cfg.Log.Error("batch_without_job", "error", err)
				continue
			}
			s := l.shelves[stored.Kind]
			s.under = append(s.under, &batch{unique: stored.Unique, seq: job.Seq})
		}
		if after = next; next == nil {
			break
		}
	}
	for kind, s := range l.shelves {
		slices.SortFunc(s.under, func(a, b *batch) int { return int(a.seq) - int(b.seq) })
		var stored struct{ Last string }
		if value, _, err := l.cfg.Records.Record(l.cfg.Bucket, lastKey(kind)); err == nil {
			if err := json.Unmarshal(value, &stored); err != nil {
				return fmt.Errorf("last batch of %s: %w", kind, err)
			}
		}
		s.last = stored.Last
	}
	return nil
}
