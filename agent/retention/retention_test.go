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
	before           time.Time
	unsound, blocked error
}

func (s *store) Forget(_ context.Context, before time.Time) (int, error) {
	s.before = before
	return 3, s.blocked
}

func (s *store) Scrub(context.Context) (int, error) { return 5, s.unsound }

func TestBodiesOfEndedJobsGoAfterSevenDays(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	s := &store{}
	k, err := retention.New(retention.Config{Store: s, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if read, dropped, err := k.Keep(t.Context()); read != 5 || dropped != 3 || err != nil {
		t.Errorf("got %d read, %d dropped, %v", read, dropped, err)
	}
	if want := now.Add(-7 * 24 * time.Hour); !s.before.Equal(want) {
		t.Errorf("dropped what is older than %v, want %v", s.before, want)
	}
}

func TestAStoreThatIsNotSoundStillLetsOldBodiesGo(t *testing.T) {
	s := &store{unsound: errors.New("unsound"), blocked: errors.New("blocked")}
	k, err := retention.New(retention.Config{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	_, dropped, err := k.Keep(t.Context())
	if dropped != 3 || !errors.Is(err, s.unsound) || !errors.Is(err, s.blocked) {
		t.Errorf("got %d dropped, %v: want both troubles told", dropped, err)
	}
}
