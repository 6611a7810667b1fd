package store_test

import (
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// A machine with a flat battery starts in another year; setting the clock right is a jump. Neither moves the high-water mark.
func TestClockThatCannotBeRightIsSuspect(t *testing.T) {
	folder := storetest.Dir(t)
	begin := time.Now()
	shift := time.Duration(0)
	now := func() time.Time { return begin.Add(shift).Round(0) } // without a monotonic reading every jump is time that passed
	var s *store.Store
	open := func() {
		var err error
		if s, err = store.Open(store.Config{Dir: folder, MaxBytes: 16 << 20, Now: now}); err != nil {
			t.Fatal(err)
		}
	}
	sell := func(coupon string) {
		t.Helper()
		job := agent.Job{Kind: agent.KindCoupon, Coupon: coupon, Body: []byte(agenttest.Receipt(coupon, "T")), CreatedAt: now()}
		if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{job}}); err != nil {
			t.Fatal(err)
		}
	}
	restart := func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		open()
	}
	open()
	defer func() { _ = s.Close() }()
	sell("A")
	if clock := s.Clock(); clock.Suspect {
		t.Errorf("right: got %+v", clock)
	}
	shift = -4 * time.Minute
	if clock := s.Clock(); clock.Suspect {
		t.Errorf("4 minutes back: got %+v", clock)
	}
	shift = -6 * time.Minute
	if clock := s.Clock(); !clock.Suspect || clock.Off > -6*time.Minute+time.Second || clock.Off < -7*time.Minute {
		t.Errorf("6 minutes back: got %+v", clock)
	}
	shift = -10 * 365 * 24 * time.Hour
	restart()
	if clock := s.Clock(); !clock.Suspect {
		t.Errorf("started ten years ago: got %+v", clock)
	}
	sell("B")
	shift = time.Minute
	if clock := s.Clock(); clock.Suspect {
		t.Errorf("put right: got %+v", clock)
	}
	sell("C")
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

// A wall clock that jumps against the monotonic one, as a person or a bad time server makes it.
func TestClockThatJumpsAgainstTheTimeThatPassed(t *testing.T) {
	for _, c := range []struct{ wall, want time.Duration }{
		{time.Hour, 0},
		{time.Hour + 9*time.Minute, 0},
		{time.Hour + 11*time.Minute, 11 * time.Minute},
		{time.Hour - 4*time.Minute, 0},
		{-time.Hour, -2 * time.Hour},
	} {
		if got := store.Jump(c.wall, time.Hour); got != c.want {
			t.Errorf("%v in an hour: got %v, want %v", c.wall, got, c.want)
		}
	}
}

// The year is set to 2036 and back: the alarm lasts as long, and no later clock counts as late.
func TestWrongYearAheadIsSuspectAndLeavesNoTrace(t *testing.T) {
	folder := storetest.Dir(t)
	begin, shift := time.Now().Round(0), time.Duration(0)
	s := storetest.OpenIn(t, store.Config{Dir: folder, MaxBytes: 16 << 20, Now: func() time.Time { return begin.Add(shift) }})
	s.Frozen()
	sell := func() {
		t.Helper()
		if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{{Kind: agent.KindCoupon, Body: []byte("{}"), CreatedAt: begin}}}); err != nil {
			t.Fatal(err)
		}
	}
	sell()
	shift = 10 * 365 * 24 * time.Hour
	if clock := s.Clock(); !clock.Suspect || clock.Off != shift || !clock.Since.Equal(begin.Add(shift)) {
		t.Errorf("ten years ahead: got %+v", clock)
	}
	sell()
	shift = time.Minute
	if clock := s.Clock(); clock.Suspect {
		t.Errorf("put right: got %+v", clock)
	}
}

// A clock that goes back to 1970 and then ahead to another year is not put right by that: what is sold then must not make every later
// clock look late.
func TestClockThatGoesFromOneWrongYearToAnotherStaysSuspect(t *testing.T) {
	folder := storetest.Dir(t)
	begin, shift := time.Now().Round(0), time.Duration(0)
	s := storetest.OpenIn(t, store.Config{Dir: folder, MaxBytes: 16 << 20, Now: func() time.Time { return begin.Add(shift) }})
	s.Frozen()
	const year = 365 * 24 * time.Hour
	for _, step := range []struct {
		shift   time.Duration
		suspect bool
	}{{0, false}, {-40 * year, true}, {20 * year, true}, {70 * year, true}, {-year, true}, {70 * year, true}, {time.Minute, false}, {2 * time.Minute, false}} {
		shift = step.shift
		if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{{Kind: agent.KindCoupon, Body: []byte("{}"), CreatedAt: begin}}}); err != nil {
			t.Fatal(err)
		}
		if clock := s.Clock(); clock.Suspect != step.suspect {
			t.Errorf("%v: got %+v", step.shift, clock)
		}
	}
}

// A store that is new, or opened by a machine whose clock is in no year of this program's.
func TestClockOfAYearThatNoMachineSeesIsSuspectFromTheStart(t *testing.T) {
	s := storetest.OpenIn(t, store.Config{Dir: storetest.Dir(t), MaxBytes: 16 << 20, Now: func() time.Time { return time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC) }})
	if clock := s.Clock(); !clock.Suspect {
		t.Errorf("got %+v", clock)
	}
}

// A flat battery: the clock starts years late, then jumps to the right time, and is not suspect any more.
func TestClockThatWasLateAndIsPutRightIsTrusted(t *testing.T) {
	folder := storetest.Dir(t)
	begin, shift := time.Now().Round(0), time.Duration(0)
	s := storetest.OpenIn(t, store.Config{Dir: folder, MaxBytes: 16 << 20, Now: func() time.Time { return begin.Add(shift) }})
	s.Frozen()
	if _, err := s.Commit(t.Context(), agent.Change{Jobs: []agent.Job{{Kind: agent.KindCoupon, Body: []byte("{}"), CreatedAt: begin}}}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		shift   time.Duration
		suspect bool
	}{{-time.Hour, true}, {20 * time.Minute, false}, {25 * time.Minute, false}, {40 * time.Minute, true}} {
		shift = step.shift
		if clock := s.Clock(); clock.Suspect != step.suspect {
			t.Errorf("at %v: got %+v", step.shift, clock)
		}
	}
}
