package settlement

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments/boleto"
)

// Tally counts what a window brought. Every record is one of paid, known, outside and unmatched.
type Tally struct {
	Records   int `json:"records"`
	Paid      int `json:"paid"`      // receipts that were added to a boleto
	Known     int `json:"known"`     // read before
	Outside   int `json:"outside"`   // of a day that was not asked about; they count all the same
	Unmatched int `json:"unmatched"` // kept as strangers
	Review    int `json:"review"`    // of paid and outside: a person must look at the boleto
	Faulty    int `json:"faulty"`    // of any: an amount that cannot be read
	Unclear   int `json:"unclear"`   // of any: not plainly a settlement
	Other     int `json:"other"`     // records of other movements, which are none of the above
}

func (t *Tally) add(o Tally) {
	t.Records += o.Records
	t.Paid += o.Paid
	t.Known += o.Known
	t.Outside += o.Outside
	t.Unmatched += o.Unmatched
	t.Review += o.Review
	t.Faulty += o.Faulty
	t.Unclear += o.Unclear
	t.Other += o.Other
}

// count puts a record into one of the four.
func (t *Tally) count(s boleto.Return, fate fate, outside bool) {
	t.Records++
	if s.Unclear {
		t.Unclear++
	} else if s.Fault != "" {
		t.Faulty++
	}
	if fate == review {
		t.Review++
	}
	switch {
	case fate == stranger:
		t.Unmatched++
	case outside:
		t.Outside++
	case fate == known:
		t.Known++
	default:
		t.Paid++
	}
}

// fate is what became of a record.
type fate int

const (
	paid     fate = iota // a receipt of a boleto
	review               // as well, and a person must look at the boleto
	known                // read before
	stranger             // kept, without a boleto
)

// reading is the matching of one request's files. It counts how often each settlement is in them.
type reading struct {
	l        *Ledger
	from, to string
	seen     occurrences // of the records' own marks
	claimed  occurrences // marks of receipts and strangers that a record of another form was found to be
	tally    Tally
}

func (l *Ledger) reading(from, to string) *reading {
	return &reading{l: l, from: from, to: to}
}

// batchSize is the settlements of one commit.
const batchSize = 500

// civil writes a day; empty where there is none.
func civil(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.DateOnly)
}

// maxRaces bounds how often a batch is matched anew because one of its boletos changed between the read and the commit.
// Every writer but [Ledger.Sweep] holds turn, so one repetition is already rare.
const maxRaces = 16

// match matches a batch of settlements and writes the results in one commit. After maxRaces lost races it gives
// [agent.ErrVersion]: the run ends, and the next run reads the same files again.
func (r *reading) match(ctx context.Context, batch []boleto.Return) error {
	marks := make([]string, len(batch))
	for i, s := range batch {
		marks[i] = r.mark(s)
	}
	var err error
	for range maxRaces {
		work := &work{l: r.l, reading: r, boletos: make(map[int64]*loaded), waiting: make(map[string]*loadedIndex), kept: make(map[string]*keptStranger)}
		if err = work.all(ctx, batch, marks); err == nil {
			r.tally.add(work.tally)
			for _, mark := range work.claims {
				r.claimed.count(hashOf(mark))
			}
		}
		if !errors.Is(err, agent.ErrVersion) {
			return err
		}
	}
	return fmt.Errorf("match settlements, %d tries: %w", maxRaces, err)
}

// all matches the batch and commits it.
func (w *work) all(ctx context.Context, batch []boleto.Return, marks []string) error {
	w.l.turn.Lock()
	defer w.l.turn.Unlock()
	for i, s := range batch {
		if err := w.match(s, marks[i]); err != nil {
			return err
		}
	}
	return w.commit(ctx)
}

// loaded is a boleto of a batch that is being matched.
type loaded struct {
	b       Boleto
	row     records.Row[Boleto]
	receipt bool // the batch adds a receipt to it
}

// loadedIndex is the list of strangers of one nosso número.
type loadedIndex struct {
	index   index
	row     records.Row[index]
	changed bool
}

// work is the matching of one batch. It writes nothing before [work.commit].
type work struct {
	l       *Ledger
	reading *reading
	boletos map[int64]*loaded
	waiting map[string]*loadedIndex  // by [whoOf]
	kept    map[string]*keptStranger // by their marks: those that the batch adds or removes
	claims  []string                 // marks, as [reading.claimed]
	tally   Tally
}

// boleto reads a boleto once for the batch.
func (w *work) boleto(nosso int64) (*loaded, error) {
	if l, ok := w.boletos[nosso]; ok {
		return l, nil
	}
	b, row, err := w.l.boletos.Get(keyOf(nosso))
	if err != nil {
		return nil, err
	}
	l := &loaded{b: b, row: row}
	w.boletos[nosso] = l
	return l, nil
}

// applied tells whether a boleto has the settlement's receipt already. It does not decode the boleto: windows overlap, so
// nearly every settlement is such a one.
func (w *work) applied(nosso int64, mark string) (bool, error) {
	if _, ok := w.boletos[nosso]; ok || nosso == 0 {
		return false, nil
	}
	row, err := w.l.boletos.Row(keyOf(nosso))
	return err == nil && bytes.Contains(row.Raw, []byte(`"mark":"`+mark+`"`)) && !w.isClaimed(mark), err
}

// foreign tells whether a settlement is of another client of the bank, or another kind of boleto than the shop's.
func (l *Ledger) foreign(s boleto.Return) bool {
	return s.Client != 0 && l.cfg.Client != 0 && s.Client != l.cfg.Client || s.Modality != 0 && s.Modality != l.cfg.Modality
}

// agrees tells whether a second field says that a settlement found by its number is of this boleto.
func agrees(b Boleto, s boleto.Return) bool {
	return s.Barcode != "" && s.Barcode == b.Barcode || s.Amount == b.Amount
}

// match adds a settlement to its boleto, or keeps it for a person.
func (w *work) match(s boleto.Return, mark string) error {
	day := civil(s.MovedOn)
	if day == "" {
		day = civil(s.PaidOn)
	}
	outside := day != "" && (day < w.reading.from || day > w.reading.to)
	fate, err := w.place(s, mark, outside)
	if err == nil {
		w.tally.count(s, fate, outside)
	}
	return err
}

// place finds where a settlement belongs.
func (w *work) place(s boleto.Return, mark string, outside bool) (fate, error) {
	switch {
	case s.Fault != "":
		return w.keep(s, mark, "O registro não pôde ser lido: "+s.Fault+".", nil, outside)
	case w.l.foreign(s):
		return w.keep(s, mark, "O registro é de outro contrato ou de outra modalidade do que os desta loja.", nil, outside)
	}
	if there, err := w.applied(s.NossoNumero, mark); err != nil || there {
		return known, err
	}
	found, by, half, err := w.find(s)
	if err != nil {
		return known, err
	}
	if found == nil {
		reason := "Nenhum boleto daqui tem este nosso número, código de barras ou seu número."
		if len(half) > 0 {
			reason = "Só um dos dados confere com o boleto; o valor e o código de barras, não. Compare com o banco."
		}
		return w.keep(s, mark, reason, half, outside)
	}
	if w.receipted(found.b, s, mark) {
		return known, nil
	}
	if err := w.found(s, mark); err != nil {
		return known, err
	}
	own := free(found.b, mark)
	if own != mark {
		w.claims = append(w.claims, own)
	}
	w.l.apply(&found.b, s, own, by, outside)
	found.receipt = true
	if found.b.Status == Review {
		return review, nil
	}
	return paid, nil
}

// find looks a boleto up by its number, by its barcode and by the shop's own number, and wants a second field to agree.
// half is the boletos of which no second field agrees.
func (w *work) find(s boleto.Return) (found *loaded, by string, half []int64, err error) {
	if s.NossoNumero > 0 {
		h, err := w.boleto(s.NossoNumero)
		if err != nil {
			return nil, "", nil, err
		}
		if h.row.Known() && agrees(h.b, s) {
			return h, "nosso_numero", nil, nil
		}
		if h.row.Known() {
			half = append(half, s.NossoNumero)
		}
	}
	for _, way := range []struct {
		by, key string
		used    bool
	}{{"barcode", barcodeKey(s.Barcode), s.Barcode != ""}, {"seu_numero", seuKey(s.SeuNumero), s.SeuNumero != ""}} {
		if !way.used {
			continue
		}
		known, _, err := w.l.indexes.Get(way.key)
		if err != nil {
			return nil, "", nil, err
		}
		if nosso := numberIn(s.Barcode); way.by == "barcode" && nosso > 0 {
			known.Numbers = append(known.Numbers, nosso)
		}
		var agreeing []*loaded
		for _, nosso := range known.Numbers {
			h, err := w.boleto(nosso)
			if err != nil {
				return nil, "", nil, err
			}
			if !h.row.Known() || s.NossoNumero > 0 && nosso != s.NossoNumero && way.by == "seu_numero" {
				continue // the bank's number is another boleto's
			}
			if s.Amount == h.b.Amount || way.by == "barcode" && s.SeuNumero != "" && s.SeuNumero == h.b.SeuNumero {
				agreeing = append(agreeing, h)
			} else if !slices.Contains(half, nosso) {
				half = append(half, nosso)
			}
		}
		if len(agreeing) == 1 {
			return agreeing[0], way.by, nil, nil
		}
		for _, h := range agreeing {
			half = append(half, h.b.NossoNumero)
		}
	}
	return nil, "", half, nil
}

// apply adds a settlement's receipt to a boleto and sets the boleto's status.
func (l *Ledger) apply(b *Boleto, s boleto.Return, mark, by string, outside bool) {
	receipt := Receipt{
		Mark: mark, Received: s.Received, PaidOn: civil(s.PaidOn), MovedOn: civil(s.MovedOn), CreditOn: civil(s.CreditOn), Channel: s.Channel, Means: s.Means, By: by, Outside: outside, At: l.cfg.Now(),
	}
	before := b.Status
	twice := slices.ContainsFunc(b.Receipts, func(r Receipt) bool {
		return r.Received == receipt.Received && r.PaidOn == receipt.PaidOn && r.MovedOn == receipt.MovedOn
	})
	first := len(b.Receipts) == 0
	b.Receipts = append(b.Receipts, receipt)
	nothingCame := slices.ContainsFunc(b.Receipts, func(r Receipt) bool { return r.Received == 0 })
	switch {
	case s.Received == 0:
		b.Detail = fmt.Sprintf("O %s diz que foi liquidado, mas com R$ 0,00 recebidos. Confira com o banco se o dinheiro veio.", l.cfg.Vendor)
	case before == Paid && b.Received() <= b.Amount && !nothingCame:
		b.Detail = b.inParts()
		return
	case twice:
		b.Detail = fmt.Sprintf("O arquivo do %s traz duas vezes o mesmo pagamento de %s: pode ser um pagamento em dobro.", l.cfg.Vendor, s.Received.Reais())
	case before == WrittenOff:
		b.Detail = fmt.Sprintf("Foi pago depois de baixado: vieram %s.", s.Received.Reais())
	case first && before == Review:
		b.Detail += fmt.Sprintf(" Vieram %s.", s.Received.Reais())
	case nothingCame && b.Received() == s.Received:
		b.Detail = fmt.Sprintf("Foi liquidado uma vez com R$ 0,00 recebidos e outra com %s; o boleto é de %s.", s.Received.Reais(), b.Amount.Reais())
	case !first || before != Open:
		b.Detail = fmt.Sprintf("Foi pago mais de uma vez: vieram %s ao todo, e o boleto é de %s.", b.Received().Reais(), b.Amount.Reais())
	default:
		b.Status = Paid
		return
	}
	b.Status, b.Attention = Review, true
}

// inParts says that a boleto was paid in parts, and what is missing.
func (b Boleto) inParts() string {
	parts := make([]string, len(b.Receipts))
	for i, r := range b.Receipts {
		parts[i] = r.Received.Reais()
	}
	text := fmt.Sprintf("Foi pago em %d partes (%s).", len(parts), strings.Join(parts, " + "))
	if missing := -b.Difference(); missing > 0 {
		text += fmt.Sprintf(" Faltam %s.", missing.Reais())
	}
	return text
}

// commit writes the batch in one change.
func (w *work) commit(ctx context.Context) error {
	var change agent.Change
	for _, k := range w.kept {
		change.Puts = append(change.Puts, k.put)
	}
	var paid []Boleto
	now := w.l.cfg.Now()
	for _, h := range w.boletos {
		if !h.receipt {
			continue
		}
		h.b.UpdatedAt = now
		put, err := h.row.Put(h.b)
		if err != nil {
			return err
		}
		event, err := eventOf(h.b)
		if err != nil {
			return err
		}
		change.Puts, change.Events = append(change.Puts, put), append(change.Events, event)
		paid = append(paid, h.b)
	}
	for _, waiting := range w.waiting {
		if !waiting.changed {
			continue
		}
		put, err := waiting.row.Put(waiting.index)
		if err != nil {
			return err
		}
		change.Puts = append(change.Puts, put)
	}
	if len(change.Puts) == 0 {
		return nil
	}
	if _, err := w.l.cfg.Store.Commit(ctx, change); err != nil {
		return err
	}
	for _, b := range paid {
		if b.Attention {
			w.l.alarm(b)
		}
	}
	return nil
}
