package settlement

import (
	"context"
	"slices"
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
)

// errUnknown is the refusal of a nosso número that the ledger does not have.
var errUnknown = agent.Errorf(agent.CodeNotFound, nil, "Não há boleto com este nosso número neste caixa.")

// Boleto reads one by its nosso número.
func (l *Ledger) Boleto(nosso int64) (Boleto, error) {
	b, _, err := l.find(nosso)
	return b, err
}

func (l *Ledger) find(nosso int64) (Boleto, records.Row[Boleto], error) {
	b, row, err := l.boletos.Get(keyOf(nosso))
	if err == nil && !row.Known() {
		err = errUnknown
	}
	return b, row, err
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

// Register records a boleto so that settlements find it. The same again changes nothing; another under the same number is
// refused. A settlement that came before is applied at once.
func (l *Ledger) Register(ctx context.Context, r Registration) (b Boleto, replayed bool, err error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	b, row, err := l.boletos.Get(keyOf(r.NossoNumero))
	switch {
	case err != nil:
		return b, false, err
	case row.Known():
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
	return b, false, l.add(ctx, &b, row)
}

// add writes a new boleto together with the settlements that came before it; row is its place. The caller holds turn.
func (l *Ledger) add(ctx context.Context, b *Boleto, row records.Row[Boleto], more ...agent.Record) error {
	puts, err := l.claim(b)
	if err != nil {
		return err
	}
	return l.save(ctx, b, row, append(more, puts...)...)
}

// claim applies the settlements that came before their boleto was known, and makes the puts that take them off the list
// of those that match nothing.
func (l *Ledger) claim(b *Boleto) (puts []agent.Record, err error) {
	waiting, list, err := l.indexes.Get(waitingKey(strconv.FormatInt(b.NossoNumero, 10)))
	if err != nil || !list.Known() {
		return nil, err
	}
	var left []string
	for _, mark := range waiting.Marks {
		s, row, err := l.strangers.Get(strangerKey(mark))
		switch {
		case err != nil:
			return nil, err
		case !row.Known():
		case s.Boletos != nil || s.Return.Fault != "" || l.foreign(s.Return) || !agrees(*b, s.Return):
			left = append(left, mark)
		default:
			l.apply(b, s.Return, free(*b, s.Mark), "nosso_numero", s.Outside)
			puts = append(puts, l.strangers.Delete(strangerKey(mark), agent.AnyVersion))
		}
	}
	if len(left) == 0 {
		return append(puts, l.indexes.Delete(waitingKey(strconv.FormatInt(b.NossoNumero, 10)), agent.AnyVersion)), nil
	}
	waiting.Marks = left
	put, err := list.Put(waiting)
	return append(puts, put), err
}

// PDF fetches the bank's second copy of a boleto.
func (l *Ledger) PDF(ctx context.Context, nosso int64) ([]byte, error) {
	if _, err := l.Boleto(nosso); err != nil {
		return nil, err
	}
	return l.cfg.Bank.Copy(ctx, nosso)
}

// WriteOff has the bank write a boleto off. One that is written off already is no error.
func (l *Ledger) WriteOff(ctx context.Context, nosso int64) (Boleto, error) {
	ctx = context.WithoutCancel(ctx)
	b, err := l.Boleto(nosso)
	switch {
	case err != nil || b.Status == WrittenOff:
		return b, err
	case b.Status != Open:
		return b, agent.Errorf(agent.CodeConflict, nil, "O boleto %d não está em aberto: está %s.", nosso, b.Status.Words())
	}
	if err := l.cfg.Bank.WriteOff(ctx, nosso); err != nil {
		if class := payments.FailureOf(err).Class; class != payments.Declined && class != payments.Lost && class != payments.NotFound {
			return b, err
		}
		found, findErr := l.cfg.Bank.Find(ctx, nosso) // it may be written off all the same, by us or by others
		switch {
		case findErr == nil && found.Situation == boleto.Settled:
			return b, agent.Errorf(agent.CodeConflict, err, "O boleto %d já foi pago, segundo o %s. A baixa aparece aqui quando o arquivo dele chegar.", nosso, l.cfg.Vendor)
		case findErr != nil || found.Situation != boleto.WrittenOff:
			return b, err
		}
	}
	return l.markWrittenOff(ctx, nosso)
}

// markWrittenOff marks an open boleto as written off; one that money came for meanwhile stays as it is.
func (l *Ledger) markWrittenOff(ctx context.Context, nosso int64) (Boleto, error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	b, row, err := l.find(nosso)
	if err != nil || b.Status != Open {
		return b, err
	}
	b.Status = WrittenOff
	return b, l.save(ctx, &b, row)
}

// Ask asks the bank for a boleto's state now, for a payer at the till who has paid it. Only the bank's file marks it paid
// here; one that the bank has written off is marked so.
func (l *Ledger) Ask(ctx context.Context, nosso int64) (Boleto, boleto.Situation, error) {
	b, err := l.Boleto(nosso)
	if err != nil {
		return b, boleto.Unclear, err
	}
	found, err := l.cfg.Bank.Find(ctx, nosso)
	if err == nil && found.Situation == boleto.WrittenOff {
		b, err = l.markWrittenOff(ctx, nosso)
	}
	return b, found.Situation, err
}

// Resolve ends a boleto's wait for a person. The receipts stay, and count as its payment.
func (l *Ledger) Resolve(ctx context.Context, nosso int64, by, reason string) (Boleto, error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	b, row, err := l.find(nosso)
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
	return b, l.save(ctx, &b, row)
}

// Filter selects boletos.
type Filter struct {
	Status Status // empty: any
	Since  time.Time
	Limit  int // 0: all
}

// List reads boletos, the last changed first.
func (l *Ledger) List(f Filter) ([]Boleto, error) {
	var list []Boleto
	err := each(l.boletos, typeBoleto, func(row records.Row[Boleto]) error {
		b, err := row.Value()
		if err != nil {
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

// longestNosso bounds a nosso número as it is written, in bytes.
const longestNosso = 30

// ParseNosso reads a nosso número as people and systems write it: with leading zeros, with a hyphen before its check digit.
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
