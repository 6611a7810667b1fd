package settlement

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"pdvagent/agent"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
)

// Figures are what a routine shows while it runs.
type Figures interface {
	Count(name string, n int)
	Fault(detail string)
}

// Settle asks the bank what was paid, and marks the boletos. It begins with what an earlier run had asked for, then asks
// about yesterday and today, once a day about the four days before, and then, newest first, about days long ago that
// nobody was told about for good while boletos were open.
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
	if err := s.ask(ctx, s.work(today)); err != nil {
		return s.ended(err)
	}
	if s.inconclusive == 0 {
		s.book.Nightly = today.Format(time.DateOnly)
		if err := s.save(ctx); err != nil {
			return err
		}
	}
	for s.inconclusive == 0 && l.cfg.Now().Sub(s.started) < l.cfg.CatchUp {
		list := s.book.missing(today, oldest)
		if len(list) == 0 {
			break
		}
		if err := s.ask(ctx, list); err != nil {
			return s.ended(err)
		}
	}
	return s.ended(nil)
}

// oldest gives the day from which on something may have been paid that is still open here, and how many are.
func (l *Ledger) oldest() (day time.Time, open int, err error) {
	err = l.each(typeBoleto, func(raw []byte) error {
		const head = `{"type":"boleto","status":"open"`
		if !bytes.HasPrefix(raw, []byte(head)) {
			return nil
		}
		var b Boleto
		if err := json.Unmarshal(raw, &b); err != nil {
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
}

func (s *settling) open() (err error) {
	s.version, _, err = s.l.read(windowsKey, &s.book)
	s.book.Type = typeWindows
	return err
}

func (s *settling) save(ctx context.Context) error {
	p, err := s.l.put(windowsKey, s.book, s.version)
	if err != nil {
		return err
	}
	if _, err := s.l.cfg.Store.Commit(context.WithoutCancel(ctx), agent.Change{Puts: []agent.Record{p}}); err != nil {
		return err
	}
	s.version++
	return nil
}

// work is what an earlier run had asked for and did not finish, and what is due now.
func (s *settling) work(today time.Time) []window {
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

// errInconclusive says that a window was not told of: it is asked about again in the next run.
var errInconclusive = errors.New("inconclusive")

// ask takes windows from their requests to their settlements: all are requested before the first is waited for.
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
		err := s.through(ctx, w)
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

// failed says what went wrong with a window, which is asked about again. Only an error that is of all windows is given
// back.
func (s *settling) failed(ctx context.Context, w window, err error) error {
	var f *payments.Failure
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errInconclusive):
		s.run.Fault(fmt.Sprintf("De %s a %s o %s não disse se houve pagamentos; a janela será pedida de novo.", w.From, w.To, s.l.cfg.Vendor))
	case errors.As(err, &f):
		s.run.Fault(fmt.Sprintf("De %s a %s: %s A janela será pedida de novo.", w.From, w.To, s.words(f)))
	default:
		return err // the store's
	}
	s.inconclusive++
	s.l.cfg.Log.Warn("settlement_inconclusive", "from", w.From, "to", w.To, "error", err)
	s.book.forget(w)
	if err := s.save(ctx); err != nil {
		return err
	}
	if f != nil && (f.Class == payments.Away || f.Class == payments.Unauthorized) {
		return f // the next one would fare no better
	}
	return nil
}

// words is a failure for whoever reads the run.
func (s *settling) words(f *payments.Failure) string {
	if f.Says != "" && f.Class == payments.Lost {
		return strings.TrimSuffix(f.Says, ".") + "."
	}
	return f.Words("o " + s.l.cfg.Vendor)
}

// ended tells what the run brought.
func (s *settling) ended(err error) error {
	for name, n := range map[string]int{
		"windows": s.windows, "inconclusive": s.inconclusive, "records": s.tally.Records, "paid": s.tally.Paid, "known": s.tally.Known,
		"review": s.tally.Review, "unmatched": s.tally.Unmatched, "outside": s.tally.Outside,
	} {
		s.run.Count(name, n)
	}
	var f *payments.Failure
	if errors.As(err, &f) {
		return agent.Errorf(agent.CodeCloudAway, f, "%s", s.words(f))
	}
	return err
}

// through waits for a window's files and reads them.
func (s *settling) through(ctx context.Context, w window) error {
	files, err := s.wait(ctx, w.Code)
	if err != nil {
		return err
	}
	return s.patiently(ctx, func() error {
		reading := s.l.reading(w.From, w.To) // from the beginning: what stands twice in the files is counted anew
		err := reading.files(ctx, w.Code, files)
		s.tally.add(reading.tally)
		s.run.Count("records", s.tally.Records)
		s.run.Count("paid", s.tally.Paid)
		return err
	})
}

// request makes a request, and has its number on disk before it is asked about: a crash asks for no second one.
func (s *settling) request(ctx context.Context, w *window) error {
	from, _ := time.Parse(time.DateOnly, w.From) // they were written here
	to, _ := time.Parse(time.DateOnly, w.To)
	return s.patiently(ctx, func() error {
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

// patiently repeats what the bank was too busy for, or did not answer, a few times.
func (s *settling) patiently(ctx context.Context, do func() error) error {
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

// pause waits, or gives the context's end.
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

// wait asks until the files of a request are there: after 2, 4, 8, 15 and then 30 seconds each time. Silence says nothing,
// and at the end of patience neither.
func (s *settling) wait(ctx context.Context, code int64) ([]int64, error) {
	steps := []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second}
	end := s.l.cfg.Now().Add(s.l.cfg.Deadline)
	for n := 0; ; n++ {
		readiness, files, err := s.l.cfg.Bank.Files(ctx, code)
		var f *payments.Failure
		switch {
		case err == nil && readiness == boleto.Ready:
			return files, nil
		case errors.As(err, &f) && f.Class != payments.Busy && f.Class != payments.Lost:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		step := steps[min(n, len(steps)-1)]
		if f != nil {
			step = max(step, min(f.RetryAfter, time.Minute))
		}
		if s.l.cfg.Now().Add(step).After(end) {
			return nil, errInconclusive
		}
		if err := pause(ctx, step); err != nil {
			return nil, err
		}
	}
}

// files reads the files of a request, and matches what is in them while it reads on. What was matched before an error stays:
// it stands in them, whatever follows it.
func (r *reading) files(ctx context.Context, code int64, files []int64) error {
	group, ctx := errgroup.WithContext(ctx)
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
			err := r.l.cfg.Bank.Read(ctx, code, file, func(s boleto.Return) error {
				if batch = append(batch, s); len(batch) == batchSize {
					return send()
				}
				return nil
			})
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
	return group.Wait()
}
