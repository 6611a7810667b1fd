package settlement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
)

// errUnknown says that the ledger does not have a boleto.
var errUnknown = agent.Errorf(agent.CodeNotFound, nil, "Não há boleto com este nosso número neste caixa.")

// Boleto gives one.
func (l *Ledger) Boleto(nosso int64) (Boleto, error) {
	b, _, err := l.find(nosso)
	return b, err
}

func (l *Ledger) find(nosso int64) (b Boleto, version uint64, err error) {
	version, ok, err := l.read(keyOf(nosso), &b)
	if err == nil && !ok {
		err = errUnknown
	}
	return b, version, err
}

// Registration is a boleto that was issued elsewhere.
type Registration struct {
	NossoNumero int64
	Written     string // as the till wrote it
	SeuNumero   string
	Amount      agent.Cents
	Due         string // YYYY-MM-DD
	IssuedOn    string // YYYY-MM-DD; empty: not known
	Barcode     string
	Line        string
}

// Register records a boleto so that settlement finds it. The same again changes nothing; another under the same number is
// refused. Money that came before it was known here is found at once.
func (l *Ledger) Register(ctx context.Context, r Registration) (b Boleto, replayed bool, err error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	switch version, known, err := l.read(keyOf(r.NossoNumero), &b); {
	case err != nil:
		return b, false, err
	case known && version > 0:
		if b.Amount != r.Amount || b.Due != r.Due || r.SeuNumero != "" && b.SeuNumero != r.SeuNumero || r.Barcode != "" && b.Barcode != "" && b.Barcode != r.Barcode {
			return b, false, agent.Errorf(agent.CodeConflict, nil, "O nosso número %d já está registrado com outros dados (%s, vencimento %s).", r.NossoNumero, b.Amount.Reais(), b.Due)
		}
		return b, true, nil
	}
	now := l.cfg.Now()
	b = Boleto{
		NossoNumero: r.NossoNumero, Written: r.Written, SeuNumero: r.SeuNumero, Amount: r.Amount, Due: r.Due, IssuedOn: r.IssuedOn, Barcode: r.Barcode, Line: r.Line,
		Registered: true, Status: Open, CreatedAt: now,
	}
	return b, false, l.add(ctx, &b)
}

// add writes a new boleto together with the settlements that came before it. Called with the turn.
func (l *Ledger) add(ctx context.Context, b *Boleto, more ...agent.Record) error {
	puts, err := l.claim(b)
	if err != nil {
		return err
	}
	return l.save(ctx, b, 0, append(more, puts...)...)
}

// claim takes the settlements that were waiting for a boleto, and takes them off the list of those that match nothing.
func (l *Ledger) claim(b *Boleto) (puts []agent.Record, err error) {
	var waiting index
	if _, ok, err := l.read(waitingKey(b.NossoNumero), &waiting); err != nil || !ok {
		return nil, err
	}
	puts = append(puts, agent.Record{Bucket: l.cfg.Bucket, Key: waitingKey(b.NossoNumero), IfVersion: agent.AnyVersion})
	for _, mark := range waiting.Marks {
		var s Stranger
		if _, ok, err := l.read(strangerKey(mark), &s); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		if s.Boletos == nil && agrees(*b, s.Return) {
			l.apply(b, s.Return, s.Mark, "nosso_numero", s.Outside)
			puts = append(puts, agent.Record{Bucket: l.cfg.Bucket, Key: strangerKey(mark), IfVersion: agent.AnyVersion})
		}
	}
	return puts, nil
}

// Order is a boleto that a till wants issued.
type Order struct {
	Key         string            // the till's Idempotency-Key
	Fingerprint agent.Fingerprint // of what it asked for
	boleto.Order
}

// issue is an intent: it is on disk before the bank hears of it.
type issue struct {
	Type        string            `json:"type"` // issue
	Fingerprint agent.Fingerprint `json:"fingerprint"`
	NossoNumero int64             `json:"nosso_numero,omitempty"` // its result
	Order       *boleto.Order     `json:"order,omitempty"`        // until there is one; personal
	At          time.Time         `json:"at"`
}

// errUnsure is for an answer of the bank that did not come.
func (l *Ledger) errUnsure(cause error) error {
	return agent.Errorf(agent.CodeCloudAway, cause, "O %s não respondeu e não se sabe se o boleto foi emitido. Repita a mesma chamada, com a mesma Idempotency-Key: o pdvagent procura o boleto antes de emitir outro.", l.cfg.Vendor)
}

// Issue has the bank make a boleto. The same key again gives the same one; after an answer that was lost it is looked for
// at the bank before another is made.
func (l *Ledger) Issue(ctx context.Context, o Order) (b Boleto, replayed bool, err error) {
	ctx = context.WithoutCancel(ctx) // a till that hangs up does not leave a boleto that nobody knows of
	var known issue
	version, ok, err := l.read(issueKey(o.Key), &known)
	switch {
	case err != nil:
		return b, false, err
	case ok && known.Fingerprint != o.Fingerprint:
		return b, false, agent.Errorf(agent.CodeConflict, nil, "Esta Idempotency-Key já foi usada para outro boleto. Use uma nova para cada boleto.")
	case ok && known.NossoNumero > 0:
		b, _, err = l.find(known.NossoNumero)
		return b, true, err
	case ok:
		issued, err := l.lookFor(ctx, o.Order)
		if err != nil {
			return b, false, l.errUnsure(err)
		}
		if issued != nil {
			b, err = l.issued(ctx, o, *issued, version)
			return b, true, err
		}
	}
	if o.NossoNumero > 0 {
		if _, ok, err := l.read(keyOf(o.NossoNumero), new(Boleto)); err != nil || ok {
			if err == nil {
				err = agent.Errorf(agent.CodeConflict, nil, "O nosso número %d já é de outro boleto.", o.NossoNumero)
			}
			return b, false, err
		}
	}
	intent, err := l.put(issueKey(o.Key), issue{Type: typeIssue, Fingerprint: o.Fingerprint, Order: &o.Order, At: l.cfg.Now()}, version)
	if err != nil {
		return b, false, err
	}
	_, err = l.cfg.Store.Commit(ctx, agent.Change{Puts: []agent.Record{intent}})
	if errors.Is(err, agent.ErrVersion) {
		err = agent.Errorf(agent.CodeInFlight, err, "Este boleto está sendo emitido agora. Repita a mesma chamada em instantes.")
	}
	if err != nil {
		return b, false, err
	}
	issued, err := l.cfg.Bank.Issue(ctx, o.Order)
	if err != nil {
		return b, false, l.notIssued(ctx, o, version, err)
	}
	b, err = l.issued(ctx, o, issued, version+1)
	return b, false, err
}

// notIssued takes the intent back where nothing happened at the bank. One that was there before stays: what was sent then
// may still be done. before is its version; 0: it is this call's own.
func (l *Ledger) notIssued(ctx context.Context, o Order, before uint64, cause error) error {
	if payments.FailureOf(cause).Class == payments.Lost {
		return l.errUnsure(cause)
	}
	if before > 0 {
		return cause
	}
	_, err := l.cfg.Store.Commit(ctx, agent.Change{Puts: []agent.Record{{Bucket: l.cfg.Bucket, Key: issueKey(o.Key), IfVersion: before + 1}}})
	if err != nil {
		return err
	}
	return cause
}

// lookFor asks the bank for a boleto whose issuing got no answer; nil where it has none.
func (l *Ledger) lookFor(ctx context.Context, o boleto.Order) (*boleto.Issued, error) {
	if o.NossoNumero > 0 {
		found, err := l.cfg.Bank.Find(ctx, o.NossoNumero)
		if err == nil {
			return &found, nil
		}
		if payments.FailureOf(err).Class == payments.NotFound {
			return nil, nil
		}
		return nil, err
	}
	list, err := l.cfg.Bank.FindOf(ctx, o.Payer.Document, o.Due)
	if err != nil {
		return nil, err
	}
	for _, found := range list {
		_, known, err := l.read(keyOf(found.NossoNumero), new(Boleto))
		if err != nil {
			return nil, err
		}
		if !known && found.SeuNumero == o.SeuNumero && found.Amount == o.Amount {
			return &found, nil
		}
	}
	return nil, nil
}

// issued writes what the bank made, and the intent's result with it.
func (l *Ledger) issued(ctx context.Context, o Order, made boleto.Issued, version uint64) (Boleto, error) {
	now := l.cfg.Now()
	b := Boleto{
		NossoNumero: made.NossoNumero, SeuNumero: o.SeuNumero, Amount: o.Amount, Due: o.Due.Format(time.DateOnly), IssuedOn: o.IssuedOn.Format(time.DateOnly),
		Barcode: made.Barcode, Line: made.Line, BRCode: made.BRCode, Status: Open, CreatedAt: now,
	}
	if made.Amount != o.Amount || o.NossoNumero > 0 && made.NossoNumero != o.NossoNumero {
		b.Status, b.Attention = Review, true
		b.Detail = fmt.Sprintf("O %s emitiu o boleto %d por %s, e não como foi pedido. Confira antes de entregar.", l.cfg.Vendor, made.NossoNumero, made.Amount.Reais())
	}
	done, err := l.put(issueKey(o.Key), issue{Type: typeIssue, Fingerprint: o.Fingerprint, NossoNumero: made.NossoNumero, At: now}, version)
	if err != nil {
		return b, err
	}
	l.turn.Lock()
	defer l.turn.Unlock()
	var there Boleto
	versionThere, known, err := l.read(keyOf(b.NossoNumero), &there)
	if err != nil {
		return b, err
	}
	if known { // registered here before the bank gave its number to this one
		there.Status, there.Attention = Review, true
		there.Detail = fmt.Sprintf("O nosso número %d estava registrado aqui e o %s o deu agora a outro boleto (%s, %s). Confira qual dos dois vale.", b.NossoNumero, l.cfg.Vendor, b.SeuNumero, b.Amount.Reais())
		return there, l.save(ctx, &there, versionThere, done)
	}
	return b, l.add(ctx, &b, done)
}

// PDF gives the second copy, as the bank draws it.
func (l *Ledger) PDF(ctx context.Context, nosso int64) ([]byte, error) {
	if _, err := l.Boleto(nosso); err != nil {
		return nil, err
	}
	return l.cfg.Bank.Copy(ctx, nosso)
}

// WriteOff has the bank take a boleto back. One that is written off already stays so.
func (l *Ledger) WriteOff(ctx context.Context, nosso int64) (Boleto, error) {
	ctx = context.WithoutCancel(ctx)
	b, err := l.Boleto(nosso)
	switch {
	case err != nil || b.Status == WrittenOff:
		return b, err
	case b.Status != Open:
		return b, agent.Errorf(agent.CodeConflict, nil, "O boleto %d não está em aberto: está como %s.", nosso, b.Status)
	}
	if err := l.cfg.Bank.WriteOff(ctx, nosso); err != nil {
		if class := payments.FailureOf(err).Class; class != payments.Declined && class != payments.Lost && class != payments.NotFound {
			return b, err
		}
		found, findErr := l.cfg.Bank.Find(ctx, nosso) // it may be done all the same, by us or by others
		switch {
		case findErr == nil && found.Situation == boleto.Settled:
			return b, agent.Errorf(agent.CodeConflict, err, "O boleto %d já foi pago, segundo o %s. A baixa aparece aqui quando o arquivo dele chegar.", nosso, l.cfg.Vendor)
		case findErr != nil || found.Situation != boleto.WrittenOff:
			return b, err
		}
	}
	return l.takenBack(ctx, nosso)
}

// takenBack writes that nobody can pay a boleto any more, unless money came meanwhile.
func (l *Ledger) takenBack(ctx context.Context, nosso int64) (Boleto, error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	b, version, err := l.find(nosso)
	if err != nil || b.Status != Open {
		return b, err
	}
	b.Status = WrittenOff
	return b, l.save(ctx, &b, version)
}

// Ask has the bank say how a boleto stands now, for somebody at the till who says that it was paid. Only the bank's file
// makes it paid here; one that the bank has taken back is written off.
func (l *Ledger) Ask(ctx context.Context, nosso int64) (Boleto, boleto.Situation, error) {
	b, err := l.Boleto(nosso)
	if err != nil {
		return b, boleto.Unclear, err
	}
	found, err := l.cfg.Bank.Find(ctx, nosso)
	if err == nil && found.Situation == boleto.WrittenOff {
		b, err = l.takenBack(ctx, nosso)
	}
	return b, found.Situation, err
}

// Resolve closes what asked for a person: what came stays, and is counted as the payment.
func (l *Ledger) Resolve(ctx context.Context, nosso int64, by, reason string) (Boleto, error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	b, version, err := l.find(nosso)
	switch {
	case err != nil:
		return b, err
	case !b.Attention:
		return b, agent.Errorf(agent.CodeConflict, nil, "Este boleto não pede decisão de ninguém.")
	}
	b.Attention, b.Resolution, b.Status = false, &payments.Resolution{By: by, At: l.cfg.Now(), Reason: reason}, Open
	if len(b.Receipts) > 0 {
		b.Status = Paid
	}
	return b, l.save(ctx, &b, version)
}

// Filter says which boletos a list has.
type Filter struct {
	Status Status // empty: any
	Since  time.Time
	Limit  int // 0: all
}

// List gives boletos, those that changed last first.
func (l *Ledger) List(f Filter) ([]Boleto, error) {
	var list []Boleto
	err := l.each(typeBoleto, func(raw []byte) error {
		var b Boleto
		if err := json.Unmarshal(raw, &b); err != nil {
			return err
		}
		if (f.Status == "" || b.Status == f.Status) && !b.UpdatedAt.Before(f.Since) {
			list = append(list, b)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b Boleto) int {
		if order := b.UpdatedAt.Compare(a.UpdatedAt); order != 0 {
			return order
		}
		return int(min(max(a.NossoNumero-b.NossoNumero, -1), 1))
	})
	if f.Limit > 0 {
		list = list[:min(len(list), f.Limit)]
	}
	return list, err
}

const page = 500

// each reads every value of a type.
func (l *Ledger) each(kind string, do func(raw []byte) error) error {
	for after := []byte(nil); ; {
		values, next, err := l.cfg.Store.Records(l.cfg.Bucket, after, page)
		if err != nil {
			return err
		}
		for _, value := range values {
			if typeOf(value.Data) != kind {
				continue
			}
			if err := do(value.Data); err != nil {
				return err
			}
		}
		if after = next; next == nil {
			return nil
		}
	}
}

// typeOf reads a value's type, which is the first member of all of them.
func typeOf(raw []byte) string {
	const head = `{"type":"`
	if len(raw) < len(head) || string(raw[:len(head)]) != head {
		return ""
	}
	rest := raw[len(head):]
	return string(rest[:max(slices.Index(rest, '"'), 0)])
}

// remembered is how long a boleto that has ended, and a settlement that matches nothing, are kept.
const remembered = 400 * 24 * time.Hour

// Sweep drops what has ended long ago, and orders whose answer never came and nobody repeated.
func (l *Ledger) Sweep(ctx context.Context) (dropped int, err error) {
	now := l.cfg.Now()
	for after := []byte(nil); ctx.Err() == nil; {
		values, next, err := l.cfg.Store.Records(l.cfg.Bucket, after, page)
		if err != nil {
			return dropped, err
		}
		var puts []agent.Record
		for _, value := range values {
			if ended(value.Data, now) {
				puts = append(puts, agent.Record{Bucket: l.cfg.Bucket, Ref: value.Ref, IfVersion: value.Version})
				dropped++
				puts = append(puts, l.unindexed(value.Data)...)
			}
		}
		if len(puts) > 0 {
			if _, err := l.cfg.Store.Commit(ctx, agent.Change{Puts: puts}); errors.Is(err, agent.ErrVersion) {
				continue // one of them has just changed: the page is read again
			} else if err != nil {
				return dropped, err
			}
		}
		if after = next; next == nil {
			break
		}
	}
	return dropped, ctx.Err()
}

// unindexed takes away by what a dropped boleto was found.
func (l *Ledger) unindexed(raw []byte) (puts []agent.Record) {
	var b Boleto
	if typeOf(raw) != typeBoleto || json.Unmarshal(raw, &b) != nil {
		return nil
	}
	for _, key := range []string{barcodeKey(b.Barcode), seuKey(b.SeuNumero)} {
		var known index
		version, ok, err := l.read(key, &known)
		if err == nil && ok && len(known.Numbers) == 1 {
			puts = append(puts, agent.Record{Bucket: l.cfg.Bucket, Key: key, IfVersion: version})
		}
	}
	return puts
}

// keepOrder is how long an order without an answer is kept: it holds who owes.
const keepOrder = 7 * 24 * time.Hour

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

// longestNosso bounds a nosso número as it is written, in bytes.
const longestNosso = 30

// ParseNosso reads a nosso número as people and systems write it: with zeros before it, with a hyphen before its digit.
func ParseNosso(text string) (int64, bool) {
	digits := make([]byte, 0, len(text))
	for _, c := range []byte(text) {
		if c != '-' && c != '.' && c != ' ' && c != '/' {
			digits = append(digits, c)
		}
	}
	n, err := strconv.ParseUint(string(digits), 10, 63)
	return int64(n), err == nil && n > 0 && n < 1e12 && len(text) <= longestNosso
}
