package retention_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/retention"
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

func TestBodiesOfEndedJobsGoAfterSevenDaysAndHeadsAfter400(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	s := &store{}
	k, err := retention.New(retention.Config{Store: s, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := k.Keep(t.Context()); kept != (retention.Kept{Read: 5, Bodies: 3, Heads: 2}) || err != nil {
		t.Errorf("got %+v, %v", kept, err)
	}
	if want, long := now.Add(-7*24*time.Hour), now.Add(-400*24*time.Hour); !s.before.Equal(want) || !s.long.Equal(long) {
		t.Errorf("dropped what is older than %v and %v, want %v and %v", s.before, s.long, want, long)
	}
}

func TestAStoreThatIsNotSoundStillLetsOldBodiesGo(t *testing.T) {
	s := &store{unsound: errors.New("unsound"), blocked: errors.New("blocked")}
	k, err := retention.New(retention.Config{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := k.Keep(t.Context())
	if kept.Bodies != 3 || kept.Heads != 2 || !errors.Is(err, s.unsound) || !errors.Is(err, s.blocked) {
		t.Errorf("got %+v, %v: want both troubles told", kept, err)
	}
}
