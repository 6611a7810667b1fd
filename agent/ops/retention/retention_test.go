package retention_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/retention"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

type store struct {
	before, long     time.Time
	unsound, blocked error
}

func (s *store) Forget(_ context.Context, before time.Time) (int, error) {
	s.before = before
	return 3, s.blocked
}

func (s *store) Drop(_ context.Context, before time.Time) (int, error) {
	s.long = before
	return 2, nil
}

func (s *store) Scrub(context.Context) (int, error) { return 5, s.unsound }

// figures are the counts of a run, in their order.
type figures []string

func (f *figures) Count(name string, n int) { *f = append(*f, fmt.Sprint(name, " ", n)) }

func keep(t *testing.T, cfg retention.Config) (figures, error) {
	t.Helper()
	k, err := retention.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var run figures
	err = k.Keep(t.Context(), &run)
	return run, err
}

func TestBodiesOfEndedJobsGoAfterSevenDaysAndHeadsAfter400(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	s := &store{}
	run, err := keep(t, retention.Config{Store: s, Now: func() time.Time { return now }})
	if want := []string{"values_read 5", "bodies_dropped 3", "heads_dropped 2"}; !slices.Equal(run, want) || err != nil {
		t.Errorf("got %q, %v", run, err)
	}
	if want, long := now.Add(-7*24*time.Hour), now.Add(-400*24*time.Hour); !s.before.Equal(want) || !s.long.Equal(long) {
		t.Errorf("dropped what is older than %v and %v, want %v and %v", s.before, s.long, want, long)
	}
}

// sweep drops n, or fails after n.
func sweep(n int, err error) retention.Sweep {
	return func(context.Context) (int, error) { return n, err }
}

func TestAStoreThatIsNotSoundStillLetsOldBodiesGo(t *testing.T) {
	s := &store{unsound: errors.New("unsound"), blocked: errors.New("blocked")}
	run, err := keep(t, retention.Config{Store: s, Payments: sweep(1, nil)})
	if want := []string{"values_read 5", "bodies_dropped 3", "heads_dropped 2"}; !slices.Equal(run, want) || !errors.Is(err, s.unsound) || !errors.Is(err, s.blocked) {
		t.Errorf("got %q, %v: want both troubles told, and no sweep of payments", run, err)
	}
}

func TestTheDomainsThatTheTillHasAreSwept(t *testing.T) {
	run, err := keep(t, retention.Config{Store: &store{}, Payments: sweep(4, nil), Orders: sweep(6, nil)})
	if want := []string{"payments_emptied 4", "orders_dropped 6"}; !slices.Equal(run[3:], want) || err != nil {
		t.Errorf("got %q, %v", run, err)
	}
}

func TestASweepThatFailsEndsTheRunWithItsCount(t *testing.T) {
	full := errors.New("full")
	run, err := keep(t, retention.Config{Store: &store{}, Payments: sweep(4, nil), Boletos: sweep(1, full), Orders: sweep(6, nil)})
	if want := []string{"payments_emptied 4", "boletos_dropped 1"}; !slices.Equal(run[3:], want) || !errors.Is(err, full) {
		t.Errorf("got %q, %v", run, err)
	}
}

func TestAKeeperWantsAStore(t *testing.T) {
	if _, err := retention.New(retention.Config{}); err == nil {
		t.Error("it begins without one")
	}
}
