package retention_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/retention"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

type store struct {
	mu      sync.Mutex
	runs    []time.Time
	befores []time.Time
	err     error
}

func (s *store) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = nil
}

func (s *store) Forget(_ context.Context, before time.Time) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs, s.befores = append(s.runs, time.Now()), append(s.befores, before)
	return 3, s.err
}

func (s *store) CompactIfWorth() (bool, error) { return true, s.trouble() }

func (s *store) trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *store) Slack() (int64, int64) { return 1, 2 }

func (s *store) Scrub(context.Context) (int, error) { return 5, s.trouble() }

func (s *store) BackupIfDue() (int64, error) { return 7, s.trouble() }

func TestBodiesGoAfterTheStartAndEachNightAlsoWhenTheClockChanges(t *testing.T) {
	zone, err := time.LoadLocation("America/Santiago") // Brazil has no summer time at present
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, log := &store{err: errors.New("disk")}, new(strings.Builder)
		k, err := retention.New(retention.Config{Store: s, Zone: zone, Log: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		begin := time.Now()
		go func() { done <- k.Run(ctx) }()
		<-time.After(400 * 24 * time.Hour)
		if at, well := k.Last(); well || time.Since(at) > 25*time.Hour {
			t.Errorf("the last run was at %v, well: %v", at, well)
		}
		s.heal()
		<-time.After(24 * time.Hour)
		if _, well := k.Last(); !well {
			t.Error("a run without an error went not well")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.runs = s.runs[:401]
		if len(s.runs) != 401 || s.runs[0].Sub(begin) != time.Minute {
			t.Fatalf("%d runs, the first after %v", len(s.runs), s.runs[0].Sub(begin))
		}
		for i, at := range s.runs[1:] {
			if local := at.In(zone); local.Hour() != 3 || local.Minute() != 0 || at.Sub(s.befores[i+1]) != 7*24*time.Hour {
				t.Errorf("night %d: at %v, before %v", i, local, s.befores[i+1])
			}
		}
		if strings.Count(log.String(), "bodies_not_dropped") != 401 || strings.Count(log.String(), "bodies_dropped=3") != 402 {
			t.Errorf("the log says %.500s", log)
		}
	})
}
