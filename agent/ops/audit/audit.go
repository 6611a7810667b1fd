// Package audit keeps the trail of what people did: who, when, by what, what it was before and after, and how it ended. An
// entry is in the store before its answer goes out. The trail has a bound: a new entry takes the place of the oldest.
//
// It does not know what a route does and masks nothing: the door (till/api) makes the entries, without secrets and personal
// data, and shows them. Retention calls [Trail.Sweep]. It calls the store through records.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
)

// Outcome is how a deed ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused" // nothing changed
	Failed  Outcome = "failed"  // what changed is not known
)

// Via is by what somebody acted.
type Via string

// The ways.
const (
	ByConsole Via = "console"
	ByCommand Via = "command" // of this program
	ByProgram Via = "program" // another one, with a token
)

// Entry is one thing that a person did.
type Entry struct {
	Number  uint64          `json:"number"`
	At      time.Time       `json:"at"`
	Who     string          `json:"who"` // name of the token
	Via     Via             `json:"via"`
	Session string          `json:"session,omitempty"` // the console's
	Action  string          `json:"action"`            // method and path of the route
	Target  string          `json:"target,omitempty"`  // number or name of what it was about
	What    string          `json:"what"`              // Portuguese
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	Outcome Outcome         `json:"outcome"`
	Code    agent.Code      `json:"code,omitempty"` // of the refusal
}

// Bounds of the trail.
const (
	MostEntries = 10_000
	KeepFor     = 400 * 24 * time.Hour
	maxValue    = 8 << 10 // bytes of before and of after
)

// patience bounds the wait for a disk that hangs: the deed has its answer all the same.
const patience = 10 * time.Second

// tooLong stands for a value that is larger than maxValue.
var tooLong = json.RawMessage(`"(longo demais para a trilha)"`)

// Config is what a trail needs.
type Config struct {
	Store  records.Store
	Bucket string           // record bucket of the store, this package's alone
	Now    func() time.Time // default time.Now
	Most   uint64           // entries, default MostEntries
}

// Trail is safe for concurrent use.
type Trail struct {
	cfg     Config
	entries records.Table[Entry]
	heads   records.Table[head]

	gate agent.Gate // of last, and of every write
	last uint64
}

// head is the number of the newest entry.
type head struct {
	Last uint64 `json:"last"`
}

const headKey = "last"

// New finds the end of the trail.
func New(cfg Config) (*Trail, error) {
	if cfg.Store == nil || cfg.Bucket == "" {
		return nil, errors.New("audit.Config wants Store and Bucket")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Most == 0 {
		cfg.Most = MostEntries
	}
	t := &Trail{
		cfg: cfg, gate: agent.NewGate(),
		entries: records.Table[Entry]{Store: cfg.Store, Bucket: cfg.Bucket}, heads: records.Table[head]{Store: cfg.Store, Bucket: cfg.Bucket},
	}
	newest, row, err := t.heads.Get(headKey)
	if err == nil && row.Known() {
		t.last = newest.Last
		return t, nil
	}
	return t, t.each(func(entry Entry, _ records.Row[Entry]) error { // none yet, or a disk has lost it
		t.last = max(t.last, entry.Number)
		return nil
	})
}

// each hands every entry that can be read to do.
func (t *Trail) each(do func(Entry, records.Row[Entry]) error) error {
	return t.entries.Each(func(row records.Row[Entry]) error {
		entry, err := row.Value()
		if err != nil || entry.Number == 0 { // damaged, or the head
			return nil //nolint:nilerr // the store has its own alarm for damage
		}
		return do(entry, row)
	})
}

// key is the place of an entry: the place of the one that it follows by the bound.
func (t *Trail) key(number uint64) string { return strconv.FormatUint(number%t.cfg.Most, 10) }

// Write writes an entry down, with its number. It outlives ctx.
func (t *Trail) Write(ctx context.Context, entry Entry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for _, value := range []*json.RawMessage{&entry.Before, &entry.After} {
		if len(*value) > maxValue {
			*value = tooLong
		}
	}
	t.gate.Lock()
	defer t.gate.Unlock()
	entry.Number = t.last + 1
	put, err := t.entries.Put(t.key(entry.Number), entry, agent.AnyVersion)
	if err != nil {
		return err
	}
	end, err := t.heads.Put(headKey, head{entry.Number}, agent.AnyVersion)
	if err != nil {
		return err
	}
	if err := t.entries.Write(ctx, put, end); err != nil {
		return err
	}
	t.last = entry.Number
	return nil
}

// Query selects entries.
type Query struct {
	Since, Until time.Time // zero: without a bound; Until is not included
	Who          string    // empty: everybody
	After        uint64    // only entries older than the one of this number; 0: from the newest on
	Limit        int
}

// Read gives entries, the newest first. more tells that older ones may match, too.
func (t *Trail) Read(q Query) (list []Entry, more bool, err error) {
	t.gate.Lock()
	last := t.last
	t.gate.Unlock()
	first := uint64(1)
	if last > t.cfg.Most {
		first = last - t.cfg.Most + 1
	}
	from := last
	if q.After > 0 {
		from = min(last, q.After-1)
	}
	old := t.cfg.Now().Add(-KeepFor)
	for number := from; number >= first; number-- {
		entry, row, err := t.entries.Get(t.key(number))
		if errors.Is(err, agent.ErrStoreClosed) {
			return list, false, err
		}
		if err != nil || !row.Known() || entry.Number != number || entry.At.Before(old) || !q.takes(entry) { // damaged, swept or not asked for
			continue
		}
		if len(list) == q.Limit {
			return list, true, nil
		}
		list = append(list, entry)
	}
	return list, false, nil
}

func (q Query) takes(entry Entry) bool {
	return !entry.At.Before(q.Since) && (q.Until.IsZero() || entry.At.Before(q.Until)) && (q.Who == "" || q.Who == entry.Who)
}

// Sweep removes what is older than [KeepFor].
func (t *Trail) Sweep(ctx context.Context) (dropped int, err error) {
	before := t.cfg.Now().Add(-KeepFor)
	t.gate.Lock()
	defer t.gate.Unlock()
	err = t.each(func(entry Entry, row records.Row[Entry]) error {
		if !entry.At.Before(before) {
			return nil
		}
		dropped++
		return t.entries.Write(ctx, row.Delete())
	})
	return dropped, err
}
