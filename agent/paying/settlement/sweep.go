package settlement

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
)

// remembered is how long a boleto that has ended, and a settlement that matches nothing, are kept.
const remembered = 400 * 24 * time.Hour

// keepOrder is how long an order without an answer is kept: it names the payer.
const keepOrder = 7 * 24 * time.Hour

// Sweep drops boletos, settlements and orders that are old enough. It counts the rows that it dropped, without indexes.
func (l *Ledger) Sweep(ctx context.Context) (dropped int, err error) {
	now := l.cfg.Now()
	var batch [][]agent.Record
	flush := func() error {
		n, err := l.drop(ctx, batch)
		dropped, batch = dropped+n, batch[:0]
		return err
	}
	err = l.boletos.Each(func(row records.Row[Boleto]) error {
		if ended(row.Raw, now) {
			batch = append(batch, append([]agent.Record{row.Delete()}, l.unindexed(row)...))
		}
		if len(batch) == page {
			return flush()
		}
		return ctx.Err()
	})
	if err == nil {
		err = flush()
	}
	return dropped, err
}

// drop commits the deletions of a batch, one group of puts a row. When a row of the batch has changed since it was read,
// each group is committed by itself, and the changed row stays for the next sweep.
func (l *Ledger) drop(ctx context.Context, batch [][]agent.Record) (dropped int, err error) {
	if len(batch) == 0 {
		return 0, nil
	}
	if err := l.boletos.Write(ctx, slices.Concat(batch...)...); !errors.Is(err, agent.ErrVersion) {
		if err != nil {
			return 0, err
		}
		return len(batch), nil
	}
	for _, puts := range batch {
		switch err := l.boletos.Write(ctx, puts...); {
		case err == nil:
			dropped++
		case !errors.Is(err, agent.ErrVersion):
			return dropped, err
		}
	}
	return dropped, nil
}

// unindexed makes the puts that remove the indexes of a boleto or stranger which is dropped, where they list nothing else.
func (l *Ledger) unindexed(row records.Row[Boleto]) (puts []agent.Record) {
	var keys []string
	switch typeOf(row.Raw) {
	case typeBoleto:
		b, err := row.Value()
		if err != nil {
			return nil
		}
		keys = []string{barcodeKey(b.Barcode), seuKey(b.SeuNumero)}
	case typeStranger:
		var s Stranger
		if json.Unmarshal(row.Raw, &s) != nil {
			return nil
		}
		keys = []string{waitingKey(whoOf(s.Return))}
	}
	for _, key := range keys {
		if known, at, err := l.indexes.Get(key); err == nil && len(known.Numbers)+len(known.Marks) == 1 {
			puts = append(puts, at.Delete())
		}
	}
	return puts
}

// ended tells whether a value of any type is old enough to drop.
func ended(raw []byte, now time.Time) bool {
	var v struct {
		Status    Status          `json:"status"`
		Attention bool            `json:"attention"`
		UpdatedAt time.Time       `json:"updated_at"`
		At        time.Time       `json:"at"`
		Order     json.RawMessage `json:"order"`
	}
	if json.Unmarshal(raw, &v) != nil {
		return false
	}
	switch typeOf(raw) {
	case typeBoleto:
		return (v.Status == Paid || v.Status == WrittenOff) && !v.Attention && now.Sub(v.UpdatedAt) > remembered
	case typeStranger:
		return now.Sub(v.At) > remembered
	case typeIssue:
		return now.Sub(v.At) > remembered || len(v.Order) > 0 && now.Sub(v.At) > keepOrder
	}
	return false
}
