// Package unread keeps the bodies of sales calls that could not be read: each is a sale, or the end of one, that would leave
// no trace. A body is kept encrypted in the store, once per content, for a while, within bounds; an alarm says that there are
// some. Until a person sends it repaired it is no job: it is in no queue, no state and no lifetime counter.
//
// It reads no body and sends nothing. The door (till/api) calls it after a body was refused, lists what is kept, and removes
// what was repaired. It calls the store through records.
package unread

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
)

// KeepFor is how long a body is kept after it last came.
const KeepFor = 7 * 24 * time.Hour

// prefix begins every id, so that none is taken for the number of a job.
const prefix = "u-"

// Body is one body that could not be read. Everything but Text may be shown: it holds nothing of the shopper.
type Body struct {
	ID      string        `json:"id"`
	Kind    agent.Kind    `json:"kind"`
	Dialect agent.Dialect `json:"dialect"`
	Code    agent.Code    `json:"code"`             // of the refusal
	Line    int           `json:"line,omitempty"`   // where the text stops being JSON, from 1; 0 where it has no place
	Column  int           `json:"column,omitempty"` // in characters, from 1
	Shape   string        `json:"shape,omitempty"`  // of the ten characters around it
	Size    int           `json:"size"`             // bytes
	Times   int           `json:"times"`            // how often it came
	First   time.Time     `json:"first"`
	Last    time.Time     `json:"last"`
	Text    []byte        `json:"text,omitempty"` // as it came; not in lists
}

// Config is what a keeper needs.
type Config struct {
	Store  records.Store
	Bucket string // record bucket of the store, this package's alone
	Alarms *agent.Alarms
	Log    *slog.Logger
	Now    func() time.Time // default time.Now

	// Beyond these bounds a body is refused and not kept; the alarm says so.
	MaxBodies int // default 1,000
	MaxBytes  int // default 16 MiB
}

// Keeper keeps the bodies. It is safe for concurrent use.
type Keeper struct {
	cfg   Config
	table records.Table[Body]

	gate  agent.Gate // of what follows, and of every change
	count int
	bytes int
}

// New counts what is kept, and raises the alarm for it.
func New(cfg Config) (*Keeper, error) {
	if cfg.Store == nil || cfg.Bucket == "" || cfg.Alarms == nil || cfg.Log == nil {
		return nil, errors.New("unread.Config wants Store, Bucket, Alarms and Log")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxBodies == 0 {
		cfg.MaxBodies = 1000
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 16 << 20
	}
	k := &Keeper{cfg: cfg, table: records.Table[Body]{Store: cfg.Store, Bucket: cfg.Bucket, Page: 16}, gate: agent.NewGate()}
	err := k.each(func(body Body, _ records.Row[Body]) error {
		k.count, k.bytes = k.count+1, k.bytes+len(body.Text)
		return nil
	})
	k.alarm(false)
	return k, err
}

// each hands every body that can be decrypted and decoded to do.
func (k *Keeper) each(do func(Body, records.Row[Body]) error) error {
	return k.table.Each(func(row records.Row[Body]) error {
		body, err := row.Value()
		if err != nil {
			k.cfg.Log.Error("unread_body_damaged", "error", err)
			return nil
		}
		return do(body, row)
	})
}

// ID names a content: the same bytes at the same kind of call have the same id.
func ID(kind agent.Kind, dialect agent.Dialect, text []byte) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\x00%s\x00%s", kind, dialect, text)
	return prefix + hex.EncodeToString(hash.Sum(nil)[:8])
}

// Is tells whether an id is one of a body that was kept here.
func Is(id string) bool { return strings.HasPrefix(id, prefix) }

// Keep writes a body down. Set all but ID, Size, Times, First and Last. The id is empty where there is no room for it.
func (k *Keeper) Keep(ctx context.Context, body Body) (id string, err error) {
	now := k.cfg.Now().UTC()
	body.ID, body.Size, body.Times, body.First, body.Last = ID(body.Kind, body.Dialect, body.Text), len(body.Text), 1, now, now
	k.gate.Lock()
	defer k.gate.Unlock()
	before, row, err := k.table.Get(body.ID)
	if err != nil {
		return "", err
	}
	if row.Known() {
		body.Times, body.First = before.Times+1, before.First
	} else if k.count >= k.cfg.MaxBodies || k.bytes+len(body.Text) > k.cfg.MaxBytes {
		k.cfg.Log.Warn("unread_bodies_full", "kept", k.count, "bytes", k.bytes)
		k.alarm(true)
		return "", nil
	}
	put, err := row.Put(body)
	if err == nil {
		err = k.table.Write(context.WithoutCancel(ctx), put)
	}
	if err != nil {
		return "", err
	}
	if !row.Known() {
		k.count, k.bytes = k.count+1, k.bytes+len(body.Text)
		k.cfg.Log.Warn("body_unread", "id", body.ID, "kind", body.Kind, "code", body.Code, "line", body.Line, "column", body.Column, "bytes", body.Size)
		k.alarm(false)
	}
	return body.ID, nil
}

// alarm raises, changes or ends the alarm. The caller has the gate, or is alone.
func (k *Keeper) alarm(full bool) {
	if k.count == 0 {
		k.cfg.Alarms.Clear(agent.AlarmUnread, "")
		return
	}
	detail := "O caixa enviou vendas que não puderam ser lidas; elas não foram enviadas à Mercafácil. Veja com: pdvagent queue ls --state ilegível."
	if full {
		k.cfg.Alarms.Clear(agent.AlarmUnread, "")
		detail = "O caixa envia vendas que não podem ser lidas, e não há mais lugar para guardá-las: as novas se perdem. Corrija o programa do caixa e veja: pdvagent queue ls --state ilegível."
	}
	k.cfg.Alarms.Raise(agent.Alarm{Code: agent.AlarmUnread, Since: k.cfg.Now(), Detail: detail})
}

// List gives the bodies without their text, oldest first.
func (k *Keeper) List() ([]Body, error) {
	list := []Body{}
	err := k.each(func(body Body, _ records.Row[Body]) error {
		body.Text = nil
		list = append(list, body)
		return nil
	})
	slices.SortFunc(list, func(a, b Body) int {
		if order := a.First.Compare(b.First); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, err
}

// Find gives a body with its text; false where there is none.
func (k *Keeper) Find(id string) (Body, bool, error) {
	body, row, err := k.table.Get(id)
	return body, row.Known(), err
}

// Drop removes a body that was repaired or is not wanted.
func (k *Keeper) Drop(ctx context.Context, id string) error {
	_, err := k.drop(ctx, func(body Body) bool { return body.ID == id })
	return err
}

// Clear removes all of them: whose a body is cannot be known, so that one shopper's request empties it.
func (k *Keeper) Clear(ctx context.Context) (int, error) {
	return k.drop(ctx, func(Body) bool { return true })
}

// Sweep removes what is older than [KeepFor].
func (k *Keeper) Sweep(ctx context.Context) (int, error) {
	before := k.cfg.Now().Add(-KeepFor)
	return k.drop(ctx, func(body Body) bool { return body.Last.Before(before) })
}

func (k *Keeper) drop(ctx context.Context, wanted func(Body) bool) (dropped int, err error) {
	k.gate.Lock()
	defer k.gate.Unlock()
	err = k.each(func(body Body, row records.Row[Body]) error {
		if !wanted(body) {
			return nil
		}
		if err := k.table.Write(ctx, row.Delete()); err != nil {
			return err
		}
		k.count, k.bytes, dropped = k.count-1, k.bytes-len(body.Text), dropped+1
		return nil
	})
	k.alarm(false)
	return dropped, err
}
