package catalog

import (
	"bytes"
	"context"
	"fmt"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Summary counts the records of a load by what became of them.
type Summary struct {
	Accepted  int        `json:"accepted"` // valid: changed and unchanged together
	Changed   int        `json:"changed"`  // new or different: they are queued
	Unchanged int        `json:"unchanged"`
	Rejected  []Rejected `json:"rejected"` // the first thousand
	Refused   int        `json:"rejected_total"`
	Batches   int        `json:"-"`
}

// someRejected bounds the list of a summary.
const someRejected = 1000

// Rejected is a record that was refused.
type Rejected struct {
	Index  int    `json:"index"` // from 0
	Key    string `json:"key,omitempty"`
	Field  string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Options of an intake.
type Options struct {
	Everything bool // queue unchanged records, too
	Names      bool // remember what is needed to take a record out of use
	Bytes      bool // compare a record's bytes and not its values: for sources, which spell a record alike each time
	Confirmed  bool // a person wants the load taken, however much is gone
	Wait       bool // do not run ahead of the cloud: for loads that are read again when they are not finished
}

// Intake takes one load, record by record. Use it from one goroutine, and close it.
type Intake struct {
	l     *Loader
	shelf *shelf
	shape agent.LoadShape
	opt   Options
	pace  pace

	index   int
	seen    map[uint64]uint64 // keys of this load and their contents; nil where they are marked on the shelf
	keys    int               // of this load, without repeated ones
	lost    int               // records whose key could not be read
	rounded int               // records with a number of more than three decimals
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
		i.l.forget(i.shelf, i.entries) // they were marked and not queued
		i.shelf.unmark()
	}
	return i.l.release()
}

// anew forgets which records this load has had. They are all queued.
func (i *Intake) anew() {
	i.l.mu.Lock()
	defer i.l.mu.Unlock()
	i.keys, i.lost = 0, 0
	if clear(i.seen); i.seen == nil {
		i.shelf.unmark()
		i.shelf.marking = true
	}
}

// Summary counts the records so far.
func (i *Intake) Summary() Summary { return i.summary }

// Refuse counts a record that could not be read. key may be empty.
func (i *Intake) Refuse(key string, fault agent.Fault) {
	i.present(key)
	i.reject(key, fault)
	i.index++
}

// present notes that the load has a refused record: it is not gone.
func (i *Intake) present(key string) {
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

// Add takes one record, which is a JSON object. It returns the fault of a refused record.
func (i *Intake) Add(ctx context.Context, record []byte) (*agent.Fault, error) {
	defer func() { i.index++ }()
	i.pace.rest(ctx, i.index)
	if i.already(record) {
		i.summary.Accepted++
		i.summary.Unchanged++
		return nil, nil
	}
	wire, entry, key, fault := i.look(record)
	if fault != nil {
		i.present(key)
		i.reject(key, *fault)
		return fault, nil
	}
	switch i.meet(entry, true) {
	case unchanged:
		i.summary.Accepted++
		i.summary.Unchanged++
		return nil, nil
	case repeated:
		fault = &agent.Fault{Field: i.shape.Key, Code: "repeated", Detail: "O mesmo registro já veio nesta carga com outro conteúdo; o primeiro vale."}
	case conflicting:
		fault = &agent.Fault{Field: i.shape.Key, Code: "conflict", Detail: "Este registro já foi enviado com outro conteúdo."}
	case different:
		i.summary.Accepted++
		i.summary.Changed++
		return nil, i.put(ctx, entry, wire)
	}
	i.reject(key, *fault)
	return fault, nil
}

// meeting is a record's relation to what is known of its key.
type meeting int

const (
	unchanged   meeting = iota // accepted, pending, or earlier in this load with the same content
	different                  // new, or with another content: it is queued
	repeated                   // earlier in this load with another content
	conflicting                // sent before with another content, and of a kind that never changes
)

// meet looks a record up, and notes that this load has it. A refused record (valid is false) is only noted.
func (i *Intake) meet(entry agent.LoadEntry, valid bool) meeting {
	i.l.mu.Lock()
	defer i.l.mu.Unlock()
	return i.meetLocked(entry, valid)
}

// meetLocked is meet. The caller holds mu.
func (i *Intake) meetLocked(entry agent.LoadEntry, valid bool) meeting {
	known, there := i.shelf.known[entry.Key]
	equal := there && known&^marked == entry.Content
	first, twice := i.seen[entry.Key]
	if i.seen == nil {
		first, twice = known&^marked, known&marked != 0
	}
	switch {
	case twice && (first == entry.Content || !valid):
		return unchanged
	case twice:
		return repeated
	case valid && there && !equal && i.shape.Fixed:
		return conflicting
	}
	i.keys++
	switch {
	case i.seen != nil:
		i.seen[entry.Key] = entry.Content
	case valid && !equal:
		i.shelf.known[entry.Key] = entry.Content | marked
	case there:
		i.shelf.known[entry.Key] = known | marked
	}
	if equal && !i.opt.Everything {
		return unchanged
	}
	return different
}

// already tells whether the very bytes of a record are accepted or pending, without parsing them: most records of a load
// are. The key that it finds may be a nested object's and not the record's; then no content equals these bytes, and the
// record is parsed.
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
	return i.meetLocked(entry, true) == unchanged
}

// byBytes tells whether a record's bytes are its content. Records that never change may be spelled in another way, and a
// till may write its fields in any order.
func (i *Intake) byBytes() bool { return i.opt.Bytes && !i.shape.Fixed }

// look reads a record as it goes up, its entry and its key, or its first fault.
func (i *Intake) look(record []byte) (wire []byte, entry agent.LoadEntry, key string, fault *agent.Fault) {
	parsed, err := rawjson.Parse(record)
	if err != nil {
		refusal := rawjson.Refusal(err)
		return nil, entry, "", &agent.Fault{Code: string(refusal.Code), Detail: refusal.Message}
	}
	key, wire, faults := i.l.cfg.Read(i.shape, parsed)
	if len(faults) > 0 {
		return nil, entry, key, &faults[0]
	}
	if len(wire)+len(i.shape.Wrapper)+len(`{"":[]}`) > i.l.cfg.MaxBytes {
		return nil, entry, key, &agent.Fault{Field: i.shape.Key, Code: "too_large", Detail: fmt.Sprintf("O registro tem %d bytes e não cabe em um lote.", len(wire))}
	}
	if !bytes.Equal(wire, record) {
		if parsed, err = rawjson.Parse(wire); err != nil {
			return nil, entry, key, &agent.Fault{Code: string(agent.CodeInternal), Detail: "O registro não pôde ser preparado."}
		}
	}
	text := record
	if !i.byBytes() {
		text = parsed.Canonical()
	}
	entry = agent.LoadEntry{Key: i.keyOf(key), Content: i.contentOf(text)}
	entry.Name = rawjson.Quote(key)
	if i.opt.Names {
		if name := nameOf(i.shape, parsed); len(name) <= maxName {
			entry.Name = name
		}
	}
	return wire, entry, key, nil
}

// marked is the bit of a content on the shelf that says that the present load has the record. It is never stored.
const marked uint64 = 1

// contentOf hashes a record's content. It is neither 0, which stands for a removed record, nor the mark.
func (i *Intake) contentOf(text []byte) uint64 {
	return max(i.l.cfg.Digest("load", string(i.shelf.kind)+"\x00"+string(text))&^marked, marked<<1)
}

// nameOf is the required fields of a record as the beginning of an object: what is needed to take it out of use.
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

// put adds a record to the batch, which is queued first when it is full.
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

// Flush queues the batch. It is on disk when Flush returns.
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

// Settled waits until no batch of the kind is pending.
func (i *Intake) Settled(ctx context.Context) error { return i.l.wait(ctx, i.shelf, 0) }
