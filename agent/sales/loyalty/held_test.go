package loyalty

import (
	"testing"
	"testing/synctest"

	"pdvagent/agent"
	"pdvagent/agent/records"
)

// noSessions is a store without sessions. It has no other method.
type noSessions struct{ Store }

func (noSessions) Record(string, string) ([]byte, uint64, error) { return nil, 0, agent.ErrNotFound }

func serviceWithoutSessions() *Service {
	return &Service{sessionTable: records.Table[record]{Store: noSessions{}}, sessions: sessions{used: make(map[string]*session)}}
}

func mustHold(t *testing.T, s *Service, id string) *heldSession {
	t.Helper()
	held, err := s.hold(id)
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// wantEmpty wants every use of the session's record to end in a panic.
func wantEmpty(t *testing.T, when string, held *heldSession) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: the record can be reached without the lock", when)
		}
	}()
	held.Stage = agent.StageOpen
}

func TestASessionCannotBeUsedWithoutItsLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serviceWithoutSessions()
		held := mustHold(t, s, "T")
		held.unlocked(func() {
			wantEmpty(t, "unlocked", held)
			other := mustHold(t, s, "T") // the lock is free
			other.Stage = agent.StageConfirmed
			other.release()
		})
		if held.Stage != agent.StageConfirmed {
			t.Errorf("the session is %q, want what the other owner made of it", held.Stage)
		}
		held.release()
		wantEmpty(t, "released", held)
		held.release() // twice is once
		if n := len(s.sessions.used); n != 0 {
			t.Errorf("%d sessions are in use, want none", n)
		}
	})
}

func TestASessionThatIsHandedOverStaysLockedUntilTheTaskEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serviceWithoutSessions()
		held, goOn := mustHold(t, s, "T"), make(chan struct{})
		held.handOver(func(held *heldSession) {
			<-goOn
			held.Stage = agent.StageOpen
		})
		wantEmpty(t, "handed over", held)
		held.release() // that of a defer
		got := make(chan agent.Stage, 1)
		go func() {
			next := mustHold(t, s, "T")
			defer next.release()
			got <- next.Stage
		}()
		synctest.Wait()
		select {
		case <-got:
			t.Error("the next owner did not wait for the task")
		default:
		}
		close(goOn)
		if stage := <-got; stage != agent.StageOpen {
			t.Errorf("the next owner found %q, want what the task wrote", stage)
		}
		s.tasks.Wait()
	})
}
