package settlement

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/payments/boleto"
)

// Stranger is a settlement that no boleto is marked paid by: none is known, or it agrees only half.
type Stranger struct {
	Type    string        `json:"type"` // stranger
	Mark    string        `json:"mark"`
	Return  boleto.Return `json:"record"`
	Reason  string        `json:"reason"`            // Portuguese
	Boletos []int64       `json:"boletos,omitempty"` // it may be of one of these
	Outside bool          `json:"outside,omitempty"` // of the window that was asked about
	At      time.Time     `json:"at"`
}

// Tally counts what a file brought.
type Tally struct {
	Records   int `json:"records"`
	Paid      int `json:"paid"`
	Known     int `json:"known"`     // read before
	Review    int `json:"review"`    // boletos that a person must look at
	Unmatched int `json:"unmatched"` // kept, and matched by nothing
	Outside   int `json:"outside"`   // of the window that was asked about, and used all the same
}

func (t *Tally) add(o Tally) {
	t.Records += o.Records
	t.Paid += o.Paid
	t.Known += o.Known
	t.Review += o.Review
	t.Unmatched += o.Unmatched
	t.Outside += o.Outside
}

// reading is one request's files being read: how often each settlement stood in them.
type reading struct {
	l        *Ledger
	from, to string
	seen     occurrences
	tally    Tally
}

func (l *Ledger) reading(from, to string) *reading {
	return &reading{l: l, from: from, to: to}
}

// batchSize is how many settlements are written in one commit.
const batchSize = 500

// mark is what makes a settlement one: the same again is the same money (contract 6). Its second occurrence in the files
// of one request is another one.
func (r *reading) mark(s boleto.Return) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "LIQUI|%d|%d|%d|%d|%s|%s|%s|%d", s.Client, s.Modality, s.Account, s.NossoNumero, strings.TrimSpace(s.SeuNumero), civil(s.MovedOn), civil(s.PaidOn), s.Received))
	mark := hex.EncodeToString(sum[:12])
	if n := r.seen.count(binary.BigEndian.Uint64(sum[:])); n > 1 {
		return fmt.Sprintf("%s/%d", mark, n)
	}
	return mark
}

// civil writes a day; empty where there is none.
func civil(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.DateOnly)
}

// match matches some settlements and writes what became of them in one commit.
func (r *reading) match(ctx context.Context, batch []boleto.Return) error {
	marks := make([]string, len(batch))
	for i, s := range batch {
		marks[i] = r.mark(s)
	}
	for {
		work := &work{l: r.l, reading: r, boletos: make(map[int64]*held), waiting: make(map[int64]*heldIndex)}
		err := r.matchAll(ctx, work, batch, marks)
		if errors.Is(err, agent.ErrVersion) {
			continue // somebody changed one of them meanwhile
		}
		if err != nil {
			return err
		}
		r.tally.add(work.tally)
		return nil
	}
}

func (r *reading) matchAll(ctx context.Context, w *work, batch []boleto.Return, marks []string) error {
	r.l.turn.Lock()
	defer r.l.turn.Unlock()
	for i, s := range batch {
		if err := w.match(s, marks[i]); err != nil {
			return err
		}
	}
	return w.commit(ctx)
}

// held is a boleto while a batch is matched.
type held struct {
	raw     []byte // as on disk, until it is needed
	b       Boleto
	version uint64
	known   bool
	changed bool
}

type heldIndex struct {
	index   index
	version uint64
}

// work is a batch being matched.
type work struct {
	l         *Ledger
	reading   *reading
	boletos   map[int64]*held
	waiting   map[int64]*heldIndex
	strangers []agent.Record
	kept      map[string]bool
	tally     Tally
}

func (w *work) boleto(nosso int64) (*held, error) {
	if h, ok := w.boletos[nosso]; ok {
		return h, nil
	}
	raw, err := w.raw(nosso)
	if err != nil {
		return raw, err
	}
	if raw.known {
		err = json.Unmarshal(raw.raw, &raw.b)
	}
	if err == nil {
		w.boletos[nosso] = raw
	}
	return raw, err
}

// raw is a boleto's value, unread.
func (w *work) raw(nosso int64) (*held, error) {
	raw, version, err := w.l.cfg.Store.Record(w.l.cfg.Bucket, keyOf(nosso))
	if errors.Is(err, agent.ErrNotFound) {
		return &held{}, nil
	}
	return &held{raw: raw, version: version, known: err == nil}, err
}

// applied tells a settlement that its boleto has already, without reading the boleto: in overlapping windows nearly all
// are.
func (w *work) applied(nosso int64, mark string) (bool, error) {
	if _, ok := w.boletos[nosso]; ok || nosso == 0 {
		return false, nil
	}
	h, err := w.raw(nosso)
	return err == nil && h.known && bytes.Contains(h.raw, []byte(`"mark":"`+mark+`"`)), err
}

// foreign tells that a settlement is not the shop's.
func (l *Ledger) foreign(client int64) bool {
	return client != 0 && l.cfg.Client != 0 && client != l.cfg.Client
}

// agrees tells whether a second field says that a settlement found by its number is of this boleto.
func agrees(b Boleto, s boleto.Return) bool {
	return s.Barcode != "" && s.Barcode == b.Barcode || s.Amount == b.Amount
}

// match finds the boleto that a settlement is of, or keeps it for a person.
func (w *work) match(s boleto.Return, mark string) error {
	w.tally.Records++
	day := civil(s.MovedOn)
	outside := day != "" && (day < w.reading.from || day > w.reading.to)
	if outside {
		w.tally.Outside++
	}
	switch {
	case s.Fault != "":
		return w.keep(s, mark, "O registro não pôde ser lido: "+s.Fault+".", nil, outside)
	case w.l.foreign(s.Client), s.Modality != 0 && s.Modality != w.l.cfg.Modality:
		return w.keep(s, mark, "O registro é de outro contrato ou de outra modalidade do que os desta loja.", nil, outside)
	}
	if known, err := w.applied(s.NossoNumero, mark); err != nil || known {
		w.tally.Known++
		return err
	}
	found, by, half, err := w.find(s)
	if err != nil {
		return err
	}
	if found == nil {
		reason := "Nenhum boleto daqui tem este nosso número, código de barras ou seu número."
		if len(half) > 0 {
			reason = "Só um dos dados confere com o boleto; o valor e o código de barras, não. Compare com o banco."
		}
		return w.keep(s, mark, reason, half, outside)
	}
	if slices.ContainsFunc(found.b.Receipts, func(r Receipt) bool { return r.Mark == mark }) {
		w.tally.Known++
		return nil
	}
	w.l.apply(&found.b, s, mark, by, outside)
	found.changed = true
	if found.b.Status == Review {
		w.tally.Review++
	} else {
		w.tally.Paid++
	}
	return nil
}

// find looks by number, by barcode and by the shop's own number, and wants a second field to agree. What agrees only half
// is named.
func (w *work) find(s boleto.Return) (found *held, by string, half []int64, err error) {
	if s.NossoNumero > 0 {
		h, err := w.boleto(s.NossoNumero)
		if err != nil {
			return nil, "", nil, err
		}
		if h.known && agrees(h.b, s) {
			return h, "nosso_numero", nil, nil
		}
		if h.known {
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
		var known index
		if _, _, err := w.l.read(way.key, &known); err != nil {
			return nil, "", nil, err
		}
		if nosso := numberIn(s.Barcode); way.by == "barcode" && nosso > 0 {
			known.Numbers = append(known.Numbers, nosso)
		}
		var agreeing []*held
		for _, nosso := range known.Numbers {
			h, err := w.boleto(nosso)
			if err != nil {
				return nil, "", nil, err
			}
			if !h.known || s.NossoNumero > 0 && nosso != s.NossoNumero && way.by == "seu_numero" {
				continue // the bank says that it is another
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

// apply adds a settlement to a boleto, and says where it stands then.
func (l *Ledger) apply(b *Boleto, s boleto.Return, mark, by string, outside bool) {
	receipt := Receipt{
		Mark: mark, Received: s.Received, PaidOn: civil(s.PaidOn), MovedOn: civil(s.MovedOn), CreditOn: civil(s.CreditOn), Channel: s.Channel, Means: s.Means, By: by, Outside: outside, At: l.cfg.Now(),
	}
	before := b.Status
	twice := strings.Contains(mark, "/")
	first := len(b.Receipts) == 0
	b.Receipts = append(b.Receipts, receipt)
	switch {
	case twice:
		b.Detail = fmt.Sprintf("O arquivo do %s traz duas vezes o mesmo pagamento de %s: pode ser um pagamento em dobro.", l.cfg.Vendor, s.Received.Reais())
	case before == WrittenOff:
		b.Detail = fmt.Sprintf("Foi pago depois de baixado: vieram %s.", s.Received.Reais())
	case first && before == Review:
		b.Detail += fmt.Sprintf(" Vieram %s.", s.Received.Reais())
	case !first || before != Open:
		b.Detail = fmt.Sprintf("Foi pago mais de uma vez: vieram %s ao todo, e o boleto é de %s.", b.Received().Reais(), b.Amount.Reais())
	default:
		b.Status = Paid
		return
	}
	b.Status, b.Attention = Review, true
}

// keep writes a settlement that no boleto is paid by.
func (w *work) keep(s boleto.Return, mark, reason string, half []int64, outside bool) error {
	if w.kept == nil {
		w.kept = make(map[string]bool)
	}
	var known Stranger
	_, there, err := w.l.read(strangerKey(mark), &known)
	if err != nil {
		return err
	}
	if there || w.kept[mark] {
		w.tally.Known++
		return nil
	}
	put, err := w.l.put(strangerKey(mark), Stranger{Type: typeStranger, Mark: mark, Return: s, Reason: reason, Boletos: half, Outside: outside, At: w.l.cfg.Now()}, 0)
	if err != nil {
		return err
	}
	w.kept[mark] = true
	w.strangers = append(w.strangers, put)
	w.tally.Unmatched++
	if s.NossoNumero == 0 || len(half) > 0 || s.Fault != "" || w.l.foreign(s.Client) {
		return nil // no boleto that is registered later can be its own
	}
	waiting := w.waiting[s.NossoNumero]
	if waiting == nil {
		waiting = &heldIndex{index: index{Type: typeIndex}}
		if waiting.version, _, err = w.l.read(waitingKey(s.NossoNumero), &waiting.index); err != nil {
			return err
		}
		w.waiting[s.NossoNumero] = waiting
	}
	waiting.index.Marks = append(waiting.index.Marks, mark)
	return nil
}

// commit writes the batch: all of it, or nothing.
func (w *work) commit(ctx context.Context) error {
	change := agent.Change{Puts: w.strangers}
	var changed []Boleto
	now := w.l.cfg.Now()
	for nosso, h := range w.boletos {
		if !h.changed {
			continue
		}
		h.b.UpdatedAt = now
		put, err := w.l.put(keyOf(nosso), h.b, h.version)
		if err != nil {
			return err
		}
		told, err := event(h.b)
		if err != nil {
			return err
		}
		change.Puts, change.Events = append(change.Puts, put), append(change.Events, told)
		changed = append(changed, h.b)
	}
	for nosso, waiting := range w.waiting {
		put, err := w.l.put(waitingKey(nosso), waiting.index, waiting.version)
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
	for _, b := range changed {
		if b.Attention {
			w.l.alarm(b)
		}
	}
	return nil
}

// Strangers gives the settlements that no boleto is marked paid by, newest first.
func (l *Ledger) Strangers(limit int) ([]Stranger, error) {
	var list []Stranger
	err := l.each(typeStranger, func(raw []byte) error {
		var s Stranger
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		list = append(list, s)
		return nil
	})
	slices.SortFunc(list, func(a, b Stranger) int {
		if order := b.At.Compare(a.At); order != 0 {
			return order
		}
		return strings.Compare(a.Mark, b.Mark)
	})
	return list[:min(len(list), limit)], err
}
