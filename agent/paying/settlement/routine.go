package settlement

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
)

// Figures takes a run's counts and faults, which support sees while it runs.
type Figures interface {
	Count(name string, n int)
	Fault(detail string)
}

// doubt is why a window that was answered says nothing for sure, in Portuguese.
type doubt struct{ why string }

func (d *doubt) Error() string { return "inconclusive: " + d.why }

// Settle asks the bank which boletos were settled, and marks them. It begins with the windows that an earlier run had
// requested, then asks about yesterday and today, once a day about the four days before, and then, newest first, about the
// days long ago that are not covered and on which an open boleto may have been paid.
func (l *Ledger) Settle(ctx context.Context, run Figures) error {
	s := &settling{l: l, run: run, started: l.cfg.Now()}
	if err := s.open(); err != nil {
		return err
	}
	oldest, open, err := l.oldest()
	if err != nil {
		return err
	}
	run.Count("open", open)
	today := bankDay(s.started)
	if err := s.ask(ctx, s.openWindows(today)); err != nil {
		return s.ended(err)
	}
	if s.inconclusive == 0 {
		s.book.Nightly = today.Format(time.DateOnly)
		if err := s.save(ctx); err != nil {
			return err
		}
	}
	for s.inconclusive == len(s.doubts) && l.cfg.Now().Sub(s.started) < l.cfg.CatchUp { // a bank that does not answer is not asked on
		list := s.book.missing(today, oldest, s.failures)
		if len(list) == 0 {
			break
		}
		if err := s.ask(ctx, list); err != nil {
			return s.ended(err)
		}
	}
	return s.ended(nil)
}

// oldest is the first day on which a boleto that is open here may have been paid, and counts the open boletos.
func (l *Ledger) oldest() (day time.Time, open int, err error) {
	err = l.boletos.Each(func(row records.Row[Boleto]) error {
		const head = `{"type":"boleto","status":"open"`
		if !bytes.HasPrefix(row.Raw, []byte(head)) {
			return nil
		}
		b, err := row.Value()
		if err != nil {
			return err
		}
		open++
		if since := b.openSince(); day.IsZero() || since.Before(day) {
			day = since
		}
		return nil
	})
	return day, open, err
}

// settling is one run.
type settling struct {
	l       *Ledger
	run     Figures
	started time.Time

	book         book
	version      uint64
	tally        Tally
	windows      int
	inconclusive int
	failures     []string // days of the inconclusive windows
	doubts       []string // the inconclusive windows that were answered, and what the answer left open, in Portuguese
}

func (s *settling) open() (err error) {
	var row records.Row[book]
	s.book, row, err = s.l.books.Get(windowsKey)
	s.book.Type, s.version = typeWindows, row.Version
	return err
}

func (s *settling) save(ctx context.Context) error {
	put, err := s.l.books.Put(windowsKey, s.book, s.version)
	if err != nil {
		return err
	}
	if err := s.l.books.Write(context.WithoutCancel(ctx), put); err != nil {
		return err
	}
	s.version++
	return nil
}

// openWindows lists the windows that an earlier run had requested and did not read, and the windows that are due.
func (s *settling) openWindows(today time.Time) []window {
	var list []window
	for _, w := range s.book.Asked {
		if s.started.Sub(w.AskedAt) < staleRequest {
			list = append(list, w)
		}
	}
	s.book.Asked = list
	all := slices.Clone(list)
	for _, w := range s.book.due(today) {
		same := func(asked window) bool {
			return asked.From == w.From && asked.To == w.To && bankDay(asked.AskedAt).Equal(today)
		}
		if !slices.ContainsFunc(list, same) {
			all = append(all, w)
		}
	}
	return all
}

// errInconclusive is a window without an answer: the next run asks about it again.
var errInconclusive = errors.New("inconclusive")

// ask requests windows, all before it waits for the first, and reads their files.
func (s *settling) ask(ctx context.Context, list []window) error {
	asked := make([]window, 0, len(list))
	for _, w := range list {
		s.windows++
		if w.Code == 0 {
			if err := s.request(ctx, &w); err != nil {
				if err := s.failed(ctx, w, err); err != nil {
					return err
				}
				continue
			}
		}
		asked = append(asked, w)
	}
	for _, w := range asked {
		err := s.readWindow(ctx, w)
		if err != nil {
			err = s.failed(ctx, w, err)
		} else {
			s.book.conclude(w)
			err = s.save(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// failed counts a window that failed, and has it asked about again. It returns only an error that concerns all windows.
func (s *settling) failed(ctx context.Context, w window, err error) error {
	var f *payments.Failure
	var d *doubt
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &d):
		s.doubts = append(s.doubts, fmt.Sprintf("%s: %s", w, d.why))
		s.run.Fault(fmt.Sprintf("%s: %s A janela será pedida de novo.", w, d.why))
	case errors.Is(err, errInconclusive):
		s.run.Fault(fmt.Sprintf("%s o %s não disse se houve pagamentos; a janela será pedida de novo.", w, s.l.cfg.Vendor))
	case errors.As(err, &f):
		if f.Misread {
			s.doubts = append(s.doubts, fmt.Sprintf("%s: %s", w, s.words(f)))
		}
		s.run.Fault(fmt.Sprintf("%s: %s A janela será pedida de novo.", w, s.words(f)))
	default:
		return err // the store's
	}
	s.inconclusive++
	s.failures = append(s.failures, w.From, w.To)
	s.l.cfg.Log.Warn("settlement_inconclusive", "from", w.From, "to", w.To, "error", err)
	s.book.forget(w)
	if err := s.save(ctx); err != nil {
		return err
	}
	if f != nil && (f.Class == payments.Away || f.Class == payments.Unauthorized) {
		return f // the next window would fail alike
	}
	return nil
}

// words is a failure in Portuguese, for the reader of the run.
func (s *settling) words(f *payments.Failure) string {
	if f.Says != "" && f.Class == payments.Lost {
		return strings.TrimSuffix(f.Says, ".") + "."
	}
	return f.Words("o " + s.l.cfg.Vendor)
}

// ended shows the run's counts, and turns a failure of the bank into words.
func (s *settling) ended(err error) error {
	for name, n := range map[string]int{
		"windows": s.windows, "inconclusive": s.inconclusive, "records": s.tally.Records, "paid": s.tally.Paid, "known": s.tally.Known,
		"review": s.tally.Review, "unmatched": s.tally.Unmatched, "outside": s.tally.Outside, "other": s.tally.Other,
	} {
		s.run.Count(name, n)
	}
	s.alarm()
	var f *payments.Failure
	if errors.As(err, &f) {
		return agent.Errorf(agent.CodeCloudAway, f, "%s", s.words(f))
	}
	return err
}

// alarm raises the alarm of what the bank's answers left open, or clears it when a run left nothing open.
func (s *settling) alarm() {
	open := s.doubts
	if s.tally.Faulty > 0 {
		open = append(open, fmt.Sprintf("%d registro(s) com um valor que não pôde ser lido.", s.tally.Faulty))
	}
	switch {
	case len(open) > 0:
		s.l.cfg.Alarms.Raise(agent.Alarm{Code: agent.AlarmSettlement, Since: s.l.cfg.Now(), Detail: fmt.Sprintf(
			"A conferência dos boletos pagos ficou em aberto: pode haver pagamento que não aparece aqui. %s Veja os registros sem boleto (GET /v1/boletos/unmatched) e confira com o %s.", strings.Join(open[:min(len(open), 3)], " "), s.l.cfg.Vendor)})
	case s.inconclusive == 0 && s.windows > 0:
		s.l.cfg.Alarms.Clear(agent.AlarmSettlement, "")
	}
}

// readWindow waits for a window's files, reads them and counts what they brought.
func (s *settling) readWindow(ctx context.Context, w window) error {
	told, err := s.wait(ctx, w.Code)
	if err != nil {
		return err
	}
	return s.retry(ctx, func() error {
		reading := s.l.reading(w.From, w.To) // from the beginning: occurrences are counted anew
		err := reading.files(ctx, w.Code, told.Files)
		s.tally.add(reading.tally)
		s.run.Count("records", s.tally.Records)
		s.run.Count("paid", s.tally.Paid)
		if err == nil {
			err = s.verdict(told, reading.tally)
		}
		return err
	})
}

// verdict tells whether the window's records are all that the bank has: as many as it counts where it does, and each of them
// plainly a settlement or something else.
func (s *settling) verdict(told boleto.Movements, read Tally) error {
	all := read.Records + read.Other
	switch {
	case read.Paid+read.Known+read.Outside+read.Unmatched != read.Records:
		return fmt.Errorf("a record was lost: %+v", read)
	case told.Total >= 0 && told.Total != all:
		return &doubt{fmt.Sprintf("o %s conta %d registros e os arquivos têm %d.", s.l.cfg.Vendor, told.Total, all)}
	case told.Total < 0 && told.Count >= 0 && told.Count != len(told.Files):
		return &doubt{fmt.Sprintf("o %s conta %d arquivos e deu %d.", s.l.cfg.Vendor, told.Count, len(told.Files))}
	case read.Unclear > 0:
		return &doubt{fmt.Sprintf("%d registro(s) não dizem se são pagamentos; foram guardados entre os que não têm boleto.", read.Unclear)}
	}
	return nil
}

// request requests a window. The request's code is on disk before its files are asked for, so that a crash makes no second
// request.
func (s *settling) request(ctx context.Context, w *window) error {
	from, _ := time.Parse(time.DateOnly, w.From) // both were formatted here
	to, _ := time.Parse(time.DateOnly, w.To)
	return s.retry(ctx, func() error {
		asked := s.l.cfg.Now()
		code, err := s.l.cfg.Bank.Request(ctx, from, to)
		if err != nil {
			return err
		}
		w.Code, w.AskedAt = code, asked
		s.book.forget(*w)
		s.book.Asked = append(s.book.Asked, *w)
		return s.save(ctx)
	})
}

// retry repeats a call that the bank was too busy for or did not answer, at most three times.
func (s *settling) retry(ctx context.Context, do func() error) error {
	const tries = 4
	wait := time.Second
	for n := 1; ; n++ {
		err := do()
		var f *payments.Failure
		if !errors.As(err, &f) || n == tries || f.Class != payments.Busy && f.Class != payments.Lost {
			return err
		}
		if err := pause(ctx, min(max(f.RetryAfter, wait), time.Minute)); err != nil {
			return err
		}
		wait *= 3
	}
}

// pause waits; an error when ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait asks until the files of a request are there: after 2, 4, 8, 15 and then every 30 seconds. A bank that does not answer
// may have files, so after Deadline the window is inconclusive.
func (s *settling) wait(ctx context.Context, code int64) (boleto.Movements, error) {
	steps := []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second}
	end := s.l.cfg.Now().Add(s.l.cfg.Deadline)
	for n := 0; ; n++ {
		told, err := s.l.cfg.Bank.Files(ctx, code)
		var f *payments.Failure
		switch {
		case err == nil && told.Readiness == boleto.Ready:
			return told, nil
		case errors.As(err, &f) && f.Class != payments.Busy && f.Class != payments.Lost:
			return told, err
		case ctx.Err() != nil:
			return told, ctx.Err()
		}
		step := steps[min(n, len(steps)-1)]
		if f != nil {
			step = max(step, min(f.RetryAfter, time.Minute))
		}
		if s.l.cfg.Now().Add(step).After(end) {
			return told, errInconclusive
		}
		if err := pause(ctx, step); err != nil {
			return told, err
		}
	}
}

// files reads the files of a request, and matches settlements while it reads on. What was matched before an error stays
// written: the settlements before a damage are true.
func (r *reading) files(ctx context.Context, code int64, files []int64) error {
	group, ctx := errgroup.WithContext(ctx)
	other := 0
	batches := make(chan []boleto.Return, 1)
	group.Go(func() error {
		defer close(batches)
		var batch []boleto.Return
		send := func() error {
			select {
			case batches <- batch:
				batch = make([]boleto.Return, 0, batchSize)
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		for _, file := range files {
			n, err := r.l.cfg.Bank.Read(ctx, code, file, func(s boleto.Return) error {
				if batch = append(batch, s); len(batch) == batchSize {
					return send()
				}
				return nil
			})
			other += n
			if err != nil {
				return err
			}
		}
		return send()
	})
	group.Go(func() error {
		for batch := range batches {
			if err := r.match(ctx, batch); err != nil {
				return err
			}
		}
		return nil
	})
	err := group.Wait()
	r.tally.Other += other
	return err
}
