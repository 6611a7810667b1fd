package routine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/routine"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// records is a store in memory: what is written outlives the book.
type records struct {
	mu     sync.Mutex
	values map[string][]byte
	writes int
	slow   time.Duration // what a commit takes
}

func (r *records) Record(_, key string) ([]byte, uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	value, ok := r.values[key]
	if !ok {
		return nil, 0, agent.ErrNotFound
	}
	return value, 1, nil
}

func (r *records) Commit(ctx context.Context, change agent.Change) (agent.Committed, error) {
	agenttest.Takes(ctx, r.slow)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values == nil {
		r.values = make(map[string][]byte)
	}
	for _, put := range change.Puts {
		r.writes++
		r.values[put.Key] = put.Value
	}
	return agent.Committed{}, nil
}

// shop is a book with one routine, whose runs it notes by a wall clock that a test can set.
type shop struct {
	t       *testing.T
	records records
	primary bool
	table   routine.Timetable
	shopR   bool
	offset  time.Duration // of the wall clock
	do      func(ctx context.Context, run *routine.Run) error

	mu   sync.Mutex
	runs []time.Time
	book *routine.Book
	stop func()
}

// open makes the book from the records. Nothing runs yet.
func (s *shop) open() {
	s.t.Helper()
	next := 0
	book, err := routine.New(routine.Config{
		Records: &s.records, Bucket: "routine", Primary: s.primary, Log: slog.New(slog.DiscardHandler), Now: s.now,
		NewID: func() string { next++; return fmt.Sprint(s.now().UnixNano(), "-", next) },
		Routines: []routine.Routine{{Name: "one", Table: s.table, Shop: s.shopR, Do: func(ctx context.Context, run *routine.Run) error {
			at := s.now()
			s.mu.Lock()
			s.runs = append(s.runs, at)
			do := s.do
			s.mu.Unlock()
			run.Count("done", 1)
			if do != nil {
				return do(ctx, run)
			}
			return nil
		}}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.book = book
}

func (s *shop) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.offset)
}

func (s *shop) set(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
}

func (s *shop) times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.runs...)
}

// run begins to run the book.
func (s *shop) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.book.Run(ctx) }()
	s.stop = func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	}
	synctest.Wait()
}

func (s *shop) start() {
	s.t.Helper()
	s.open()
	s.run()
}

// TestAYearOfDaysOfAnyLengthHasOneRunADay goes through both changes of summer time, one of them at midnight; under the race
// detector through the first.
func TestAYearOfDaysOfAnyLengthHasOneRunADay(t *testing.T) {
	for name, c := range map[string]struct {
		place string
		at    routine.TimeOfDay
	}{
		"the skipped hour begins at midnight": {"America/Santiago", 0},
		"the hour before it comes twice":      {"America/Santiago", 23*60 + 30},
		"half past two is skipped":            {"Europe/Berlin", 2*60 + 30},
		"no summer time":                      {"Asia/Tokyo", 23*60 + 55},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				where := zone(t, c.place)
				s := &shop{t: t, table: routine.Timetable{At: []routine.TimeOfDay{c.at}, Zone: where, Phase: 7 * time.Minute}}
				s.start()
				defer func() { s.stop() }()
				begun := time.Now()
				length := agenttest.Amount(365, 100)
				<-time.After(time.Duration(length)*24*time.Hour + time.Hour)
				synctest.Wait()
				days := make(map[string]int)
				for _, run := range s.times() {
					days[run.In(where).Add(-7*time.Minute).Format(time.DateOnly)]++
				}
				for day := begun.AddDate(0, 0, 1); day.Before(begun.AddDate(0, 0, length-1)); day = day.AddDate(0, 0, 1) {
					if n := days[day.In(where).Format(time.DateOnly)]; n != 1 {
						t.Errorf("%s: %d runs", day.In(where).Format(time.DateOnly), n)
					}
				}
			})
		})
	}
}

func TestIntervalsKeepTheirPhaseOverAYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, table: routine.Timetable{Every: 6 * time.Hour, Phase: 11 * time.Minute}}
		days := agenttest.Amount(365, 100)
		s.start()
		<-time.After(time.Duration(days) * 24 * time.Hour)
		s.stop()
		runs := s.times()
		if len(runs) != days*4 {
			t.Errorf("got %d runs, want %d", len(runs), days*4)
		}
		for _, run := range runs {
			if run.Unix()%(6*3600) != 11*60 {
				t.Fatalf("ran at %v", run)
			}
		}
	})
}

func TestWhatWasMissedRunsOnce(t *testing.T) {
	for name, pass := range map[string]func(*shop){
		"the machine slept":       func(s *shop) { s.set(72 * time.Hour) },
		"the agent was not there": func(s *shop) { s.stop(); <-time.After(72 * time.Hour); s.start() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &shop{t: t, table: routine.Timetable{Every: 6 * time.Hour}}
				s.start()
				defer func() { s.stop() }()
				<-time.After(13 * time.Hour)
				before := len(s.times())
				pass(s)
				<-time.After(2 * time.Minute)
				if got := len(s.times()) - before; got != 1 {
					t.Errorf("%d runs for three days that were missed, want 1", got)
				}
			})
		})
	}
}

func TestAClockThatWasWrongDoesNotStopARoutineForAYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, table: routine.Timetable{Every: 6 * time.Hour}}
		s.start()
		defer func() { s.stop() }()
		s.set(365 * 24 * time.Hour)
		<-time.After(time.Minute)
		s.set(-365 * 24 * time.Hour)
		s.stop()
		s.start() // what it kept says that it ran in a year
		before := len(s.times())
		<-time.After(24 * time.Hour)
		if got := len(s.times()) - before; got != 4 {
			t.Errorf("%d runs in the day after, want 4", got)
		}
	})
}

// A person's call may come between the opening of the door and Run: the run is queued and begins with Run.
func TestRunThatIsStartedBeforeTheSchedulerBeginsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, table: routine.Timetable{Every: 24 * time.Hour}}
		s.open()
		queued, err := s.book.Start("one", true)
		if err != nil || queued.State != routine.Running || queued.Cause != "person" {
			t.Fatalf("got %+v, %v", queued, err)
		}
		if again, err := s.book.Start("one", false); err != nil || again.ID != queued.ID {
			t.Errorf("asked twice: %+v, %v, want the queued run", again, err)
		}
		if entry := s.book.List()[0]; entry.Running == nil || entry.Running.ID != queued.ID || len(s.times()) != 0 {
			t.Errorf("listed %+v, ran %d times", entry, len(s.times()))
		}
		everything := false
		s.do = func(_ context.Context, run *routine.Run) error { everything = run.Everything(); return nil }
		s.run()
		defer func() { s.stop() }()
		runs, err := s.book.Runs("one")
		if err != nil || len(runs) != 1 || runs[0].ID != queued.ID || runs[0].State != routine.Done || !everything {
			t.Errorf("got %+v, %v; everything: %v", runs, err, everything)
		}
	})
}

func TestStoppingAgentStartsNoRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, table: routine.Timetable{Every: 24 * time.Hour}}
		s.start()
		s.stop()
		if report, err := s.book.Start("one", false); agent.CodeOf(err) != agent.CodeInFlight {
			t.Errorf("got %+v, %v", report, err)
		}
		if n := len(s.times()); n != 0 {
			t.Errorf("%d runs", n)
		}
	})
}

func TestOneRunAtATimeAndAPersonGetsTheOneAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, table: routine.Timetable{Every: time.Hour}}
		s.do = func(ctx context.Context, run *routine.Run) error {
			run.Count("half", 5)
			select {
			case <-time.After(3 * time.Hour):
			case <-ctx.Done():
			}
			return ctx.Err()
		}
		s.start()
		defer func() { s.stop() }()
		first, err := s.book.Start("one", false)
		if err != nil || first.State != routine.Running || first.Cause != "person" {
			t.Fatalf("got %+v, %v", first, err)
		}
		<-time.After(90 * time.Minute)
		second, err := s.book.Start("one", false)
		if err != nil || second.ID != first.ID || second.Counts["half"] != 5 {
			t.Errorf("got %+v, %v: want the run at work and how far it is", second, err)
		}
		if n := len(s.times()); n != 1 {
			t.Errorf("%d runs at the same time", n)
		}
		if entries := s.book.List(); entries[0].Running == nil || entries[0].Running.ID != first.ID {
			t.Errorf("got %+v", entries)
		}
	})
}

// TestWhoSeesTheEndOfARunCanStartTheNextOne has a disk that takes its time to keep what a run said.
func TestWhoSeesTheEndOfARunCanStartTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, table: routine.Timetable{Every: time.Hour}}
		s.records.slow = 5 * time.Second
		s.start()
		defer func() { s.stop() }()
		first, err := s.book.Start("one", false)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(8 * time.Second) // it ended, and its end is being written
		entry := s.book.List()[0]
		runs, err := s.book.Runs("one")
		if err != nil || len(runs) != 1 || runs[0].State != routine.Running || entry.Running == nil || entry.Last != nil {
			t.Errorf("runs %+v, %v; listed %+v", runs, err, entry)
		}
		if again, err := s.book.Start("one", false); err != nil || again.ID != first.ID {
			t.Errorf("got %+v, %v", again, err)
		}
		<-time.After(3 * time.Second)
		entry = s.book.List()[0]
		if runs, err = s.book.Runs("one"); err != nil || runs[0].State != routine.Done || entry.Running != nil || entry.Last.ID != first.ID {
			t.Errorf("runs %+v, %v; listed %+v", runs, err, entry)
		}
		if next, err := s.book.Start("one", false); err != nil || next.ID == first.ID {
			t.Errorf("got the run that ended: %+v, %v", next, err)
		}
	})
}

func TestShopWideRoutineRunsOnThePrimaryTillOnly(t *testing.T) {
	for _, primary := range []bool{true, false} {
		t.Run(fmt.Sprint("primary ", primary), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &shop{t: t, primary: primary, shopR: true, table: routine.Timetable{Every: time.Hour}}
				s.start()
				defer func() { s.stop() }()
				<-time.After(5 * time.Hour)
				if got := len(s.times()); (got > 0) != primary {
					t.Errorf("%d runs by the clock", got)
				}
				_, err := s.book.Start("one", false)
				if refused := agent.CodeOf(err) == agent.CodeNotPrimary; (err == nil) != primary || refused == primary {
					t.Errorf("run now: %v", err)
				}
			})
		})
	}
}

func TestResultsOutliveTheAgentAndAnEndInTheMiddleIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, primary: true, shopR: true, table: routine.Timetable{Every: time.Hour}}
		s.do = func(context.Context, *routine.Run) error {
			return agent.Errorf(agent.CodeInvalid, errors.New("inside"), "A pasta não existe.")
		}
		s.start()
		failed, err := s.book.Start("one", false)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		s.mu.Lock()
		s.do = func(ctx context.Context, _ *routine.Run) error { <-ctx.Done(); return ctx.Err() }
		s.mu.Unlock()
		cut, err := s.book.Start("one", false)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.records.mu.Lock()
		killed := maps.Clone(s.records.values) // what a power cut leaves
		s.records.mu.Unlock()
		s.stop()
		s.records.values = killed
		s.start()
		defer func() { s.stop() }()
		runs, err := s.book.Runs("one")
		if err != nil || len(runs) != 2 || runs[0].ID != cut.ID || runs[0].State != routine.Interrupted ||
			runs[1].ID != failed.ID || runs[1].State != routine.Failed || runs[1].Errors[0] != "A pasta não existe." || runs[1].Counts["done"] != 1 {
			t.Errorf("got %+v, %v", runs, err)
		}
		if _, err := s.book.Runs("other"); agent.CodeOf(err) != agent.CodeNotFound {
			t.Errorf("runs of no routine: %v", err)
		}
	})
}

func TestFrequentRunsThatFindNothingCostNoWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, table: routine.Timetable{Every: 5 * time.Minute}}
		s.do = func(_ context.Context, run *routine.Run) error { run.Count("done", 0); return nil }
		s.start()
		defer func() { s.stop() }()
		<-time.After(24 * time.Hour)
		if n := len(s.times()); n < 280 || s.records.writes > 0 {
			t.Errorf("%d runs, %d writes", n, s.records.writes)
		}
	})
}

func TestAgentsOfAChainDoNotKnockTogether(t *testing.T) {
	const agents, every = 400, 30 * time.Minute
	perMinute := make(map[int]int)
	for i := range agents {
		phase := routine.PhaseOf(fmt.Sprint("agent-", i), "resend", every)
		if phase < 0 || phase >= every || phase != routine.PhaseOf(fmt.Sprint("agent-", i), "resend", every) {
			t.Fatalf("phase %v", phase)
		}
		perMinute[int(phase/time.Minute)]++
	}
	for minute, n := range perMinute {
		if n > agents/30*3 {
			t.Errorf("minute %d: %d of %d agents", minute, n, agents)
		}
	}
}

func TestTimesOfDayAreReadStrictly(t *testing.T) {
	for text, ok := range map[string]bool{"00:00": true, "23:59": true, "24:00": false, "7:30": false, "07:30:00": false, "": false} {
		if at, err := routine.ParseTimeOfDay(text); (err == nil) != ok || (ok && at.String() != text) {
			t.Errorf("%q: %v, %v", text, at, err)
		}
	}
}
