// Package history sends months of old receipts to the loyalty cloud: it reads them one at a time, checks them as live ones
// are checked, and sends them in batches under the ids that they always had. It stores no batch: a cursor says how far the
// cloud has answered. An import that was killed goes on there, and a batch that may have arrived goes again with the same
// ids.
//
// It does not read files or databases: package source does. The history command calls it; it calls source, the cloud's
// client and the bookmark. The agent's queue has no part in it.
package history

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/rawjson"
)

// Cloud delivers a batch once.
type Cloud interface {
	Deliver(ctx context.Context, kind agent.Kind, dialect agent.Dialect, body []byte) agent.Outcome
}

// Bookmark keeps the cursor.
type Bookmark interface {
	Load() (Cursor, error) // the zero cursor where there is none
	Save(c Cursor) error   // it is on disk when it returns
}

// Cursor is how far the cloud has answered.
type Cursor struct {
	Position int       `json:"position"` // records of the source
	Last     string    `json:"last"`     // id of the last receipt before it
	Sent     int       `json:"sent"`
	Faulty   int       `json:"faulty"`
	Refused  int       `json:"refused"` // by the cloud
	Done     bool      `json:"done"`
	At       time.Time `json:"at"`
}

// Config is one import.
type Config struct {
	Source   source.Opened
	Rows     bool                                                              // a record is a line of a receipt, as [Columns] says
	Check    func(rawjson.Value) (coupon string, wire []byte, _ []agent.Fault) // one receipt; wire is what goes up
	Cloud    Cloud                                                             // nil: receipts are read and checked, and not sent
	Dialect  agent.Dialect
	Wrapper  string // name of the list in a batch's object; empty: a bare array
	Bookmark Bookmark

	MaxBytes int           // of a batch, default 24,000,000
	MaxCount int           // receipts of a batch, default 2,000
	RetryMin time.Duration // first wait while the cloud is away, default 5 s
	RetryMax time.Duration // longest, default 5 min

	Progress func(Progress)                        // called after each batch, and before each wait for the cloud; it must return soon
	Refuse   func(place string, fault agent.Fault) // called for each receipt that is not sent, or that the cloud refuses
	Now      func() time.Time                      // default time.Now
}

// Progress is how far an import is.
type Progress struct {
	Cursor
	Skipped int    `json:"skipped"` // of Sent, by earlier runs
	Batches int    `json:"batches"`
	Waiting string `json:"waiting,omitempty"` // Portuguese: why nothing is sent at the moment
}

func (c *Config) fill() error {
	if c.Source == nil || c.Check == nil || c.Bookmark == nil || c.Progress == nil || c.Refuse == nil {
		return errors.New("history.Config wants Source, Check, Bookmark, Progress and Refuse")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 24_000_000
	}
	if c.MaxCount == 0 {
		c.MaxCount = 2000
	}
	if c.RetryMin == 0 {
		c.RetryMin = 5 * time.Second
	}
	if c.RetryMax == 0 {
		c.RetryMax = 5 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Import sends every receipt from the cursor on. It ends with the source, or with ctx: then the next import goes on.
func Import(ctx context.Context, cfg Config) (Progress, error) {
	if err := cfg.fill(); err != nil {
		return Progress{}, err
	}
	cursor, err := cfg.Bookmark.Load()
	if err != nil {
		return Progress{}, err
	}
	i := &importer{cfg: cfg, from: cursor.Position, seen: make(map[uint64]uint64)}
	i.Cursor, i.next, i.Skipped = cursor, cursor, cursor.Sent
	if cursor.Done {
		return i.Progress, nil
	}
	for receipt := range i.receipts(ctx) {
		if err := i.take(ctx, receipt); err != nil {
			return i.Progress, err
		}
	}
	if err := errors.Join(ctx.Err(), cfg.Source.Err()); err != nil {
		return i.Progress, err
	}
	if err := i.flush(ctx); err != nil {
		return i.Progress, err
	}
	i.Done = true
	return i.Progress, i.save()
}

// receipt is a receipt to send, or its fault.
type receipt struct {
	place string
	end   int // records of the source up to it
	id    string
	body  []byte
	fault *agent.Fault
}

type importer struct {
	Progress
	cfg   Config
	from  int               // the cursor's position at the start
	seen  map[uint64]uint64 // ids and contents
	inRow int               // batches refused in a row
	batch []receipt         // the next one
	size  int               // of its receipts, in bytes
	next  Cursor            // after it; it counts faulty receipts only
}

// take adds a receipt to the batch, unless an earlier run did: then it lies before the cursor.
func (i *importer) take(ctx context.Context, r receipt) error {
	i.check(&r)
	if r.end <= i.from {
		if r.end == i.from && i.Last != "" && r.id != i.Last {
			return agent.Errorf(agent.CodeConflict, nil, "A origem mudou desde a última importação: no registro %d havia outra venda. Confira, ou comece de novo com --restart.", r.end)
		}
		return nil
	}
	switch {
	case r.fault == nil && r.body == nil: // it came before with the same content
	case r.fault != nil:
		i.next.Faulty++
		i.cfg.Refuse(r.place, *r.fault)
	default:
		if len(i.batch) == i.cfg.MaxCount || i.size+len(i.batch)+len(r.body)+overhead(i.cfg.Wrapper) > i.cfg.MaxBytes {
			if err := i.flush(ctx); err != nil {
				return err
			}
		}
		i.batch, i.size = append(i.batch, r), i.size+len(r.body)
	}
	i.next.Position, i.next.Last = r.end, r.id
	return nil
}

// check sets a receipt's fault. It drops the body of one that came before with the same content.
func (i *importer) check(r *receipt) {
	if r.fault != nil {
		return
	}
	parsed, err := rawjson.Parse(r.body)
	if err != nil {
		refusal := rawjson.Refusal(err)
		r.fault = &agent.Fault{Code: string(refusal.Code), Detail: refusal.Message}
		return
	}
	id, wire, faults := i.cfg.Check(parsed)
	r.id, r.body = id, wire
	switch content := short(parsed.Canonical()); {
	case len(faults) > 0:
		r.fault = &faults[0]
	case len(r.body)+overhead(i.cfg.Wrapper) > i.cfg.MaxBytes:
		r.fault = &agent.Fault{Field: "coupon", Code: "too_large", Detail: fmt.Sprintf("A venda tem %d bytes e não cabe em um lote.", len(r.body))}
	default:
		before, twice := i.seen[short([]byte(id))]
		if twice && before != content {
			r.fault = &agent.Fault{Field: "coupon", Code: "repeated", Detail: "Este cupom já veio antes com outro conteúdo; o primeiro vale."}
		} else if twice {
			r.body = nil
		}
		if !twice {
			i.seen[short([]byte(id))] = content
		}
	}
}

// short is a hash of a text.
func short(text []byte) uint64 {
	sum := sha256.Sum256(text)
	return binary.BigEndian.Uint64(sum[:])
}

// overhead is the bytes of a batch around its receipts.
func overhead(wrapper string) int { return len(wrapper) + len(`{"":[]}`) }

// flush sends the batch, and moves the cursor after it.
func (i *importer) flush(ctx context.Context) error {
	refused := i.Refused
	if len(i.batch) > 0 && i.cfg.Cloud != nil {
		if err := i.send(ctx, i.batch); err != nil {
			return err
		}
		i.Batches++
	}
	i.Sent += len(i.batch) - (i.Refused - refused)
	i.Position, i.Last, i.Faulty = i.next.Position, i.next.Last, i.next.Faulty
	i.batch, i.size = i.batch[:0], 0
	i.cfg.Progress(i.Progress)
	return i.save()
}

// save writes the cursor, unless nothing is sent.
func (i *importer) save() error {
	if i.cfg.Cloud == nil {
		return nil
	}
	i.At = i.cfg.Now().UTC()
	return i.cfg.Bookmark.Save(i.Cursor)
}

// send delivers receipts, and repeats until the cloud has answered. Refused receipts are sent again in halves, down to
// single ones.
func (i *importer) send(ctx context.Context, receipts []receipt) error {
	wait := i.cfg.RetryMin
	for {
		outcome := i.cfg.Cloud.Deliver(ctx, agent.KindCouponsList, i.cfg.Dialect, i.body(receipts))
		switch {
		case outcome.Class == agent.ClassOK:
			i.inRow = 0
			return nil
		case outcome.Class == agent.ClassStatus && slices.Contains([]int{http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}, outcome.Status):
			return i.halve(ctx, receipts, outcome.Status)
		case outcome.Class == agent.ClassStatus && outcome.Status < 500 && outcome.Status != http.StatusTooManyRequests && outcome.Status != http.StatusRequestTimeout && outcome.Status != http.StatusTooEarly:
			return agent.Errorf(agent.CodeCloudRefused, nil, "A Mercafácil recusou a carga (%d). Confira mercafacil.base_url e mercafacil.token, e rode de novo: a importação continua de onde parou.", outcome.Status)
		}
		i.Waiting = fmt.Sprintf("sem resposta da nuvem (%s); nova tentativa em %s", outcome.Class, max(wait, outcome.RetryAfter))
		i.cfg.Progress(i.Progress)
		select {
		case <-time.After(max(wait, outcome.RetryAfter)):
		case <-ctx.Done():
			return ctx.Err()
		}
		i.Waiting = ""
		wait = min(wait*2, i.cfg.RetryMax)
	}
}

// mostInRow is the batches that may be refused in a row. After that their form is refused and not a receipt of them.
const mostInRow = 32

// halve sends refused receipts again in two halves; a single one is refused for good.
func (i *importer) halve(ctx context.Context, receipts []receipt, status int) error {
	if i.inRow++; i.inRow > mostInRow {
		return agent.Errorf(agent.CodeCloudRefused, nil, "A Mercafácil recusou %d lotes seguidos (%d): deve ser a forma deles, não as vendas. Confira mercafacil.wrapper "+
			"e rode de novo: a importação continua de onde parou.", mostInRow, status)
	}
	if len(receipts) == 1 {
		i.Refused++
		i.cfg.Refuse(receipts[0].place, agent.Fault{Field: "coupon", Code: "cloud_refused", Detail: fmt.Sprintf("A nuvem recusou esta venda (%d).", status)})
		return nil
	}
	half := len(receipts) / 2
	if err := i.send(ctx, receipts[:half]); err != nil {
		return err
	}
	return i.send(ctx, receipts[half:])
}

// body makes a batch's body.
func (i *importer) body(receipts []receipt) []byte {
	var out []byte
	if i.cfg.Wrapper != "" {
		out = append(append(append(out, '{'), rawjson.Quote(i.cfg.Wrapper)...), ':')
	}
	out = append(out, '[')
	for n, r := range receipts {
		if n > 0 {
			out = append(out, ',')
		}
		out = append(out, r.body...)
	}
	out = append(out, ']')
	if i.cfg.Wrapper != "" {
		out = append(out, '}')
	}
	return out
}
